package vault

import (
	"context"
	"fmt"

	"github.com/carnet-go/carnet/auth"
)

// Follow ends all that is lent when the context that under returns ends, and lends nothing
// until it returns another: what follows auth.Gate.Under gives back what it has when the
// gate is frozen, and lends again when that is lifted. Neither waits for the log. A vault
// follows once; again, and nil, of under or from it, are auth.ErrInvalid.
func (v *Vault) Follow(under func() context.Context) error {
	if v == nil || v.backend == nil {
		return auth.ErrUndeclared
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if under == nil || v.under != nil || under() == nil {
		return fmt.Errorf("%w: nothing to follow, or something is followed", auth.ErrInvalid)
	}
	v.under = under
	v.sealed()
	return nil
}

// sealed says whether nothing may be lent now, and watches what says so. The caller has the
// lock.
func (v *Vault) sealed() bool {
	if v.closed || v.under == nil {
		return v.closed
	}
	if now := v.under(); now != v.watched {
		v.unwatch()
		v.watched, v.unwatched = now, context.AfterFunc(now, v.seal)
	}
	return v.watched.Err() != nil
}

// unwatch: there is another, or nobody looks any more. The caller has the lock.
func (v *Vault) unwatch() {
	if v.unwatched != nil {
		v.unwatched()
	}
}

// seal ends what is lent, newest first; nobody waits for it.
func (v *Vault) seal() {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	for _, l := range v.newestFirst() {
		_ = l.lease.Close(now)
	}
}
