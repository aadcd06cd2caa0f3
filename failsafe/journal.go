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

// Journal keeps frames. Append returns nil when the frame is durable. After any other end
// than being refused for its place it may yet be there when the journal is opened again:
// ErrJournal, or the error of ctx when that ends first. A frame has its place: the numbers
// of a run go up by one from 1, and stop at its last. One that does not come next is
// ErrJournal, and not written, so that whoever does not know what became of a frame cannot
// put another in its place.
//
// Frames yields what was durable when it was ranged over, of one run in their order and
// together, oldest run first; of a run that has ended at least its last frame stays. All
// methods are safe for concurrent use, and end with ctx. Close writes what waits; after it
// everything is refused.
//
// A journal has one owner. One that another owner has taken over refuses for ever, and
// so does one that could not write: whoever runs on it stops, and undoes nothing.
// failsafetest.RunJournal checks the rest.
type Journal interface {
	Append(ctx context.Context, f Frame) error
	Frames(ctx context.Context) iter.Seq2[Frame, error]
	Close(ctx context.Context) error
}
