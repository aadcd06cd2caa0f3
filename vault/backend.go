package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

// Issued is what a Backend issues.
type Issued struct {
	ID        string                 // for Revoke; empty: cannot be revoked
	Version   string                 // of a stored secret; empty: made for this lease
	Fields    map[string]auth.Secret // at least one, and nobody else's: the vault wipes them when the lease has ended
	TTL       time.Duration          // zero: no end of its own
	ParentTTL time.Duration          // of the login that it dies with; zero: none

	Store      string // where it is stored, such as a file, with Generation; empty: nobody says
	Generation uint64 // of that store, which only rises: less than before is an older copy; zero: it has none
}

// Backend is where secrets live. It is safe for concurrent use, does not cache or
// retry, and its errors are package auth's: ErrDenied is final, ErrUndeclared means
// that there is nothing at path. Revoke of what is gone is no error. Both end with
// their context; what Issue yields after that is revoked.
type Backend interface {
	Issue(ctx context.Context, path string) (Issued, error)
	Revoke(ctx context.Context, id string) error
}

// Renewer is a Backend whose leases can be renewed. Renew asks for by more, and says how
// long it lasts now, with the login that it dies with; ErrUndeclared and ErrInvalid mean
// that the lease is gone. It is safe for concurrent use, and does not retry.
type Renewer interface {
	Renew(ctx context.Context, id string, by time.Duration) (ttl time.Duration, err error)
}

// bare is a context without values.
type bare struct{ context.Context }

func (bare) Value(any) any { return nil }

// ask waits for the backend, or for the caller to leave; then the answer is withdrawn.
func (v *Vault) ask(ctx context.Context, path string, event audit.Event) (Issued, error) {
	type answer struct {
		issued Issued
		err    error
	}
	answers := make(chan answer)
	v.more()
	go func() {
		defer v.leave()
		var a answer
		a.err = guarded(func() (err error) {
			a.issued, err = v.backend.Issue(bare{ctx}, path)
			return err
		})
		select {
		case answers <- a:
		case <-ctx.Done():
			wipe(a.issued.Fields)
			if a.err == nil {
				_ = v.withdraw(event, a.issued.ID)
			}
		}
	}()
	select {
	case a := <-answers:
		if a.err == nil {
			return a.issued, nil
		}
		wipe(a.issued.Fields)
		if ctx.Err() != nil {
			return Issued{}, left(ctx)
		}
		return Issued{}, side(a.err)
	case <-ctx.Done():
		return Issued{}, left(ctx)
	}
}

// withdraw revokes, where there is an id to revoke, and records that, where the log
// can: reducing authority does not wait for it.
func (v *Vault) withdraw(event audit.Event, id string) error {
	if id == "" {
		return nil
	}
	return v.revoke(&owed{event: event, id: id})
}

// revoke tries once, and notes what is to be tried again.
func (v *Vault) revoke(o *owed) error {
	v.revoking <- struct{}{} // a freeze gives all back at once, and each is to have its time
	defer func() { <-v.revoking }()
	ctx, cancel := context.WithTimeout(context.Background(), revokeWithin)
	defer cancel()
	said := guarded(func() error { return v.backend.Revoke(ctx, o.id) })
	event, err := o.event, side(said)
	event.Action, event.Outcome, event.Reason, event.Duration = actionRevoke, audit.OutcomeSuccess, "", 0
	if err != nil {
		event.Outcome, event.Reason = audit.OutcomeFailure, reason(err)
		v.owe(o, said)
	}
	v.record(event)
	return err
}

// guarded calls a backend. What a panic holds is nobody's business.
func guarded(call func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = auth.ErrUnknown
		}
	}()
	return call()
}

// left is the error of a caller that has left.
func left(ctx context.Context) error {
	return fmt.Errorf("%w: %w", auth.ErrUnavailable, ctx.Err())
}

// side is the sentinel that err is, and nothing else of it.
func side(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{
		auth.ErrDenied, auth.ErrForeign, auth.ErrUndeclared, auth.ErrInvalid, auth.ErrExpired, auth.ErrThrottled, auth.ErrUnavailable,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	return auth.ErrUnknown
}

// reason is the stable code of an error in the log.
func reason(err error) string {
	class, _ := side(err).(interface{ FailureClass() string })
	return class.FailureClass()
}
