package audit

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// batchBytes is when a batch is full. Half a megabyte is where a disk's throughput
// stops to grow, and it bounds what a crash can leave behind the last commit.
const batchBytes = 1 << 20

// queue collects lines while the committer is at the disk. There is one batch at a
// time; who does not fit waits for the next.
type queue struct {
	mu     sync.Mutex
	batch  *batch
	bytes  []byte
	items  []item
	answer int           // how many of items are answers
	taken  chan struct{} // closed when the committer took the batch
	closed bool
	wake   chan struct{} // there is something, capacity 1
}

// batch is what one write makes durable. One channel wakes all its callers: with a
// condition per caller throughput collapses at some thousand of them.
type batch struct {
	done    chan struct{}
	err     error // of all
	refused error // of those that do not answer
	first   int64 // index of the first line
}

// item is one line of a batch.
type item struct {
	end    int // in the batch's bytes
	leaf   tlog.Hash
	answer bool
}

// ticket is one caller's place in a batch.
type ticket struct {
	batch  *batch
	place  int // among all
	rank   int // among answers
	answer bool
}

// put copies a line into the batch. ctx bounds the wait for a place.
func (q *queue) put(ctx context.Context, text []byte, leaf tlog.Hash, answer bool) (ticket, error) {
	for {
		t, taken, err := q.try(text, leaf, answer)
		if err != nil || taken == nil {
			return t, err
		}
		select {
		case <-taken:
		case <-ctx.Done():
			return ticket{}, fmt.Errorf("%w: %w", ErrNotRecorded, ctx.Err())
		}
	}
}

// try returns a channel to wait on where there is no room.
func (q *queue) try(text []byte, leaf tlog.Hash, answer bool) (ticket, <-chan struct{}, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ticket{}, nil, errClosed
	}
	if q.batch == nil {
		q.batch = newBatch()
	}
	if len(q.bytes)+len(text) >= batchBytes && len(q.items) > 0 {
		if q.taken == nil {
			q.taken = make(chan struct{})
		}
		return ticket{}, q.taken, nil
	}
	t := ticket{q.batch, len(q.items), q.answer, answer}
	q.bytes = append(append(q.bytes, text...), '\n')
	q.items = append(q.items, item{len(q.bytes), leaf, answer})
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

// take gives the batch to the committer, and its old buffers to the queue.
func (q *queue) take(bytes []byte, items []item) (*batch, []byte, []item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, text, list := q.batch, q.bytes, q.items
	q.batch, q.bytes, q.items, q.answer = nil, bytes[:0], items[:0], 0
	if q.taken != nil {
		close(q.taken)
		q.taken = nil
	}
	return b, text, list
}

// close is true the first time. Nothing is put afterwards.
func (q *queue) close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := !q.closed
	q.closed = true
	return first
}

// wait returns the index of the caller's line when it is on the disk.
func (t ticket) wait(ctx context.Context) (int64, error) {
	select {
	case <-t.batch.done:
	case <-ctx.Done():
		select {
		case <-t.batch.done: // it is known after all
		default:
			return 0, fmt.Errorf("%w: %w", ErrIndeterminate, ctx.Err())
		}
	}
	b := t.batch
	switch {
	case b.refused != nil && !t.answer:
		return 0, b.refused
	case b.err != nil:
		return 0, b.err
	case b.refused != nil:
		return b.first + int64(t.rank), nil
	}
	return b.first + int64(t.place), nil
}

// answersOnly keeps the lines that answer, in place.
func answersOnly(text []byte, items []item) ([]byte, []item) {
	kept, list, start := text[:0], items[:0], 0
	for _, it := range items {
		end := it.end
		if it.answer {
			kept = append(kept, text[start:end]...)
			it.end = len(kept)
			list = append(list, it)
		}
		start = end
	}
	return kept, list
}
