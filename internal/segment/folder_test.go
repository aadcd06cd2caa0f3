package segment_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/carnet-go/carnet/internal/segment"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// TestNextMakesAFileWithRoom whose name is durable before it is given out.
func TestNextMakesAFileWithRoom(t *testing.T) {
	d := &segmenttest.Disk{}
	dir := t.TempDir()
	folder, err := segment.OpenFolder(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	f, err := folder.Next("a", 100, 1000)
	if err != nil || f.Size() != 0 || d.Count("reserve") != 1 || d.Count("sync names") != 1 {
		t.Fatalf("%v, %d reservations, %d syncs", err, d.Count("reserve"), d.Count("sync names"))
	}
	if err := errors.Join(f.Append([]byte("x")), f.Close(), folder.Remove("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is still there")
	}
	for range 2 {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := folder.Remove("a"); !errors.Is(err, segment.ErrUnknown) {
		t.Errorf("closed: %v", err)
	}
	if _, err := folder.Again(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed, and again: %v", err)
	}
	if _, err := (*segment.Folder)(nil).Again(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("none, and again: %v", err)
	}
	if err := (*segment.Folder)(nil).Close(); err != nil {
		t.Error(err)
	}
	if _, err := segment.OpenFolder(filepath.Join(dir, "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestNextLeavesNothing where it fails, or says that it does not know.
func TestNextLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(d *segmenttest.Disk, path string)
		want  error
		there bool
	}{
		{"no room for a name", func(d *segmenttest.Disk, _ string) { d.Fail("open", 1, syscall.ENOSPC) }, segment.ErrFull, false},
		{"no descriptors", func(d *segmenttest.Disk, _ string) { d.Fail("open", 1, syscall.EMFILE) }, syscall.EMFILE, false},
		{"no room", func(d *segmenttest.Disk, _ string) { d.Fail("reserve", 1, syscall.ENOSPC) }, segment.ErrFull, false},
		{"no lock", func(d *segmenttest.Disk, _ string) { d.Fail("lock", 1, segment.ErrLocked) }, segment.ErrLocked, false},
		{"no room, and it stays", func(d *segmenttest.Disk, _ string) {
			d.Fail("reserve", 1, syscall.ENOSPC)
			d.Fail("remove", 1, syscall.EIO)
		}, segment.ErrUnknown, true},
		{"the name is not sure", func(d *segmenttest.Disk, _ string) { d.Fail("sync names", 1, syscall.EIO) }, segment.ErrUnknown, false},
		{"somebody else's", func(_ *segmenttest.Disk, path string) { _ = os.WriteFile(path, []byte("theirs"), 0o600) }, segment.ErrReplaced, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &segmenttest.Disk{}
			dir := t.TempDir()
			path := filepath.Join(dir, "a")
			folder, err := segment.OpenFolder(dir, d)
			if err != nil {
				t.Fatal(err)
			}
			defer folder.Close()
			c.spoil(d, path)
			if _, err := folder.Next("a", 1, 1); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if _, err := os.Stat(path); (err == nil) != c.there {
				t.Errorf("is it there? %v", err)
			}
		})
	}
}

// TestStop closes a file to writing for ever.
func TestStop(t *testing.T) {
	f, _ := create(t, nil)
	f.Stop()
	if err := f.Append([]byte("x")); !errors.Is(err, segment.ErrPoisoned) {
		t.Errorf("got %v", err)
	}
}
