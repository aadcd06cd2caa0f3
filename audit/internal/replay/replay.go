// Package replay reads a log's segments back, and judges what it finds.
//
//	r := replay.Replay{Now: checkpoint, Floor: floor, Tiles: &tiles, State: state}
//	r.Begin(frontier)                          // the tree before the first segment to read
//	err := r.Segment(ctx, file, part, previous) // each, up to the newest
//	torn, err := r.Torn(file, size)
//
// # Guarantees
//
// Each line is hashed into the tree, each commit line must say that tree's size and root,
// and so must each checkpoint that was brought, where the tree has its size. Only what
// stands in front of a right commit line counts. What stands behind the last one is
// explained by a crash, or the log is damaged: Torn tells.
//
// # Limits
//
// Lines are not read as JSON, but for those of the log itself: they are the log's own, or
// their tree is not the one that was signed.
//
// # Errors
//
// They speak for package audit, which passes them on, and hold neither paths nor values.
//
// # Concurrency
//
// A Replay has one user. It hashes on all processors while it reads.
package replay

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/queue"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

// What Open says.
var (
	ErrDamage  = errors.New("audit: the log is damaged in a way that no crash explains; it was not changed")
	ErrShort   = errors.New("audit: the log is shorter than its signed checkpoint; it was not changed")
	ErrHistory = errors.New("audit: the log's lines are not those that its checkpoint signs; it was not changed")
	ErrFloor   = errors.New("audit: the log is behind or beside the checkpoint that Options.Floor gives; it was not changed")
)

// The log's own actions that a replay knows.
const (
	own              = "audit."
	ActionGenesis    = own + "genesis"
	ActionCheckpoint = own + "checkpoint"
	ActionSegment    = own + "segment"
	ActionCarried    = own + "carried"
	ActionRetained   = own + "retained"
	ActionRekeyed    = own + "rekeyed"
)

// MaxTorn is the longest batch: a crash leaves no more behind the last commit.
const MaxTorn int64 = queue.BatchBytes + 2*(reach.MaxLine+1) + 2048 + int64(tree.CommitMax)

// Replay is a log that is being read. The fields below the blank line are what was found,
// as of the last whole commit.
type Replay struct {
	Now   key.Checkpoint // DIR/checkpoint
	Floor key.Checkpoint // Options.Floor; size 0: none
	Tiles *tree.Folder
	State *carry.State
	Under *key.Public // signed Now; nil: no line speaks of keys
	Keys  []*key.Key  // the one that the log is under seals what lets lines go; none: nothing does

	Tree   tree.Tree
	Good   int64                 // behind the last commit of the segment that was read last; 0: it has none
	Signed int64                 // behind the last commit of it that DIR/checkpoint covers
	Began  int64                 // when it began, in milliseconds
	Times  carry.Times           // of its lines
	Before map[int64]carry.Times // of other segments, by their first line
	Own    int64                 // when the log itself last wrote
	Dirty  bool                  // the last line is no checkpoint
	Rekey  *key.Rekey            // behind Now, the log went on under another key; nil: it did not

	next     tree.Tree   // with lines that are not yet committed
	offset   int64       // behind the last line read
	previous int64       // first line of the segment before
	began    int64       // size of the tree in front of all that is read
	last     carry.Times // of the segment before, where it was read
	known    bool        // the state is that of all lines before: what is carried says nothing new
	batch    pending
	text     []byte // of a commit line
}

// pending is what lines say that are not yet committed.
type pending struct {
	facts    []carry.Fact
	carried  []carry.Text
	carrying bool // the line before belongs to its beginning
	began    int64
	times    carry.Times
	own      int64
	dirty    bool
	rekey    rekeying
	bad      error // of a line that is not what it says it is; the batch may be torn, and then it is nothing
}

// Begin sets the tree in front of the first segment that will be read.
func (r *Replay) Begin(t *tree.Tree) {
	r.Tree, r.Before, r.began = *t, map[int64]carry.Times{}, t.Size
}

// SealOf is what lets a log give up the lines before one.
func SealOf(k *key.Key, first int64) string { return k.Seal("retained", strconv.FormatInt(first, 10)) }

// sealed says whether the key that the log is under has.
func (r *Replay) sealed(first int64, seal string) bool {
	for _, k := range r.Keys {
		if k.Verifier() == r.Current() {
			return hmac.Equal([]byte(seal), []byte(SealOf(k, first)))
		}
	}
	return false
}

// Segment reads one segment, up to what is no line of this log.
func (r *Replay) Segment(ctx context.Context, in io.ReaderAt, part reach.Part, previous int64) error {
	r.next, r.offset, r.previous, r.batch = r.Tree, 0, previous, pending{}
	r.known = r.known || r.Tree.Size != r.began
	r.Good, r.Signed, r.last, r.Times = 0, 0, r.Times, carry.Times{}
	return scan(ctx, in, part.Bytes, func(c *chunk) (bool, error) {
		for i := range c.lines {
			if more, err := r.line(&c.lines[i]); err != nil || !more {
				return false, err
			}
		}
		return true, nil
	})
}

