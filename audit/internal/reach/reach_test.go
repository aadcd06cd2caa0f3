package reach_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines are what a writer writes: n leaves from first on, a commit line behind every
// third and the last.
func lines(first, n int64) string {
	var b strings.Builder
	for i := first; i < first+n; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
		if i%3 == 0 || i == first+n-1 {
			b.Write(tree.AppendCommit(nil, i+1, tlog.Hash{}))
		}
	}
	return b.String()
}

// files is a log of segments that begin with these lines, and its extent.
func files(firsts ...int64) (fstest.MapFS, *reach.Extent) {
	fsys := fstest.MapFS{}
	end := firsts[len(firsts)-1]
	for i, first := range firsts[:len(firsts)-1] {
		fsys[reach.Path(first)] = &fstest.MapFile{Data: []byte(lines(first, firsts[i+1]-first))}
	}
	parts, err := reach.List(fsys)
	if err != nil {
		panic(err)
	}
	return fsys, reach.New(fsys, parts, end)
}

// TestACursorCrossesSegments: each line once, in order, wherever it begins.
func TestACursorCrossesSegments(t *testing.T) {
	_, x := files(0, 10, 11, 9000, 9100)
	for _, from := range []int64{-1, 0, 1, 9, 10, 11, 12, 8192, 8999, 9000, 9099, 4096, 4097} {
		c := x.From(from)
		next := max(from, 0)
		for {
			line, err := c.Next(t.Context())
			if err == io.EOF {
				break
			}
			if err != nil || line.Index != next || string(line.Text) != fmt.Sprint("line ", next) {
				t.Fatalf("from %d: %d %q, %v; want %d", from, line.Index, line.Text, err, next)
			}
			next++
		}
		if c.Close(); next != 9100 || c.Index() != 9100 {
			t.Errorf("from %d: ended before %d", from, next)
		}
	}
	c := x.From(3)
	defer c.Close()
	c.Skip(9000)
	if line, err := c.Next(t.Context()); err != nil || line.Index != 9000 {
		t.Errorf("%+v, %v", line, err)
	}
}

// TestACursorWaits until more is durable, and sees nothing before; a turn to a new
// segment is nothing to it.
func TestACursorWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys, x := files(0, 4)
		whole := lines(0, 4)
		fsys[reach.Path(0)].Data = []byte(whole + "line 4\n" + string(tree.AppendCommit(nil, 5, tlog.Hash{})) + "line")
		fsys[reach.Path(5)] = &fstest.MapFile{Data: []byte(lines(5, 2))}
		got := make(chan string)
		go func() {
			c := x.From(3)
			defer c.Close()
			defer close(got)
			for {
				line, err := c.Next(t.Context())
				if err == io.EOF {
					err = c.Wait(t.Context())
				}
				if err == io.EOF {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if line.Text != nil {
					got <- string(line.Text)
				}
			}
		}()
		want := func(text string) {
			t.Helper()
			if line := <-got; line != text {
				t.Errorf("%q, want %q", line, text)
			}
		}
		quiet := func() {
			t.Helper()
			synctest.Wait()
			select {
			case line := <-got:
				t.Errorf("%q came early", line)
			default:
			}
		}
		want("line 3")
		quiet()
		x.Grow(5, int64(len(whole)+len("line 4\n"))+int64(len(tree.AppendCommit(nil, 5, tlog.Hash{}))))
		want("line 4")
		quiet()
		x.Turn(7, int64(len(lines(5, 2))), carry.Times{})
		want("line 5")
		want("line 6")
		quiet()
		x.End()
		if line, ok := <-got; ok {
			t.Errorf("%q after the end", line)
		}
	})
}

// TestWhatIsNotKept is an error of its own, also when it goes while a cursor is there.
func TestWhatIsNotKept(t *testing.T) {
	fsys, x := files(0, 10, 20, 30)
	early := x.From(10)
	defer early.Close()
	x.Drop(20)
	for _, from := range []int64{0, 19} {
		if _, err := x.From(from).Next(t.Context()); err != reach.ErrNotKept {
			t.Errorf("from %d: %v", from, err)
		}
	}
	if _, err := early.Next(t.Context()); err != reach.ErrNotKept {
		t.Errorf("got %v", err)
	}
	if x.Kept() != 20 || len(x.Parts()) != 1 {
		t.Error("nothing was dropped")
	}
	delete(fsys, reach.Path(20))
	if _, err := x.From(20).Next(t.Context()); err == nil || err == reach.ErrNotKept || strings.Contains(err.Error(), "seg") {
		t.Errorf("a file that vanished: %v", err)
	}
}

