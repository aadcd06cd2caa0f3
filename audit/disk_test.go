package audit_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// TestAHangingDiskHoldsNobody: Append ends with its context, and says what it knows.
func TestAHangingDiskHoldsNobody(t *testing.T) {
	dir := create(t)
	hang := make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(hang) }) }
	defer release()
	var stuck atomic.Bool
	d := &segmenttest.Disk{Hook: func(step string) error {
		if step == "sync" && stuck.Load() {
			<-hang
		}
		return nil
	}}
	l := openOn(t, dir, d)
	stuck.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.Append(ctx, answer()); !errors.Is(err, audit.ErrIndeterminate) || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("after hand-off: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := l.Append(ended, answer()); !errors.Is(err, audit.ErrNotRecorded) || !errors.Is(err, context.Canceled) || errors.Is(err, audit.ErrIndeterminate) {
		t.Errorf("before hand-off: %v", err)
	}
	// The queue is bounded: when a batch is full, callers wait outside of it.
	var wg sync.WaitGroup
	var outside atomic.Int64
	long := answer()
	for range 32 {
		long.Scopes = append(long.Scopes, strings.Repeat("s", 255))
	}
	short, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	for range 400 {
		wg.Go(func() {
			if _, err := l.Append(short, long); errors.Is(err, audit.ErrNotRecorded) {
				outside.Add(1)
			} else if !errors.Is(err, audit.ErrIndeterminate) {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if n := outside.Load(); n < 200 {
		t.Errorf("%d of 400 callers were kept out of a full queue", n)
	}
	closing, stop2 := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop2()
	if err := l.Close(closing); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v", err)
	}
	for _, err := range l.Events(t.Context()) {
		if err != nil {
			t.Errorf("Events: %v", err)
		}
	}
	release()
	shut(t, l)
}

// TestAFailedSyncIsIndeterminateAndThenNothingIsWritten: never a later nil.
func TestAFailedSyncIsIndeterminateAndThenNothingIsWritten(t *testing.T) {
	dir := create(t)
	d := &segmenttest.Disk{}
	l := openOn(t, dir, d)
	r := add(t, l, answer())
	d.Fail("sync", d.Count("sync")+1, syscall.EIO)
	if _, err := l.Append(t.Context(), answer()); !errors.Is(err, audit.ErrIndeterminate) || errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
	syncs := d.Count("sync")
	d.Fail("sync", 0, nil)
	for range 3 {
		if _, err := l.Append(t.Context(), answer()); !errors.Is(err, audit.ErrNotRecorded) {
			t.Errorf("later: got %v", err)
		}
	}
	if _, err := l.Proof(t.Context(), r.Index); err == nil { // must not wait for ever
		t.Error("a proof without a checkpoint")
	}
	if err := l.Close(t.Context()); err == nil {
		t.Error("Close says that all is signed")
	}
	if d.Count("sync") != syncs {
		t.Error("a failed sync was tried again")
	}
	if _, err := reopens(t, dir); err != nil {
		t.Fatal(err)
	}
	if !holds(t, dir, r) {
		t.Error("what was acknowledged is gone")
	}
}

// TestSomebodyElseIsNoticed: rm, mv, truncate and a second writer stop the log.
func TestSomebodyElseIsNoticed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be removed on Windows")
	}
	for name, change := range map[string]func(path string) error{
		"rm":       os.Remove,
		"mv":       func(path string) error { return os.Rename(path, path+".1") },
		"truncate": func(path string) error { return os.Truncate(path, 10) },
		"chmod":    func(path string) error { return os.Chmod(path, 0o644) },
		"copytruncate": func(path string) error {
			return errors.Join(os.WriteFile(path+".1", nil, 0o600), os.Truncate(path, 0))
		},
		"write": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("x")
			return errors.Join(err, f.Close())
		},
		"folder": func(path string) error {
			dir := filepath.Dir(filepath.Dir(path))
			return os.Rename(dir, dir+".1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := create(t)
			l := open(t, dir)
			add(t, l, answer())
			if err := change(segmentOf(dir)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := l.Append(t.Context(), answer()); !errors.Is(err, audit.ErrNotRecorded) || strings.Contains(err.Error(), dir) {
					t.Errorf("got %v", err)
				}
			}
			if err := l.Close(t.Context()); err == nil {
				t.Error("Close says that all is signed")
			}
		})
	}
}

