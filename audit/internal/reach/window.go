package reach

import (
	"context"
	"math"
	"time"

	"github.com/carnet-go/carnet/audit/internal/carry"
)

// Window is a time in which lines are looked for: from Since on, and until Until; zero: any.
type Window struct {
	Since, Until time.Time

	border int64 // from here on the next segment is judged by its times
}

// Leap lets a cursor leave out segments that have nothing of that time.
func (w *Window) Leap(ctx context.Context, c *Cursor) {
	for c.index >= w.border && (!w.Since.IsZero() || !w.Until.IsZero()) {
		part, next := c.x.Segment(c.index)
		if w.border = next; next == 0 {
			w.border = math.MaxInt64
			return
		}
		if part.Times.Until == 0 {
			part.Times = c.x.times(ctx, part.First, next)
		}
		if w.meets(part.Times) {
			return
		}
		c.Skip(next)
	}
}

// meets says whether a segment may have something of it. One whose times nobody knows may.
func (w *Window) meets(t carry.Times) bool {
	return t.Until == 0 || (w.Since.IsZero() || t.Until >= w.Since.UnixMilli()) && (w.Until.IsZero() || t.From <= w.Until.UnixMilli())
}

// times are those of a segment, as the one behind it says in its second line.
func (x *Extent) times(ctx context.Context, first, next int64) carry.Times {
	c := x.From(next + 1)
	defer c.Close()
	line, err := c.Next(ctx)
	if err != nil {
		return carry.Times{}
	}
	t, err := carry.Parse(line.Text)
	if err != nil {
		return carry.Times{}
	}
	times := carry.Times{From: t.From, Until: t.Until}
	x.know(first, times)
	return times
}
