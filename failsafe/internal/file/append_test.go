package file_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/file"
	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// TestAThousandWaitForFewSyncs, and the records of each run keep their order.
func TestAThousandWaitForFewSyncs(t *testing.T) {
	const runs = 1000
	gate := make(chan struct{})
	var first sync.Once
	d := &segmenttest.Disk{Hook: func(step string) error {
		if step == "sync" {
			first.Do(func() { <-gate }) // until everybody waits
		}
		return nil
	}}
	dir := scratch(t)
	j := open(t, dir, d)
	var waiting, wg sync.WaitGroup
	for i := range runs {
		waiting.Add(1)
		wg.Go(func() {
			waiting.Done()
			if err := j.Append(t.Context(), record(fmt.Sprint("run-", i), 1)); err != nil {
				t.Error(err)
			}
		})
	}
	waiting.Wait()
	time.Sleep(50 * time.Millisecond) // all have put theirs
	close(gate)
	wg.Wait()
	if n := d.Count("sync"); n > 5 {
		t.Errorf("%d syncs", n)
	}
	for i := range runs {
		wg.Go(func() {
			for n := 2; n < 5; n++ {
				if err := j.Append(t.Context(), record(fmt.Sprint("run-", i), n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	shut(t, j)
	at := map[string]uint64{}
	for _, r := range records(t, open(t, dir, nil)) {
		if at[r.Run]++; r.Sequence != at[r.Run] {
			t.Fatalf("record %d where %d comes next", r.Sequence, at[r.Run])
		}
	}
	if len(at) != runs {
		t.Errorf("%d runs", len(at))
	}
}

// stuck is a disk whose syncs wait until release is called.
func stuck() (d *segmenttest.Disk, release func()) {
	gate := make(chan struct{})
	var closed sync.Once
	d = &segmenttest.Disk{Hook: func(step string) error {
		if step == "sync" {
			<-gate
		}
		return nil
	}}
	return d, func() { closed.Do(func() { close(gate) }) }
}

// TestWhatWaitsIsBounded: where the disk hangs callers wait outside, and what is written
// at once is never more than a batch.
func TestWhatWaitsIsBounded(t *testing.T) {
	d, release := stuck()
	defer release()
	j := open(t, scratch(t), d)
	var wg sync.WaitGroup
	var left atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 64 {
		wg.Go(func() {
			switch err := j.Append(ctx, sized(record(fmt.Sprint("run-", i), 1), 1<<20)); {
			case errors.Is(err, context.Canceled):
				left.Add(1)
			case err != nil:
				t.Error(err)
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	cancel()
	wg.Wait()
	if left.Load() != 64 {
		t.Errorf("%d left, want all", left.Load())
	}
	release()
	shut(t, j)
	written := 0
	for _, s := range d.Trace() {
		if len(s.Data) > file.MostBatch+frames.CommitSize {
			t.Errorf("%d bytes in one write", len(s.Data))
		}
		written += len(s.Data)
	}
	// What had a place in a batch was written, although nobody waits for it any more.
	if written < 1<<20 || written > 2*file.MostBatch+1<<20 {
		t.Errorf("%d bytes were written of %d", written, 64<<20)
	}
}

// TestWhoWaitsOutsideGetsIn when there is room again, and is refused when it closes.
func TestWhoWaitsOutsideGetsIn(t *testing.T) {
	for _, closes := range []bool{false, true} {
		d, release := stuck()
		j := open(t, scratch(t), d)
		var wg sync.WaitGroup
		var refused atomic.Int64
		for i := range 24 {
			wg.Go(func() {
				switch err := j.Append(t.Context(), sized(record(fmt.Sprint("run-", i), 1), 1<<20)); {
				case errors.Is(err, file.ErrClosed):
					refused.Add(1)
				case err != nil:
					t.Error(err)
				}
			})
		}
		time.Sleep(200 * time.Millisecond)
		if closes {
			short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if err := j.Close(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Close: %v", err)
			}
			cancel()
		}
		release()
		wg.Wait()
		if n := refused.Load(); (n > 0) != closes {
			t.Errorf("%d refused, closed %v", n, closes)
		}
		shut(t, j)
	}
}

// TestEndedContextsWriteNothing, and one that ends while it waits is told so, not what it
// does not know.
func TestEndedContextsWriteNothing(t *testing.T) {
	d, release := stuck()
	defer release()
	dir := scratch(t)
	j := open(t, dir, d)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Append(gone, record("a", 1)); err != context.Canceled {
		t.Errorf("before: %v", err)
	}
	if d.Count("write") != 0 {
		t.Error("it was written")
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := j.Append(short, record("a", 1)); err != context.DeadlineExceeded {
		t.Errorf("while it waits: %v", err)
	}
	// Nobody knows, so nothing else may take its place.
	other := record("a", 1)
	other.Sealed = []byte("another")
	refused := make(chan error, 1)
	go func() { refused <- j.Append(t.Context(), other) }()
	time.Sleep(10 * time.Millisecond)
	release()
	if err := <-refused; err != file.ErrPlace {
		t.Errorf("in its place: %v", err)
	}
	has(t, j, record("a", 1))
	add(t, j, record("a", 2))
}

// TestAKnownEndIsTold although the context has ended too.
func TestAKnownEndIsTold(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	j := open(t, scratch(t), nil)
	shut(t, j)
	for range 100 {
		if err := file.Decided(gone, file.ErrFull); err != file.ErrFull {
			t.Fatal("of a record:", err)
		}
		if err := j.Close(gone); err != nil {
			t.Fatal("of what is closed:", err)
		}
	}
}

// TestAFullDiskRefusesWhatBegins and takes answers, as long as what was kept for them
// lasts.
func TestAFullDiskRefusesWhatBegins(t *testing.T) {
	dir, d := scratch(t), &segmenttest.Disk{}
	d.Fail("reserve", 2, syscall.ENOSPC) // the first is Open's
	j := open(t, dir, d)
	var want []frames.Record
	n := 0
	for {
		n++
		r := sized(record("a", n), 100<<10)
		err := j.Append(t.Context(), r)
		if err == file.ErrFull {
			break
		}
		if err != nil || n > 100 {
			t.Fatal(n, err)
		}
		want = append(want, r)
	}
	// Together: what begins is refused, also where an answer is written with it, and its
	// place is free for what is written instead.
	together := []frames.Record{answer("b", 1), answer("b", 2), sized(record("c", 1), 100<<10), sized(record("a", n), 100<<10)}
	errs := make([]error, len(together))
	blocked, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	first := sync.OnceFunc(func() { close(blocked); <-release })
	d.Hook = func(step string) error {
		if step == "ident" {
			first()
		}
		return nil
	}
	for i, r := range together {
		wg.Go(func() { errs[i] = j.Append(t.Context(), r) })
		if i == 0 {
			<-blocked
		}
	}
	time.Sleep(50 * time.Millisecond)
	close(release)
	wg.Wait()
	if want := []error{nil, nil, file.ErrFull, file.ErrFull}; !slices.Equal(errs, want) {
		t.Fatal(errs)
	}
	bytes := 0
	for {
		r := sized(answer("a", n), 100<<10)
		err := j.Append(t.Context(), r)
		if err == file.ErrFull {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		want, n, bytes = append(want, r), n+1, bytes+r.Size()
	}
	if bytes < file.Kept-300<<10 {
		t.Errorf("answers had %d bytes, %d were kept", bytes, file.Kept)
	}
	d.Fail("reserve", 0, nil) // somebody made room
	next := record("a", n)
	add(t, j, next)
	has(t, j, append(append(want, next), answer("b", 1), answer("b", 2))...)
	shut(t, j)
	has(t, open(t, dir, nil), append(append(want, next), answer("b", 1), answer("b", 2))...)
}

// TestSpaceStaysKept when it is opened again and there is nothing to cut.
func TestSpaceStaysKept(t *testing.T) {
	dir, d := scratch(t), &segmenttest.Disk{}
	j := open(t, dir, nil)
	add(t, j, record("a", 1))
	shut(t, j)
	shut(t, open(t, dir, d))
	if d.Count("truncate") != 0 {
		t.Error("what was kept behind the end was given away")
	}
	if d.Count("reserve") != 1 {
		t.Error("nothing is kept")
	}
}

// TestAFailedWriteEndsItForEver: nothing is acknowledged, now or later, whatever the disk
// says then. A lack of space alone does not.
func TestAFailedWriteEndsItForEver(t *testing.T) {
	for _, c := range []struct {
		step string
		err  error
	}{{"sync", syscall.EIO}, {"sync", syscall.ENOSPC}, {"write", syscall.EIO}, {"ident", syscall.EIO}, {"reserve", syscall.EIO}} {
		t.Run(fmt.Sprint(c.step, " ", c.err), func(t *testing.T) {
			dir, d := scratch(t), &segmenttest.Disk{}
			j := open(t, dir, d)
			add(t, j, record("a", 1))
			d.Fail(c.step, d.Count(c.step)+1, c.err)
			big := sized(record("a", 2), 2<<20) // needs new space
			errs := make([]error, 8)
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() {
					r := big
					r.Run, r.Answer = fmt.Sprint("r-", i), i%2 == 0
					r.Sequence = 1
					errs[i] = j.Append(t.Context(), r)
				})
			}
			wg.Wait()
			d.Fail(c.step, 0, nil)
			for _, r := range []frames.Record{record("a", 2), answer("a", 2), record("b", 1)} {
				errs = append(errs, j.Append(t.Context(), r))
			}
			for i, err := range errs {
				if err != file.ErrLost {
					t.Errorf("append %d: %v", i, err)
				}
			}
			syncs := d.Count("sync")
			has(t, j, record("a", 1)) // what was acknowledged can be read
			shut(t, j)
			if d.Count("sync") != syncs {
				t.Error("synced again")
			}
			got := records(t, open(t, dir, nil))
			if len(got) == 0 || got[0].Run != "a" || got[0].Sequence != 1 {
				t.Error("what was acknowledged is gone")
			}
		})
	}
}

// TestAShortWriteIsCut: the disk was full in the middle after all.
func TestAShortWriteIsCut(t *testing.T) {
	dir, d := scratch(t), &segmenttest.Disk{}
	j := open(t, dir, d)
	add(t, j, record("a", 1))
	d.FailShort(2, 50, syscall.ENOSPC)
	if err := j.Append(t.Context(), record("a", 2)); err != file.ErrFull {
		t.Fatal(err)
	}
	d.Fail("write", 0, nil)
	add(t, j, record("a", 2))
	has(t, j, record("a", 1), record("a", 2))
}
