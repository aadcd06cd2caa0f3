package verify

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"io/fs"
	"slices"

	"github.com/carnet-go/carnet/audit/verify/internal/commit"
	"github.com/carnet-go/carnet/audit/verify/internal/edge"
	"github.com/carnet-go/carnet/audit/verify/internal/rekey"
)

// countLines is the size of a log that has no valid checkpoint: where its newest segment
// begins, and that one's event lines.
func countLines(ctx context.Context, log fs.FS, list []int64) (int64, error) {
	if len(list) == 0 {
		return 0, nil
	}
	n := list[len(list)-1]
	f, err := log.Open(edge.SegmentName(n))
	if err != nil {
		return 0, unreadable(edge.SegmentName(n), err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, chunkSize)
	for ctx.Err() == nil {
		b, err := r.ReadSlice('\n')
		switch {
		case err == nil && !bytes.HasPrefix(b, []byte(commit.Prefix)):
			n++
		case err == io.EOF, err == bufio.ErrBufferFull: // no writer wrote that line
			return n, nil
		case err != nil:
			return 0, unreadable(edge.SegmentName(list[len(list)-1]), err)
		}
	}
	return 0, ctx.Err()
}

// read takes the segments one after the other, line by line.
func (h *history) read(ctx context.Context) error {
	if len(h.segments) == 0 {
		h.stop(codeMissing, 0)
		return nil
	}
	h.several = len(h.segments) > 1 || h.segments[0] > 0
	if err := h.retained(ctx); err != nil {
		return err
	}
	for len(h.segments) > 0 && !h.over {
		first := h.segments[0]
		if !h.follows(first) {
			continue
		}
		h.segments = h.segments[1:]
		h.files = append(h.files, first)
		if err := h.segment(ctx, edge.SegmentName(first)); err != nil {
			return err
		}
		if first > 0 && h.tree.Size == first {
			h.report.add(Finding{codeSegment, edge.SegmentName(first), first}) // it has no line
		}
	}
	return nil
}

// follows reports whether a segment begins where the lines so far end. One that begins
// elsewhere is one too many, or those between are missing.
func (h *history) follows(first int64) bool {
	size := h.tree.Size
	whole := size == h.batch.first
	switch {
	case first == size && whole:
		return true
	case first < size || size >= h.tiles.size && whole:
		h.report.add(Finding{codeStray, edge.SegmentName(first), -1})
		h.segments = h.segments[1:]
	case h.batch.bad >= 0:
		h.stop(codeLine, h.batch.bad)
	case first == size: // its last commit line is gone
		h.stop(codeTorn, h.batch.first)
	case !whole || h.cutBefore(first):
		h.stop(codeCut, size)
	default:
		h.stopAt(Finding{codeMissing, edge.SegmentName(size), size})
	}
	return false
}

// cutBefore reports whether lines are missing in the segment that was read, and not whole
// segments behind it: the header of the one that comes says which is before it.
func (h *history) cutBefore(first int64) bool {
	f, err := h.log.Open(edge.SegmentName(first))
	if err != nil {
		return true
	}
	defer f.Close()
	b, err := bufio.NewReaderSize(f, maxLine+1).ReadSlice('\n')
	if err != nil {
		return true
	}
	r := lineReader{ring: h.ring}
	got := r.readFull(b[:len(b)-1])
	return got.header == nil || got.header.previous == h.files[len(h.files)-1]
}

// segment takes one segment line by line.
func (h *history) segment(ctx context.Context, name string) error {
	f, err := h.log.Open(name)
	if err != nil {
		return unreadable(name, err)
	}
	defer f.Close()
	for c := range chunks(ctx, f, h.ring) {
		for i := 0; i < len(c.lines) && !h.over; i++ {
			l := &c.lines[i]
			h.line(l, c.buf[l.start:l.end])
		}
		if h.tiles.err != nil {
			return h.tiles.err
		}
		if c.err != nil {
			return unreadable(name, c.err)
		}
		h.progress.add(c.read)
		if h.over {
			return nil
		}
	}
	return ctx.Err()
}

// announced is what segments begin with about keys, all of which may be wrong.
func (h *history) announced() (said []rekey.Statement) {
	for _, first := range h.segments {
		said = append(said, rekey.Announced(h.log, edge.SegmentName(first), commit.Prefix)...)
	}
	return said
}

// header compares what the first line of a segment says about those before it. What was
// before the first one that is there, nobody can tell any more.
func (h *history) header(index int64, s *header) bool {
	newest := len(h.files) - 1
	if index == h.files[newest] {
		h.keys.Before = h.tree.Root()
	}
	if index == 0 || index != h.files[newest] {
		return s == nil // no other line says such a thing
	}
	if s == nil || s.size != index || s.root != h.tree.Root().String() {
		return false
	}
	if newest == 0 {
		return s.previous >= 0 && s.previous < index
	}
	return s.previous == h.files[newest-1]
}

// fileOf is the segment that has a line, or would have it.
func (h *history) fileOf(index int64) string {
	for _, first := range slices.Backward(h.files) {
		if first <= index {
			return edge.SegmentName(first)
		}
	}
	return edge.SegmentName(0)
}

// retained takes lines whose segments were removed: the tiles still have their hashes. Whether
// they might be removed, a line that follows must say.
func (h *history) retained(ctx context.Context) error {
	h.base = h.segments[0]
	if h.base > h.tiles.size {
		h.stop(codeMissing, 0)
		return nil
	}
	if h.base > 0 && h.newest != nil { // the genesis event is not there to say it
		vkey := h.ring.text(*h.newest)
		if said := h.announced(); len(said) > 0 {
			vkey = said[0].From
		}
		if h.keys.Begin(vkey, rekey.Former(h.log, edge.SegmentName(h.base), commit.Prefix)) {
			h.origin, h.report.Origin = h.newest.origin, h.newest.origin
		}
	}
	for h.tree.Size < h.base {
		hashes := h.tiles.ahead(h.tree.Size)
		if h.tiles.err != nil || ctx.Err() != nil {
			return cmp.Or(h.tiles.err, ctx.Err())
		}
		if len(hashes) == 0 {
			h.stop(codeMissing, 0)
			return nil
		}
		for _, leaf := range hashes[:min(int64(len(hashes)), h.base-h.tree.Size)] {
			h.tree.Add(leaf, h.tiles.check)
			h.meet()
		}
	}
	h.batch.first = h.base
	return nil
}
