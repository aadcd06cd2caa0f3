package crashtest_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/crashtest"
)

// q is a string as strace writes it with -xx.
func q(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, `\x%s`, hex.EncodeToString([]byte{s[i]}))
	}
	return `"` + b.String() + `"`
}

// images are what may be left at each moment of a trace, each once, as one line of text.
func images(t *testing.T, d *crashtest.Disk, trace string) (list [][]string) {
	t.Helper()
	err := crashtest.Replay(strings.NewReader(trace), "/d", d, func(crashtest.Moment) error {
		seen := map[string]bool{}
		for image := range d.Images() {
			var b []string
			for _, name := range slices.Sorted(maps.Keys(image)) {
				if image[name] == nil {
					b = append(b, name+"/")
				} else {
					b = append(b, fmt.Sprintf("%s=%q", name, image[name]))
				}
			}
			seen[strings.Join(b, " ")] = true
		}
		list = append(list, slices.Sorted(maps.Keys(seen)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestWhatMayBeLost: bytes until their file is synced, names until their folder is.
func TestWhatMayBeLost(t *testing.T) {
	open := `1 openat(AT_FDCWD, ` + q("/d/a") + `, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 3` + "\n"
	folder := `1 openat(AT_FDCWD, ` + q("/d") + `, O_RDONLY|O_CLOEXEC) = 4` + "\n"
	write := `1 write(3, ` + q("xy") + `, 2)  = 2` + "\n"
	unnamed := `1 openat(AT_FDCWD, ` + q("/d") + `, O_RDWR|O_APPEND|O_CLOEXEC|O_TMPFILE, 0600) = 3` + "\n" + write
	named := `1 linkat(AT_FDCWD, ` + q("/proc/self/fd/3") + `, AT_FDCWD, ` + q("/d/a") + `, AT_SYMLINK_FOLLOW) = 0` + "\n"
	for name, c := range map[string]struct {
		trace string
		want  []string // at the last moment
	}{
		"nothing":                     {"", []string{""}},
		"a new file":                  {open, []string{"", `a=""`}},
		"a name that was synced":      {open + folder + "1 fsync(4) = 0\n", []string{`a=""`}},
		"a sync that failed":          {open + folder + "1 fsync(4) = -1 EIO (Input/output error) (INJECTED)\n", []string{"", `a=""`}},
		"bytes":                       {open + folder + "1 fsync(4) = 0\n" + write, []string{`a=""`, `a="\x00\x00"`, `a="xy"`}},
		"bytes that were synced":      {open + write + "1 fdatasync(3) = 0\n", []string{"", `a="xy"`}},
		"and their name":              {open + write + "1 fdatasync(3) = 0\n" + folder + "1 fsync(4) = 0\n", []string{`a="xy"`}},
		"a short write":               {open + folder + "1 fsync(4) = 0\n" + strings.Replace(write, "= 2", "= 1", 1) + "1 fsync(3) = 0\n", []string{`a="x"`}},
		"a rename":                    {open + folder + "1 fsync(4) = 0\n" + `1 renameat(AT_FDCWD, ` + q("/d/a") + `, AT_FDCWD, ` + q("/d/b") + `) = 0` + "\n", []string{`a=""`, `b=""`}},
		"a new name, renamed":         {open + `1 renameat(AT_FDCWD, ` + q("/d/a") + `, AT_FDCWD, ` + q("/d/b") + `) = 0` + "\n", []string{"", `a=""`, `b=""`}},
		"a removal":                   {open + folder + "1 fsync(4) = 0\n1 unlinkat(4, " + q("a") + ", 0) = 0\n", []string{"", `a=""`}},
		"a folder, and a file there":  {`1 mkdirat(AT_FDCWD, ` + q("/d/x") + `, 0700) = 0` + "\n" + strings.Replace(open, q("/d/a"), q("/d/x/a"), 1), []string{"", "x/", `x/ x/a=""`}},
		"a truncation":                {open + write + "1 fdatasync(3) = 0\n" + folder + "1 fsync(4) = 0\n1 ftruncate(3, 1) = 0\n", []string{`a="x"`, `a="xy"`}},
		"a rewrite":                   {open + write + "1 fdatasync(3) = 0\n" + folder + "1 fsync(4) = 0\n1 pwrite64(3, " + q("z") + ", 1, 1) = 1\n", []string{`a="xy"`, `a="xz"`}},
		"an unnamed file":             {unnamed, []string{""}},
		"an unnamed file, named":      {unnamed + named, []string{"", `a=""`, `a="\x00\x00"`, `a="xy"`}},
		"and synced before":           {unnamed + "1 fdatasync(3) = 0\n" + named, []string{"", `a="xy"`}},
		"and its name":                {unnamed + "1 fdatasync(3) = 0\n" + named + folder + "1 fsync(4) = 0\n", []string{`a="xy"`}},
		"threads":                     {"1 openat(AT_FDCWD, " + q("/d/a") + ", O_RDWR|O_CREAT <unfinished ...>\n2 write(1, " + q("hi") + ", 2) = 2\n1 <... openat resumed>, 0600) = 3\n", []string{"", `a=""`}},
		"what is elsewhere":           {strings.Replace(open, q("/d/a"), q("/dd/a"), 1) + write, []string{""}},
		"a descriptor that is closed": {open + folder + "1 fsync(4) = 0\n1 close(3) = 0\n" + write, []string{`a=""`}},
	} {
		list := images(t, crashtest.NewDisk(), c.trace)
		if got := list[len(list)-1]; !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestPagesAreLostEachByItself: of three pages all eight subsets, at each length.
func TestPagesAreLostEachByItself(t *testing.T) {
	d := crashtest.NewDisk()
	d.Put("f", []byte("12345"))
	text := strings.Repeat("a", crashtest.Page-5) + strings.Repeat("b", crashtest.Page) + "c"
	list := images(t, d, `1 openat(AT_FDCWD, `+q("/d/f")+`, O_RDWR|O_APPEND) = 3`+"\n"+
		fmt.Sprintf("1 write(3, %s, %d) = %d\n1 write(1, %s, 1) = 1\n", q(text), len(text), len(text), q("!")))
	if n := len(list[0]); n != 1+2+4+8 || len(list) != 1 {
		t.Errorf("%d images at %d moments", n, len(list))
	}
}

// TestMomentsAreBeforeASync, with what the program has said until then.
func TestMomentsAreBeforeASync(t *testing.T) {
	var said []string
	trace := `1 openat(AT_FDCWD, ` + q("/d/a") + `, O_RDWR|O_CREAT) = 3` + "\n1 write(3, " + q("x") + ", 1) = 1\n1 write(1, " + q("one\n") + ", 4) = 4\n" +
		"1 fsync(3) = 0\n1 fsync(3) = 0\n1 write(1, " + q("two\n") + ", 4) = 4\n"
	err := crashtest.Replay(strings.NewReader(trace), "/d", crashtest.NewDisk(), func(m crashtest.Moment) error {
		said = append(said, m.Said+m.Call)
		return nil
	})
	if want := []string{"one\nfsync", "one\nfsync", "one\ntwo\n"}; err != nil || !slices.Equal(said, want) {
		t.Errorf("got %q, %v, want %q", said, err, want) // the name is loose at the second one
	}
}

// TestWhatIsNotUnderstoodIsAnError, so that no step is left out.
func TestWhatIsNotUnderstoodIsAnError(t *testing.T) {
	open := `1 openat(AT_FDCWD, ` + q("/d/a") + `, O_RDWR|O_CREAT) = 3` + "\n"
	for _, call := range []string{
		"1 pwritev(3, [], 1, 0) = 1\n", "1 sync_file_range(3, 0, 0, 0) = 0\n", "1 dup(3) = 4\n", "1 fallocate(3, 0, 0, 9) = 0\n",
		"1 linkat(AT_FDCWD, " + q("/d/a") + ", AT_FDCWD, " + q("/d/b") + ", 0) = 0\n", "1 truncate(" + q("/d/a") + ", 0) = 0\n",
		"1 write(3, " + q("x") + "..., 5) = 5\n", "1 write(3, " + q("x") + ", 5) = 5\n", "1 openat(AT_FDCWD, " + q("/d/none") + ", O_RDONLY) = 5\n",
		"1 renameat(AT_FDCWD, " + q("/d/none") + ", AT_FDCWD, " + q("/d/b") + ") = 0\n",
	} {
		if err := crashtest.Replay(strings.NewReader(open+call), "/d", crashtest.NewDisk(), func(crashtest.Moment) error { return nil }); err == nil {
			t.Errorf("%q is taken", call)
		}
	}
	many := open
	for range 30 {
		many += "1 write(3, " + q("x") + ", 1) = 1\n"
	}
	if err := crashtest.Replay(strings.NewReader(many+"1 fsync(3) = 0\n"), "/d", crashtest.NewDisk(), func(crashtest.Moment) error { return nil }); err == nil {
		t.Error("more than can be enumerated is taken")
	}
	if c := crashtest.Command("out", "prog", "-x"); c[0] != "strace" || c[len(c)-1] != "-x" {
		t.Errorf("got %q", c)
	}
}

func TestImagesAreWritten(t *testing.T) {
	image := crashtest.Image{"a": nil, "a/b": []byte("x"), "c": {}}
	dir := t.TempDir()
	if err := image.Write(dir); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(dir + "/a/b"); err != nil || string(b) != "x" {
		t.Errorf("got %q, %v", b, err)
	}
	if (crashtest.Image{"a": nil}).Sum() == (crashtest.Image{"a": {}}).Sum() || image.Write(dir) == nil {
		t.Error("a folder is a file")
	}
}
