package vault

import (
	"context"
	"fmt"
	"regexp"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

const actionReveal = "vault.reveal"

var reasonPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Reveal is a field as a string, for what takes nothing else, such as the configuration of a
// database driver. Nobody wipes a string: whoever can, uses Secret.Use. The log has the
// lease and the reason, a name such as "pgx.password", before it is handed out. A lease that
// this vault did not lend is auth.ErrForeign, a reason that is no name auth.ErrInvalid.
func (v *Vault) Reveal(ctx context.Context, l *auth.Lease, field, reason string) (string, error) {
	if v == nil || v.backend == nil {
		return "", auth.ErrUndeclared
	}
	if !reasonPattern.MatchString(reason) {
		return "", fmt.Errorf("%w: Reveal: the reason is no name of a-z, 0-9, '.', '_' and '-'", auth.ErrInvalid)
	}
	s, err := l.Secret(field)
	if err != nil {
		return "", err
	}
	event, ok := v.eventOf(l)
	if !ok {
		return "", auth.ErrForeign
	}
	event.Action, event.Outcome, event.Reason, event.Duration = actionReveal, audit.OutcomeSuccess, reason, 0
	if _, err := v.log.Append(ctx, event); err != nil {
		if ctx.Err() != nil {
			return "", left(ctx)
		}
		return "", auth.ErrUnavailable
	}
	var text string
	err = s.Use(func(b []byte) error { text = string(b); return nil })
	return text, err
}

// eventOf is the event of what this vault has lent.
func (v *Vault) eventOf(l *auth.Lease) (audit.Event, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	lent, ok := v.lent[l]
	if !ok {
		return audit.Event{}, false
	}
	return lent.event, true
}
