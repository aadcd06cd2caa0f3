// Package cursor copies the lines of a log to sinks, each at its own pace.
//
//	f, err := cursor.Open(ctx, cursor.Config{Name: "siem", Deliver: deliver, Source: lines, …})
//	group := cursor.Group{f}
//	group.Start()
//	refuse := group.Refuses()
//	left := group.Drain()
//
// # Guarantees
//
// A sink gets every line from the first on, in order, at least once: a line counts as
// delivered when the sink said so, and everything before it too. How far it got is kept
// in a file, which is replaced as a whole, at most once a second: a crash repeats lines
// and leaves none out. The file is sealed with a key of the log and has the hash of the
// last line that was delivered. One that does not open begins anew from the first line;
// one that opens and is ahead of the log, or of another history, refuses: the sink holds
// lines that this log has lost.
//
// One goroutine for each sink reads from the disk what the sink has room for, so memory
// is one batch, however far behind it is. Nothing that writes to the log waits for it.
//
// That a sink lags is told once for each crossing of the line, and once when it caught up:
// to half of MaxLag, or to the end. A notice is a line too, which is delivered like any
// other, but nobody lags for it: an idle log stays idle.
//
// # Limits
//
// A sink that does not return when its context ends has its goroutine for ever; it gets
// nothing more, and that is told. Ages are by the wall clock, as the lines have them.
//
// # Errors
//
// They speak for package audit, which passes them on. None has a value of a line, a path,
// or text of a sink: what a sink's error says of itself is a class, a closed name.
//
// # Concurrency
//
// Deliver is called by one goroutine at a time. Status, Late, Refuses and Next are safe
// for concurrent use.
package cursor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carnet-go/carnet/audit/internal/reach"
)

const (
	// A batch ends at whichever comes first.
	batchLines = 1024
	batchBytes = 1 << 20

	// linger is how long a sink that has everything waits for company of the next line:
	// a batch costs it a connection.
	linger = 100 * time.Millisecond
	// saveAfter is how old a cursor may be, and what a crash repeats.
	saveAfter = time.Second

	withinDefault = 10 * time.Second
	lagDefault    = 5 * time.Minute

	// grace is for a sink to notice that its context has ended.
	grace = time.Second
	// tellWithin bounds the wait for the log's own disk.
	tellWithin = 10 * time.Second
)

// Line is one line of the log.
type Line struct {
	Index int64
	Text  []byte // without its newline
	Time  time.Time
	Own   bool // of the log itself, such as a notice: nobody lags for it

	since time.Time // when the wait for its delivery began
}

func (l Line) leaf() [32]byte { return sha256.Sum256(append([]byte{0}, l.Text...)) } // RFC 6962, section 2.1

// Source is what of the log is on the disk.
type Source interface {
	// Extent is the index of the first line that is kept, that behind the last one, and a
	// channel that is closed when there are more.
	Extent() (first, next int64, grown <-chan struct{})
	// Lines yields those from an index on, which is kept, to where the log ends now. A line
	// is valid until the next; an error is the last.
	Lines(ctx context.Context, from int64) iter.Seq2[Line, error]
}

// Notice is what the log should have of a feed.
type Notice struct {
	What   string // one of the constants
	Feed   string
	Reason string        // a closed name; empty: none
	Count  int64         // of lines
	Took   time.Duration // from Lag to CaughtUp
}

// What a Notice is about.
const (
	Lag       = "lag"       // further behind than MaxLag; Count is how many lines
	CaughtUp  = "caughtup"  // after a Lag
	Abandoned = "abandoned" // a Deliver that did not return
	Again     = "again"     // the cursor did not open: everything is delivered again
	Gap       = "gap"       // Count lines were removed before they were delivered
)

// Config is one feed.
type Config struct {
	Name    string
	Deliver func(ctx context.Context, origin string, batch []Line) (int, error)
	Reach   Reach         // of the sink
	Within  time.Duration // zero: 10 s
	MaxLag  time.Duration // zero: 5 min
	Refuse  bool

	Source Source                              // this feed's own
	Tell   func(context.Context, Notice) error // writes to the log
	Dir    string                              // of the cursors
	Origin string                              // of the log
	Seal   func([]byte) string                 // a keyed digest of the log
}

// Feed is one sink and how far it got.
type Feed struct {
	Config
	next  int64    // index of the first line that the sink has not
	leaf  [32]byte // of the line before
	batch []Line   // from next on, read from the disk
	size  int      // of their texts

	saved   time.Time // when the cursor was
	dirty   bool      // it is to be saved
	failed  int       // deliveries without progress, in a row
	since   time.Time // of the lag that was told
	owed    []Notice
	tried   bool          // once more, while it closes
	closing chan struct{} // nothing new comes: deliver what there is
	ctx     context.Context
	stop    context.CancelFunc // do not wait any more
	ended   chan struct{}

	late   atomic.Bool
	mu     sync.Mutex
	now    Status
	oldest time.Time // of the first line in hand that is not the log's own
	over   bool      // the cursor's file is not this feed's any more
}

