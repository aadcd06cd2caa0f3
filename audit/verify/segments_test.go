package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/audit/verify"
)

// rotated is a log of three segments: 8 lines, 7 and 9. Its last line is a checkpoint event.
func rotated(t testing.TB, key signer) *writer {
	w := small(t, key)
	w.rotate() // 8, 9
	w.grant()
	w.denied()
	w.commit()
	w.inband()
	w.grant()
	w.denied()
	w.commit()
	w.rotate() // 15, 16
	w.grant()
	w.grant()
	w.commit()
	w.inband()
	w.denied()
	w.commit()
	w.grant()
	w.commit()
	w.denied()
	w.inband() // 23
	return w
}

const first1, first2, last = 8, 15, 23

func TestSegmentsVerify(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := rotated(t, key)
	if w.bounds[0].first != first1 || w.bounds[1].first != first2 || w.size() != last+1 {
		t.Fatalf("segments at %v, %d lines", w.bounds, w.size())
	}
	log := w.files()
	if r := dir(t, log, key.vkey); len(r.Findings) != 0 || r.Events != last+1 || r.First != 0 || r.Root != w.root(w.size()) {
		t.Errorf("got %v, %v", r, r.Findings)
	}
	// Segments of many tiles, which end in the middle of one.
	w = large(t, key, 300)
	for range 3 {
		w.rotate()
		for range 333 {
			w.grant()
		}
		w.commit()
	}
	w.inband()
	if r := dir(t, w.files(), key.vkey); len(r.Findings) != 0 || r.Events != w.size() {
		t.Errorf("got %v, %v", r, r.Findings)
	}
}

