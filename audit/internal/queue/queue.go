// Package queue collects lines while the disk is busy.
//
//	ticket, err := q.Put(ctx, line, leaf, answer) // many callers
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
// There is one batch of a megabyte at a time; who does not fit waits for the next.
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
)

// BatchBytes is when a batch is full. Half a megabyte is where a disk's throughput
// stops to grow, and it bounds what a crash can leave behind the last commit.
const BatchBytes = 1 << 20

// ErrClosed is the end of a sentence that the caller begins.
var ErrClosed = errors.New("the log is closed")

// Queue is what callers put and the committer takes.
type Queue struct {
	mu     sync.Mutex
	batch  *Batch
	bytes  []byte
	items  []Item
	answer int           // how many of items are answers
	taken  chan struct{} // closed when the committer took the batch
	closed bool
	wake   chan struct{}
}

// Item is one line of a batch.
type Item struct {
	End    int // in the batch's bytes, behind the newline
	Leaf   tlog.Hash
	Answer bool
}

// New makes an empty queue.
func New() *Queue { return &Queue{wake: make(chan struct{}, 1)} }

// Wake has a value when there is something to take.
func (q *Queue) Wake() <-chan struct{} { return q.wake }

// Put copies a line into the batch. ctx bounds the wait for a place.
func (q *Queue) Put(ctx context.Context, line []byte, leaf tlog.Hash, answer bool) (Ticket, error) {
	for {
		t, taken, err := q.try(line, leaf, answer)
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
func (q *Queue) try(line []byte, leaf tlog.Hash, answer bool) (Ticket, <-chan struct{}, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return Ticket{}, nil, ErrClosed
	}
	if len(q.bytes)+len(line) >= BatchBytes && len(q.items) > 0 {
		if q.taken == nil {
			q.taken = make(chan struct{})
		}
		return Ticket{}, q.taken, nil
	}
	if q.batch == nil {
		q.batch = NewBatch()
	}
	t := Ticket{q.batch, len(q.items), q.answer, answer}
	q.bytes = append(append(q.bytes, line...), '\n')
	q.items = append(q.items, Item{len(q.bytes), leaf, answer})
	if answer {
		q.answer++
	}
	if len(q.items) == 1 {
		select {
		case q.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
	return t, nil, nil
}

// Take gives the batch to the committer, and its old buffers to the queue. It is
// empty where nothing was put.
func (q *Queue) Take(text []byte, items []Item) (*Batch, []byte, []Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, took, list := q.batch, q.bytes, q.items
	q.batch, q.bytes, q.items, q.answer = nil, text[:0], items[:0], 0
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
