package audit_test

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// hung is a disk on which nothing can be opened until hang, where there is one, is closed.
type hung struct {
	fs.FS
	hang atomic.Pointer[chan struct{}]
}

func (h *hung) Open(name string) (fs.File, error) {
	if hang := h.hang.Load(); hang != nil {
		<-*hang
	}
	return h.FS.Open(name)
}

// TestADiskThatHangsHoldsNoReader: Events, Read, Proof and Open end with their context,
// and however often they are tried no goroutines pile up.
func TestADiskThatHangsHoldsNoReader(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	disk := &hung{FS: l.Files()}
	l.ReadFrom(disk)
	r := add(t, l, answer())
	if _, err := l.Proof(t.Context(), r.Index); err != nil {
		t.Fatal(err)
	}
	hang := make(chan struct{})
	disk.hang.Store(&hang)
	stuck := make(chan struct{})
	opening := create(t)
	d := &segmenttest.Disk{Hook: func(step string) error {
		if step == "open" {
			<-stuck
		}
		return nil
	}}
	before := runtime.NumGoroutine()
	for range 50 {
		for name, read := range map[string]func(ctx context.Context) error{
			"Events": func(ctx context.Context) error {
				for _, err := range l.Events(ctx) {
					return err
				}
				return nil
			},
			"Read": func(ctx context.Context) error {
				for _, err := range l.Read(ctx, audit.Query{System: "crm", Follow: true}) {
					return err
				}
				return nil
			},
			"Proof": func(ctx context.Context) error { _, err := l.Proof(ctx, r.Index); return err },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
			if err := read(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
		}
	}
	for i := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, err := audit.OpenOn(ctx, opening, nil, d)
		if first := errors.Is(err, context.DeadlineExceeded); first != (i == 0) || err == nil {
			t.Errorf("Open, time %d: %v", i, err)
		}
		cancel()
	}
	if n := runtime.NumGoroutine() - before; n > 12 {
		t.Errorf("%d goroutines more", n)
	}
	close(hang)
	close(stuck)
	if _, err := l.Proof(t.Context(), r.Index); err != nil {
		t.Errorf("when it goes on: %v", err)
	}
	shut(t, l)
	eventually(t, func() error { _, err := reopens(t, opening); return err })
}

// TestAFloodOfDenialsHoldsNobodyElse: while denials fill their share of the queue and of
// the disk, what crosses, what is revoked and what ends is written with the next batch.
func TestAFloodOfDenialsHoldsNobodyElse(t *testing.T) {
	dir := create(t)
	hang := make(chan struct{})
	var once sync.Once
	var armed sync.Mutex
	on := false
	d := &segmenttest.Disk{Hook: func(step string) error {
		armed.Lock()
		hold := on
		armed.Unlock()
		if step == "sync" && hold {
			<-hang
		}
		return nil
	}}
	l := openWith(t, dir, nil, d)
	armed.Lock()
	on = true
	armed.Unlock()
	release := func() { once.Do(func() { close(hang) }) }
	defer release()
	long := audit.Event{Action: "crm.contact.read", Decision: "denied", Outcome: audit.OutcomeFailure}
	for range 32 {
		long.Scopes = append(long.Scopes, "s234567890")
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	order := map[string][]int64{}
	put := func(name string, e audit.Event) {
		wg.Go(func() {
			r, err := l.Append(t.Context(), e)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			mu.Lock()
			order[name] = append(order[name], r.Index)
			mu.Unlock()
		})
	}
	put("first", answer()) // the disk is busy with it
	time.Sleep(50 * time.Millisecond)
	for range 2000 {
		put("denied", long)
	}
	time.Sleep(300 * time.Millisecond)
	undo := grant("g-2")
	undo.Phase = audit.PhaseUndo
	put("crossing", grant("g-1"))
	put("undo", undo)
	put("revocation", audit.Event{Action: "vault.revoke", Lease: "l-1"})
	put("outcome", answer())
	time.Sleep(100 * time.Millisecond)
	release()
	wg.Wait()
	behind := 0
	for _, index := range order["denied"] {
		if index > max(order["crossing"][0], order["undo"][0], order["revocation"][0], order["outcome"][0]) {
			behind++
		}
	}
	if behind < 1000 {
		t.Errorf("of 2000 denials that came before, %d had to wait for the others", behind)
	}
	shut(t, l)
}
