package vault

import (
	"errors"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

// How often a revocation that the backend did not take is tried again, after which waits,
// and how many may wait for that.
const (
	mostAgain    = 7
	firstAgain   = time.Second
	longestAgain = time.Minute
	mostOwed     = 1000
)

// owed is a revocation that the backend did not take.
type owed struct {
	event audit.Event // of the lease
	id    string
	tries int // after the first
}

// owe tries again later, unless that cannot help. A vault that is closed tries no more: who
// closed it has the error.
func (v *Vault) owe(o *owed, err error) {
	if class := side(err); class != auth.ErrUnavailable && class != auth.ErrThrottled && class != auth.ErrUnknown {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || o.tries == mostAgain || len(v.owed) >= mostOwed {
		return
	}
	wait := min(firstAgain<<o.tries, longestAgain)
	wait += some(wait)
	if said, ok := errors.AsType[*auth.FailedError](err); ok {
		wait = max(wait, min(said.RetryAfter, longestAgain))
	}
	o.tries++
	v.owed[o] = time.AfterFunc(wait, func() {
		if v.take(o) {
			defer v.leave()
			_ = v.revoke(o)
		}
	})
}

// take says whether a revocation is the caller's to try, who leaves after that.
func (v *Vault) take(o *owed) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	timer, ok := v.owed[o]
	if !ok {
		return false
	}
	timer.Stop()
	delete(v.owed, o)
	v.busy++
	return true
}

// owing is what waits to be tried again.
func (v *Vault) owing() []*owed {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make([]*owed, 0, len(v.owed))
	for o := range v.owed {
		all = append(all, o)
	}
	return all
}
