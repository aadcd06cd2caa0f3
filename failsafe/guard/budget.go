package guard

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	budgetMost    = 10.0             // retries that may be saved up
	budgetSuccess = 0.1              // of one for each success: one retry in ten calls
	budgetRefill  = 10 * time.Second // for one, also where nothing succeeds: an outage ends some time
)

// budget bounds the retries of all callers together: a far side that fails is not to be
// asked three times as often. The zero budget is full.
type budget struct {
	owes  atomic.Bool // spent is not 0: while all goes well, nobody needs the lock
	mu    sync.Mutex
	spent float64 // of budgetMost
	at    time.Time
}

// succeeded earns a part of a retry.
func (b *budget) succeeded() {
	if !b.owes.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-budgetSuccess)
	b.owes.Store(b.spent > 0)
}

// spend takes one retry; false: there is none.
func (b *budget) spend() bool {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.at.IsZero() {
		b.spent = max(0, b.spent-now.Sub(b.at).Seconds()/budgetRefill.Seconds())
	}
	b.at = now
	if b.spent > budgetMost-1 {
		return false
	}
	b.spent++
	b.owes.Store(true)
	return true
}
