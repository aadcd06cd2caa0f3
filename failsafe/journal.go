package failsafe

import (
	"context"
	"errors"
	"iter"
)

var (
	// ErrJournal means that the journal takes nothing any more, or did not take this:
	// nothing that would have to be remembered may begin.
	ErrJournal = errors.New("failsafe: not journalled")
	// ErrOwned means that another process, or another part of this one, has the journal.
	ErrOwned = errors.New("failsafe: the journal is in use")
	// ErrDamaged means that the journal is not what was written, in a way that no crash
	// explains. It was not changed.
	ErrDamaged = errors.New("failsafe: the journal is damaged")
)

// Frame is what a Journal keeps: nothing of it can be read without the runner's key, and
// nothing can be changed, moved or left out without its noticing.
type Frame struct {
	Run      string   // its id
	Sequence uint64   // within the run, from 1
	Before   [32]byte // SHA-256 over the frame before; of the first: zero
	Last     bool     // the run has ended: the frames before this one may go
	Answer   bool     // it ends something: it may use the space that is kept back from what begins
	Sealed   []byte   // ciphertext, bound to all of the above and to the tenant
}

// Journal keeps frames. Append returns when the frame is durable; its other errors are
// ErrJournal, or that of ctx when it ends first: then nobody knows. Frames yields what
// was durable when it was called, of one run in their order, oldest run first. All
// methods are safe for concurrent use.
//
// A journal has one owner. One that another owner has taken over refuses for ever, and
// so does one that could not write: whoever runs on it stops, and undoes nothing.
type Journal interface {
	Append(ctx context.Context, f Frame) error
	Frames(ctx context.Context) iter.Seq2[Frame, error]
	Close(ctx context.Context) error
}
