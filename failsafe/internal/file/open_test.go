package file_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/carnet-go/carnet/failsafe/internal/file"
	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// grown is a journal that is mostly of runs that have ended, and what stays of it.
func grown(t *testing.T) (dir string, stays []frames.Record) {
	t.Helper()
	dir = scratch(t)
	j := open(t, dir, nil)
	add(t, j, record("first", 1))
	for i := range 5 {
		run := fmt.Sprint("ended-", i)
		add(t, j, sized(record(run, 1), 1<<20), last(run, 2))
	}
	add(t, j, sized(record("goes-on", 1), 1<<20), record("goes-on", 2), record("first", 2))
	shut(t, j)
	stays = []frames.Record{record("first", 1), record("first", 2)}
	for i := range 5 {
		stays = append(stays, last(fmt.Sprint("ended-", i), 2))
	}
	return dir, append(stays, sized(record("goes-on", 1), 1<<20), record("goes-on", 2))
}

// clone copies a journal.
func clone(t testing.TB, dir string) string {
	t.Helper()
	to := scratch(t)
	if err := copyFile(framesOf(dir), framesOf(to)); err != nil {
		t.Fatal(err)
	}
	return to
}

func size(t testing.TB, dir string) int64 {
	t.Helper()
	fi, err := os.Stat(framesOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	return fi.Size()
}

// TestWhatHasEndedGoes, but for the last record, so that an id is never used again.
func TestWhatHasEndedGoes(t *testing.T) {
	dir, stays := grown(t)
	before := size(t, dir)
	j := open(t, dir, nil)
	if after := size(t, dir); after > before/3 {
		t.Errorf("%d bytes of %d are left", after, before)
	}
	mode(t, framesOf(dir), 0o600)
	for range 2 {
		has(t, j, stays...)
		for _, r := range []frames.Record{record("ended-3", 1), record("ended-3", 2), record("ended-3", 3), record("goes-on", 1), record("first", 2)} {
			if err := j.Append(t.Context(), r); err != file.ErrPlace {
				t.Errorf("record %d of %s: %v", r.Sequence, r.Run, err)
			}
		}
		shut(t, j)
		j = open(t, dir, nil)
	}
	add(t, j, record("goes-on", 3), record("new", 1))
	shut(t, j)
	has(t, open(t, dir, nil), append(stays, record("goes-on", 3), record("new", 1))...)
}

// TestWhatGoesOnStays: a journal of runs that go on is not written anew, and neither is a
// small one.
func TestWhatGoesOnStays(t *testing.T) {
	dir := scratch(t)
	j := open(t, dir, nil)
	for i := range 5 {
		add(t, j, sized(record(fmt.Sprint("run-", i), 1), 1<<20))
	}
	shut(t, j)
	before, err := os.Stat(framesOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	shut(t, open(t, dir, nil))
	if after, err := os.Stat(framesOf(dir)); err != nil || !os.SameFile(before, after) {
		t.Error("it was written anew", err)
	}
}

// TestACrashInTheMiddleOfWritingAnew leaves the old file or the new one, whatever of a
// temporary one beside it, and whichever of the two a power cut left under the name.
func TestACrashInTheMiddleOfWritingAnew(t *testing.T) {
	dir, stays := grown(t)
	old := read(t, framesOf(dir))
	anew := clone(t, dir)
	shut(t, open(t, anew, nil))
	young := read(t, framesOf(anew))
	for name, c := range map[string]struct{ named, temp []byte }{
		"before anything was written": {old, []byte{}},
		"in the middle":               {old, young[:len(young)/2]},
		"before the rename":           {old, young},
		"after it":                    {young, nil},
		"another time":                {young, young[:7]},
	} {
		t.Run(name, func(t *testing.T) {
			dir := scratch(t)
			write(t, framesOf(dir), c.named)
			temp := filepath.Join(dir, ".atomicfile-1")
			if c.temp != nil {
				write(t, temp, c.temp)
			}
			j := open(t, dir, nil)
			has(t, j, stays...)
			add(t, j, record("first", 3))
			if _, err := os.Lstat(temp); !errors.Is(err, fs.ErrNotExist) {
				t.Error("a temporary file stays", err)
			}
		})
	}
}

// TestWhereItCannotBeWrittenAnew it goes on with the old file, but not where nobody knows
// which of the two has the name.
func TestWhereItCannotBeWrittenAnew(t *testing.T) {
	dir, stays := grown(t)
	full := func(string, []byte, fs.FileMode) error { return syscall.ENOSPC }
	halfway := func(path string, b []byte, mode fs.FileMode) error {
		return errors.Join(atomicfile.Write(path, b, mode), syscall.EIO)
	}
	gone := func(path string, _ []byte, _ fs.FileMode) error { return os.Remove(path) }
	before := size(t, dir)
	j, err := file.OpenOn(t.Context(), dir, nil, full)
	if err != nil || size(t, dir) != before {
		t.Fatal("on a full disk:", err)
	}
	has(t, j, stays...)
	add(t, j, record("goes-on", 3))
	shut(t, j)
	stays = append(stays, record("goes-on", 3))
	if _, err := file.OpenOn(t.Context(), clone(t, dir), nil, gone); err != file.ErrFolder {
		t.Errorf("when somebody removed it: %v", err)
	}
	if _, err := file.OpenOn(t.Context(), dir, nil, halfway); err != file.ErrFolder {
		t.Errorf("when the name is not durable: %v", err)
	}
	has(t, open(t, dir, nil), stays...)
	if _, err := file.OpenOn(t.Context(), scratch(t), nil, full); err != file.ErrFolder {
		t.Errorf("a new one: %v", err)
	}
}

// TestACrashInTheMiddleOfMaking leaves a folder, with a lock or a temporary file.
func TestACrashInTheMiddleOfMaking(t *testing.T) {
	for _, left := range [][]string{nil, {"lock"}, {"lock", ".atomicfile-1"}} {
		dir := scratch(t)
		for _, name := range left {
			write(t, filepath.Join(dir, name), nil)
		}
		j := open(t, dir, nil)
		add(t, j, record("a", 1))
		has(t, j, record("a", 1))
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 {
			t.Errorf("%d names, %v", len(entries), err)
		}
	}
}

// TestDamageIsNotRepaired: nothing is changed where no crash explains what is wrong.
func TestDamageIsNotRepaired(t *testing.T) {
	dir := scratch(t)
	j := open(t, dir, nil)
	add(t, j, record("a", 1), record("a", 2), last("b", 1))
	shut(t, j)
	whole := read(t, framesOf(dir))
	var id frames.ID
	copy(id[:], whole[frames.HeaderSize-len(id):])
	behind := func(all ...frames.Record) []byte {
		b := bytes.Clone(whole)
		for i := range all {
			b = frames.Append(b, &all[i])
		}
		return frames.Commit(b, id, 3)
	}
	flip := func(at int) []byte { b := bytes.Clone(whole); b[at] ^= 1; return b }
	write(t, framesOf(dir), behind(record("a", 3)))
	shut(t, open(t, dir, nil)) // that is how it is written
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":                   {nil, file.ErrDamaged},
		"shorter than its header": {whole[:20], file.ErrDamaged},
		"of a newer version":      {[]byte(strings.Replace(string(whole), "journal 1\n", "journal 2\n", 1)), file.ErrVersion},
		"a bit of a record":       {flip(frames.HeaderSize + 60), file.ErrDamaged},
		"a bit of the last":       {flip(len(whole) - 70), file.ErrDamaged},
		"a bit of the last byte":  {flip(len(whole) - 1), file.ErrDamaged},
		"text behind it":          {append(bytes.Clone(whole), "hello, world"...), file.ErrDamaged},
		"a place twice":           {behind(record("a", 2)), file.ErrDamaged},
		"a place left out":        {behind(record("a", 4)), file.ErrDamaged},
		"one behind the last":     {behind(record("b", 2)), file.ErrDamaged},
		"another last":            {behind(last("b", 2)), file.ErrDamaged},
		"a last that leaves out":  {behind(last("a", 9)), file.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, framesOf(dir), c.b)
			refuses(t, dir, c.want)
		})
	}
}

