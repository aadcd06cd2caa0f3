package verify

import (
	"bytes"
	"cmp"
	"io/fs"
	"slices"

	"github.com/carnet-go/carnet/audit/verify/internal/carried"
	"github.com/carnet-go/carnet/audit/verify/internal/commit"
	"github.com/carnet-go/carnet/audit/verify/internal/edge"
	"github.com/carnet-go/carnet/audit/verify/internal/rekey"
)

// history walks over the lines once, from the first to the last.
type history struct {
	log    fs.FS
	ring   keyring
	report Report
	tree   edge.Tree
	tiles  tiles

	segments []int64 // first indices of those that were not read yet
	files    []int64 // and of those that were, the newest last
	base     int64   // first line that is there
	dropped  int64   // lines below this one may be missing, as a line said
	progress *progress
	several  bool // segments: each but the first says what those before it come to
	carried  carried.State

	batch  batch
	newest *checkpoint  // DIR/checkpoint; nil: not valid
	known  []checkpoint // of others, by size, those that lie ahead
	agreed int64        // size of the newest known checkpoint that was met
	origin string       // of the genesis event; empty: none that is trusted
	keys   rekey.Chain
	mine   bool  // DIR/checkpoint is of the key that its last line was under
	inband int64 // lines that valid checkpoint events cover
	signed int64 // lines that DIR/checkpoint was found to cover
	over   bool  // of the lines that follow nothing can be told
}

// batch is what is open until a commit line tells whether the lines or the tiles are right.
type batch struct {
	first int64  // index of its first line
	bad   int64  // first line that is not what its tile says; -1: none
	lines Report // findings in the lines
	tiles Report // findings in the tiles
}

func newHistory(log fs.FS, ring keyring, p *progress) *history {
	h := &history{log: log, ring: ring, progress: p}
	h.batch.bad = -1
	h.tiles = tiles{log: log, found: func(f Finding) { h.report.add(f) }, differs: h.differs}
	return h
}

// differs notes that a line and a tile do not agree, whoever is wrong.
func (h *history) differs(level int, f Finding) {
	if level == 0 && h.batch.bad < 0 {
		h.batch.bad = f.Index
	}
	h.batch.tiles.add(f)
}

// line takes the next line.
func (h *history) line(l *line, b []byte) {
	index := h.tree.Size
	switch {
	case l.commit:
		h.commit(b, l.torn)
	case h.damagedCommit(l, b):
		h.commit(b, l.torn)
	case l.long():
		h.stop(codeLong, h.firstBad(index))
	case l.torn:
		h.stop(codeTorn, h.firstBad(index))
	default:
		h.event(index, &l.facts)
		h.tree.Add(l.leaf, h.tiles.check)
		h.meet()
	}
}

// damagedCommit reports whether a line that does not begin like one was a commit line. Of the
// last bytes of a log that should go on, nothing tells what they were to be.
func (h *history) damagedCommit(l *line, b []byte) bool {
	size := h.tree.Size
	return len(b) <= commit.Most && h.batch.bad < 0 && size > h.batch.first && (!l.torn || size >= h.tiles.size) && commit.Resembles(b, h.tree.Commit())
}

// commit ends a batch. If it holds, the lines are what the writer wrote, and a tile that
// differs is wrong. If it does not, a line that differs is; and where none does, the commit
// line itself, or the lines that were taken out before it.
func (h *history) commit(b []byte, torn bool) {
	whole := !torn && h.tree.Size > h.batch.first
	h.carry()
	switch {
	case whole && bytes.Equal(b, h.tree.Commit()):
		h.publish()
	case h.batch.bad >= 0:
		h.stop(codeLine, h.batch.bad)
	case !torn && h.without(b):
		h.stop(codeLine, h.tree.Size)
	default:
		h.publish()
		first := h.batch.first
		if h.signed < h.tree.Size { // lines were added behind those that the checkpoint proves
			first = max(first, h.signed)
		}
		h.report.add(Finding{codeCommit, h.fileOf(first), first})
	}
	h.batch = batch{first: h.tree.Size, bad: -1}
}

// carry compares what a segment carries over, behind the lines that do, with those before them.
func (h *history) carry() {
	if !h.carried.End(h.origin, h.dropped) {
		h.batch.lines.add(Finding{codeCarried, h.fileOf(h.batch.first), h.batch.first})
	}
}

// publish makes the findings of a batch final.
func (h *history) publish() {
	h.report.add(h.batch.lines.Findings...)
	h.report.add(h.batch.tiles.Findings...)
}

// stop ends the walk at a line: what follows cannot be told from its consequences.
func (h *history) stop(code string, index int64) {
	h.stopAt(Finding{code, h.fileOf(index), index})
}

func (h *history) stopAt(at Finding) {
	for _, f := range h.batch.lines.Findings {
		if f.Index < at.Index && f.Code != codeHistory && f.Code != codeCarried { // which have the bad line in them
			h.report.add(f)
		}
	}
	h.report.add(at)
	h.over = true
}

func (h *history) firstBad(index int64) int64 {
	if h.batch.bad >= 0 {
		return h.batch.bad
	}
	return index
}

// without reports whether the commit line would hold after lines that are not there, and of
// which the tile still has the hashes.
func (h *history) without(b []byte) bool {
	t := h.tree.Clone()
	for _, leaf := range h.tiles.ahead(t.Size) {
		t.Add(leaf, nil)
		if bytes.Equal(b, t.Commit()) {
			return true
		}
	}
	return false
}

