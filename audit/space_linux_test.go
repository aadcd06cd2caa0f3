package audit_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// blockSlack is what a file may take beyond its bytes.
const blockSlack = 64 << 10

// space is how many bytes a file takes on the disk beyond those that it has.
func space(t testing.TB, path string) int64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks*512 - st.Size
}

// reserve takes a megabyte behind the end of a file, as a log does.
func reserve(t testing.TB, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	const keepSize = 1
	if err := syscall.Fallocate(int(f.Fd()), keepSize, fi.Size(), 1<<20); err != nil {
		t.Fatal(err)
	}
	if space(t, path) < 1<<20 {
		t.Fatalf("%d bytes are reserved", space(t, path))
	}
}

// closed are a log's segments that are not the newest.
func closed(t testing.TB, dir string) (paths []string) {
	t.Helper()
	names := segments(t, dir)
	for _, name := range names[:len(names)-1] {
		paths = append(paths, filepath.Join(dir, "seg", name))
	}
	return paths
}

// TestAClosedSegmentTakesItsBytes, and no more: what was reserved for more lines is given back
// when there will be none. The newest keeps it, for what ends on a disk that is full by then.
func TestAClosedSegmentTakesItsBytes(t *testing.T) {
	dir, l := long(t, 5)
	names := segments(t, dir)
	newest := filepath.Join(dir, "seg", names[len(names)-1])
	reserve(t, newest)
	for _, path := range closed(t, dir) {
		if more := space(t, path); more > blockSlack {
			t.Errorf("%s takes %d bytes more than it has", filepath.Base(path), more)
		}
	}
	shut(t, l)
	if more := space(t, newest); more < 1<<20 {
		t.Errorf("the newest keeps %d bytes", more)
	}
}

// TestWhatACrashLeftReservedIsGivenBack, and not a byte of what was written; a disk that fails
// there leaves it, and the log opens.
func TestWhatACrashLeftReservedIsGivenBack(t *testing.T) {
	dir, l := long(t, 4)
	shut(t, l)
	old := closed(t, dir)
	last := old[len(old)-1]
	whole := read(t, last)
	reserve(t, last)
	d := &segmenttest.Disk{}
	d.Fail("truncate", 1, syscall.EIO)
	shut(t, openWith(t, dir, small, d))
	if space(t, last) < 1<<20 {
		t.Error("nothing failed")
	}
	shut(t, openWith(t, dir, small, nil))
	if more := space(t, last); more > blockSlack {
		t.Errorf("it still takes %d bytes more than it has", more)
	}
	if string(read(t, last)) != string(whole) {
		t.Error("its bytes are others")
	}
	wellFormed(t, dir)
}
