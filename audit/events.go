package audit

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
)

// Events reads back what was on the disk when it was called, oldest first, in
// constant memory: the n-th event is the line with index n, the log's own among them.
// Subjects are pseudonyms. An error is the last that it yields; a zero Log yields one.
func (l *Log) Events(ctx context.Context) iter.Seq2[Event, error] { return l.EventsFrom(ctx, 0) }

// EventsFrom is Events from the line with index first on; those before are not looked at.
// It is ErrNotKept where Retain gave that line up.
func (l *Log) EventsFrom(ctx context.Context, first int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		g, err := l.open()
		if err != nil {
			yield(Event{}, err)
			return
		}
		g.read.from(first)
		g.events(ctx, first, yield)
	}
}

func (g *log) events(ctx context.Context, first int64, yield func(Event, error) bool) {
	c, end := g.durable.From(first), g.durable.Lines()
	defer c.Close()
	if ctx.Err() != nil {
		yield(Event{}, ctx.Err())
		return
	}
	for c.Index() < end {
		var e Event
		line, err := c.Next(ctx)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			e, err = decode(line.Text)
		}
		if !yield(e, err) || err != nil {
			return
		}
	}
}

// read is which lines somebody asked for by their action, and then read: he will want
// them again after the next Open.
type read struct {
	mu    sync.Mutex
	asked map[int64]bool // lines that Newest has named; true: and somebody read
}

func (r *read) ask(index int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = map[int64]bool{}
	}
	r.asked[index] = r.asked[index]
}

func (r *read) from(index int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.asked[index]; ok {
		r.asked[index] = true
	}
}

// needs says whether a line before one is needed.
func (r *read) needs(kept int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for index, needed := range r.asked {
		if needed && index < kept {
			return true
		}
	}
	return false
}