// event reads what a line says about the log.
func (h *history) event(index int64, f *facts) {
	found := func(code string, at int64) { h.batch.lines.add(Finding{code, h.fileOf(at), at}) }
	if f.grant {
		h.report.Grants++
	}
	if !f.valid {
		found(codeJSON, index)
	}
	if f.sequence >= 0 && f.sequence != index {
		found(codeSequence, index)
	}
	if (index == 0) != (f.genesis != nil) {
		found(codeGenesis, index)
	}
	if index == 0 && f.genesis != nil && !h.begin(*f.genesis) {
		found(codeKey, index)
	}
	if !h.header(index, f.header) {
		found(codeSegment, index)
	}
	if begins := index > 0 && index == h.files[len(h.files)-1]; h.several {
		if !begins && f.carried == nil {
			h.carry()
		}
		if !h.carried.Take(carried.Line{Index: index, Fact: f.fact, Begins: begins, First: index == h.base, Text: f.carried}) {
			found(codeCarried, index)
		}
	}
	if f.retained <= index {
		h.dropped = max(h.dropped, f.retained)
	}
	if f.inband {
		h.checkpoint(index, f.checkpoint, found)
	}
	at := rekey.Place{Origin: h.origin, Index: index, Batch: h.batch.first, Segment: h.files[len(h.files)-1], Covers: h.inband == index}
	if h.base > 0 && at.Segment == h.base {
		at.Carried = f.carried
	}
	h.keys.Line(at, f.rekey, func(bad int64) { found(codeRekey, bad) })
}

// checkpoint takes a checkpoint event, which is over all lines before it. One that is over no
// more than the one before is a copy; any other was signed over other lines since then.
func (h *history) checkpoint(index int64, c *checkpoint, found func(code string, at int64)) {
	switch {
	case c == nil || !h.belongs(*c) || c.size <= h.inband:
		found(codeInband, index)
	case c.size != index || c.root != h.tree.Root():
		found(codeHistory, h.inband)
	default:
		h.inband = index
	}
}

// begin takes origin and key from the genesis event, if the caller gave that key.
func (h *history) begin(g genesis) bool {
	if !h.ring.trusts(g.origin, g.key) {
		return false
	}
	h.origin, h.report.Origin = g.origin, g.origin
	return h.keys.Under(g.key)
}

// belongs reports whether a checkpoint was signed by the key that this log is under, not by
// one that it was under before, or by another one that the caller trusts too.
func (h *history) belongs(c checkpoint) bool {
	return h.origin != "" && c.origin == h.origin && c.signer == h.keys.Signer
}

// remember opens the checkpoints that others have kept. Where witnesses must have seen one,
// there must be one.
func (h *history) remember(known [][]byte, by cosigners) {
	if len(known) == 0 && by.threshold > 0 {
		h.report.add(Finding{codeKnown, "", -1})
	}
	for _, msg := range known {
		if c, ok := h.ring.cosigned(msg, by); ok {
			h.known = append(h.known, c)
		} else {
			h.report.add(Finding{codeKnown, "", -1})
		}
	}
	slices.SortStableFunc(h.known, func(a, b checkpoint) int { return cmp.Compare(a.size, b.size) })
}

// meet compares the checkpoints of the tree's size.
func (h *history) meet() {
	size := h.tree.Size
	if h.newest != nil && h.newest.size == size {
		h.mine = h.belongs(*h.newest)
		if h.newest.root == h.tree.Root() {
			h.signed = size
		} else {
			h.batch.lines.add(Finding{codeHistory, checkpointFile, h.inband})
		}
	}
	for len(h.known) > 0 && h.known[0].size <= size {
		c := h.known[0]
		h.known = h.known[1:]
		switch {
		case c.size == 0 || !h.vouches(c):
			h.batch.lines.add(Finding{codeKnown, "", -1})
		case c.root != h.tree.Root():
			h.batch.lines.add(Finding{codeHistory, "", h.agreed})
		default:
			h.agreed = c.size
		}
	}
}

// vouches is belongs, for checkpoints that others have kept: those of lines that are gone may be of
// a given key that was replaced before, too.
func (h *history) vouches(c checkpoint) bool {
	if h.tree.Size > h.base {
		return h.belongs(c)
	}
	vkey := h.ring.text(c)
	return c.origin == h.origin && (h.belongs(c) || slices.Contains(h.ring.given, vkey)) && h.keys.Was(vkey)
}

// end tells what is missing when the last line was read.
func (h *history) end(absent bool) {
	size := h.tree.Size
	ahead := h.newest != nil && h.newest.size > size
	switch {
	case absent:
		h.report.add(Finding{codeMissing, checkpointFile, h.inband})
	case h.newest == nil || !h.over && !h.mine && (!ahead || !h.belongs(*h.newest)):
		h.report.add(Finding{codeCheckpoint, checkpointFile, h.inband})
	}
	if !h.over && h.batch.bad >= 0 {
		h.stop(codeLine, h.batch.bad)
	}
	if h.over {
		return
	}
	h.publish()
	if at, wrong := h.keys.End(h.ring.given); wrong {
		h.report.add(Finding{codeRekey, h.fileOf(max(at, h.base)), max(at, h.base)})
	}
	switch {
	case ahead:
		h.report.add(Finding{codeCut, h.fileOf(size), size})
	case size > h.batch.first:
		h.report.add(Finding{codeTorn, h.fileOf(h.batch.first), h.batch.first})
	}
	if h.newest != nil && h.newest.size < size {
		h.report.add(Finding{codeUnsigned, h.fileOf(h.newest.size), h.newest.size})
	}
	if len(h.known) > 0 { // of lines that are not there
		h.report.add(Finding{codeHistory, "", size})
	}
	if size == 0 {
		h.report.add(Finding{codeGenesis, edge.SegmentName(0), 0})
	}
	if h.base > h.dropped { // and no line says that they might be
		h.report.add(Finding{codeMissing, edge.SegmentName(0), 0})
	}
}
