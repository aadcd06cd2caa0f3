package audit_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/internal/segment"
)

const origin = "acme.example/hr/a"

func TestMain(m *testing.M) {
	if dir := os.Getenv("CARNET_AUDIT_CHILD"); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// scratch is a folder in memory where there is one, because most tests are not about
// how fast a disk syncs. Benchmarks get a real disk.
func scratch(t testing.TB) string {
	t.Helper()
	if _, ok := t.(*testing.B); ok {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "audit")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// create makes a log in a folder of its own.
func create(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(scratch(t), "audit")
	if err := audit.Create(t.Context(), dir, origin, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, dir string) *audit.Log { return openOn(t, dir, nil) }

func openOn(t testing.TB, dir string, d segment.Disk) *audit.Log {
	t.Helper()
	l, err := audit.OpenOn(t.Context(), dir, nil, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}

func shut(t testing.TB, l *audit.Log) {
	t.Helper()
	if err := l.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// reopens opens and closes a log; the error is Open's.
func reopens(t testing.TB, dir string) (audit.Recovery, error) {
	t.Helper()
	l, err := audit.Open(t.Context(), dir, nil)
	if err != nil {
		return audit.Recovery{}, err
	}
	r := l.Recovery()
	shut(t, l)
	return r, nil
}

func add(t testing.TB, l *audit.Log, e audit.Event) audit.Receipt {
	t.Helper()
	r, err := l.Append(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func answer() audit.Event {
	return audit.Event{Action: "crm.contact.read", System: "crm", Grant: "g-1", Use: 1, Outcome: audit.OutcomeSuccess}
}

func grant(id string) audit.Event {
	return audit.Event{Action: "crm.contact.read", System: "crm", Grant: id, Decision: "allowed"}
}

func segmentOf(dir string) string {
	return filepath.Join(dir, "seg", "00000000000000000000.jsonl")
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// lines are the event lines of a segment.
func lines(b []byte) [][]byte {
	var list [][]byte
	for line := range bytes.Lines(b) {
		if !bytes.HasPrefix(line, []byte(`{"commit":`)) {
			list = append(list, bytes.TrimSuffix(line, []byte("\n")))
		}
	}
	return list
}

// holds says whether a log on the disk has what a receipt says.
func holds(t testing.TB, dir string, r audit.Receipt) bool {
	t.Helper()
	list := lines(read(t, segmentOf(dir)))
	return r.Index < int64(len(list)) && tlog.RecordHash(list[r.Index]) == tlog.Hash(r.Leaf)
}

// clone copies a log with its keys into a folder of its own.
func clone(t testing.TB, dir string) string {
	t.Helper()
	to := scratch(t)
	copyTree(t, filepath.Dir(dir), to)
	return filepath.Join(to, filepath.Base(dir))
}

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if e.IsDir() {
			if err := os.Mkdir(target, 0o700); !errors.Is(err, fs.ErrExist) {
				return err
			}
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, fi.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}
