package audit

import (
	"context"
	"errors"
	"time"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/queue"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/replay"
)

var (
	// ErrNotKept is a line that Retain took away. Its proof is still there, for whoever
	// has the line.
	ErrNotKept = reach.ErrNotKept
	// ErrNeeded is Retain's answer where a line is still needed: an open grant stands
	// there, what a vault knows of a store (until it says it anew), or what a feed has not
	// yet.
	ErrNeeded = errors.New("audit: a line is still needed")

	errKept = errors.New("audit: the log has no such line to begin with")
)

// Kept is the index of the first line that Retain has left; 0 on a zero Log.
func (l *Log) Kept() int64 {
	if g, err := l.open(); err == nil {
		return g.durable.Kept()
	}
	return 0
}

// Retain gives up lines before first: those of the oldest segments that have no other,
// and never the newest two. An event that says so is on the disk, and under a checkpoint,
// before anything goes. The tiles stay, so every proof does. ErrNeeded where an open
// grant, the newest line of what a vault knows of a store, or one that a feed has not yet,
// would go; then nothing goes. When ctx ends while the disk hangs the work goes on without
// the caller, and what could not be removed is by the next Retain or Open.
//
// Whoever reads a log from its beginning finds that beginning gone: [Log.Events] is
// [ErrNotKept] then, and whatever in this process was told by old lines, such as runs
// that have not ended, should have ended before.
func (l *Log) Retain(ctx context.Context, first int64) error {
	g, err := l.open()
	if err != nil {
		return err
	}
	if first < 0 || first > g.durable.Lines() {
		return errKept
	}
	if err := g.removal.Enter(ctx); err != nil {
		return err
	}
	kept, err := g.giveUp(ctx, first)
	if err != nil || kept == g.durable.Kept() && !g.removal.Owes() {
		g.removal.Leave()
		return err
	}
	return g.removal.Finish(ctx, kept)
}

// giveUp says which line is the first that is kept, when it is sure that those before it go.
func (g *log) giveUp(ctx context.Context, first int64) (kept int64, err error) {
	kept = g.durable.Kept()
	parts := g.durable.Parts()
	for i := 1; i < len(parts)-1 && parts[i].First <= first; i++ {
		kept = parts[i].First
	}
	if kept == g.durable.Kept() {
		return kept, nil
	}
	if open := g.state.Needs(carry.Generations); open >= 0 && open < kept || g.feeds.Next(kept) < kept {
		return kept, ErrNeeded
	}
	return kept, g.sayRetained(ctx, kept)
}

// sayRetained records that lines go, and waits until a checkpoint covers it.
func (g *log) sayRetained(ctx context.Context, kept int64) error {
	e := Event{Time: time.Now(), Action: replay.ActionRetained, Outcome: OutcomeSuccess}
	f := factOf(&e)
	f.Kept = kept // with its commit: the next segment carries it, whenever that begins
	r, err := g.put(ctx, encoded(g.key, &e, extra{retained: kept}), queue.Item{Fact: f})
	if err != nil {
		return err
	}
	return g.covered(ctx, r.Index)
}
