package file

import (
	"context"
	"errors"
	"maps"

	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/internal/segment"
)

// batch is what is written together.
type batch struct {
	text  []byte
	items []item
	done  chan struct{} // closed when all of it is decided
}

// item is a record of a batch, without its text.
type item struct {
	frames.Record
	end int // of its text
	err error
}

// Append returns when a record is durable.
func (j *Journal) Append(ctx context.Context, r frames.Record) error {
	if !r.Fits() {
		return ErrTooLong
	}
	for ctx.Err() == nil {
		b, at, full, err := j.put(&r)
		switch {
		case err != nil:
			return err
		case full != nil:
			select {
			case <-full:
			case <-ctx.Done():
			}
		default:
			return b.wait(ctx, at)
		}
	}
	return ctx.Err()
}

// wait prefers what is known to the end of a context.
func (b *batch) wait(ctx context.Context, at int) error {
	select {
	case <-b.done:
	case <-ctx.Done():
		select {
		case <-b.done:
		default:
			return ctx.Err()
		}
	}
	return b.items[at].err
}

// put adds a record to the batch that is written next, or says what to wait for.
func (j *Journal) put(r *frames.Record) (b *batch, at int, full <-chan struct{}, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.closed:
		return nil, 0, nil, ErrClosed
	case j.batch == nil:
		j.batch = &batch{done: make(chan struct{})}
		select {
		case j.wake <- struct{}{}:
		default: // it will look anyway
		}
	case len(j.batch.text)+r.Size() > mostBatch:
		if j.room == nil {
			j.room = make(chan struct{})
		}
		return nil, 0, j.room, nil
	}
	b = j.batch
	b.text = frames.Append(b.text, r)
	b.items = append(b.items, item{Record: *r, end: len(b.text)})
	b.items[len(b.items)-1].Sealed = nil // the text has it
	return b, len(b.items) - 1, nil, nil
}

// run writes until the journal is closed and nobody waits.
func (j *Journal) run() {
	defer close(j.ended)
	for range j.wake {
		for b := j.take(); b != nil; b = j.take() {
			j.write(b)
			close(b.done)
		}
	}
	j.reading.Lock()
	defer j.reading.Unlock()
	j.result = errors.Join(j.file.Close(), j.lock.Close())
}

// take is what is to be written; nil: nothing waits.
func (j *Journal) take() *batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	b := j.batch
	j.batch = nil
	if j.room != nil {
		close(j.room)
		j.room = nil
	}
	return b
}

// write decides about each record of a batch.
func (j *Journal) write(b *batch) {
	full := j.space(len(b.text), kept)
	text, reached := j.choose(b, full)
	if len(text) == 0 {
		return
	}
	text = frames.Commit(text, j.id, j.commits)
	err := j.space(len(text), 0)
	if err == nil {
		err = outcomeOf(j.file.Append(text))
	}
	if err != nil {
		for i := range b.items {
			if b.items[i].err == nil {
				b.items[i].err = err
			}
		}
		return
	}
	j.commits++
	maps.Copy(j.places, reached)
	j.mu.Lock()
	j.durable = j.file.Size()
	j.mu.Unlock()
}

// choose leaves out what is not next in its run, and what begins where it is full; reached
// is how far the runs are with the rest.
func (j *Journal) choose(b *batch, full error) (text []byte, reached places) {
	text, reached = b.text[:0], places{} // in place: it only moves forward
	begin := 0
	for i := range b.items {
		it := &b.items[i]
		at, ok := reached[it.Run]
		if !ok {
			at = j.places[it.Run]
		}
		switch {
		case !at.next(&it.Record):
			it.err = ErrPlace
		case full != nil && !it.Answer:
			it.err = full
		default:
			reached[it.Run] = after(&it.Record)
			text = append(text, b.text[begin:it.end]...)
		}
		begin = it.end
	}
	return text, reached
}

// space makes sure that n bytes and a commit fit, and that a margin is left.
func (j *Journal) space(n int, margin int64) error {
	return outcomeOf(j.file.Room(int64(n+frames.CommitSize), margin))
}

func outcomeOf(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, segment.ErrFull):
		return ErrFull
	}
	return ErrLost
}
