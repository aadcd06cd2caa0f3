// Package head is the lines that a segment of a log begins with.
//
//	h := head.New(tree, first, carried, encode)
//	h.Commit()
//	err := file.Append(h.Text)
//
// # Guarantees
//
// The first line says what is before the segment, and those behind it what is carried over.
// Nothing is written, and the tree that New gets stays as it is.
//
// # Limits
//
// What there is to carry over is for who calls to say.
//
// # Errors
//
// There are none.
//
// # Concurrency
//
// A Head has one user.
package head

import (
	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/replay"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

// Encode makes a line of the log itself, behind one byte of room.
type Encode func(action string, m Member) []byte

// Member is what such a line says. Of the texts one is set: JSON of its member, or a signed note.
type Member struct{ Segment, Carried, Rekey, Checkpoint string }

// Head is what was made so far.
type Head struct {
	Tree  tree.Tree // with its lines
	Text  []byte
	Facts []carry.Fact

	encode Encode
}

// New begins a segment behind a tree and the segment with a first line, with what is carried over.
func New(t tree.Tree, previous int64, carried []string, encode Encode) *Head {
	h := &Head{Tree: t, encode: encode}
	h.Add(replay.ActionSegment, Member{Segment: replay.SegmentText(previous, t.Size, t.Root().String())})
	for _, text := range carried {
		h.Add(replay.ActionCarried, Member{Carried: text})
	}
	return h
}

// Add adds a line.
func (h *Head) Add(action string, m Member) {
	roomAndLine := h.encode(action, m)
	h.Tree.Add(tree.LeafHash(roomAndLine))
	h.Text = append(append(h.Text, roomAndLine[1:]...), '\n')
	h.Facts = append(h.Facts, carry.Fact{Action: action})
}

// Commit ends the batch.
func (h *Head) Commit() { h.Text = tree.AppendCommit(h.Text, h.Tree.Size, h.Tree.Root()) }
