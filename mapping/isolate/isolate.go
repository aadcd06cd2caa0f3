// Package isolate maps documents in a process of their own: short-lived, shut away from the
// machine, and gone at the end of the batch.
//
//	func main() {
//		isolate.Main() // first: returns at once, but in the child
//		…
//		for record, err := range isolate.Map(ctx, mapper, documents, keys, isolate.Limits{}) {
//
// It is for documents of strangers, and for functions ([mapping.Func]) of others: what a mistake
// in their reading could do, it does where there is nothing else.
//
// # Guarantees
//
// The child is this program once more, with no environment and no argument, and one pipe in and
// one out; what it prints goes nowhere. It gets the declarations of one mapping, the token keys
// of that, and the documents. Before it reads the first one there are walls around it, which it
// cannot take down:
//
//	calls    it opens no file and no socket, starts no process, signals none, makes no new code
//	limits   its memory and processor time are bounded, it writes no file and leaves no core
//	network  it has a network of its own, with nobody in it
//
// Map refuses to work without the first two, and takes the third where the kernel gives it. The
// child ends with its batch, with its time, and with this process.
//
// What comes back is read here under the destination's schema, into the places that the mapping
// says: a [mapping.Record] holds values that the schema describes, and the mapping's own
// constants. Errors name codes and declared paths only, whatever the child says.
//
// # Limits
//
// Calls and limits there are on Linux, for amd64 and arm64. A child that a document or a
// function has taken over can say whatever the destination's schema lets pass, of all it was
// given: put another field's value, another document's, or a token key where a text of that form
// may stand, leave documents out, and tell of some that there were not. So a destination's schema
// should be narrow, and a batch one tenant's. A record has at most 4 MiB here. The walls are the
// kernel's: they are as good as that. Threads are bounded by the control group or the user's
// limit; where there are no walls, a child that computes outlives this process.
//
// What the program does before it calls [Main], the child does too, without walls. Functions
// have to be given to Main, and can read no file. A key source that ignores its context holds Map
// up, and one that panics has no key.
//
// # Errors
//
// A document that is refused is a [*mapping.RejectError] around a [*mapping.DataError], and the
// next one follows. Every other error is the last: that of the context, of the reader as a
// RejectError, [mapping.ErrExpired], [mapping.ErrNoKey], that of the system where it starts no
// process, and those below. What was yielded before was whole.
//
// # Concurrency
//
// Map may be called concurrently: each loop has a process.
package isolate

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/isolate/internal/wall"
)

// What a batch says that cannot go on.
var (
	ErrNoMain = errors.New("isolate: main does not call isolate.Main first")
	ErrWalls  = errors.New("isolate: this system has not all walls: see Limits.Weaker")
	ErrOther  = errors.New("isolate: the process makes another mapping of the declarations: give Main its functions")
	ErrEnded  = errors.New("isolate: the process ended before its batch: its time or memory was used up, or it failed")
	ErrFalse  = errors.New("isolate: the process said what no mapping says")
)

// Limits are those of one batch.
type Limits struct {
	Time   time.Duration // from its start to its end; zero: a minute
	Memory int64         // bytes, on top of what the program takes when it has started; zero: 256 MiB; with less than 64 MiB honest batches end, too
	Weaker bool          // works also where the system has not all walls, with those that it has
}

const (
	defaultTime   = time.Minute
	defaultMemory = 256 << 20
)

func (l Limits) orDefaults() Limits {
	if l.Time <= 0 {
		l.Time = defaultTime
	}
	if l.Memory <= 0 {
		l.Memory = defaultMemory
	}
	return l
}

// Map is what the mapping makes of a stream, as [mapping.Schema.Documents] reads one: one JSON
// array, or lines that are a document each. A process begins with the loop and is gone when that
// has ended, however it ends. The keys are lent for that long. The stream is read from another
// goroutine, which a loop that ends early leaves behind until its Read returns.
func Map(ctx context.Context, m *mapping.Mapper, documents io.Reader, keys mapping.KeySource, limits Limits) iter.Seq2[mapping.Record, error] {
	return func(yield func(mapping.Record, error) bool) {
		if m.Hash() == "" {
			yield(mapping.Record{}, mapping.ErrInvalid)
			return
		}
		b, err := start(ctx, m, keys, limits.orDefaults())
		if err != nil {
			yield(mapping.Record{}, err)
			return
		}
		defer b.end()
		if err := b.receive(documents, yield); err != nil {
			yield(mapping.Record{}, err)
		}
	}
}

// Walls are the names of those that a batch has on this system, and ErrWalls where one is missing
// that Map asks for. It starts a process to find out.
func Walls(ctx context.Context) ([]string, error) {
	p, err := begin(ctx, &order{Life: defaultTime, Memory: defaultMemory})
	if err != nil {
		return nil, err
	}
	defer p.end()
	up, _, err := p.ready()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, w := range []struct {
		is   wall.Wall
		name string
	}{{wall.Calls, "calls"}, {wall.Limits, "limits"}, {wall.Network, "network"}} {
		if up&w.is != 0 {
			names = append(names, w.name)
		}
	}
	if !enough(up) {
		return names, ErrWalls
	}
	return names, nil
}

func enough(up wall.Wall) bool { return up&wall.Calls != 0 && up&wall.Limits != 0 }
