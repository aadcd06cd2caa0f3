package file_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
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

// TestSomebodyElseIsNoticed: whatever is done to the file, nothing is acknowledged after
// it, also when it is undone.
func TestSomebodyElseIsNoticed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nobody can rename or remove a file that is open")
	}
	for name, do := range map[string]func(path string) error{
		"removed": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+"-away") },
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"cut":     func(path string) error { return os.Truncate(path, 100) },
		"longer":  func(path string) error { return os.Truncate(path, 1<<20) },
		"replaced": func(path string) error {
			return errors.Join(copyFile(path, path+"-copy"), os.Rename(path+"-copy", path))
		},
		"written": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("x")
			return errors.Join(err, f.Close())
		},
		"folder moved":   func(path string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+"-away") },
		"folder removed": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(scratch(t), "journal")
			j := open(t, dir, nil)
			add(t, j, record("a", 1))
			whole := read(t, framesOf(dir))
			if err := do(framesOf(dir)); err != nil {
				t.Fatal(err)
			}
			if err := j.Append(t.Context(), answer("a", 2)); err != file.ErrLost {
				t.Errorf("got %v", err)
			}
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, framesOf(dir), whole)
			if err := j.Append(t.Context(), answer("a", 2)); err != file.ErrLost {
				t.Errorf("when it was undone: %v", err)
			}
			if got := read(t, framesOf(dir)); !bytes.Equal(got, whole) {
				t.Error("it was written")
			}
		})
	}
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// TestRecordsAreAllOrAnError: a file that was changed behind its reader is no shorter
// journal, also where it looks like one that a crash has torn.
func TestRecordsAreAllOrAnError(t *testing.T) {
	for name, do := range map[string]func(path string) error{
		"cut": func(path string) error { return os.Truncate(path, 700) },
		"a block of zeros": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt(make([]byte, 512), 1024)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := scratch(t)
			j := open(t, dir, nil)
			add(t, j, record("a", 1), sized(record("a", 2), 3000))
			if err := do(framesOf(dir)); err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, err := range j.Records(t.Context()) {
				if n++; err != file.ErrDamaged {
					t.Errorf("got %v", err)
				}
			}
			if n != 1 {
				t.Errorf("%d times", n)
			}
		})
	}
}

// TestOneOwner: another part of this process is as strange as another process, also when
// somebody removed the lock.
func TestOneOwner(t *testing.T) {
	dir := scratch(t)
	j := open(t, dir, nil)
	add(t, j, record("a", 1))
	refuses(t, dir, file.ErrOwned)
	if runtime.GOOS != "windows" { // where nobody can
		if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
			t.Fatal(err)
		}
		refuses(t, dir, file.ErrOwned)
	}
	add(t, j, record("a", 2))
	shut(t, j)
	k := open(t, dir, nil)
	has(t, k, record("a", 1), record("a", 2))
	if err := j.Append(t.Context(), record("a", 3)); err != file.ErrClosed {
		t.Errorf("of who had it: %v", err)
	}
}

// TestPlaces: what does not come next in its run is refused, whoever comes first.
func TestPlaces(t *testing.T) {
	dir := scratch(t)
	j := open(t, dir, nil)
	add(t, j, record("a", 1), record("a", 2), record("b", 1), last("b", 2))
	for range 2 {
		for _, r := range []frames.Record{
			record("a", 0), record("a", 1), record("a", 2), record("a", 4), record("b", 1), record("b", 2), record("b", 3), last("b", 3),
			record("c", 0), record("c", 2), last("c", 2),
		} {
			if err := j.Append(t.Context(), r); err != file.ErrPlace {
				t.Errorf("record %d of %s: %v", r.Sequence, r.Run, err)
			}
		}
		shut(t, j)
		j = open(t, dir, nil)
	}
	has(t, j, record("a", 1), record("a", 2), last("b", 2))
	add(t, j, record("a", 3))
	if err := j.Append(t.Context(), sized(record("a", 4), file.MostBatch)); err != file.ErrTooLong {
		t.Errorf("got %v", err)
	}
}

// TestModes: nobody else reads it, and folders that are made are his alone.
func TestModes(t *testing.T) {
	above := filepath.Join(scratch(t), "a", "b")
	dir := filepath.Join(above, "journal")
	shut(t, open(t, dir, nil))
	for _, path := range []string{filepath.Dir(above), above, dir} {
		mode(t, path, 0o700)
	}
	mode(t, framesOf(dir), 0o600)
	mode(t, filepath.Join(dir, "lock"), 0o600)
}

// TestNoRegularFile: a link, a folder or a file where something else belongs.
func TestNoRegularFile(t *testing.T) {
	other := scratch(t)
	shut(t, open(t, other, nil))
	for name, make := range map[string]func(dir string) error{
		"a link to another journal": func(dir string) error { return os.Symlink(framesOf(other), framesOf(dir)) },
		"a link to nothing":         func(dir string) error { return os.Symlink(filepath.Join(dir, "none"), framesOf(dir)) },
		"a folder":                  func(dir string) error { return os.Mkdir(framesOf(dir), 0o700) },
		"a lock that is a link":     func(dir string) error { return os.Symlink(filepath.Join(dir, "none"), filepath.Join(dir, "lock")) },
		"a file for the folder":     func(dir string) error { return errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600)) },
		"a file above": func(dir string) error {
			return errors.Join(os.Remove(dir), os.WriteFile(filepath.Dir(dir)+"/file", nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(scratch(t), "journal")
			if err := errors.Join(os.Mkdir(dir, 0o700), make(dir)); err != nil {
				if runtime.GOOS == "windows" {
					t.Skip("not everybody may make links")
				}
				t.Fatal(err)
			}
			if name == "a file above" {
				dir = filepath.Join(filepath.Dir(dir), "file", "journal")
			}
			refuses(t, dir, file.ErrFolder)
			if _, err := os.Lstat(filepath.Join(dir, "none")); err == nil {
				t.Error("a link was followed")
			}
		})
	}
	has(t, open(t, other, nil))
}

// TestReadersAndClose: whoever reads while it closes has all of it, or is refused.
func TestReadersAndClose(t *testing.T) {
	for range 20 {
		j := open(t, scratch(t), nil)
		add(t, j, record("a", 1), record("a", 2))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
				n := 0
				for _, err := range j.Records(context.Background()) {
					if n++; err != nil && err != file.ErrClosed {
						t.Error(err)
					}
					if err != nil {
						return
					}
				}
				if n != 2 {
					t.Errorf("%d records", n)
				}
			})
			wg.Go(func() {
				time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
				if err := j.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

// TestEndedContextsReadNothing, also in the middle.
func TestEndedContextsReadNothing(t *testing.T) {
	dir := scratch(t)
	j := open(t, dir, nil)
	add(t, j, record("a", 1), record("a", 2))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{gone, &soon{Context: t.Context(), left: 2}} {
		for _, err := range j.Records(ctx) {
			if err != context.Canceled {
				t.Error(err)
			}
		}
	}
	shut(t, j)
	for left := range 3 {
		if k, err := file.Open(&soon{Context: t.Context(), left: left}, dir); err != context.Canceled {
			t.Errorf("Open: %v, %v", k, err)
		}
	}
}

// soon is a context that has ended after it was asked some times.
type soon struct {
	context.Context
	left int
}

func (s *soon) Err() error {
	if s.left--; s.left < 0 {
		return context.Canceled
	}
	return nil
}
