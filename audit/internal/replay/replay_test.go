package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/replay"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is a segment as a writer writes it.
type log struct {
	t    tree.Tree
	text []byte
}

func (l *log) add(line string) {
	l.text = append(append(l.text, line...), '\n')
	l.t.Add(tlog.RecordHash([]byte(line)))
}

func (l *log) commit() { l.text = tree.AppendCommit(l.text, l.t.Size, l.t.Root()) }

func line(action, more string) string {
	return fmt.Sprintf(`{"activity_id":99,"actor":{"app_name":"carnet"},"api":{"operation":"%s"},"status_id":1,"time":%d,"carnet":{%s}}`, action, 1000, more)
}

// replayed reads a segment from a tree on.
func replayed(t *testing.T, before tree.Tree, first, previous int64, text []byte) *replay.Replay {
	t.Helper()
	r := &replay.Replay{Tiles: &tree.Folder{Dir: t.TempDir()}, State: carry.New("o", "k")}
	r.Begin(&before)
	if err := r.Segment(t.Context(), bytes.NewReader(text), reach.Part{First: first, Bytes: int64(len(text))}, previous); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOnlyWhatIsCommittedCounts, wherever a segment of many chunks is cut.
func TestOnlyWhatIsCommittedCounts(t *testing.T) {
	var l log
	ends := map[int64]int64{0: 0} // where commits end, and the tree's size there
	for i := range 9000 {
		l.add(line("crm.read", fmt.Sprintf(`"grant":"g-%d","fill":"%0200d"`, i, i)))
		if i%7 == 0 {
			l.commit()
			ends[int64(len(l.text))] = l.t.Size
		}
	}
	for cut := int64(0); cut <= int64(len(l.text)); cut += 99_991 {
		r := replayed(t, tree.Tree{}, 0, -1, l.text[:cut])
		if size, ok := ends[r.Good]; !ok || r.Tree.Size != size || cut-r.Good > 7*600 {
			t.Fatalf("cut at %d: good to %d, size %d", cut, r.Good, r.Tree.Size)
		}
		if torn, err := r.Torn(bytes.NewReader(l.text[:cut]), cut); err != nil || torn != cut-r.Good {
			t.Fatalf("cut at %d: %d torn, %v", cut, torn, err)
		}
		if want := r.Tree.Size - 1; want > 0 && r.State.Newest()["crm.read"] != want {
			t.Fatalf("newest line %d, want %d", r.State.Newest()["crm.read"], want)
		}
	}
}

// TestASegmentBeginsBehindItsTree: the one before, its size and its root, and with what is
// carried over.
func TestASegmentBeginsBehindItsTree(t *testing.T) {
	var l log
	for range 300 {
		l.add(line("a", ""))
	}
	before := l.t
	good := line(replay.ActionSegment, `"segment":`+replay.SegmentText(7, 300, before.Root().String()))
	carried := line(replay.ActionCarried, `"carried":{"tenant":"acme","kept":7,"earliest":3,"latest":4,"newest":[{"action":"a","index":299}],"open":[{"grant":"g","action":"a","index":5}]}`)
	for name, c := range map[string]struct {
		lines []string
		good  bool
	}{
		"whole":        {[]string{good, carried, line("b", "")}, true},
		"another root": {[]string{line(replay.ActionSegment, `"segment":`+replay.SegmentText(7, 300, (tlog.Hash{}).String())), carried}, false},
		"another size": {[]string{line(replay.ActionSegment, `"segment":`+replay.SegmentText(7, 299, before.Root().String())), carried}, false},
		"another one":  {[]string{line(replay.ActionSegment, `"segment":`+replay.SegmentText(6, 300, before.Root().String())), carried}, false},
		"no segment":   {[]string{line("a", ""), carried}, false},
	} {
		l := log{t: before}
		for _, text := range c.lines {
			l.add(text)
		}
		l.commit()
		r := replayed(t, before, 300, 7, l.text)
		if (r.Good > 0) != c.good {
			t.Errorf("%s: good to %d", name, r.Good)
		}
		if !c.good {
			continue
		}
		if r.Tree.Root() != l.t.Root() || r.State.Tenant() != "acme" || r.State.Needs("vault.") != 5 || r.State.Kept() != 7 || r.Before[7] != (carry.Times{From: 3, Until: 4}) || r.Began != 1000 || r.Own != 1000 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	late := log{t: before} // what is carried stands at the beginning, or is nothing
	for _, text := range []string{good, line("b", ""), carried} {
		late.add(text)
	}
	late.commit()
	if r := replayed(t, before, 300, 7, late.text); r.State.Tenant() != "" {
		t.Error("a line in the middle of a segment is believed")
	}
	late = log{t: before} // and in its first commit
	for _, text := range []string{good, line(replay.ActionCarried, `"carried":{"origin":"o"}`), carried} {
		if text == carried {
			late.commit()
		}
		late.add(text)
	}
	late.commit()
	if r := replayed(t, before, 300, 7, late.text); r.Tree.Size != 303 || r.State.Tenant() != "" {
		t.Error("another commit is believed")
	}
}

// TestWhatIsSignedIsCompared.
func TestWhatIsSignedIsCompared(t *testing.T) {
	var l log
	for range 5 {
		l.add(line("a", ""))
	}
	l.commit()
	wrong := key.Checkpoint{Size: 3}
	for name, c := range map[string]struct {
		r    replay.Replay
		want error
	}{
		"checkpoint": {replay.Replay{Now: wrong}, replay.ErrHistory},
		"floor":      {replay.Replay{Floor: wrong}, replay.ErrFloor},
		"short":      {replay.Replay{Now: key.Checkpoint{Size: 6}}, replay.ErrShort},
		"behind":     {replay.Replay{Floor: key.Checkpoint{Size: 6}}, replay.ErrFloor},
	} {
		r := c.r
		r.Tiles, r.State = &tree.Folder{Dir: t.TempDir()}, carry.New("o", "k")
		r.Begin(&tree.Tree{})
		in := bytes.NewReader(l.text)
		err := r.Segment(t.Context(), in, reach.Part{Bytes: int64(len(l.text))}, -1)
		if err == nil {
			_, err = r.Torn(in, int64(len(l.text)))
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// broken fails behind its first bytes.
type broken struct{ io.ReaderAt }

func (b broken) ReadAt(p []byte, offset int64) (int, error) {
	if offset > 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return b.ReaderAt.ReadAt(p, offset)
}

// TestReadingEnds with what fails, with its context, and at what is no line.
func TestReadingEnds(t *testing.T) {
	var l log
	for i := range 9000 {
		l.add(line("a", fmt.Sprintf(`"fill":"%0300d"`, i)))
		l.commit()
	}
	part := reach.Part{Bytes: int64(len(l.text))}
	r := &replay.Replay{Tiles: &tree.Folder{Dir: t.TempDir()}, State: carry.New("o", "k")}
	r.Begin(&tree.Tree{})
	if err := r.Segment(t.Context(), broken{bytes.NewReader(l.text)}, part, -1); err == nil {
		t.Error("what cannot be read is taken for the end")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Begin(&tree.Tree{})
	if err := r.Segment(ctx, bytes.NewReader(l.text), part, -1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for name, bad := range map[string][]byte{"empty line": []byte("\n"), "long line": append(bytes.Repeat([]byte("x"), 3<<20), '\n'), "no end": bytes.Repeat([]byte("x"), 3<<20)} {
		var l log
		l.add(line("a", ""))
		l.commit()
		whole := int64(len(l.text))
		r := replayed(t, tree.Tree{}, 0, -1, append(l.text, bad...))
		if r.Good != whole {
			t.Errorf("%s: good to %d, want %d", name, r.Good, whole)
		}
		if _, err := r.Torn(bytes.NewReader(append(l.text, bad...)), whole+int64(len(bad))); !errors.Is(err, replay.ErrDamage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