// line takes one line; false: it is no line of this log.
func (r *Replay) line(l *line) (bool, error) {
	start := r.offset
	if l.commit {
		r.text = tree.AppendCommit(r.text[:0], r.next.Size, r.next.Root())
		if !bytes.Equal(l.text, r.text) || r.next.Size == r.Tree.Size {
			return false, nil
		}
		r.offset += int64(len(l.text))
		return true, r.commit()
	}
	if n := len(l.text) - 1; n == 0 || n > reach.MaxLine || start == 0 && !r.begins(l) {
		return false, nil
	}
	r.offset += int64(len(l.text))
	r.note(l)
	r.next.Add(l.leaf)
	return true, r.compare()
}

// begins says whether a line is the first one of a segment, in front of which the tree is
// the one that was read or loaded.
func (r *Replay) begins(l *line) bool {
	if r.next.Size == 0 {
		return true
	}
	want := SegmentText(r.previous, r.next.Size, r.next.Root().String())
	return l.fact.Action == ActionSegment && bytes.Contains(l.text, []byte(`"segment":`+want))
}

// SegmentText is the member "segment" of a segment's first line.
func SegmentText(previous, size int64, root string) string {
	return fmt.Sprintf(`{"previous":%d,"size":%d,"root":"%s"}`, previous, size, root)
}

// compare holds the tree against what was signed.
func (r *Replay) compare() error {
	if r.next.Size == r.Now.Size && r.next.Root() != r.Now.Root {
		return ErrHistory
	}
	if r.next.Size == r.Floor.Size && r.next.Root() != r.Floor.Root {
		return ErrFloor
	}
	return nil
}

// note remembers what a line says.
func (r *Replay) note(l *line) {
	b := &r.batch
	b.facts = append(b.facts, l.fact)
	b.dirty = l.fact.Action != ActionCheckpoint
	if l.fact.Time != 0 {
		b.times.Add(l.fact.Time)
	}
	carrying := b.carrying
	b.carrying = false
	r.follow(l, b)
	if !strings.HasPrefix(l.fact.Action, own) {
		return
	}
	b.own = l.fact.Time
	switch {
	case r.offset == int64(len(l.text)): // the first
		b.began, b.carrying = l.fact.Time, true
	case l.fact.Action == ActionCarried && carrying:
		t, err := carry.Parse(l.text)
		b.bad = cmp.Or(b.bad, err)
		b.carried, b.carrying = append(b.carried, t), true
	case l.fact.Action == ActionRetained:
		first, ok := r.dropped(l)
		if !ok {
			b.bad = ErrDamage // a commit has no key: whoever can write could let lines go
		}
		b.facts[len(b.facts)-1].Kept = first
	}
}

// commit makes what was read since the last commit count.
func (r *Replay) commit() error {
	missing, err := r.Tiles.Missing(r.next.Full[len(r.Tree.Full):])
	if err != nil {
		return err
	}
	if r.batch.bad != nil {
		return r.batch.bad
	}
	if err := r.turn(&r.batch); err != nil {
		return err
	}
	if !r.carries(&r.batch) {
		return ErrDamage
	}
	first := r.Tree.Size
	r.next.Full = append(slices.Clip(r.Tree.Full), missing...)
	r.Tree, r.Good = r.next, r.offset
	if r.Tree.Size <= r.Now.Size {
		r.Signed = r.offset
	}
	b := &r.batch
	for _, t := range b.carried {
		if !r.known { // of segments behind that one, the lines before have told it, and are signed first
			r.State.Take(t)
		}
		if t.From != 0 {
			r.Before[r.previous] = carry.Times{From: t.From, Until: t.Until}
		}
	}
	r.State.Apply(first, b.facts)
	r.Times.Merge(b.times)
	r.Dirty = b.dirty
	if b.began != 0 {
		r.Began = b.began
	}
	if b.own != 0 {
		r.Own = b.own
	}
	*b = pending{facts: b.facts[:0]} // what another commit carries is not of the beginning
	return nil
}

// Torn is what stands behind the last commit of the newest segment, where a crash
// explains it.
func (r *Replay) Torn(in io.ReaderAt, size int64) (int64, error) {
	if r.Tree.Size < r.Now.Size {
		return 0, ErrShort
	}
	if r.Tree.Size < r.Floor.Size {
		return 0, ErrFloor
	}
	if size-r.Good > MaxTorn {
		return 0, ErrDamage
	}
	rest := make([]byte, size-r.Good)
	if _, err := io.ReadFull(io.NewSectionReader(in, r.Good, size), rest); err != nil && len(rest) > 0 {
		return 0, reach.ErrRead
	}
	if len(rest) > 0 && !torn(rest, r.Good, r.Tree) {
		return 0, ErrDamage
	}
	return int64(len(rest)), nil
}
