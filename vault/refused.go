package vault

import (
	"cmp"
	"context"
	"slices"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

const (
	actionRefuse = "vault.refuse"
	mostRefused  = 16 // versions of one path that are remembered
)

// refused is a version that a system has refused.
type refused struct{ stored, lease string }

// stored is what tells a version of a stored secret from others: the backend's word, or
// else the fingerprint. What was made for one lease, and is revoked with it, has none.
func (l *lent) stored() string {
	if l.id != "" {
		return ""
	}
	return cmp.Or(l.version, l.event.Material)
}

// dead says whether a system has refused what is stored. The caller has the lock.
func (v *Vault) dead(l *lent) bool {
	stored := l.stored()
	return stored != "" && slices.ContainsFunc(v.refused[l.path], func(r refused) bool { return r.stored == stored })
}

// refusal is the error of what is dead, which is nobody's who calls. The caller has the
// lock.
func (v *Vault) refusal(l *lent) error {
	if !v.dead(l) {
		return nil
	}
	return &auth.FailedError{Side: auth.ErrDenied, System: l.event.System}
}

// spoil remembers that what is lent was refused, and ends what else is lent of it: each
// further try of a dead credential is one more towards a locked account.
func (v *Vault) spoil(l *lent) {
	stored := l.stored()
	if stored == "" {
		return
	}
	v.mu.Lock()
	known := v.dead(l)
	if all := v.refused[l.path]; !known { // beside the others: who is late has an older one
		v.refused[l.path] = append(all[max(0, len(all)-mostRefused+1):], refused{stored, l.event.Lease})
	}
	var others []*lent
	for _, other := range v.lent {
		if other != l && other.path == l.path && other.stored() == stored {
			others = append(others, other)
		}
	}
	v.mu.Unlock()
	if known {
		return
	}
	now, cancel := context.WithCancel(context.Background())
	cancel() // nobody waits for the log, and no lease lives until it answers
	for _, other := range others {
		_ = other.lease.Close(now)
	}
	_ = v.aside(now, func() error {
		event := l.event
		event.Action, event.Outcome, event.Reason, event.Duration = actionRefuse, audit.OutcomeFailure, reason(auth.ErrDenied), 0
		v.record(event)
		return nil
	})
}

// opAccept is the operation of self whose Grant Accept takes.
const opAccept = "self.secret.accept"

// Accept lends again what systems have refused of the secret at path, once the log knows
// who wants it: an account was unlocked, and its password is the same. The event names the
// lease that was refused last. The Grant is one of the operation self.secret.accept; another
// is ErrUndeclared.
func (v *Vault) Accept(ctx context.Context, g auth.Grant, path string) error {
	if v == nil || v.backend == nil {
		return auth.ErrUndeclared
	}
	// Nobody declares secrets of self: that is what a good grant is told.
	if err := g.Opens(v.log, path); err != auth.ErrUndeclared || g.Operation().Name != opAccept {
		return cmp.Or(err, auth.ErrUndeclared)
	}
	event := g.Event("vault.accept")
	event.Outcome = audit.OutcomeSuccess
	v.mu.Lock()
	known := slices.Clone(v.refused[path])
	v.mu.Unlock()
	if len(known) > 0 {
		event.Lease = known[len(known)-1].lease
	}
	if _, err := v.log.Append(ctx, event); err != nil {
		if ctx.Err() != nil {
			return left(ctx)
		}
		return auth.ErrUnavailable
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(known) == 0 {
		return nil
	}
	v.refused[path] = slices.DeleteFunc(v.refused[path], func(r refused) bool { return slices.Contains(known, r) }) // not what was refused meanwhile
	return nil
}
