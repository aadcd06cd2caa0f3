package cursor_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit/internal/cursor"
	"github.com/carnet-go/carnet/audit/internal/reach"
)

// bubble is synctest.Test, with a channel of its own.
func (s *site) bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	s.log.grown = nil
	synctest.Test(t, f)
	s.log.grown = nil
}

func (s *site) file() string { return filepath.Join(s.dir, "siem.cursor") }

// delivered is a site whose sink has n lines, and whose log is closed.
func delivered(t *testing.T, n int) *site {
	t.Helper()
	s := newSite(t)
	s.bubble(t, func(t *testing.T) {
		s.log.add(n)
		g := s.start(t)
		time.Sleep(time.Second)
		if !g.Drain() {
			t.Error("something is left")
		}
	})
	return s
}

// again opens the site once more and says from where it goes on.
func (s *site) again(t *testing.T) (from int64, err error) {
	t.Helper()
	from = -1
	s.bubble(t, func(t *testing.T) {
		s.sink.bend(func(_ context.Context, b []cursor.Line) (int, error) {
			if from < 0 {
				from = b[0].Index
			}
			return len(b), nil
		})
		var g cursor.Group
		if g, err = s.open(t); err != nil {
			return
		}
		if err := g.Settle(func(n cursor.Notice) error { return s.book.tell(t.Context(), n) }); err != nil {
			t.Error(err)
		}
		g.Start()
		time.Sleep(time.Minute)
		g.Drain()
	})
	return from, err
}

// TestACursorGoesOn where it was.
func TestACursorGoesOn(t *testing.T) {
	s := delivered(t, 5)
	s.log.add(2)
	if from, err := s.again(t); from != 5 || err != nil {
		t.Errorf("from %d, %v", from, err)
	}
}

// TestACrashRepeatsAndLeavesNothingOut: the cursor is at most a second old, and never
// ahead of what the sink said.
func TestACrashRepeatsAndLeavesNothingOut(t *testing.T) {
	s := newSite(t)
	var crashed []byte
	s.bubble(t, func(t *testing.T) {
		g := s.start(t)
		for range 50 {
			s.log.add(10)
			time.Sleep(150 * time.Millisecond)
		}
		crashed, _ = os.ReadFile(s.file())
		g.Drain()
	})
	if err := os.WriteFile(s.file(), crashed, 0o600); err != nil {
		t.Fatal(err)
	}
	from, err := s.again(t)
	if from < 400 || from >= 500 || err != nil {
		t.Errorf("goes on at %d of 500, %v", from, err)
	}
	s.whole(t, 500)
}

