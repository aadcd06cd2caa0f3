package auth

import (
	"context"
	"sync"
	"time"
)

// sumEvery is how often refusals before authentication reach the log.
const sumEvery = time.Minute

// refusals counts who was turned away before anybody knew who he is. Everyone with
// a socket can be refused, so a refusal must cost no disk: the counts of a minute
// are one event for each reason, and the reasons are few.
type refusals struct {
	record func(ctx context.Context, counts map[string]int)
	mu     sync.Mutex
	counts map[string]int
	timer  *time.Timer
}

func (r *refusals) add(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[string]int{}
		r.timer = time.AfterFunc(sumEvery, func() {
			ctx, cancel := context.WithTimeout(context.Background(), recordWithin)
			defer cancel()
			r.flush(ctx)
		})
	}
	r.counts[reason]++
}

// flush records what was counted since the last time.
func (r *refusals) flush(ctx context.Context) {
	r.mu.Lock()
	counts := r.counts
	r.counts = nil
	if r.timer != nil {
		r.timer.Stop()
	}
	r.mu.Unlock()
	if len(counts) > 0 {
		r.record(ctx, counts)
	}
}
