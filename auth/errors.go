package auth

import (
	"errors"
	"time"

	"github.com/carnet-go/carnet/auth/internal/names"
	"github.com/carnet-go/carnet/auth/internal/wire"
)

// What callers branch on: on which side a failure is. Nothing here carries a
// value: no token, body, claim, URL or text of the far side.
var (
	ErrDenied      error = failure("denied")      // by policy or by the far side; final
	ErrExpired     error = failure("expired")     // a fresh one may be accepted
	ErrForeign     error = failure("foreign")     // evidence of another gate, log or operation, or none at all
	ErrUndeclared  error = failure("undeclared")  // nobody declared it
	ErrInvalid     error = failure("invalid")     // what was presented, declared or sent
	ErrThrottled   error = failure("throttled")   // by the far side
	ErrUnavailable error = failure("unavailable") // nothing was sent, or nothing has happened
	ErrUnknown     error = failure("unknown")     // it may have happened
)

// sentinels are all of them, the most severe first.
var sentinels = []error{
	ErrUnknown, ErrDenied, ErrForeign, ErrUndeclared, ErrInvalid, ErrExpired, ErrThrottled, ErrUnavailable,
}

// known is the most severe sentinel that err is; nil: it is none.
func known(err error) error {
	for _, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			return sentinel
		}
	}
	return nil
}

// failure is a sentinel: each is the only value of its text.
type failure string

func (f failure) Error() string { return "auth: " + string(f) }

// FailureClass lets a runner classify without importing this package.
func (f failure) FailureClass() string { return string(f) }

// DeniedError is a denial by policy. It is ErrDenied.
type DeniedError struct {
	Rule  string       // the name of the rule that denied; empty: no permit
	Needs []Obligation // what would make it allowed; nil: nothing would
}

// Error names the rule and the kinds of what is needed.
func (e *DeniedError) Error() string {
	kinds := make([]string, len(e.Needs))
	for i, need := range e.Needs {
		kinds[i] = need.Kind
	}
	return names.Denied(ErrDenied, e.Rule, kinds)
}

// Unwrap is ErrDenied.
func (e *DeniedError) Unwrap() error { return ErrDenied }

// Challenge is the value of WWW-Authenticate that a caller can answer (RFC 9470,
// section 3); empty where logging in again would not help.
func (e *DeniedError) Challenge() string {
	for _, need := range e.Needs {
		if need.Kind == NeedAssurance {
			return wire.Challenge(need.ACR, need.MaxAge)
		}
	}
	return ""
}

// FailedError is a failed call. It is its Side.
type FailedError struct {
	Side       error         // one of the sentinels
	System     string        // as declared
	Credential string        // id of the lease that was used; empty: none was
	Status     int           // of the protocol; 0: none
	RetryAfter time.Duration // as the far side asked, at most a day; 0: not said
}

// Error names side, system and status.
func (e *FailedError) Error() string {
	return names.Failed(e.Side, e.System, e.Status, e.Side == ErrUnavailable || e.Side == ErrUnknown)
}

// Unwrap is Side.
func (e *FailedError) Unwrap() error { return e.Side }

// FailureDelay lets a runner wait without importing this package.
func (e *FailedError) FailureDelay() time.Duration { return e.RetryAfter }
