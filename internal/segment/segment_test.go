package segment_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/carnet-go/carnet/internal/segment"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

func create(t *testing.T, d segment.Disk) (*segment.File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seg")
	f, err := segment.Create(path, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, path
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAppendGoesOnWhereItEnded(t *testing.T) {
	f, path := create(t, nil)
	for _, s := range []string{"one\n", "two\n"} {
		if err := f.Append([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := segment.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(f.Room(6, 0), f.Append([]byte("three\n"))); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != "one\ntwo\nthree\n" || f.Size() != int64(len(got)) {
		t.Errorf("%q, size %d", got, f.Size())
	}
	b := make([]byte, 3)
	if _, err := f.ReadAt(b, 4); err != nil || string(b) != "two" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestOneWriteAndOneSyncPerAppend(t *testing.T) {
	d := &segmenttest.Disk{}
	f, _ := create(t, d)
	for range 3 {
		if err := f.Append([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if w, s := d.Count("write"), d.Count("sync"); w != 3 || s != 3 {
		t.Errorf("%d writes, %d syncs", w, s)
	}
}

func TestOpenAndCreateRefuse(t *testing.T) {
	dir := t.TempDir()
	here := filepath.Join(dir, "here")
	if err := os.WriteFile(here, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := segment.Open(filepath.Join(dir, "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := segment.Create(here, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("existing: %v", err)
	}
	for _, c := range []struct {
		step string
		err  error
		want error
	}{
		{"open", &fs.PathError{Path: dir, Err: syscall.EIO}, syscall.EIO},
		{"lock", segment.ErrLocked, segment.ErrLocked},
		{"ident", errors.New("quotes " + dir), segment.ErrReplaced},
	} {
		d := &segmenttest.Disk{}
		d.Fail(c.step, 1, c.err)
		_, err := segment.Open(here, d)
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want %v without a path", c.step, err, c.want)
		}
	}
	d := &segmenttest.Disk{}
	d.Fail("open", 1, errors.New("quotes "+dir))
	if _, err := segment.Open(here, d); err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}

func TestASecondWriterIsLockedOut(t *testing.T) {
	f, path := create(t, nil)
	if _, err := segment.Open(path, nil); !errors.Is(err, segment.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	g, err := segment.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = g.Close()

	lock := filepath.Join(t.TempDir(), "LOCK")
	l, err := segment.NewLock(lock)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := segment.NewLock(lock); !errors.Is(err, segment.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	again, err := segment.NewLock(lock)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
	if _, err := segment.NewLock(filepath.Join(lock, "below")); err == nil {
		t.Error("locked what cannot be")
	}
}

// TestAShortWriteIsCutAtEveryOffset: a record that ended anywhere leaves nothing, and
// the next one is not glued to it.
func TestAShortWriteIsCutAtEveryOffset(t *testing.T) {
	record := []byte("a record of some bytes\n")
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		for n := range len(record) {
			d := &segmenttest.Disk{}
			f, path := create(t, d)
			if err := f.Append([]byte("first\n")); err != nil {
				t.Fatal(err)
			}
			d.FailShort(2, n, cause)
			if err := f.Append(record); !errors.Is(err, segment.ErrFull) {
				t.Fatalf("%d bytes: got %v, want ErrFull", n, err)
			}
			if got := content(t, path); got != "first\n" {
				t.Fatalf("%d bytes: %q is left", n, got)
			}
			d.Fail("write", 0, nil)
			if err := f.Append(record); err != nil {
				t.Fatal(err)
			}
			if got := content(t, path); got != "first\n"+string(record) {
				t.Fatalf("%d bytes: %q", n, got)
			}
		}
	}
}

func TestAFailedSyncPoisonsForEver(t *testing.T) {
	d := &segmenttest.Disk{}
	f, _ := create(t, d)
	d.Fail("sync", 2, syscall.EIO)
	if err := f.Append([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := f.Append([]byte("b")); !errors.Is(err, segment.ErrUnknown) {
		t.Fatalf("got %v, want ErrUnknown", err)
	}
	d.Fail("sync", 0, nil) // the kernel would now say that all is well
	for _, err := range []error{f.Append([]byte("c")), f.Room(1, 0), f.Cut(0), f.Renew(0)} {
		if !errors.Is(err, segment.ErrPoisoned) {
			t.Errorf("got %v, want ErrPoisoned", err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if n, w := d.Count("sync"), d.Count("write"); n != 2 || w != 2 {
		t.Errorf("%d syncs and %d writes, want 2 and 2", n, w)
	}
}

func TestWhatMayHaveReachedTheDiskIsUnknown(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(d *segmenttest.Disk)
		want  error
	}{
		{"write fails, undone", func(d *segmenttest.Disk) { d.FailShort(1, 3, syscall.EIO) }, segment.ErrPoisoned},
		{"write fails, truncate too", func(d *segmenttest.Disk) {
			d.FailShort(1, 3, syscall.ENOSPC)
			d.Fail("truncate", 1, syscall.EIO)
		}, segment.ErrUnknown},
		{"write fails, sync of the truncate too", func(d *segmenttest.Disk) {
			d.FailShort(1, 3, syscall.ENOSPC)
			d.Fail("sync", 1, syscall.EIO)
		}, segment.ErrUnknown},
		{"replaced before", func(d *segmenttest.Disk) { d.Fail("ident", 2, syscall.ENOENT) }, segment.ErrReplaced},
		{"replaced during", func(d *segmenttest.Disk) { d.Fail("ident", 3, syscall.ENOENT) }, segment.ErrUnknown},
		{"replaced while it was full", func(d *segmenttest.Disk) {
			d.FailShort(1, 3, syscall.ENOSPC)
			d.Fail("ident", 3, syscall.ENOENT)
		}, segment.ErrReplaced},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &segmenttest.Disk{}
			f, _ := create(t, d)
			c.spoil(d)
			if err := f.Append([]byte("record")); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if err := f.Append([]byte("record")); !errors.Is(err, segment.ErrPoisoned) {
				t.Errorf("later: got %v, want ErrPoisoned", err)
			}
		})
	}
}

// TestSomebodyElseIsNoticed covers rm, mv, truncate, copytruncate, a writer without a
// lock, and a folder that was replaced.
func TestSomebodyElseIsNoticed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be removed on Windows")
	}
	for name, change := range map[string]func(path string) error{
		"rm":       os.Remove,
		"mv":       func(path string) error { return os.Rename(path, path+".1") },
		"truncate": func(path string) error { return os.Truncate(path, 2) },
		"chmod":    func(path string) error { return os.Chmod(path, 0o644) },
		"copytruncate": func(path string) error {
			return errors.Join(os.WriteFile(path+".1", []byte("first"), 0o600), os.Truncate(path, 0))
		},
		"replace": func(path string) error {
			return errors.Join(os.WriteFile(path+".1", []byte("first"), 0o600), os.Rename(path+".1", path))
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
			dir := filepath.Dir(path)
			return errors.Join(os.Rename(dir, dir+".1"), os.Mkdir(dir, 0o700), os.WriteFile(path, []byte("first"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, path := create(t, nil)
			if err := f.Append([]byte("first")); err != nil {
				t.Fatal(err)
			}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if err := f.Append([]byte("second")); !errors.Is(err, segment.ErrReplaced) {
				t.Errorf("got %v, want ErrReplaced", err)
			}
			if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte("second")) {
				t.Error("it was written all the same")
			}
		})
	}
}

func TestRoomShowsAFullDiskBeforeAnythingIsWritten(t *testing.T) {
	d := &segmenttest.Disk{}
	f, path := create(t, d)
	if err := errors.Join(f.Room(100, 1000), f.Append(make([]byte, 100))); err != nil {
		t.Fatal(err)
	}
	reserved := d.Count("reserve")
	if err := f.Room(100, 1000); err != nil || d.Count("reserve") != reserved {
		t.Errorf("asked again for what was reserved: %v", err)
	}
	d.Fail("reserve", 1, syscall.ENOSPC)
	if err := f.Room(2<<20, 0); !errors.Is(err, segment.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if err := f.Room(100, 0); err != nil {
		t.Errorf("what was reserved is gone: %v", err)
	}
	if len(content(t, path)) != 100 {
		t.Error("a reservation changed the length")
	}
	d.Fail("reserve", 1, syscall.EIO)
	if err := f.Room(4<<20, 0); !errors.Is(err, segment.ErrPoisoned) {
		t.Errorf("got %v, want ErrPoisoned", err)
	}
}

func TestRoomTakesLessAheadOnANearlyFullDisk(t *testing.T) {
	d := &segmenttest.Disk{}
	first := true
	d.Hook = func(step string) error {
		if step == "reserve" && first {
			first = false
			return syscall.ENOSPC
		}
		return nil
	}
	f, _ := create(t, d)
	if err := f.Room(100, 1000); err != nil {
		t.Fatal(err)
	}
	if err := f.Room(0, 1101); err != nil || d.Count("reserve") != 2 {
		t.Errorf("%v after %d reservations", err, d.Count("reserve"))
	}
}

func TestWhereNothingCanBeReservedTheWriteFindsOut(t *testing.T) {
	d := &segmenttest.Disk{}
	d.Fail("reserve", 1, errors.ErrUnsupported)
	f, _ := create(t, d)
	if err := errors.Join(f.Room(1<<40, 0), f.Room(1<<40, 0)); err != nil || d.Count("reserve") != 1 {
		t.Fatalf("%v after %d reservations", err, d.Count("reserve"))
	}
	d.FailShort(1, 1, syscall.ENOSPC)
	if err := f.Append([]byte("ab")); !errors.Is(err, segment.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
}

func TestCutAndRenew(t *testing.T) {
	d := &segmenttest.Disk{}
	f, path := create(t, d)
	if err := errors.Join(f.Append([]byte("keep torn")), f.Cut(4), f.Renew(1), f.Renew(4), f.Append([]byte("!"))); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != "keep!" || d.Count("rewrite") != 1 {
		t.Errorf("%q after %d rewrites", got, d.Count("rewrite"))
	}
	if err := f.Cut(100); !errors.Is(err, segment.ErrReplaced) {
		t.Errorf("got %v, want ErrReplaced", err)
	}
	d.Fail("rewrite", 1, syscall.EIO)
	if err := f.Renew(0); !errors.Is(err, segment.ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
	f, path = create(t, d)
	if err := f.Append([]byte("gone")); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Renew(0); !errors.Is(err, segment.ErrPoisoned) {
		t.Errorf("got %v, want ErrPoisoned", err)
	}
	f, _ = create(t, d)
	d.Fail("truncate", 1, syscall.EIO)
	if err := f.Cut(0); !errors.Is(err, segment.ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
}

// TestTrimGivesBackWhatIsReserved, and changes no byte; of a file that somebody else has
// changed it takes nothing.
func TestTrimGivesBackWhatIsReserved(t *testing.T) {
	d := &segmenttest.Disk{}
	f, path := create(t, d)
	if err := errors.Join(f.Append([]byte("one\n")), f.Room(4, 0)); err != nil {
		t.Fatal(err)
	}
	space := func() int64 {
		id, err := segment.OS{}.Ident(path)
		if err != nil {
			t.Fatal(err)
		}
		return id.Space
	}
	if runtime.GOOS != "linux" {
		f.Trim()
		return // where nothing is reserved
	}
	d.Fail("truncate", 1, syscall.EIO)
	f.Trim()
	d.Fail("truncate", 0, nil)
	before := space()
	if f.Trim(); before < 1<<20 || space() > 128<<10 || content(t, path) != "one\n" {
		t.Errorf("from %d to %d bytes, %q", before, space(), content(t, path))
	}
	n := d.Count("truncate")
	if f.Trim(); d.Count("truncate") != n {
		t.Error("it is cut again, and has nothing to give")
	}
	if err := errors.Join(f.Room(4, 0), f.Append([]byte("two\n"))); err != nil || space() < 1<<20 {
		t.Errorf("%v, %d bytes: it does not go on", err, space())
	}
	others, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = others.WriteString("theirs\n")
	if err := errors.Join(err, others.Close()); err != nil {
		t.Fatal(err)
	}
	if f.Trim(); content(t, path) != "one\ntwo\ntheirs\n" {
		t.Errorf("what others wrote is gone: %q", content(t, path))
	}
}

func TestZeroAndClosedFilesRefuse(t *testing.T) {
	var none *segment.File
	closed, _ := create(t, nil)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*segment.File{none, {}, closed} {
		for _, err := range []error{f.Append(nil), f.Room(1, 1), f.Cut(0), f.Renew(0), f.Poisoned()} {
			if !errors.Is(err, segment.ErrPoisoned) {
				t.Errorf("got %v, want ErrPoisoned", err)
			}
		}
		if _, err := f.ReadAt(make([]byte, 1), 0); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		if f.Size() != 0 || f.Close() != nil {
			t.Error("not empty")
		}
	}
	var lock *segment.Lock
	if lock.Close() != nil {
		t.Error("a nil lock holds something")
	}
}

func TestImagesAreEverySubsetOfBlocks(t *testing.T) {
	old, p := bytes.Repeat([]byte("o"), 500), bytes.Repeat([]byte("n"), 600)
	seen := map[string]bool{}
	for image := range segmenttest.Images(old, p) {
		if !bytes.HasPrefix(image, old) {
			t.Fatal("what was synced is gone")
		}
		seen[string(image)] = true
	}
	// Blocks of 12, 512 and 76 bytes; the length decides how many of them count.
	if want := 1 + 2 + 4 + 8; len(seen) != want {
		t.Errorf("%d images, want %d", len(seen), want)
	}
	if !seen[string(old)] || !seen[string(append(old, p...))] {
		t.Error("nothing or everything is missing")
	}
}

// TestTheSystemsDiskSyncs: the other tests bring a disk of their own, which would not
// notice that the real one promises what it does not do.
func TestTheSystemsDiskSyncs(t *testing.T) {
	h, err := segment.OS{}.Open(filepath.Join(t.TempDir(), "seg"), true)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Sync(); err != nil {
		t.Error(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if h.Sync() == nil {
		t.Error("a file that is closed was synced")
	}
}
