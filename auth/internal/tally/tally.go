// Package tally counts what must not cost a record each.
//
//	t := tally.New(time.Minute, func(ctx context.Context, counts map[string]int) { … })
//	t.Add("invalid")
//	t.Flush(ctx)
//
// # Guarantees
//
// What was counted is reported once, an interval after the first of it, or by Flush.
// Adding costs no more than a lock.
//
// # Limits
//
// Reasons must be few: each is kept until it is reported. What nobody flushed before
// the process ends is lost.
//
// # Errors
//
// None: whoever reports knows what to do with his.
//
// # Concurrency
//
// A Tally is safe for concurrent use. Its timer runs only while there is something.
package tally

import (
	"context"
	"sync"
	"time"
)

// reportWithin bounds a report that nobody waits for.
const reportWithin = 10 * time.Second

// Tally counts by reason.
type Tally struct {
	every  time.Duration
	report func(ctx context.Context, counts map[string]int)
	mu     sync.Mutex
	counts map[string]int
	timer  *time.Timer
}

// New reports to report.
func New(every time.Duration, report func(ctx context.Context, counts map[string]int)) *Tally {
	return &Tally{every: every, report: report}
}

// Add counts one.
func (t *Tally) Add(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
		t.timer = time.AfterFunc(t.every, func() {
			ctx, cancel := context.WithTimeout(context.Background(), reportWithin)
			defer cancel()
			t.Flush(ctx)
		})
	}
	t.counts[reason]++
}

// Flush reports what was counted since the last time.
func (t *Tally) Flush(ctx context.Context) {
	t.mu.Lock()
	counts := t.counts
	t.counts = nil
	if t.timer != nil {
		t.timer.Stop()
	}
	t.mu.Unlock()
	if len(counts) > 0 {
		t.report(ctx, counts)
	}
}
