package audit

import (
	"errors"
	"time"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/head"
	"github.com/carnet-go/carnet/audit/internal/queue"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/tree"
	"github.com/carnet-go/carnet/internal/segment"
)

// segmentBytes is the default of Options.SegmentBytes.
const segmentBytes = 256 << 20

// newest is the segment that is written to.
type newest struct {
	file  *segment.File
	first int64 // index of its first line
	head  int64 // size of the tree behind the lines that begin it
	began time.Time
	times carry.Times // of its lines
}

// full says whether the next n bytes should stand in another segment.
func (g *log) full(n int) bool {
	if g.tree.Size <= g.now.head || g.file().Poisoned() != nil {
		return false
	}
	return g.file().Size()+int64(n+tree.CommitMax) > g.most.Load() || g.age > 0 && time.Since(g.now.began) >= g.age
}

// prepare reserves room for the next segment when the newest is nearly full.
func (g *log) prepare() {
	if g.file().Size() > g.most.Load()/8*7 {
		g.folder.Prepare(queue.BatchBytes + margins[queue.Denial])
	}
}

// file is the one that is written to.
func (g *log) file() *segment.File { return g.now.file }

// rotate begins a new segment behind a whole commit. Nothing has changed where it says
// why it cannot; it is tried again with the next batch. The file's name is durable before
// anything stands in it, and the file before it is only closed when the new one has a
// whole commit: at each moment a crash leaves a log that opens.
func (g *log) rotate() error {
	texts := g.state.Texts(g.now.times)
	if len(texts)*(carry.TextBytes+checkpointMax) > queue.BatchBytes {
		return nil // too much is open to be written down in one commit: the segment grows
	}
	began := time.Now()
	h := head.New(g.tree, g.now.first, texts, encodeOwn(g.key, began))
	h.Commit()
	name := reach.Name(g.tree.Size)
	file, err := g.folder.Next(name, int64(len(h.Text)), margins[queue.Denial])
	if err == nil {
		if err = file.Append(h.Text); errors.Is(err, segment.ErrFull) {
			_ = file.Close()
			if rerr := g.folder.Remove(name); rerr != nil {
				err = rerr
			}
		} else if err != nil {
			_ = file.Close()
			err = segment.ErrUnknown
		}
	}
	if err != nil {
		return g.stay(err)
	}
	g.turn(file, h, began)
	return nil
}

// stay goes on in the old segment, if nothing of the new one can come back.
func (g *log) stay(err error) error {
	if errors.Is(err, segment.ErrUnknown) || errors.Is(err, segment.ErrReplaced) || errors.Is(err, segment.ErrPoisoned) {
		g.file().Stop()
	}
	if err = outcomeOf(err); errors.Is(err, ErrIndeterminate) {
		return errNext // of this batch nothing was written
	}
	return err
}

// turn goes on in the new segment.
func (g *log) turn(file *segment.File, h *head.Head, began time.Time) {
	first, old := g.tree.Size, g.now
	g.now = newest{file: file, first: first, head: h.Tree.Size, began: began}
	g.now.times.Add(began.UnixMilli())
	g.tree, g.dirty = h.Tree, true
	g.state.Apply(first, h.Facts)
	g.durable.Turn(g.tree.Size, file.Size(), old.times)
	old.file.Trim()
	_ = old.file.Close() // what it has is on the disk
}