// TestSegmentsThatAreOthers: missing, renamed, swapped, extra and shortened ones.
func TestSegmentsThatAreOthers(t *testing.T) {
	key := newSigner(t, origin, 1)
	good := rotated(t, key).files()
	s0, s1, s2 := segmentName(0), segmentName(first1), segmentName(first2)
	move := func(log fstest.MapFS, from, to string) { log[to] = log[from]; delete(log, from) }
	half := func(log fstest.MapFS, name string, lines int) { // without its last ones
		all := bytes.SplitAfter(log[name].Data, []byte("\n"))
		log[name].Data = bytes.Join(all[:len(all)-1-lines], nil)
	}
	for name, c := range map[string]struct {
		change func(log fstest.MapFS)
		want   verify.Finding
	}{
		"first missing":         {func(log fstest.MapFS) { delete(log, s0) }, verify.Finding{Code: "missing", File: s0, Index: 0}},
		"second missing":        {func(log fstest.MapFS) { delete(log, s1) }, verify.Finding{Code: "missing", File: s1, Index: first1}},
		"last missing":          {func(log fstest.MapFS) { delete(log, s2) }, verify.Finding{Code: "cut", File: s1, Index: first2}},
		"all but the last gone": {func(log fstest.MapFS) { delete(log, s0); delete(log, s1) }, verify.Finding{Code: "missing", File: s0, Index: 0}},
		"first renamed":         {func(log fstest.MapFS) { move(log, s0, segmentName(1)) }, verify.Finding{Code: "line", File: segmentName(1), Index: 1}},
		"second renamed later":  {func(log fstest.MapFS) { move(log, s1, segmentName(11)) }, verify.Finding{Code: "cut", File: s0, Index: first1}},
		"second renamed before": {func(log fstest.MapFS) { move(log, s1, segmentName(5)) }, verify.Finding{Code: "missing", File: s1, Index: first1}},
		"last renamed":          {func(log fstest.MapFS) { move(log, s2, segmentName(20)) }, verify.Finding{Code: "cut", File: s1, Index: first2}},
		"last renamed, no name": {func(log fstest.MapFS) { move(log, s2, "seg/15.jsonl") }, verify.Finding{Code: "cut", File: s1, Index: first2}},
		"swapped":               {func(log fstest.MapFS) { log[s1], log[s2] = log[s2], log[s1] }, verify.Finding{Code: "line", File: s1, Index: first1}},
		"first two swapped":     {func(log fstest.MapFS) { log[s0], log[s1] = log[s1], log[s0] }, verify.Finding{Code: "line", File: s0, Index: 0}},
		"second doubled":        {func(log fstest.MapFS) { log[s2] = log[s1] }, verify.Finding{Code: "line", File: s2, Index: first2}},
		"an extra one between":  {func(log fstest.MapFS) { log[segmentName(5)] = log[s1] }, verify.Finding{Code: "stray", File: segmentName(5), Index: -1}},
		"an extra one behind":   {func(log fstest.MapFS) { log[segmentName(99)] = log[s1] }, verify.Finding{Code: "stray", File: segmentName(99), Index: -1}},
		"an empty one behind":   {func(log fstest.MapFS) { log[segmentName(last+1)] = &fstest.MapFile{} }, verify.Finding{Code: "segment", File: segmentName(last + 1), Index: last + 1}},
		"more lines behind":     {func(log fstest.MapFS) { log[segmentName(last+1)] = log[s1] }, verify.Finding{Code: "segment", File: segmentName(last + 1), Index: last + 1}},
		"an index too large":    {func(log fstest.MapFS) { log["seg/99999999999999999999.jsonl"] = log[s1] }, verify.Finding{Code: "stray", File: "seg/99999999999999999999.jsonl", Index: -1}},
		"first emptied":         {func(log fstest.MapFS) { log[s0].Data = nil }, verify.Finding{Code: "cut", File: s0, Index: 0}},
		"second emptied":        {func(log fstest.MapFS) { log[s1].Data = nil }, verify.Finding{Code: "segment", File: s1, Index: first1}},
		"last emptied":          {func(log fstest.MapFS) { log[s2].Data = nil }, verify.Finding{Code: "segment", File: s2, Index: first2}},
		"first without a batch": {func(log fstest.MapFS) { half(log, s0, 2) }, verify.Finding{Code: "cut", File: s0, Index: first1 - 1}},
		"first without commit":  {func(log fstest.MapFS) { half(log, s0, 1) }, verify.Finding{Code: "torn", File: s0, Index: first1 - 1}},
		"last without a batch":  {func(log fstest.MapFS) { half(log, s2, 4) }, verify.Finding{Code: "cut", File: s2, Index: last - 1}},
		"first two are one": {func(log fstest.MapFS) { log[s0].Data = append(log[s0].Data, log[s1].Data...); delete(log, s1) },
			verify.Finding{Code: "segment", File: s0, Index: first1}},
		"a commit line in the next": {func(log fstest.MapFS) {
			at := bytes.LastIndex(log[s0].Data, []byte(commitPrefix))
			log[s1].Data = append(bytes.Clone(log[s0].Data[at:]), log[s1].Data...)
			log[s0].Data = log[s0].Data[:at]
		}, verify.Finding{Code: "torn", File: s0, Index: first1 - 1}},
		"second missing, third too short to tell": {func(log fstest.MapFS) { delete(log, s1); log[s2].Data = log[s2].Data[:99] },
			verify.Finding{Code: "cut", File: s0, Index: first1}},
		"one cut in two": {func(log fstest.MapFS) {
			at := bytes.Index(log[s0].Data, []byte(commitPrefix))
			at += bytes.IndexByte(log[s0].Data[at:], '\n') + 1
			log[segmentName(1)] = &fstest.MapFile{Data: log[s0].Data[at:]}
			log[s0].Data = log[s0].Data[:at]
		}, verify.Finding{Code: "segment", File: segmentName(1), Index: 1}},
	} {
		log := clone(good)
		c.change(log)
		if f := first(t, dir(t, log, key.vkey)); f != c.want {
			t.Errorf("%s: got %v, want %v", name, f, c.want)
		}
	}
}

// TestASegmentThatCannotBeReadTellsNothing of whether one before it is missing, or cut.
func TestASegmentThatCannotBeReadTellsNothing(t *testing.T) {
	key := newSigner(t, origin, 1)
	log := rotated(t, key).files()
	delete(log, segmentName(first1))
	for _, how := range []string{"open", "read"} {
		r, err := verify.Dir(context.Background(), broken{log, segmentName(first2), how}, []string{key.vkey})
		if err != nil || first(t, r) != (verify.Finding{Code: "cut", File: segment, Index: first1}) {
			t.Errorf("%s: got %v, %v", how, r, err)
		}
	}
}

// TestUnreadableTilesOfWhatWasDropped are an error, and so is the end of the context there.
func TestUnreadableTilesOfWhatWasDropped(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := large(t, key, 600)
	w.rotate()
	w.retain(600)
	log := dropped(w.files(), 600)
	for _, name := range []string{"tile/0/000", "tile/0/001", "tile/1/000.p/2"} {
		if _, err := verify.Dir(context.Background(), broken{log, name, "read"}, []string{key.vkey}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	log["tile/0/002"] = &fstest.MapFile{Data: make([]byte, 256*32)}
	maps.DeleteFunc(log, func(name string, _ *fstest.MapFile) bool { return strings.HasPrefix(name, "tile/0/002.p/") })
	if _, err := verify.Dir(context.Background(), broken{log, "tile/0/002", "read"}, []string{key.vkey}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a tile of another size: got %v", err)
	}
	if _, err := verify.Dir(context.Background(), odd{log}, []string{key.vkey}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("an error of nobody: got %v", err)
	}
}

// odd is a log whose lines cannot be read, for a reason that nobody knows.
type odd struct{ fstest.MapFS }

func (o odd) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "seg/") {
		return nil, errors.New("secret")
	}
	return o.MapFS.Open(name)
}

