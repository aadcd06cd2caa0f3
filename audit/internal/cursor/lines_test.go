package cursor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit/internal/cursor"
	"github.com/carnet-go/carnet/audit/internal/reach"
)

// segment is a log that is one file: lines in batches, each with its commit line. Of it so much is
// on the disk.
func segment(t *testing.T, text string, durable int) *cursor.Log {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "seg"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "seg", reach.Name(0)), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := int64(strings.Count(text[:durable], `{"api"`))
	return &cursor.Log{Of: reach.New(os.DirFS(dir), []reach.Part{{Bytes: int64(durable)}}, lines), Own: []byte(`"operation":"audit.`)}
}

func event(action string, ms int) string {
	return fmt.Sprintf(`{"api":{"operation":%q},"auth_time":7,"time":%d,"type_uid":1}`, action, ms) + "\n"
}

// read is what a Log yields, as index, time and whether it is the log's own.
func read(t *testing.T, f *cursor.Log, from int64, most int) (all []string, err error) {
	t.Helper()
	for line, err := range f.Lines(t.Context(), from) {
		if err != nil {
			return all, err
		}
		all = append(all, fmt.Sprint(line.Index, line.Time.UnixMilli(), line.Own))
		if len(all) == most {
			break
		}
	}
	return all, nil
}

// TestLinesOfAFile are its lines without the commit lines, from wherever, as far as they are
// on the disk.
func TestLinesOfAFile(t *testing.T) {
	commit := `{"commit":{"size":1,"root":"x"}}` + "\n"
	text := event("audit.genesis", 1) + event("audit.checkpoint", 2) + commit + event("a", 3) + commit + event("b", 4) + event("c", 5) + commit
	f := segment(t, text, len(text))
	all := []string{"0 1 true", "1 2 true", "2 3 false", "3 4 false", "4 5 false"}
	for _, c := range []struct {
		from int64
		most int
	}{{0, 9}, {5, 9}, {2, 9}, {0, 1}, {1, 2}, {3, 2}, {4, 1}, {4, 1}, {0, 9}} {
		got, err := read(t, f, c.from, c.most)
		want := all[c.from:min(len(all), int(c.from)+c.most)]
		if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("from %d: %q, %v, want %q", c.from, got, err, want)
		}
	}
	f = segment(t, text, strings.Index(text, event("b", 4)))
	if got, err := read(t, f, 1, 9); err != nil || !reflect.DeepEqual(got, all[1:3]) {
		t.Errorf("of three: %q, %v", got, err)
	}
	first, next, grown := f.Extent()
	if first != 0 || next != 3 {
		t.Errorf("from %d to %d", first, next)
	}
	f.Of.Grow(5, int64(len(text)))
	<-grown
	if got, err := read(t, f, 3, 9); err != nil || !reflect.DeepEqual(got, all[3:]) {
		t.Errorf("the rest: %q, %v", got, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// TestLinesThatCannotBeRead end with an error that has no path.
func TestLinesThatCannotBeRead(t *testing.T) {
	text := event("a", 1) + event("b", 2)
	f := segment(t, text, len(text)-3)
	f.Of.Grow(2, int64(len(text)-3))
	if got, err := read(t, f, 0, 9); err == nil || len(got) != 1 || strings.Contains(err.Error(), "seg") {
		t.Errorf("shorter than it was: %q, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range f.Lines(ctx, 0) {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	f = &cursor.Log{Of: reach.New(os.DirFS(t.TempDir()), []reach.Part{{Bytes: 9}}, 1)}
	if got, err := read(t, f, 0, 9); err == nil || got != nil || strings.Contains(err.Error(), "/") {
		t.Errorf("gone: %q, %v", got, err)
	}
	odd := `{"api":{},"time":x}` + "\n"
	for line, err := range segment(t, odd, len(odd)).Lines(t.Context(), 0) {
		if err != nil || !line.Time.IsZero() {
			t.Errorf("%v, %v", line.Time, err)
		}
	}
}

// TestNobodyLagsForTheLogsOwnLines, also while they are all that is in hand; for what comes
// behind them he does, at once.
func TestNobodyLagsForTheLogsOwnLines(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		s.log.own = []int64{0, 1}
		s.log.add(2)
		s.sink.bend(func(context.Context, []cursor.Line) (int, error) { return 0, refusal{"throttled", time.Hour} })
		g := s.start(t)
		time.Sleep(time.Hour + time.Minute) // which is between two tries
		if st := g[0].Status(); st.Late || st.Lag != 0 || s.book.notices() != nil {
			t.Errorf("%+v", st)
		}
		s.log.add(1)
		time.Sleep(time.Second)
		if st := g[0].Status(); st.Late || st.Lag != time.Second {
			t.Errorf("%+v", st)
		}
		time.Sleep(5 * time.Minute)
		if st := g[0].Status(); !st.Late || len(s.book.notices()) != 1 {
			t.Errorf("%+v", st)
		}
		g.Drain()
	})
}

// TestNextIsWhatNobodyMayRemove: the first line that some sink has not.
func TestNextIsWhatNobodyMayRemove(t *testing.T) {
	a, b := delivered(t, 5), delivered(t, 7)
	b.sink.bend(dead)
	one, err := a.open(t)
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.open(t)
	if err != nil {
		t.Fatal(err)
	}
	both := append(one, two...)
	if n := both.Next(9); n != 5 {
		t.Errorf("%d", n)
	}
	if n := both.Next(3); n != 3 {
		t.Errorf("%d", n)
	}
}

// TestOpeningTells what it has found, or fails.
func TestOpeningTells(t *testing.T) {
	s := delivered(t, 5)
	if err := os.WriteFile(s.file(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := s.open(t)
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	if err := g.Settle(func(cursor.Notice) error { return full }); err != full {
		t.Error(err)
	}
	if err := g.Settle(func(n cursor.Notice) error { return s.book.tell(t.Context(), n) }); err != nil || len(s.book.notices()) != 1 {
		t.Error(err)
	}
}
