package file_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/file"
	"github.com/carnet-go/carnet/failsafe/internal/frames"
)

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