// TestHeaderOfASegment: what the first line of a segment says is what the tree says, and no
// other line says such a thing. Here all the rest is right, and signed.
func TestHeaderOfASegment(t *testing.T) {
	key := newSigner(t, origin, 1)
	root := func(w *writer, size int64) string { return w.root(size).String() }
	for name, c := range map[string]struct {
		header func(w *writer) string
		want   string // code; empty: verified
	}{
		"right":            {func(w *writer) string { return `{"previous":0,"size":8,"root":"` + root(w, 8) + `"}` }, ""},
		"in another order": {func(w *writer) string { return `{"root":"` + root(w, 8) + `", "x":[1], "size": 8 ,"previous":0}` }, ""},
		"other previous":   {func(w *writer) string { return `{"previous":1,"size":8,"root":"` + root(w, 8) + `"}` }, "segment"},
		"no previous":      {func(w *writer) string { return `{"size":8,"root":"` + root(w, 8) + `"}` }, "segment"},
		"other size":       {func(w *writer) string { return `{"previous":0,"size":7,"root":"` + root(w, 7) + `"}` }, "segment"},
		"no size":          {func(w *writer) string { return `{"previous":0,"root":"` + root(w, 8) + `"}` }, "segment"},
		"other root":       {func(w *writer) string { return `{"previous":0,"size":8,"root":"` + root(w, 7) + `"}` }, "segment"},
		"stray bits":       {func(w *writer) string { return `{"previous":0,"size":8,"root":"` + stray(t, root(w, 8)) + `"}` }, "segment"},
		"no root":          {func(w *writer) string { return `{"previous":0,"size":8}` }, "segment"},
		"nothing":          {func(w *writer) string { return `{}` }, "segment"},
		"no object":        {func(w *writer) string { return `null` }, "json"},
		"size twice":       {func(w *writer) string { return `{"previous":0,"size":8,"size":8,"root":"` + root(w, 8) + `"}` }, "json"},
		"size as text":     {func(w *writer) string { return `{"previous":0,"size":"8","root":"` + root(w, 8) + `"}` }, "json"},
		"size as fraction": {func(w *writer) string { return `{"previous":0,"size":8.0,"root":"` + root(w, 8) + `"}` }, "json"},
		"previous below 0": {func(w *writer) string { return `{"previous":-0,"size":8,"root":"` + root(w, 8) + `"}` }, "json"},
		"root as number":   {func(w *writer) string { return `{"previous":0,"size":8,"root":8}` }, "json"},
	} {
		w := small(t, key)
		w.rotateWith(c.header(w))
		r := dir(t, w.files(), key.vkey)
		if c.want == "" {
			if len(r.Findings) != 0 {
				t.Errorf("%s: got %v", name, r.Findings)
			}
		} else if f := first(t, r); f != (verify.Finding{Code: c.want, File: segmentName(first1), Index: first1}) {
			t.Errorf("%s: got %v, want %s", name, f, c.want)
		}
	}
	for name, line := range map[string]string{"header elsewhere": `{"carnet":{"segment":{"previous":0,"size":1,"root":"%s"}}}`, "header of nothing": `{"carnet":{"segment":{}}}%.0s`} {
		w := newWriter(t, key)
		w.genesis()
		w.line(line, root(w, 1))
		w.commit()
		if f := first(t, dir(t, w.files(), key.vkey)); f != (verify.Finding{Code: "segment", File: segment, Index: 1}) {
			t.Errorf("%s: got %v", name, f)
		}
	}
	w := newWriter(t, key)
	w.line(`{"carnet":{"genesis":{"origin":"%s","key":"%s"},"segment":{"previous":0,"size":0,"root":"%s"}}}`, origin, key.vkey, root(w, 0))
	w.commit()
	if f := first(t, dir(t, w.files(), key.vkey)); f != (verify.Finding{Code: "segment", File: segment, Index: 0}) {
		t.Errorf("header of the first: got %v", f)
	}
	w = small(t, key)
	w.bounds = append(w.bounds, bound{w.seg.Len(), w.size()})
	w.grant()
	w.commit()
	if f := first(t, dir(t, w.files(), key.vkey)); f != (verify.Finding{Code: "segment", File: segmentName(first1), Index: first1}) {
		t.Errorf("no header: got %v", f)
	}
}

