package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
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

// place is a line, by its index, and where it begins.
type place struct{ index, offset int64 }

// sparse is how many lines lie between two places that are remembered.
const sparse = 4096

// places are where lines begin, of those that somebody has read: whoever reads on need not
// begin anew.
type places struct {
	mu  sync.Mutex
	all []place // rising
}

// before is the last that is known not to be behind a line.
func (p *places) before(index int64) place {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, found := slices.BinarySearchFunc(p.all, index, func(at place, index int64) int { return cmp.Compare(at.index, index) })
	switch {
	case found:
		return p.all[i]
	case i > 0:
		return p.all[i-1]
	}
	return place{}
}

// pass remembers a place now and then.
func (p *places) pass(at place) {
	if at.index%sparse != 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) == 0 || p.all[len(p.all)-1].index < at.index {
		p.all = append(p.all, at)
	}
}

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
	at := g.places.before(first)
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
			at.index++
			if g.places.pass(at); at.index <= first {
				continue
			}
			e, err = decode(text)
		}
		if !yield(e, err) || err != nil {
			return
		}
	}
}
