package lifetime_test

import (
	"sync"
	"testing"

	"github.com/carnet-go/carnet/auth/internal/lifetime"
)

// TestBrake ends what is under it, and not what comes after it was released.
func TestBrake(t *testing.T) {
	b := lifetime.NewBrake()
	first := b.Under()
	if !b.Release(b.Times()) || b.Pulled() || b.Times() != 0 || first.Err() != nil || b.Under() != first {
		t.Error("a new one is pulled")
	}
	if !b.Pull() || b.Pull() || !b.Pulled() || first.Err() == nil || b.Under().Err() == nil {
		t.Error("pulled, and something goes on")
	}
	if b.Release(1) || !b.Pulled() {
		t.Error("released, although it was pulled since")
	}
	released := b.Release(b.Times())
	second := b.Under()
	if !released || b.Pulled() || b.Times() != 4 || first.Err() == nil || second.Err() != nil {
		t.Error("released, and what had ended goes on, or nothing does")
	}
	if !b.Pull() || second.Err() == nil {
		t.Error("pulled again, and something goes on")
	}
}

// TestBrakeTogether: whoever sees it released has something under it that goes on until
// the next pull.
func TestBrakeTogether(t *testing.T) {
	b := lifetime.NewBrake()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 1000 {
				before := b.Times()
				if under := b.Under(); before == b.Times() && before%2 == 0 && under.Err() != nil && before == b.Times() {
					t.Error("released, and it has ended")
				}
				b.Pull()
				b.Release(b.Times())
			}
		})
	}
	all.Wait()
}