// stride is 1 with CARNET_FULL: then each byte has its turn.
func stride() int {
	if os.Getenv("CARNET_FULL") != "" {
		return 1
	}
	return 3
}

// TestBitFlipsInSegments, one in each third byte, name the line that they stand in.
func TestBitFlipsInSegments(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := rotated(t, key)
	log := w.files()
	for i, name := range []string{segmentName(0), segmentName(first1), segmentName(first2)} {
		offset := 0
		if i > 0 {
			offset = w.bounds[i-1].offset
		}
		parallel(len(log[name].Data)/stride(), func(at int) {
			at *= stride()
			bad := maps.Clone(log)
			data := bytes.Clone(log[name].Data)
			data[at] ^= 1 << (at % 8)
			bad[name] = &fstest.MapFile{Data: data}
			r, err := verify.Dir(context.Background(), bad, []string{key.vkey})
			want := w.marks[slices.IndexFunc(w.marks, func(m mark) bool { return offset+at < m.end })].index
			if err != nil || len(r.Findings) == 0 || r.Findings[0].Index != want || r.Findings[0].File != name {
				t.Errorf("%s, byte %d: got %v, %v; want index %d", name, at, r, err, want)
			}
		})
	}
}

// TestCutsOfSegments: each, at every third byte, and the first bad index is that of the cut line.
func TestCutsOfSegments(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := rotated(t, key)
	log := w.files()
	for i, name := range []string{segmentName(0), segmentName(first1), segmentName(first2)} {
		offset := 0
		if i > 0 {
			offset = w.bounds[i-1].offset
		}
		parallel(len(log[name].Data)/stride(), func(n int) {
			n *= stride()
			bad := maps.Clone(log)
			bad[name] = &fstest.MapFile{Data: log[name].Data[:n]}
			r, err := verify.Dir(context.Background(), bad, []string{key.vkey})
			if err != nil || len(r.Findings) == 0 {
				t.Errorf("%s cut at %d: got %v, %v", name, n, r, err)
				return
			}
			at := slices.IndexFunc(w.marks, func(m mark) bool { return offset+n < m.end })
			m := w.marks[at]
			want := []int64{m.index}
			if m.commit { // or else, the line behind it
				want = append(want, w.marks[at-1].index+1)
			}
			if !slices.Contains(want, r.Findings[0].Index) {
				t.Errorf("%s cut at %d: got %v, want index %d", name, n, r.Findings, want)
			}
		})
	}
}

// TestLinesOfSegments deletes, doubles and moves each line over the border of its segment.
func TestLinesOfSegments(t *testing.T) {
	key := newSigner(t, origin, 1)
	log := rotated(t, key).files()
	for _, name := range []string{segmentName(0), segmentName(first1), segmentName(first2)} {
		all := slices.Collect(bytes.Lines(log[name].Data))
		for i := range all {
			for how, lines := range map[string][][]byte{
				"deleted": slices.Delete(slices.Clone(all), i, i+1),
				"doubled": slices.Insert(slices.Clone(all), i, all[i]),
			} {
				bad := clone(log)
				bad[name].Data = bytes.Join(lines, nil)
				merges := how == "deleted" && bytes.HasPrefix(all[i], []byte(commitPrefix)) && i < len(all)-1
				if r := dir(t, bad, key.vkey); (len(r.Findings) == 0) != merges {
					t.Errorf("%s, line %d %s: got %v", name, i, how, r)
				}
			}
		}
	}
}

// retaining is a log of four segments that says it needs nothing below the third.
func retaining(t testing.TB, key signer) *writer {
	w := rotated(t, key)
	w.rotate() // 24, 25
	w.grant()
	w.commit()
	w.retain(first2)
	w.inband()
	return w
}

func TestRetention(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := retaining(t, key)
	log := w.files()
	for _, from := range []int64{0, first1, first2} { // a crash may have left one of the two
		r := dir(t, dropped(log, from), key.vkey)
		if len(r.Findings) != 0 || r.First != from || r.Events != w.size()-from || r.Root != w.root(w.size()) || r.Origin != origin {
			t.Errorf("from %d: got %v, %v", from, r, r.Findings)
		}
		if said := strings.Contains(r.String(), fmt.Sprintf(" from index %d on,", from)); said != (from > 0) {
			t.Errorf("from %d: %s", from, r)
		}
	}
	gone := verify.Finding{Code: "missing", File: segment, Index: 0}
	if f := first(t, dir(t, dropped(log, last+1), key.vkey)); f != gone {
		t.Errorf("more than the log gave up: got %v", f)
	}
	if f := first(t, dir(t, dropped(rotated(t, key).files(), first1), key.vkey)); f != gone {
		t.Errorf("a log that gave up nothing: got %v", f)
	}
	holed := clone(w.files())
	delete(holed, segmentName(first1))
	if f := first(t, dir(t, holed, key.vkey)); f != (verify.Finding{Code: "missing", File: segmentName(first1), Index: first1}) {
		t.Errorf("a hole in what may go: got %v", f)
	}
}