// TestWhatWasTakenAwayIsAnError: a file that is shorter than what was durable, and a line
// without end.
func TestWhatWasTakenAwayIsAnError(t *testing.T) {
	for name, data := range map[string]string{"short": lines(0, 3), "endless": strings.Repeat("x", 4*reach.MaxLine), "empty": ""} {
		fsys, x := files(0, 5)
		fsys[reach.Path(0)].Data = []byte(data)
		if name == "endless" {
			x.Grow(5, int64(len(data)))
		}
		c := x.From(0)
		var err error
		for err == nil {
			_, err = c.Next(t.Context())
		}
		if err == io.EOF {
			t.Errorf("%s: read as if it were whole", name)
		}
		c.Close()
	}
}

// readable is a file as a cursor wants it.
type readable interface {
	fs.File
	io.ReaderAt
}

// hung is a log on a disk that hangs: when a file is opened, or when it is read.
type hung struct {
	fs.FS
	hang   chan struct{}
	opened bool
}

func (h hung) Open(name string) (fs.File, error) {
	if !h.opened {
		<-h.hang
	}
	f, err := h.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return stuck{f.(readable), h.hang}, nil
}

type stuck struct {
	readable
	hang chan struct{}
}

func (s stuck) ReadAt(p []byte, offset int64) (int, error) {
	<-s.hang
	return s.readable.ReadAt(p, offset)
}

// TestADiskThatHangsHoldsFewGoroutines, however many read: nobody waits longer than its
// context says.
func TestADiskThatHangsHoldsFewGoroutines(t *testing.T) {
	for _, opened := range []bool{false, true} {
		fsys, _ := files(0, 10)
		hang := make(chan struct{})
		parts, err := reach.List(fsys)
		if err != nil {
			t.Fatal(err)
		}
		x := reach.New(hung{fsys, hang, opened}, parts, 10)
		before := runtime.NumGoroutine()
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			c := x.From(0)
			if _, err := c.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			cancel()
			c.Close()
			if _, err := c.Next(t.Context()); err == nil {
				t.Error("a cursor that is closed goes on")
			}
		}
		if n := runtime.NumGoroutine() - before; n > 10 {
			t.Errorf("%d goroutines more", n)
		}
		close(hang)
	}
}

// TestList takes segments and nothing else.
func TestList(t *testing.T) {
	good := fstest.MapFS{reach.Path(0): {}, reach.Path(12): {Data: []byte("abc")}}
	parts, err := reach.List(good)
	if err != nil || len(parts) != 2 || parts[1].First != 12 || parts[1].Bytes != 3 {
		t.Errorf("%+v, %v", parts, err)
	}
	for _, name := range []string{"seg/1.jsonl", "seg/00000000000000000001", "seg/-0000000000000000001.jsonl", "seg/99999999999999999999.jsonl", "seg/x/y"} {
		bad := fstest.MapFS{reach.Path(0): {}, name: {}}
		if _, err := reach.List(bad); err == nil || strings.Contains(err.Error(), "seg/") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, none := range []fstest.MapFS{{}, {"seg": {Mode: fs.ModeDir}}} {
		if _, err := reach.List(none); err == nil {
			t.Error("no segments, and no error")
		}
	}
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "seg"), 0o700), os.Mkdir(filepath.Join(dir, filepath.FromSlash(reach.Path(0))), 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := reach.List(os.DirFS(dir)); err == nil {
		t.Error("a folder is a segment")
	}
}

// TestSigned wakes whoever waits, and tells when nothing comes any more.
func TestSigned(t *testing.T) {
	var s reach.Signed
	if c, changed := s.Get(); c.Size != 0 || changed == nil || s.Covers(1) {
		t.Error("a zero Signed has something")
	}
	_, changed := s.Get()
	s.Set(key.Checkpoint{Size: 3})
	<-changed
	if c, _ := s.Get(); c.Size != 3 || !s.Covers(3) || s.Covers(4) {
		t.Errorf("%+v", c)
	}
	_, changed = s.Get()
	s.End()
	<-changed
	if c, changed := s.Get(); c.Size != 3 || changed != nil {
		t.Errorf("%+v, %v", c, changed)
	}
}
