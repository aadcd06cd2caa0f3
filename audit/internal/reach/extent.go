package reach

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"sync"

	"github.com/carnet-go/carnet/audit/internal/carry"
)

var (
	// ErrNotKept is a line that retention took away.
	ErrNotKept = errors.New("audit: the line is not kept any more")

	// ErrRead is what was written and cannot be read.
	ErrRead = errors.New("audit: the log cannot be read")
)

// readers is how many reads of one log the disk may be busy with.
const readers = 8

// Part is one segment.
type Part struct {
	First int64       // index of its first line
	Bytes int64       // of it that are durable
	Times carry.Times // of its lines

	places []place // where some of its lines begin
}

// place is a line and where it begins.
type place struct{ index, offset int64 }

// sparse is how many lines lie between two places that are remembered.
const sparse = 4096

// Extent is how much of a log is on the disk.
type Extent struct {
	fsys  fs.FS // the log's folder
	slots chan struct{}

	mu      sync.Mutex
	parts   []Part // rising; the last is written to
	lines   int64
	ended   bool
	changed chan struct{} // closed when lines grow; nil: nobody waits
}

// New is the extent of a log of some lines that stand in parts.
func New(fsys fs.FS, parts []Part, lines int64) *Extent {
	return &Extent{fsys: fsys, slots: make(chan struct{}, readers), parts: parts, lines: lines}
}

// Grow says that the newest segment has so many bytes, and the log so many lines.
func (x *Extent) Grow(lines, bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lines, x.parts[len(x.parts)-1].Bytes = lines, bytes
	x.wake()
}

// Turn says that a new segment was begun, and the times of the one before.
func (x *Extent) Turn(lines, bytes int64, before carry.Times) {
	x.mu.Lock()
	defer x.mu.Unlock()
	first := x.lines
	x.parts[len(x.parts)-1].Times = before
	x.parts = append(x.parts, Part{First: first, Bytes: bytes})
	x.lines = lines
	x.wake()
}

// Drop forgets the oldest segments, up to the one that begins with first.
func (x *Extent) Drop(first int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.parts = slices.DeleteFunc(x.parts, func(p Part) bool { return p.First < first })
}

// End says that there will be no more lines.
func (x *Extent) End() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ended = true
	x.wake()
}

// wake wakes who waits; x.mu is held.
func (x *Extent) wake() {
	if x.changed != nil {
		close(x.changed)
		x.changed = nil
	}
}

// Lines is how many lines are on the disk.
func (x *Extent) Lines() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.lines
}

// Kept is the index of the first line that is there.
func (x *Extent) Kept() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.parts[0].First
}

// Parts are the segments as they are now.
func (x *Extent) Parts() []Part {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.parts)
}

// more is a channel that is closed when there are more than so many lines; nil: there
// are, or never will be, and which.
func (x *Extent) more(lines int64) (changed <-chan struct{}, ended bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lines > lines || x.ended {
		return nil, x.lines <= lines
	}
	if x.changed == nil {
		x.changed = make(chan struct{})
	}
	return x.changed, false
}

// Watch is the first line that is there, the one behind the last, and a channel that is closed
// when there are more.
func (x *Extent) Watch() (first, next int64, grown <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.changed == nil {
		x.changed = make(chan struct{})
	}
	return x.parts[0].First, x.lines, x.changed
}

// find is the segment of a line, its end, and the last place in it that is known not to
// be behind the line. Of a line that is not there yet it is the segment that will have it.
func (x *Extent) find(index int64) (p Part, at place, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i, found := slices.BinarySearchFunc(x.parts, index, func(p Part, index int64) int { return cmp.Compare(p.First, index) })
	if !found {
		i--
	}
	if i < 0 {
		return Part{}, place{}, ErrNotKept
	}
	p = x.parts[i]
	at = place{index: p.First}
	for _, known := range p.places { // some hundred at most
		if known.index > index {
			break
		}
		at = known
	}
	return p, at, nil
}

// pass remembers a place now and then.
func (x *Extent) pass(first int64, at place) {
	if at.index%sparse != 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.parts {
		p := &x.parts[i]
		if n := len(p.places); p.First == first && (n == 0 || p.places[n-1].index < at.index) {
			p.places = append(p.places, at)
		}
	}
}

// know says what times a closed segment has.
func (x *Extent) know(first int64, times carry.Times) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.parts {
		if x.parts[i].First == first {
			x.parts[i].Times = times
		}
	}
}

// Segment is the closed segment that a line stands in, and the first line behind it; 0: it
// is the newest, or none.
func (x *Extent) Segment(index int64) (p Part, next int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, p := range x.parts[:len(x.parts)-1] {
		if next := x.parts[i+1].First; index >= p.First && index < next {
			return p, next
		}
	}
	return Part{}, 0
}
