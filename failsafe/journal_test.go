package failsafe_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/failsafe/failsafetest"
)

func openJournal(t *testing.T, dir string) failsafe.Journal {
	t.Helper()
	j, err := failsafe.OpenJournal(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJournal(t *testing.T) { failsafetest.RunJournal(t, openJournal) }

// desk is a journal of a process that never ends: it is not only for files.
type desk struct {
	mu     sync.Mutex
	order  []string
	runs   map[string][]failsafe.Frame
	closed bool
}

func (d *desk) Append(ctx context.Context, f failsafe.Frame) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	run := d.runs[f.Run]
	if d.closed || ctx.Err() != nil || f.Sequence != uint64(len(run)+1) || len(run) > 0 && run[len(run)-1].Last {
		return errors.Join(failsafe.ErrJournal, ctx.Err())
	}
	if run == nil {
		d.order = append(d.order, f.Run)
	}
	f.Sealed = bytes.Clone(f.Sealed)
	d.runs[f.Run] = append(run, f)
	return nil
}

func (d *desk) Frames(ctx context.Context) iter.Seq2[failsafe.Frame, error] {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || ctx.Err() != nil {
		err := errors.Join(failsafe.ErrJournal, ctx.Err())
		return func(yield func(failsafe.Frame, error) bool) { yield(failsafe.Frame{}, err) }
	}
	var all []failsafe.Frame
	for _, run := range d.order {
		all = append(all, d.runs[run]...)
	}
	return func(yield func(failsafe.Frame, error) bool) {
		for _, f := range all {
			if f.Sealed = bytes.Clone(f.Sealed); !yield(f, nil) {
				return
			}
		}
	}
}

func (d *desk) Close(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

func TestJournalInMemory(t *testing.T) {
	desks := map[string]*desk{}
	failsafetest.RunJournal(t, func(_ *testing.T, dir string) failsafe.Journal {
		if desks[dir] == nil {
			desks[dir] = &desk{runs: map[string][]failsafe.Frame{}}
		}
		desks[dir].closed = false
		return desks[dir]
	})
}

// TestJournalErrors: what is told of a journal that does not open, and nothing is changed.
func TestJournalErrors(t *testing.T) {
	file := func(dir string) string { return filepath.Join(dir, "frames") }
	for name, c := range map[string]struct {
		spoil   func(dir string) error
		want    error
		version bool
	}{
		"in use":        {func(string) error { return nil }, failsafe.ErrOwned, false},
		"empty file":    {func(dir string) error { return os.Truncate(file(dir), 0) }, failsafe.ErrDamaged, false},
		"newer version": {func(dir string) error { return overwrite(file(dir), "carnet journal 2\n") }, failsafe.ErrDamaged, true},
		"damaged":       {func(dir string) error { return overwrite(file(dir), "another journal 1\n") }, failsafe.ErrDamaged, false},
		"a folder":      {func(dir string) error { return errors.Join(os.Remove(file(dir)), os.Mkdir(file(dir), 0o700)) }, failsafe.ErrJournal, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := openJournal(t, dir)
			if err := j.Append(t.Context(), failsafe.Frame{Run: "a", Sequence: 1}); err != nil {
				t.Fatal(err)
			}
			if c.want != failsafe.ErrOwned {
				if err := j.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.spoil(dir); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(file(dir))
			_, err := failsafe.OpenJournal(t.Context(), dir)
			if !errors.Is(err, c.want) || strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "version") != c.version {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if after, _ := os.ReadFile(file(dir)); !bytes.Equal(after, before) {
				t.Error("it was changed")
			}
			if err := j.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := failsafe.OpenJournal(gone, t.TempDir()); err != context.Canceled {
		t.Errorf("of a context that has ended: %v", err)
	}
}

func overwrite(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// TestJournalThatWasTakenAway refuses for ever, and says why.
func TestJournalThatWasTakenAway(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	if err := os.Rename(filepath.Join(dir, "frames"), filepath.Join(dir, "away")); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("nobody can rename a file that is open")
		}
		t.Fatal(err)
	}
	for i := range 2 {
		err := j.Append(t.Context(), failsafe.Frame{Run: "a", Sequence: 1, Answer: i > 0})
		if !errors.Is(err, failsafe.ErrJournal) || !strings.Contains(err.Error(), "somebody else") {
			t.Errorf("got %v", err)
		}
		_ = os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, "frames"))
	}
	if err := j.Append(t.Context(), failsafe.Frame{Run: "a", Sequence: 1, Sealed: make([]byte, 9<<20)}); !errors.Is(err, failsafe.ErrJournal) || !strings.Contains(err.Error(), "large") {
		t.Errorf("got %v", err)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
