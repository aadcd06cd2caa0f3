package verify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const segment = "seg/00000000000000000000.jsonl"

// zeros makes keys that are the same in each run.
type zeros byte

func (z zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(z)
	}
	return len(p), nil
}

// signer is a log's key.
type signer struct {
	note.Signer
	vkey string
}

func newSigner(t testing.TB, origin string, seed byte) signer {
	t.Helper()
	skey, vkey, err := note.GenerateKey(zeros(seed), origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return signer{s, vkey}
}

// mark is where a line stands in the segment, newline included, and the index that a
// finding about it must name.
type mark struct {
	start, end int
	commit     bool
	index      int64
}

// writer makes logs by the format's text, all in memory, on the stored hashes of tlog.
type writer struct {
	t      testing.TB
	key    signer
	seg    bytes.Buffer
	marks  []mark
	hashes []tlog.Hash
	lines  [][]byte
	first  int64 // of the open batch
	bounds []bound
	former []string // keys that were replaced
	kept   int64    // first line that was kept
}

// bound is where a later segment begins.
type bound struct {
	offset int
	first  int64
}

func newWriter(t testing.TB, key signer) *writer { return &writer{t: t, key: key} }

// ReadHashes is for tlog.HashReader.
func (w *writer) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, n := range at {
		out[i] = w.hashes[n]
	}
	return out, nil
}

func (w *writer) size() int64 { return int64(len(w.lines)) }