// TestRetentionIsSignedFor: lines that no checkpoint covers give up nothing, nor does a line
// that gives up what comes after it.
func TestRetentionIsSignedFor(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := rotated(t, key)
	signed := w.note(w.size())
	w.retain(first2)
	log := dropped(w.files(), first2)
	log["checkpoint"].Data = []byte(signed)
	if r := dir(t, log, key.vkey); len(r.Findings) == 0 {
		t.Error("an event that nobody signed gave up lines")
	}
	w = small(t, key)
	w.retain(20)
	for w.size() < 20 {
		w.grant()
	}
	w.rotate()
	w.inband()
	if f := first(t, dir(t, dropped(w.files(), 20), key.vkey)); f != (verify.Finding{Code: "missing", File: segment, Index: 0}) {
		t.Errorf("got %v", f)
	}
	for name, c := range map[string]struct{ member, want string }{
		"no index":  {`{}`, "missing"},
		"text":      {`{"first":"15"}`, "json"},
		"negative":  {`{"first":-15}`, "json"},
		"no object": {`15`, "json"},
		"twice":     {`{"first":15,"first":15}`, "json"},
		"more":      {`{"x":{},"first":15}`, ""},
	} {
		w := rotated(t, key)
		w.line(`{"carnet":{"retained":%s}}`, c.member)
		w.commit()
		r := dir(t, dropped(w.files(), first2), key.vkey)
		if c.want == "" && len(r.Findings) != 0 || c.want != "" && !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.Code == c.want }) {
			t.Errorf("%s: got %v, want %s", name, r.Findings, c.want)
		}
	}
}

// TestTilesOfWhatWasDropped are all that proves it: each of them is looked at.
func TestTilesOfWhatWasDropped(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := large(t, key, 600)
	w.rotate()
	w.grant()
	w.commit()
	w.rotate()
	w.retain(600)
	w.inband()
	log := dropped(w.files(), 600)
	if r := dir(t, log, key.vkey, []byte(w.note(300)), []byte(w.note(600))); len(r.Findings) != 0 || r.First != 600 {
		t.Fatalf("got %v, %v", r, r.Findings)
	}
	fork := large(t, key, 300)
	fork.denied()
	for _, size := range []int64{301, 601} {
		for fork.size() < size {
			fork.grant()
		}
		if f := first(t, dir(t, log, key.vkey, []byte(fork.note(size)))); f.Code != "history" {
			t.Errorf("a checkpoint of another history, of %d lines: got %v", size, f)
		}
	}
	for name := range log {
		if !strings.HasPrefix(name, "tile/") {
			continue
		}
		bad := clone(log)
		delete(bad, name)
		if f := first(t, dir(t, bad, key.vkey)); f.Code != "missing" {
			t.Errorf("without %s: got %v", name, f)
		}
		for at := 0; at < len(log[name].Data); at += 32 {
			bad := clone(log)
			bad[name].Data[at] ^= 1
			if r := dir(t, bad, key.vkey); len(r.Findings) == 0 {
				t.Errorf("%s, hash %d: a flipped bit passes", name, at/32)
			}
		}
	}
	bad := clone(log)
	delete(bad, "checkpoint")
	if f := first(t, dir(t, bad, key.vkey)); f.Code != "missing" || f.Index != 0 {
		t.Errorf("without its checkpoint: got %v", f)
	}
	bad = clone(log)
	maps.DeleteFunc(bad, func(name string, _ *fstest.MapFile) bool { return strings.HasPrefix(name, "tile/0/") })
	if f := first(t, dir(t, bad, key.vkey)); f.Code != "missing" || f.Index != 0 {
		t.Errorf("without leaves: got %v", f)
	}
	bad = clone(log)
	bad[segmentName(1<<40)] = log[segmentName(600)]
	for _, name := range []string{segmentName(600), segmentName(602)} {
		delete(bad, name)
	}
	if f := first(t, dir(t, bad, key.vkey)); f != (verify.Finding{Code: "missing", File: segment, Index: 0}) {
		t.Errorf("lines beyond the checkpoint only: got %v", f)
	}
}
