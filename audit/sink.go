package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/carnet-go/carnet/audit/internal/cursor"
	"github.com/carnet-go/carnet/audit/internal/queue"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

var (
	// ErrFeed means that a feed may not have the log's lines, or has not those that it had.
	ErrFeed = errors.New("audit: the feed is refused")
	// ErrBehind is Close's, of a log that is whole: a sink has not got everything. The next
	// Open goes on there.
	ErrBehind = errors.New("audit: closed, and a sink has not got everything")

	errLag = fmt.Errorf("%w: a sink that has to keep up does not", ErrNotRecorded)
)

// Entry is one line of a log, for a [Sink].
type Entry struct {
	Origin string // of the log
	Index  int64
	Line   []byte // its exact bytes, without the newline
	Time   time.Time
}

// Leaf is the entry's leaf hash, as in its [Receipt].
func (e Entry) Leaf() [32]byte { return tree.LeafHash(append([]byte{0}, e.Line...)) }

// Sink gets a copy of each line of a log, in order and at least once: it tells lines apart
// by Origin and Index. One goroutine calls it.
type Sink interface {
	// Deliver takes the first acked entries of a batch, which has at least one; it keeps
	// none after it returned. It heeds ctx. A [SinkError] says why it took no more.
	Deliver(ctx context.Context, batch []Entry) (acked int, err error)
}

// SinkError is how a Sink says why, in words that may stand in the log.
type SinkError struct {
	Class string        // unavailable, throttled, denied, invalid or expired; of others the log says failed
	After time.Duration // that the far side asks for; zero: nothing
}

// Error has the class.
func (e *SinkError) Error() string { return "audit: not delivered: " + e.Class }

// FailureClass is for package guard too.
func (e *SinkError) FailureClass() string { return e.Class }

// FailureDelay is for package guard too.
func (e *SinkError) FailureDelay() time.Duration { return e.After }

// Feed is a sink, and the terms on which it gets the log's lines. The zero Feed is refused.
type Feed struct {
	Name string // of its cursor, DIR/sink/NAME.cursor, and in the log
	To   Sink

	Jurisdictions []string      // in which it keeps what it gets; within Options.Jurisdictions
	Clearance     string        // public, internal, confidential or restricted: at least Options.Class
	Within        time.Duration // of one Deliver, and of what Close waits for; zero: 10 s
	MaxLag        time.Duration // further behind, it says so in the log; zero: 5 min
	Refuse        bool          // further behind, nothing new begins: a dead sink stops the service
}

// Health is how a log is doing.
type Health struct {
	Failed     bool      // no more is written until it is opened again
	Lines      int64     // that are on the disk
	Checkpoint time.Time // when the newest was written, or found by Open
	Feeds      []FeedHealth
}

// FeedHealth is how a feed is doing.
type FeedHealth struct {
	Name    string
	Next    int64         // index of the first line that it has not
	Lag     time.Duration // age of the first that is not the log's own; 0: there is none
	Late    bool          // Lag is, or was lately, more than MaxLag
	Failure string        // class of the newest; empty: the last delivery was none
}

// Health is how the log is doing; Failed on a zero Log. It does not wait for the disk.
func (l *Log) Health() Health {
	g, err := l.open()
	if err != nil {
		return Health{Failed: true}
	}
	h := Health{Failed: g.failed.Load(), Lines: g.durable.Lines(), Checkpoint: g.published.Made()}
	for _, f := range g.feeds {
		h.Feeds = append(h.Feeds, FeedHealth(f.Status()))
	}
	return h
}

// permit refuses before anything of the log is touched.
func (o *Options) permit() ([]cursor.Config, error) {
	var list []cursor.Config
	for _, f := range o.Feeds {
		c := cursor.Config{Name: f.Name, Within: f.Within, MaxLag: f.MaxLag, Refuse: f.Refuse, Reach: cursor.Reach{Jurisdictions: f.Jurisdictions, Class: f.Clearance}}
		if f.To != nil {
			c.Deliver = func(ctx context.Context, origin string, lines []cursor.Line) (int, error) {
				batch := make([]Entry, len(lines))
				for i, l := range lines {
					batch[i] = Entry{origin, l.Index, l.Text, l.Time}
				}
				return f.To.Deliver(ctx, batch)
			}
		}
		if err := c.Permit(cursor.Reach{Jurisdictions: o.Jurisdictions, Class: cmp.Or(o.Class, "internal")}); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFeed, err)
		}
		list = append(list, c)
	}
	return list, nil
}

// feed opens the cursors.
func (g *log) feed(ctx context.Context, list []cursor.Config) (err error) {
	for i := range list {
		list[i].Tell, list[i].Origin, list[i].Seal = g.notice, g.key.Name(), func(b []byte) string { return g.key.Seal("cursor", string(b)) }
		list[i].Source = &cursor.Log{Of: g.durable, Own: []byte(`"operation":"` + own)}
	}
	if g.feeds, err = cursor.OpenAll(ctx, filepath.Join(g.dir, cursor.Folder), list); err != nil {
		return fmt.Errorf("%w: %w", ErrFeed, err)
	}
	return g.feeds.Settle(func(n cursor.Notice) error { return g.record(eventOf(n), extra{}) })
}

// eventOf is what the log should have of a feed.
func eventOf(n cursor.Notice) Event {
	e := Event{Time: time.Now(), Action: own + n.What, System: n.Feed, Reason: n.Reason, Count: int(n.Count), Duration: n.Took, Outcome: OutcomeFailure}
	if n.What == cursor.CaughtUp {
		e.Outcome = OutcomeSuccess
	}
	return e
}

// notice appends it.
func (g *log) notice(ctx context.Context, n cursor.Notice) error {
	e := eventOf(n)
	_, err := g.put(ctx, encoded(g.key, &e, extra{}), queue.Item{Class: queue.Denial, Fact: factOf(&e)})
	return err
}