// TestADiskThatFailsWhileItIsOpened: it does not open.
func TestADiskThatFailsWhileItIsOpened(t *testing.T) {
	dir := scratch(t)
	j := open(t, dir, nil)
	add(t, j, record("a", 1), record("a", 2))
	shut(t, j)
	whole := read(t, framesOf(dir))
	for step, want := range map[string]error{"open": file.ErrFolder, "lock": file.ErrFolder, "truncate": file.ErrLost, "sync": file.ErrLost, "rewrite": file.ErrLost} {
		write(t, framesOf(dir), append(bytes.Clone(whole), 0, 0))
		d := &segmenttest.Disk{}
		d.Fail(step, 1, syscall.EIO)
		if _, err := file.OpenOn(t.Context(), dir, d, atomicfile.Write); err != want {
			t.Errorf("%s: %v", step, err)
		}
	}
	// What a failed sync left looks as if it were on the disk: the last batch is written
	// again, and nothing else is.
	write(t, framesOf(dir), whole)
	d := &segmenttest.Disk{}
	has(t, open(t, dir, d), record("a", 1), record("a", 2))
	if d.Count("rewrite") != 1 || d.Count("write") != 0 {
		t.Errorf("%d rewrites, %d writes", d.Count("rewrite"), d.Count("write"))
	}
}

// TestEndedContextsDoNotWriteAnew: nothing is changed.
func TestEndedContextsDoNotWriteAnew(t *testing.T) {
	dir, stays := grown(t)
	before := read(t, framesOf(dir))
	for left := range 32 {
		if j, err := file.Open(&soon{Context: t.Context(), left: left}, dir); err == nil {
			shut(t, j)
			break
		} else if err.Error() != "context canceled" {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, framesOf(dir)), before) {
			t.Fatalf("after %d: it was changed", left)
		}
	}
	if size(t, dir) == int64(len(before)) {
		t.Error("it was never written anew")
	}
	has(t, open(t, dir, nil), stays...)
}