// TestAFullDiskRefusesWhatBeginsWhileWhatEndsStillFits: the margin is for answers, and
// when it is used up nothing is torn.
func TestAFullDiskRefusesWhatBeginsWhileWhatEndsStillFits(t *testing.T) {
	dir := create(t)
	d := &segmenttest.Disk{}
	l := openOn(t, dir, d)
	add(t, l, grant("g-1"))
	d.Fail("reserve", 1, syscall.ENOSPC)
	intent, end := grant("g-1"), answer()
	for range 8 {
		intent.Scopes = append(intent.Scopes, strings.Repeat("s", 255))
	}
	end.Scopes = intent.Scopes
	intents := 0
	for ; intents < 10_000; intents++ {
		if _, err := l.Append(t.Context(), intent); err != nil {
			if !errors.Is(err, audit.ErrNotRecorded) || !strings.Contains(err.Error(), "no space") {
				t.Fatal(err)
			}
			break
		}
	}
	if intents == 10_000 {
		t.Fatal("a full disk refuses nothing")
	}
	denied := intent
	denied.Decision, denied.Outcome = "denied", audit.OutcomeFailure
	if _, err := l.Append(t.Context(), denied); !errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("a refusal uses the margin: %v", err)
	}
	unknown := end
	unknown.Outcome, unknown.Reason = audit.OutcomeUnknown, "timeout"
	add(t, l, unknown) // how it ended is not known: an answer too
	// Both in one batch: the answer is recorded, under its own index.
	var wg sync.WaitGroup
	var wrong atomic.Int64
	for i := range 64 {
		wg.Go(func() {
			e := intent
			if i%2 == 0 {
				e = end
			}
			r, err := l.Append(t.Context(), e)
			if i%2 == 0 && (err != nil || !holds(t, dir, r)) || i%2 == 1 && !errors.Is(err, audit.ErrNotRecorded) {
				wrong.Add(1)
			}
		})
	}
	wg.Wait()
	if wrong.Load() != 0 {
		t.Errorf("%d callers got another end", wrong.Load())
	}
	bytesLeft, outcomes := audit.Margin, 0
	for ; outcomes < 10_000; outcomes++ {
		before := len(read(t, segmentOf(dir)))
		if _, err := l.Append(t.Context(), end); err != nil {
			if !errors.Is(err, audit.ErrNotRecorded) {
				t.Fatal(err)
			}
			break
		}
		bytesLeft -= len(read(t, segmentOf(dir))) - before
	}
	if outcomes < 50 || bytesLeft > audit.Margin/2 {
		t.Errorf("only %d answers fit, %d bytes left", outcomes, bytesLeft)
	}
	d.Fail("reserve", 0, nil) // space is back
	// A checkpoint that did not fit is made first.
	eventually(t, func() error { _, err := l.Append(t.Context(), grant("g-2")); return err })
	shut(t, l)
	if r, err := reopens(t, dir); err != nil || r.Torn != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestWithoutReservationsAFullDiskTearsNothing: ENOSPC in the middle of a batch.
func TestWithoutReservationsAFullDiskTearsNothing(t *testing.T) {
	for cut := 0; cut < 700; cut += 23 {
		dir := create(t)
		d := &segmenttest.Disk{}
		d.Fail("reserve", 1, errors.ErrUnsupported)
		l := openOn(t, dir, d)
		add(t, l, answer())
		d.FailShort(d.Count("write")+1, cut, syscall.ENOSPC)
		if _, err := l.Append(t.Context(), answer()); !errors.Is(err, audit.ErrNotRecorded) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		d.Fail("write", 0, nil)
		r := add(t, l, answer())
		if r.Index != 3 || !holds(t, dir, r) {
			t.Errorf("cut at %d: index %d", cut, r.Index)
		}
		shut(t, l)
		if rec, err := reopens(t, dir); err != nil || rec.Torn != 0 {
			t.Errorf("cut at %d: %+v, %v", cut, rec, err)
		}
	}
}

// TestWithoutCheckpointsNothingBegins: a signer that fails keeps answers going only.
func TestWithoutCheckpointsNothingBegins(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.Create(t.Context(), dir, origin, &audit.Options{Signer: private}); err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(t.Context(), dir, &audit.Options{Signer: &moody{private, 3}}) // two for the keys
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, grant("g-1"))
	deadline := time.Now().Add(5 * time.Second)
	for {
		if _, err = l.Append(t.Context(), grant("g-2")); err != nil || time.Now().After(deadline) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !errors.Is(err, audit.ErrNotRecorded) || !strings.Contains(err.Error(), "checkpoint") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	r := add(t, l, answer())
	if err := l.Close(t.Context()); err == nil {
		t.Error("Close says that all is signed")
	}
	if !holds(t, dir, r) {
		t.Error("an answer is lost")
	}
}

// TestACheckpointThatCannotBeWrittenIsTriedAgain, and meanwhile nothing begins.
func TestACheckpointThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	tile := filepath.Join(dir, "tile")
	if err := os.Rename(tile, tile+".away"); err != nil {
		t.Fatal(err)
	}
	write(t, tile, nil) // a file where a folder should be
	r := add(t, l, answer())
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	if _, err := l.Proof(ctx, r.Index); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := l.Append(t.Context(), grant("g-2")); !errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(os.Remove(tile), os.Rename(tile+".away", tile)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Proof(t.Context(), r.Index); err != nil {
		t.Error(err)
	}
	eventually(t, func() error { _, err := l.Append(t.Context(), grant("g-2")); return err })
	shut(t, l)
	if _, err := reopens(t, dir); err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, f func() error) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if err := f(); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
