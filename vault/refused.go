package vault

import (
	"cmp"
	"context"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

const actionRefuse = "vault.refuse"

// stored is what tells a version of a stored secret from others: the backend's word, or
// else the fingerprint. What was made for one lease, and is revoked with it, has none.
func (l *lent) stored() string {
	if l.id != "" {
		return ""
	}
	return cmp.Or(l.version, l.event.Material)
}

// dead says whether a system has refused what is stored.
func (v *Vault) dead(l *lent) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	stored := l.stored()
	return stored != "" && v.refused[l.path] == stored
}

// spoil remembers that what is lent was refused, and ends what else is lent of
// it: each further try of a dead credential is one more towards a locked account.
func (v *Vault) spoil(l *lent) {
	stored := l.stored()
	if stored == "" {
		return
	}
	v.mu.Lock()
	known := v.refused[l.path] == stored
	v.refused[l.path] = stored
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
	v.more()
	go func() {
		defer v.leave()
		event := l.event
		event.Action, event.Outcome, event.Reason, event.Duration = actionRefuse, audit.OutcomeFailure, reason(auth.ErrDenied), 0
		v.record(event)
		for _, other := range others {
			_ = other.lease.Close(context.Background())
		}
	}()
}
