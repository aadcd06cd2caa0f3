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

// actionGeneration, and behind it the store: its newest event says how far it has come. An
// operation has three parts, and none has such a name: what calls it would be taken for that.
const actionGeneration = "vault.generation-"

// current holds what was issued to the newest generation of its store that the log knows,
// and makes a newer one known before anything of it is lent.
func (v *Vault) current(ctx context.Context, issued Issued) error {
	if issued.Generation == 0 {
		return nil
	}
	if issued.Generation > MostGeneration || issued.Store == "" {
		return auth.ErrInvalid
	}
	action := actionGeneration + v.log.Fingerprint([]byte(issued.Store))[:32]
	select { // one after the other: the log is to have them in their order
	case v.raising <- struct{}{}:
		defer func() { <-v.raising }()
	case <-ctx.Done():
		return left(ctx)
	}
	known, err := v.known(ctx, action)
	if err != nil {
		return err
	}
	switch now := int(issued.Generation); {
	case now < known.generation:
		return ErrRolledBack
	case now > known.generation:
		event := audit.Event{Action: action, Actor: self, Outcome: audit.OutcomeSuccess, Count: now}
		receipt, err := v.log.Append(ctx, event)
		if err != nil {
			return auth.ErrUnavailable
		}
		v.generations[action] = seen{now, receipt.Index + 1}
	}
	return nil
}

// MostGeneration is what a generation may be.
const MostGeneration = math.MaxInt32

// seen is the newest generation of a store in the log up to a line.
type seen struct {
	generation int
	line       int64
}

// known is the newest that the log knows of a store: of processes before, and of other
// vaults on this log.
func (v *Vault) known(ctx context.Context, action string) (seen, error) {
	s, ok := v.generations[action]
	if !ok {
		// A line that the log has given up is an error: what it said is not to be forgotten.
		if s.line = v.log.Newest(action); s.line < 0 {
			s.line = v.log.Kept()
		}
	}
	for e, err := range v.log.EventsFrom(ctx, s.line) {
		if err != nil {
			return s, auth.ErrUnavailable
		}
		if s.line++; e.Action == action {
			s.generation = max(s.generation, e.Count)
		}
	}
	v.generations[action] = s
	return s, nil
}