func (w *writer) root(size int64) tlog.Hash {
	h, err := tlog.TreeHash(size, w)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// line adds an event line as it stands.
func (w *writer) line(format string, args ...any) {
	b := fmt.Appendf(nil, format, args...)
	stored, err := tlog.StoredHashes(w.size(), b, w)
	if err != nil {
		w.t.Fatal(err)
	}
	w.put(append(b, '\n'), mark{index: w.size()})
	w.hashes, w.lines = append(w.hashes, stored...), append(w.lines, b)
}

func (w *writer) put(b []byte, m mark) {
	m.start = w.seg.Len()
	w.seg.Write(b)
	m.end = w.seg.Len()
	w.marks = append(w.marks, m)
}

func (w *writer) genesis() {
	w.line(`{"class_uid":6003,"carnet":{"genesis":{"origin":"%s","key":"%s"}}}`, w.key.Name(), w.key.vkey)
}

func (w *writer) grant() {
	w.line(`{"class_uid":6003,"carnet":{"decision":"allowed","grant":"g%d"}}`, w.size())
}
func (w *writer) denied() {
	w.line(`{"class_uid":6003,"carnet":{"decision":"denied","n":%d}}`, w.size())
}

// commit ends a batch.
func (w *writer) commit() {
	b := fmt.Appendf(nil, `{"commit":{"size":%d,"root":"%s"}}`+"\n", w.size(), w.root(w.size()))
	w.put(b, mark{commit: true, index: w.first})
	w.first = w.size()
}

// note signs the first lines.
func (w *writer) note(size int64) string {
	text := fmt.Sprintf("%s\n%d\n%s\n", w.key.Name(), size, w.root(size))
	b, err := note.Sign(&note.Note{Text: text}, w.key)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// inband adds a checkpoint event over all earlier lines, in a batch of its own.
func (w *writer) inband() { w.inbandNote(w.note(w.size())) }

func (w *writer) inbandNote(text string) {
	quoted, err := json.Marshal(text)
	if err != nil {
		w.t.Fatal(err)
	}
	w.line(`{"class_uid":6003,"carnet":{"checkpoint":%s}}`, quoted)
	w.commit()
}

// files is the log as its folder holds it, with tiles and checkpoint over all lines.
func (w *writer) files() fstest.MapFS {
	log := fstest.MapFS{
		"LOCK":       {},
		"checkpoint": {Data: []byte(w.note(w.size()))},
	}
	var from bound
	for _, b := range append(w.bounds, bound{offset: w.seg.Len()}) {
		log[segmentName(from.first)] = &fstest.MapFile{Data: bytes.Clone(w.seg.Bytes()[from.offset:b.offset])}
		from = b
	}
	w.tiles(log, w.size())
	return log
}

func segmentName(first int64) string { return fmt.Sprintf("seg/%020d.jsonl", first) }

// rotate begins a segment, in a batch of its own.
func (w *writer) rotate() {
	w.commitOpen()
	root := w.root(w.size())
	w.rotateWith(fmt.Sprintf(`{"previous":%d,"size":%d,"root":"%s"}`, w.newest(), w.size(), root))
}

func (w *writer) rotateWith(header string) {
	w.bounds = append(w.bounds, bound{w.seg.Len(), w.size()})
	texts := w.carried()
	w.line(`{"class_uid":6003,"carnet":{"segment":%s}}`, header)
	for _, text := range texts {
		w.line(`{"class_uid":6003,"carnet":{"carried":%s}}`, text)
	}
	w.commit()
}

// carried is what lines come to that name no action and answer nothing: their grants are open.
func (w *writer) carried() (texts []string) {
	type entry struct {
		Grant  string `json:"grant"`
		Action string `json:"action"`
		Index  int    `json:"index"`
	}
	type member struct {
		Origin string   `json:"origin,omitempty"`
		Former []string `json:"former,omitempty"`
		Kept   int64    `json:"kept,omitempty"`
		Open   []entry  `json:"open,omitempty"`
	}
	now := member{Origin: w.key.Name(), Former: w.former, Kept: w.kept}
	flush := func() {
		b, err := json.Marshal(now)
		if err != nil {
			w.t.Fatal(err)
		}
		texts, now = append(texts, string(b)), member{}
	}
	for i, line := range w.lines {
		var e struct {
			Carnet struct{ Decision, Grant string }
		}
		if json.Unmarshal(line, &e) == nil && e.Carnet.Decision == "allowed" && e.Carnet.Grant != "" {
			if now.Open = append(now.Open, entry{e.Carnet.Grant, "", i}); len(now.Open) == 1000 {
				flush()
			}
		}
	}
	flush()
	return texts
}

// newest is the first index of the newest segment.
func (w *writer) newest() int64 {
	if len(w.bounds) == 0 {
		return 0
	}
	return w.bounds[len(w.bounds)-1].first
}

// retain says that lines below an index may go.
func (w *writer) retain(first int64) {
	if first <= w.size() {
		w.kept = max(w.kept, first)
	}
	w.line(`{"class_uid":6003,"carnet":{"retained":{"first":%d}}}`, first)
	w.commit()
}

// dropped is a log without its segments below an index.
func dropped(log fstest.MapFS, first int64) fstest.MapFS {
	out := clone(log)
	maps.DeleteFunc(out, func(name string, _ *fstest.MapFile) bool {
		return strings.HasPrefix(name, "seg/") && name < segmentName(first)
	})
	return out
}

func (w *writer) tiles(log fstest.MapFS, size int64) {
	for _, tile := range tlog.NewTiles(8, 0, size) {
		data, err := tlog.ReadTileData(tile, w)
		if err != nil {
			w.t.Fatal(err)
		}
		log["tile/"+strings.TrimPrefix(tile.Path(), "tile/8/")] = &fstest.MapFile{Data: data}
	}
}

// small is a log of eight lines in five batches.
func small(t testing.TB, key signer) *writer {
	w := newWriter(t, key)
	w.genesis()
	w.commit()
	w.grant()
	w.denied()
	w.commit()
	w.inband()
	w.grant()
	w.grant()
	w.denied()
	w.commit()
	w.inband()
	return w
}

// large is a log with two levels of tiles and n lines, the last a checkpoint event.
func large(t testing.TB, key signer, n int) *writer {
	w := newWriter(t, key)
	w.genesis()
	for w.size() < int64(n-1) {
		switch w.size() % 200 {
		case 0:
			w.commitOpen()
			w.inband()
		case 7, 14, 15, 100:
			w.grant()
			w.commit()
		default:
			w.grant()
		}
	}
	w.commitOpen()
	w.inband()
	return w
}

func (w *writer) commitOpen() {
	if w.first < w.size() {
		w.commit()
	}
}

func clone(log fstest.MapFS) fstest.MapFS {
	out := fstest.MapFS{}
	for name, f := range log {
		out[name] = &fstest.MapFile{Data: bytes.Clone(f.Data), Mode: f.Mode}
	}
	return out
}
