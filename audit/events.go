package audit

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"
)

// extent is how much of the log is on the disk.
type extent struct {
	mu           sync.Mutex
	lines, bytes int64
}

func (x *extent) grow(lines, bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lines, x.bytes = lines, bytes
}

func (x *extent) get() (lines, bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.lines, x.bytes
}

// Events reads back what was on the disk when it was called, oldest first, in
// constant memory: the n-th event is the line with index n, the log's own among them.
// Subjects are pseudonyms. An error is the last that it yields; a zero Log yields one.
func (l *Log) Events(ctx context.Context) iter.Seq2[Event, error] { return l.EventsFrom(ctx, 0) }

// EventsFrom is Events from the line with index first on; those before are not looked at.
func (l *Log) EventsFrom(ctx context.Context, first int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		g, err := l.open()
		if err != nil {
			yield(Event{}, err)
			return
		}
		g.events(ctx, first, yield)
	}
}

// place is a line that an iteration came to, and where it begins.
type place struct{ index, offset int64 }

func (g *log) events(ctx context.Context, first int64, yield func(Event, error) bool) {
	_, size := g.durable.get()
	if ctx.Err() != nil {
		yield(Event{}, ctx.Err())
		return
	}
	f, err := os.Open(filepath.Join(g.dir, folderSegments, firstSegment))
	if err != nil {
		yield(Event{}, errRead)
		return
	}
	defer f.Close()
	var at place
	if p := g.reached.Load(); p != nil && p.index <= first { // whoever reads on need not begin anew
		at = *p
	}
	in := bufio.NewReaderSize(io.NewSectionReader(f, at.offset, size-at.offset), 2*(maxLine+1))
	for at.offset < size {
		text, err := in.ReadSlice('\n')
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
		case err != nil:
			err = errRead
		}
		var e Event
		if at.offset += int64(len(text)); err == nil {
			if bytes.HasPrefix(text, []byte(commitHead)) {
				continue
			}
			if at.index++; at.index <= first {
				continue
			}
			e, err = decode(text)
		}
		if !yield(e, err) || err != nil {
			return
		}
	}
	g.reached.Store(&at)
}
