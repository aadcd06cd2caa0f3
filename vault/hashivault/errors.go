package hashivault

import (
	"fmt"
	"net/http"

	"github.com/carnet-go/carnet/auth"
)

// What callers may want to tell apart, beyond package auth's.
var (
	// ErrUnwrapped: the wrapping token is used up, has ended, or never was. Whoever used it
	// has the secret id: an alarm. It is auth.ErrDenied.
	ErrUnwrapped = fmt.Errorf("%w: the wrapping token is used up or not valid; somebody else may have the secret id", auth.ErrDenied)

	// ErrDeleted: the newest version is deleted, and could be undeleted. It is auth.ErrUndeclared.
	ErrDeleted = fmt.Errorf("%w: the newest version is deleted", auth.ErrUndeclared)

	// ErrDestroyed: the newest version is destroyed. It is auth.ErrUndeclared.
	ErrDestroyed = fmt.Errorf("%w: the newest version is destroyed", auth.ErrUndeclared)
)

var errNoLogin = fmt.Errorf("%w: there is nothing to log in with, or at", auth.ErrDenied)

var errClosed = fmt.Errorf("%w: closed", auth.ErrUnavailable)

var errUndone = fmt.Errorf("%w: too many logins could not be revoked, so there is no other one: the policy must let a login update auth/token/revoke-self", auth.ErrUnavailable)

// What a standby, a replica and a server that has not caught up say.
const (
	statusReplica = 472
	statusStandby = 473
)

// side is the error that a status is; nil: the call is done.
func (a answer) side() error {
	switch s := a.status; {
	case done(s):
		return nil
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		return auth.ErrDenied
	case s == http.StatusNotFound:
		return auth.ErrUndeclared
	case s == http.StatusTooManyRequests:
		return failed(auth.ErrThrottled, a)
	case s == http.StatusPreconditionFailed, s == statusReplica, s == statusStandby, s >= 500:
		return failed(auth.ErrUnavailable, a)
	}
	return auth.ErrInvalid
}

// says is whether the call was refused as wrong (400), with that one text, compared as a whole.
func (a answer) says(s string) bool {
	errs := a.body.get("errors")
	return a.status == http.StatusBadRequest && len(errs.of) == 1 && string(errs.of[0].text) == s
}

func failed(side error, a answer) error {
	return &auth.FailedError{Side: side, System: "vault", Status: a.status, RetryAfter: a.after}
}
