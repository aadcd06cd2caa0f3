package peek_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/failsafe/internal/peek"
)

// journal is a file of two records, a batch each.
func journal() []byte {
	id := frames.ID{1}
	b := frames.Header(id)
	for i, run := range []string{"hire-1", "hire-2"} {
		b = frames.Commit(frames.Append(b, &frames.Record{Run: run, Sequence: 1, Sealed: []byte("sealed")}), id, uint64(i))
	}
	return b
}

func put(t *testing.T, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "frames")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestWhatIsCommitted is read, and nothing behind it; and nothing is changed.
func TestWhatIsCommitted(t *testing.T) {
	whole := journal()
	for cut, want := range map[int]int{0: 2, 1: 1, 40: 1} {
		name := put(t, whole[:len(whole)-cut])
		if err := os.Chmod(name, 0o400); err != nil {
			t.Fatal(err)
		}
		before, _ := os.Stat(name)
		records, err := peek.Read(t.Context(), name)
		if err != nil || len(records) != want || records[0].Run != "hire-1" {
			t.Errorf("without %d bytes: %d records, %v", cut, len(records), err)
		}
		if after, err := os.Stat(name); err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
			t.Error("it was changed")
		}
	}
}

// TestDamageIsLookedAtAgain: a writer may have cut off a short write meanwhile.
func TestDamageIsLookedAtAgain(t *testing.T) {
	whole := journal()
	damaged := append([]byte(nil), whole...)
	damaged[frames.HeaderSize+20] ^= 1
	name := put(t, damaged)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if _, err := peek.Read(t.Context(), name); err != frames.ErrDamaged || time.Since(began) != 200*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if _, err := peek.Read(ctx, name); err != context.Canceled {
			t.Errorf("cancelled: %v", err)
		}
		time.AfterFunc(150*time.Millisecond, func() { _ = os.WriteFile(name, whole, 0o600) })
		if records, err := peek.Read(t.Context(), name); err != nil || len(records) != 2 {
			t.Errorf("%d records, %v", len(records), err)
		}
		synctest.Wait()
	})
}

func TestNoJournal(t *testing.T) {
	other := []byte("carnet journal 2\n                ")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		file string
		ctx  context.Context
		want error
	}{
		"none":            {filepath.Join(t.TempDir(), "frames"), t.Context(), peek.ErrNone},
		"a folder":        {t.TempDir(), t.Context(), peek.ErrNone},
		"another version": {put(t, other), t.Context(), frames.ErrVersion},
		"something else":  {put(t, []byte("name,salary\n")), t.Context(), frames.ErrDamaged},
		"whoever leaves":  {put(t, journal()), gone, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := peek.Read(c.ctx, c.file); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