// Status is how a feed is doing.
type Status struct {
	Name    string
	Next    int64         // index of the first line that the sink has not
	Lag     time.Duration // age of the first that is not the log's own; 0: not read yet, or none
	Late    bool
	Failure string // class of the newest; empty: the last delivery was none
}

// Open reads the cursor of a feed and compares it with the log.
func Open(ctx context.Context, c Config) (*Feed, error) {
	if c.Within == 0 {
		c.Within = withinDefault
	}
	if c.MaxLag == 0 {
		c.MaxLag = lagDefault
	}
	f := &Feed{Config: c, closing: make(chan struct{}), ended: make(chan struct{})}
	if err := f.load(ctx); err != nil {
		return nil, err
	}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.now = Status{Name: c.Name, Next: f.next}
	return f, nil
}

// Status is how it is doing.
func (f *Feed) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.now
	s.Late = f.late.Load()
	if !f.oldest.IsZero() {
		s.Lag = max(1, time.Since(f.oldest))
	}
	return s
}

func (f *Feed) run() {
	defer close(f.ended)
	defer f.save()
	if c, ok := f.Source.(io.Closer); ok {
		defer func() { _ = c.Close() }()
	}
	for f.ctx.Err() == nil && f.step() {
	}
}

// step delivers something or waits for something; false: nothing more is to be done.
func (f *Feed) step() bool {
	grown, err := f.fill()
	f.judge()
	f.settle()
	if err != nil {
		return f.fail(failure{class: "unreadable"})
	}
	if len(f.batch) == 0 {
		return f.rest(grown)
	}
	n, bad := f.deliver()
	if n > 0 {
		f.advance(n)
		f.failed = 0
	}
	if bad.class != "" {
		return f.fail(bad)
	}
	f.note("")
	return true
}

// fill reads what there is room for. What is in hand stays: a sink that fails gets it
// again, and what came since.
func (f *Feed) fill() (<-chan struct{}, error) {
	first, next, grown := f.Source.Extent()
	if f.next < first {
		f.owe(Notice{What: Gap, Reason: "retained", Count: first - f.next})
		f.next, f.batch, f.size = first, nil, 0
	}
	at := f.next + int64(len(f.batch))
	if at >= next || f.full() {
		return grown, nil
	}
	for line, err := range f.Source.Lines(f.ctx, at) {
		if err != nil || line.Index != at {
			break
		}
		line.Text, line.since = bytes.Clone(line.Text), line.Time
		if now := time.Now(); line.since.After(now) { // whoever wrote it has another clock
			line.since = now
		}
		f.batch = append(f.batch, line)
		f.size += len(line.Text)
		if at++; f.full() {
			break
		}
	}
	if len(f.batch) == 0 {
		f.blind()
		return nil, reach.ErrRead
	}
	f.seen()
	return grown, nil
}

func (f *Feed) full() bool { return f.size >= batchBytes || len(f.batch) >= batchLines }

// seen tells Status what comes next.
func (f *Feed) seen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now.Next, f.oldest = f.next, time.Time{}
	for _, l := range f.batch {
		if !l.Own {
			f.oldest = l.since
			break
		}
	}
}

// blind tells it that what comes next cannot be read: that is as old as this.
func (f *Feed) blind() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.oldest.IsZero() {
		f.oldest = time.Now()
	}
}

// note remembers how the last delivery went.
func (f *Feed) note(class string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now.Failure = class
}

// advance counts n lines as delivered.
func (f *Feed) advance(n int) {
	for _, l := range f.batch[:n] {
		f.size -= len(l.Text)
	}
	last := f.batch[n-1]
	f.leaf, f.next, f.batch, f.dirty = last.leaf(), last.Index+1, f.batch[n:], true
	f.seen()
}

// rest waits for more lines, and saves the cursor meanwhile; false: it closes.
func (f *Feed) rest(grown <-chan struct{}) bool {
	var save <-chan time.Time
	if f.dirty {
		save = time.After(saveAfter - time.Since(f.saved))
	}
	select {
	case <-grown:
		select {
		case <-time.After(linger):
		case <-f.closing:
		case <-f.ctx.Done():
		}
	case <-save:
	case <-f.debt():
	case <-f.ctx.Done():
	case <-f.closing: // all that will ever be is there
		_, next, _ := f.Source.Extent()
		return f.next < next
	}
	return true
}

// settle saves and tells what is due.
func (f *Feed) settle() {
	if f.dirty && time.Since(f.saved) >= saveAfter {
		f.save()
	}
	f.pay()
}
