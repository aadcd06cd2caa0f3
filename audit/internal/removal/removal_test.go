package removal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/removal"
	"github.com/carnet-go/carnet/internal/segment"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// five is a folder of five segments, of ten lines each.
func five(t *testing.T) (dir string, d *segmenttest.Disk, x *reach.Extent, f *segment.Folder) {
	t.Helper()
	dir, d = t.TempDir(), &segmenttest.Disk{}
	var parts []reach.Part
	for i := range int64(5) {
		parts = append(parts, reach.Part{First: 10 * i})
		if err := os.WriteFile(filepath.Join(dir, reach.Name(10*i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := segment.OpenFolder(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return dir, d, reach.New(os.DirFS(dir), parts, 50), f
}

func left(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestWhatFailedIsRemovedBeforeWhatComesNext, so that there is never a gap; and through a
// descriptor of its own, so that what failed is told to whoever writes segments as well.
func TestWhatFailedIsRemovedBeforeWhatComesNext(t *testing.T) {
	dir, d, x, f := five(t)
	r := removal.New(x, f)
	for _, step := range []string{"remove", "sync names", "folder"} {
		d.Fail(step, 1, syscall.EIO)
		if err := r.Remove(10); err == nil || !r.Owes() || x.Kept() != 10 {
			t.Errorf("%s: %v, owes %t, from line %d", step, err, r.Owes(), x.Kept())
		}
		d.Fail(step, 0, nil)
	}
	if names := left(t, dir); !slices.Contains(names, reach.Name(10)) {
		t.Errorf("there is a gap: %v", names)
	}
	d.Fail("remove", d.Count("remove")+2, syscall.EIO)
	if err := r.Remove(20); err == nil || !slices.Equal(left(t, dir), []string{reach.Name(10), reach.Name(20), reach.Name(30), reach.Name(40)}) {
		t.Errorf("%v: the oldest is not the first: %v", err, left(t, dir))
	}
	d.Fail("remove", 0, nil)
	opened := d.Count("folder")
	if err := r.Remove(50); err != nil || r.Owes() || !slices.Equal(left(t, dir), []string{reach.Name(30), reach.Name(40)}) {
		t.Errorf("%v: %v", err, left(t, dir))
	}
	if d.Count("folder") != opened+1 {
		t.Error("through the descriptor of others")
	}
	if err := r.Remove(50); err != nil || d.Count("folder") != opened+1 {
		t.Errorf("nothing to do: %v", err)
	}
}

// TestOneAtATime, and nobody waits longer than his context, whatever the disk does.
func TestOneAtATime(t *testing.T) {
	dir, d, x, f := five(t)
	hang, begun := make(chan bool), make(chan bool)
	d.Hook = func(step string) error {
		if step == "remove" {
			begun <- true
			<-hang
		}
		return nil
	}
	r := removal.New(x, f)
	if err := r.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Finish(ctx, 10) }()
	<-begun
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Errorf("Finish: %v", err)
	}
	for range 3 {
		if err := r.Enter(ctx); err != context.Canceled {
			t.Fatalf("somebody else is in: %v", err)
		}
	}
	close(hang)
	if err := r.Enter(t.Context()); err != nil || r.Owes() || !slices.Equal(left(t, dir), []string{reach.Name(10), reach.Name(20), reach.Name(30), reach.Name(40)}) {
		t.Errorf("%v: %v", err, left(t, dir))
	}
	r.Leave()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove(20); err == nil || errors.Is(err, os.ErrClosed) {
		t.Errorf("with a folder that was given back: %v", err)
	}
}
