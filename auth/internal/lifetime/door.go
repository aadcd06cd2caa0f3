package lifetime

import (
	"context"
	"sync"
	"time"
)

// Door counts who is inside, until it is shut. The zero Door is open. It must not be
// copied.
type Door struct {
	mu     sync.Mutex // of shut, and of inside where one enters: it must not be added to while it is waited for
	shut   bool
	inside sync.WaitGroup
}

// Enter lets one in, unless the door is shut. Leave follows.
func (d *Door) Enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.shut {
		d.inside.Add(1)
	}
	return !d.shut
}

// Leave lets one out.
func (d *Door) Leave() { d.inside.Done() }

// Shut lets nobody in any more, and waits for those inside until ctx ends.
func (d *Door) Shut(ctx context.Context) error {
	d.mu.Lock()
	d.shut = true
	d.mu.Unlock()
	done := make(chan struct{})
	go func() { d.inside.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Under is a context that ends with all the others and at end, and holds no values:
// what a caller put into his, a client trace for one, would be shown every header.
// After leave, which does nothing a second time, then follows.
func Under(end time.Time, then func(), others ...context.Context) (under context.Context, leave func()) {
	for _, other := range others {
		if deadline, ok := other.Deadline(); ok && deadline.Before(end) {
			end = deadline
		}
	}
	under, cancel := context.WithDeadline(context.Background(), end)
	stops := make([]func() bool, len(others))
	for i, other := range others {
		stops[i] = context.AfterFunc(other, cancel)
	}
	return under, sync.OnceFunc(func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
		then()
	})
}
