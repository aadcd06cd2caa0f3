package lifetime_test

import (
	"context"
	"errors"
	"strings"
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

// TestBrakeIsOnRecordInOrder: whoever pulls while it is lifted tells of it afterwards, and
// once; nobody waits for longer than he wants.
func TestBrakeIsOnRecordInOrder(t *testing.T) {
	b := lifetime.NewBrake()
	var record []string
	says := func(what string) func(context.Context) error {
		return func(context.Context) error { record = append(record, what); return nil }
	}
	tell := func() {
		t.Helper()
		b.Pull()
		if err := b.Tell(t.Context(), says("pulled")); err != nil {
			t.Error(err)
		}
	}
	tell()
	tell()
	if lifted, err := b.Lift(t.Context(), b.Times(), says("lifted"), says("pulled")); !lifted || err != nil || b.Pulled() {
		t.Errorf("%t, %v", lifted, err)
	}
	tell()
	stale := b.Times()
	tell() // on record already, and counts
	if lifted, err := b.Lift(t.Context(), stale, says("wrong"), says("wrong")); lifted || err != nil || !b.Pulled() {
		t.Errorf("lifted over a pull that it has not seen: %v", err)
	}
	meanwhile := make(chan error)
	lifted, err := b.Lift(t.Context(), b.Times(), func(context.Context) error {
		b.Pull()
		go func() { meanwhile <- b.Tell(t.Context(), says("pulled")) }()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Tell(ended, says("out of turn")); !errors.Is(err, context.Canceled) {
			t.Errorf("nobody waits: %v", err)
		}
		return says("lifted")(t.Context())
	}, says("pulled"))
	if lifted || err != nil || !b.Pulled() || <-meanwhile != nil {
		t.Errorf("%t, %v", lifted, err)
	}
	failed := errors.New("failed")
	if lifted, err := b.Lift(t.Context(), b.Times(), func(context.Context) error { return failed }, says("pulled")); lifted || err != failed || !b.Pulled() {
		t.Errorf("lifted without a record: %v", err)
	}
	tell() // it is on record once more
	if got, want := strings.Join(record, " "), "pulled lifted pulled lifted pulled pulled"; got != want {
		t.Errorf("on record: %s, want %s", got, want)
	}
	known := lifetime.NewBrake()
	known.Pull()
	known.Known()
	if err := known.Tell(t.Context(), says("twice")); err != nil || record[len(record)-1] == "twice" {
		t.Errorf("told of what is known: %v", err)
	}
}
