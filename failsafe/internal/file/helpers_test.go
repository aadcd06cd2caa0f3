package file_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/failsafe/internal/file"
	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("CARNET_JOURNAL_CHILD"); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// scratch is a folder in memory where there is one, because most tests are not about how
// fast a disk syncs.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "journal")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func open(t testing.TB, dir string, disk segment.Disk) *file.Journal {
	t.Helper()
	j, err := file.OpenOn(t.Context(), dir, disk, atomicfile.Write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close(context.Background()) })
	return j
}

func shut(t testing.TB, j *file.Journal) {
	t.Helper()
	if err := j.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// refuses opens what must not open, and says whether nothing was changed.
func refuses(t testing.TB, dir string, want error) {
	t.Helper()
	before, _ := os.ReadFile(framesOf(dir))
	if j, err := file.Open(t.Context(), dir); !errors.Is(err, want) {
		if err == nil {
			shut(t, j)
		}
		t.Errorf("got %v, want %v", err, want)
	}
	if after, _ := os.ReadFile(framesOf(dir)); !slices.Equal(after, before) {
		t.Error("it was changed")
	}
}

func framesOf(dir string) string { return filepath.Join(dir, "frames") }

// record is the n-th of a run; what stands in it can be told from that. It is no answer.
func record(run string, n int) frames.Record {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", run, n))
	r := frames.Record{Run: run, Sequence: uint64(n), Before: sum}
	for len(r.Sealed) < 100+int(sum[0]) {
		sum = sha256.Sum256(sum[:])
		r.Sealed = append(r.Sealed, sum[:]...)
	}
	return r
}

func answer(run string, n int) frames.Record {
	r := record(run, n)
	r.Answer = true
	return r
}

func last(run string, n int) frames.Record {
	r := answer(run, n)
	r.Last = true
	return r
}

// sized is a record with that many bytes.
func sized(r frames.Record, n int) frames.Record {
	for len(r.Sealed) < n {
		r.Sealed = append(r.Sealed, r.Sealed...)
	}
	r.Sealed = r.Sealed[:n]
	return r
}

func add(t testing.TB, j *file.Journal, all ...frames.Record) {
	t.Helper()
	for _, r := range all {
		if err := j.Append(t.Context(), r); err != nil {
			t.Fatalf("record %d of %s: %v", r.Sequence, r.Run, err)
		}
	}
}

func records(t testing.TB, j *file.Journal) (all []frames.Record) {
	t.Helper()
	for r, err := range j.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func has(t testing.TB, j *file.Journal, want ...frames.Record) {
	t.Helper()
	got := records(t, j)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("record %d is %s %d, or changed; want %s %d", i, got[i].Run, got[i].Sequence, want[i].Run, want[i].Sequence)
		}
	}
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

// mode is what a name has of permissions.
func mode(t testing.TB, path string, want os.FileMode) {
	t.Helper()
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && fi.Mode().Perm() != want {
		t.Errorf("%s has %v", filepath.Base(path), fi.Mode())
	}
}
