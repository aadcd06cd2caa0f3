// Package queue collects lines while the disk is busy.
//
//	ticket, err := q.Put(ctx, line, item)         // many callers
//	err = ticket.Wait(ctx)
//	index, err := ticket.Index()
//
//	<-q.Wake() // one committer
//	batch, text, items := q.Take(text, items)
//	batch.First = … // or batch.Err
//	batch.Done()
//
// # Guarantees
//
// Lines stand in a batch in the order of Put, each with a newline. What was put is
// taken, also after Close. No caller is held longer than its ctx says.
//
// # Limits
//
// There is one batch of a megabyte at a time; who does not fit waits for the next. What
// matters more has room that what matters less cannot take: of each batch the last eighth
// is for outcomes, the one before for them and for revocations and undos, a quarter before
// that for crossings too; and denials have a quarter at most, within the first half. So a
// flood of denials makes nobody else wait longer than for the batch that is being written.
//
// # Errors
//
// Put returns [ErrClosed] or the error of ctx, and nothing was put. Wait returns the
// error of ctx: the line is on its way, and nobody knows how that ends. Index returns
// what the committer said.
//
// # Concurrency
//
// A Queue is safe for concurrent use by its callers and one committer, who alone has
// a Batch until Done.
package queue

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/carry"
)

// BatchBytes is when a batch is full. Half a megabyte is where a disk's throughput
// stops to grow, and it bounds what a crash can leave behind the last commit.
const BatchBytes = 1 << 20

// ErrClosed is the end of a sentence that the caller begins.
var ErrClosed = errors.New("the log is closed")

// Class is how much it matters that a line is written, the most first.
type Class uint8

// The classes.
const (
	Outcome    Class = iota // how something ended
	Revocation              // what takes authority away, and what undoes
	Crossing                // what begins
	Denial                  // what did not begin
	classes
)

// upTo is how full a batch may be with a line of each class.
var upTo = [classes]int{BatchBytes, BatchBytes / 8 * 7, BatchBytes / 8 * 6, BatchBytes / 8 * 4}

// denials is how much of a batch they may be.
const denials = BatchBytes / 4

// Queue is what callers put and the committer takes.
type Queue struct {
	mu     sync.Mutex
	batch  *Batch
	bytes  []byte
	items  []Item
	ranks  [classes]int32 // how many of items are of each class, and of those before it
	denied int            // bytes of denials
	taken  chan struct{}  // closed when the committer took the batch
	closed bool
	wake   chan struct{}
}

// Item is one line of a batch.
type Item struct {
	End   int // in the batch's bytes, behind the newline; Put sets it
	Leaf  tlog.Hash
	Class Class
	Fact  carry.Fact
}

// New makes an empty queue.
func New() *Queue { return &Queue{wake: make(chan struct{}, 1)} }

// Wake has a value when there is something to take.
func (q *Queue) Wake() <-chan struct{} { return q.wake }

// Put copies a line into the batch. ctx bounds the wait for a place.
func (q *Queue) Put(ctx context.Context, line []byte, it Item) (Ticket, error) {
	for {
		t, taken, err := q.try(line, &it)
		if err != nil || taken == nil {
			return t, err
		}
		select {
		case <-taken:
		case <-ctx.Done():
			return Ticket{}, ctx.Err()
		}
	}
}

// try returns a channel to wait on where there is no room.
func (q *Queue) try(line []byte, it *Item) (Ticket, <-chan struct{}, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return Ticket{}, nil, ErrClosed
	}
	if !q.fits(len(line)+1, it.Class) {
		if q.taken == nil {
			q.taken = make(chan struct{})
		}
		return Ticket{}, q.taken, nil
	}
	if q.batch == nil {
		q.batch = NewBatch()
	}
	t := Ticket{q.batch, it.Class, q.ranks}
	q.bytes = append(append(q.bytes, line...), '\n')
	it.End = len(q.bytes)
	q.items = append(q.items, *it)
	for c := it.Class; c < classes; c++ {
		q.ranks[c]++
	}
	if it.Class == Denial {
		q.denied += len(line) + 1
	}
	if len(q.items) == 1 {
		select {
		case q.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
	return t, nil, nil
}

// fits says whether so many bytes of a class may stand in the batch. One line always may.
func (q *Queue) fits(n int, class Class) bool {
	if len(q.items) == 0 {
		return true
	}
	return len(q.bytes)+n <= upTo[class] && (class != Denial || q.denied+n <= denials)
}

// Take gives the batch to the committer, and its old buffers to the queue. It is
// empty where nothing was put.
func (q *Queue) Take(text []byte, items []Item) (*Batch, []byte, []Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, took, list := q.batch, q.bytes, q.items
	clear(items) // of strings that nobody needs any more
	q.batch, q.bytes, q.items, q.ranks, q.denied = nil, text[:0], items[:0], [classes]int32{}, 0
	if q.taken != nil {
		close(q.taken)
		q.taken = nil
	}
	if b == nil {
		b = NewBatch()
	}
	return b, took, list
}

// Close is true the first time. Nothing is put afterwards.
func (q *Queue) Close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := !q.closed
	q.closed = true
	return first
}
