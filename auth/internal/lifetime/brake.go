package lifetime

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Brake stops all that is under it, until it is released. What was under it before stays
// ended. It must not be copied.
type Brake struct {
	times  atomic.Uint64 // odd: pulled
	mu     sync.Mutex
	under  context.Context
	cancel context.CancelFunc
	turn   chan struct{} // to record: full while somebody does
	known  bool          // it is on record that it is pulled; for whoever has the turn
}

// NewBrake is released. What is under it has no values and no deadline.
func NewBrake() *Brake {
	b := &Brake{turn: make(chan struct{}, 1)}
	b.under, b.cancel = context.WithCancel(context.Background())
	return b
}

// Times changes with each Pull and Release: odd while it is pulled.
func (b *Brake) Times() uint64 { return b.times.Load() }

// Pulled says whether it is.
func (b *Brake) Pulled() bool { return b.times.Load()%2 == 1 }

// Under ends when it is pulled; while it is, it has ended.
func (b *Brake) Under() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.under
}

// Pull says whether it was released before. It counts where it was not, too.
func (b *Brake) Pull() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Pulled() {
		b.times.Add(2)
		return false
	}
	b.times.Add(1)
	b.cancel()
	return true
}

// Release lets what comes from now on go on, unless somebody has pulled since Times was
// read: false.
func (b *Brake) Release(times uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if times != b.times.Load() {
		return false
	}
	if b.Pulled() {
		b.under, b.cancel = context.WithCancel(context.Background())
		b.times.Add(1)
	}
	return true
}

// Known notes that it is on record that it is pulled.
func (b *Brake) Known() { b.known = true }

// recordWithin bounds what is recorded although whoever asked for it has left.
const recordWithin = 10 * time.Second

// Tell records that it is pulled, unless that is on record. It waits for nobody but those
// who record too, until ctx ends.
func (b *Brake) Tell(ctx context.Context, pulled func(context.Context) error) error {
	if err := b.wait(ctx); err != nil {
		return err
	}
	defer b.next()
	if b.known {
		return nil
	}
	err := pulled(ctx)
	b.known = err == nil
	return err
}

// Lift records that it is released, and releases it; false: somebody has pulled since Times
// was read. So the record has both in the order in which they hold; where it is not sure to
// have the first, or somebody has pulled meanwhile, it has that it is pulled once more.
func (b *Brake) Lift(ctx context.Context, times uint64, lifted, pulled func(context.Context) error) (bool, error) {
	if err := b.wait(ctx); err != nil {
		return false, err
	}
	defer b.next()
	if times != b.times.Load() {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	b.known = false
	err := lifted(ctx)
	if err == nil && b.Release(times) {
		return true, nil
	}
	again, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	b.known = pulled(again) == nil
	return false, err
}

func (b *Brake) wait(ctx context.Context) error {
	select {
	case b.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *Brake) next() { <-b.turn }