// TestACursorThatDoesNotOpenBeginsAnew: a flipped bit of each byte, a cut, and a cursor of another
// feed, log or key. It is told, and nothing is left out.
func TestACursorThatDoesNotOpenBeginsAnew(t *testing.T) {
	s := delivered(t, 5)
	good, err := os.ReadFile(s.file())
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string][]byte{"empty": {}, "long": append(bytes.Clone(good), '\n'), "two": append(bytes.Clone(good), good...)}
	for i := range good {
		bad["cut at "+string(rune('0'+i%10))] = good[:i]
		b := bytes.Clone(good)
		b[i] ^= 1 << (i % 8)
		bad[string(b)] = b
	}
	for what, change := range map[string]func(*cursor.Config){
		"another feed": func(c *cursor.Config) { c.Name = "other" },
		"another log":  func(c *cursor.Config) { c.Origin = "acme.example/b" },
		"another key":  func(c *cursor.Config) { c.Seal = func(b []byte) string { return seal(append(b, 'x')) } },
	} {
		other := newSite(t)
		other.bent = change
		other.bubble(t, func(t *testing.T) {
			other.log.add(5)
			g := other.start(t)
			time.Sleep(time.Second)
			g.Drain()
		})
		files, _ := filepath.Glob(filepath.Join(other.dir, "*.cursor"))
		bad[what], _ = os.ReadFile(files[0])
	}
	for _, b := range bad {
		if err := os.WriteFile(s.file(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s.book.all, s.book.into = nil, nil
		from, err := s.again(t)
		if n := s.book.notices(); from != 0 || err != nil || len(n) != 1 || n[0].What != cursor.Again {
			t.Fatalf("from %d, %v, told %v of a cursor\n%q", from, err, n, b)
		}
	}
}

// TestACursorBesideTheLogRefuses: the sink holds what the log has lost.
func TestACursorBesideTheLogRefuses(t *testing.T) {
	for name, change := range map[string]func(*memory){
		"ahead":           func(m *memory) { m.times = m.times[:4] },
		"another history": func(m *memory) { m.fork = "x" },
	} {
		t.Run(name, func(t *testing.T) {
			s := delivered(t, 5)
			before, _ := os.ReadFile(s.file())
			change(s.log)
			if from, err := s.again(t); from != -1 || err != cursor.ErrBeside {
				t.Errorf("from %d, %v, want %v", from, err, cursor.ErrBeside)
			}
			if after, _ := os.ReadFile(s.file()); !bytes.Equal(after, before) {
				t.Error("the cursor was changed")
			}
		})
	}
	s := delivered(t, 5)
	s.log.blind = true
	if from, err := s.again(t); from != -1 || err != reach.ErrRead {
		t.Errorf("a log that cannot be read: from %d, %v", from, err)
	}
	s.log.blind = false
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := cursor.OpenAll(ctx, s.dir, []cursor.Config{{Name: "siem", Source: s.log, Origin: "acme.example/a", Seal: seal}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestWhatRetentionTookIsTold as a gap, and the rest is delivered.
func TestWhatRetentionTookIsTold(t *testing.T) {
	s := delivered(t, 5)
	s.log.add(10)
	s.log.first = 12
	s.book.into = nil
	from, err := s.again(t)
	n := s.book.notices()
	if from != 12 || err != nil || len(n) != 1 || n[0] != (cursor.Notice{What: cursor.Gap, Feed: "siem", Reason: "retained", Count: 7}) {
		t.Errorf("from %d, %v, told %+v", from, err, n)
	}
}

// TestCursorsThatCannotBeWritten keep nobody from being delivered to.
func TestCursorsThatCannotBeWritten(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		g := s.start(t)
		if err := os.Remove(s.dir); err != nil {
			t.Fatal(err)
		}
		s.log.add(5)
		time.Sleep(3 * time.Second)
		if st := g[0].Status(); st.Failure != "cursor" || st.Next != 5 {
			t.Errorf("%+v", st)
		}
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if _, err := os.Stat(s.file()); err != nil {
			t.Error("not written when it could be")
		}
		g.Drain()
	})
}

// TestOpenAll refuses what it cannot keep apart, and clears what a crash left.
func TestOpenAll(t *testing.T) {
	s := newSite(t)
	s.dir = filepath.Join(s.dir, "sink")
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(s.dir, ".atomicfile-1")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.open(t); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("a temporary file stays")
	}
	c := cursor.Config{Name: "siem", Source: s.log, Seal: seal}
	if _, err := cursor.OpenAll(t.Context(), s.dir, []cursor.Config{c, c}); err != cursor.ErrTwice {
		t.Error(err)
	}
	if _, err := cursor.OpenAll(t.Context(), filepath.Join(s.dir, "a", "b"), []cursor.Config{c}); err != cursor.ErrFolder {
		t.Error(err)
	}
	if g, err := cursor.OpenAll(t.Context(), filepath.Join(s.dir, "a", "b"), nil); g != nil || err != nil || g.Refuses() || !g.Drain() || g.Next(7) != 7 {
		t.Error("no feeds are something")
	}
	if err := os.Mkdir(filepath.Join(s.dir, "folder.cursor"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.Name = "folder"
	if _, err := cursor.OpenAll(t.Context(), s.dir, []cursor.Config{c}); err != cursor.ErrCursor {
		t.Error(err)
	}
}
