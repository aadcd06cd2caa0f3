package vault

import (
	"context"
	"fmt"
	"math"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

// ErrRolledBack: the backend's store is an older copy than one that the log has seen. It is
// auth.ErrInvalid. Put the newer one back, or raise the older one above it.
var ErrRolledBack = fmt.Errorf("%w: the store is an older copy than the log knows", auth.ErrInvalid)

// actionGeneration, and behind it the store: its newest event says how far it has come.
const actionGeneration = "vault.generation."

// current holds what was issued to the newest generation of its store that the log knows,
// and makes a newer one known before anything of it is lent.
func (v *Vault) current(ctx context.Context, issued Issued) error {
	if issued.Generation == 0 {
		return nil
	}
	if issued.Generation > math.MaxInt32 || issued.Store == "" {
		return auth.ErrInvalid
	}
	action := actionGeneration + v.log.Fingerprint([]byte(issued.Store))[:32]
	select { // one after the other: the log is to have them in their order
	case v.raising <- struct{}{}:
		defer func() { <-v.raising }()
	case <-ctx.Done():
		return left(ctx)
	}
	known, err := v.generation(ctx, action)
	if err != nil {
		return err
	}
	now := int(issued.Generation)
	if now < known {
		return ErrRolledBack
	}
	if now > known {
		event := audit.Event{Action: action, Actor: self, Outcome: audit.OutcomeSuccess, Count: now}
		if _, err := v.log.Append(ctx, event); err != nil {
			return auth.ErrUnavailable
		}
		v.generations[action] = now
	}
	return nil
}

// generation is the newest that is known of a store.
func (v *Vault) generation(ctx context.Context, action string) (int, error) {
	if known, ok := v.generations[action]; ok {
		return known, nil
	}
	known := 0
	if at := v.log.Newest(action); at >= 0 { // by a process before
		for e, err := range v.log.EventsFrom(ctx, at) {
			if err != nil {
				return 0, auth.ErrUnavailable
			}
			known = e.Count
			break
		}
	}
	v.generations[action] = known
	return known, nil
}
