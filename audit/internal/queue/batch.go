package queue

import "context"

// Batch is what one write makes durable. One channel wakes all its callers: with a
// condition per caller throughput collapses at some thousand of them.
type Batch struct {
	Err     error // of all that were to be written
	Refused error // of those of a class behind Most; they were not
	Most    Class // the last class that was admitted
	First   int64 // index of the first line

	done chan struct{}
}

// NewBatch is a batch that nobody waits for.
func NewBatch() *Batch { return &Batch{Most: Denial, done: make(chan struct{})} }

// Done wakes the callers. The batch does not change any more.
func (b *Batch) Done() { close(b.done) }

// Ticket is one caller's place in a batch.
type Ticket struct {
	batch *Batch
	class Class
	ranks [classes]int32 // among those of each class and the classes before it
}

// Wait is nil when the end of the batch is known.
func (t Ticket) Wait(ctx context.Context) error {
	select {
	case <-t.batch.done:
	case <-ctx.Done():
		select {
		case <-t.batch.done: // it is known after all
		default:
			return ctx.Err()
		}
	}
	return nil
}

// Index is that of the caller's line, after Wait.
func (t Ticket) Index() (int64, error) {
	b := t.batch
	switch {
	case t.class > b.Most:
		return 0, b.Refused
	case b.Err != nil:
		return 0, b.Err
	}
	return b.First + int64(t.ranks[b.Most]), nil
}

// Keep keeps the lines up to a class, in place.
func Keep(text []byte, items []Item, most Class) ([]byte, []Item) {
	kept, list, start := text[:0], items[:0], 0
	for _, it := range items {
		end := it.End
		if it.Class <= most {
			kept = append(kept, text[start:end]...)
			it.End = len(kept)
			list = append(list, it)
		}
		start = end
	}
	return kept, list
}
