package cursor

import (
	"context"
	"time"
)

const (
	owedMost  = 8
	askAgain  = time.Second // when the log did not take a notice
	lagMargin = time.Millisecond
)

// judge notices when a feed crosses the line, and when it has come back a good way.
func (f *Feed) judge() {
	age, late := f.Status().Lag, f.late.Load()
	switch {
	case !late && age > f.MaxLag:
		f.since = time.Now()
		f.late.Store(true)
		_, next, _ := f.Source.Extent()
		f.owe(Notice{What: Lag, Reason: f.Status().Failure, Count: next - f.next})
	case late && age <= f.MaxLag/2:
		f.late.Store(false)
		f.owe(Notice{What: CaughtUp, Took: time.Since(f.since)})
	}
}

// lagging has a value when the line is crossed; nil: it is, or nothing is waiting.
func (f *Feed) lagging() <-chan time.Time {
	s := f.Status()
	if s.Lag == 0 || s.Late {
		return nil
	}
	return time.After(f.MaxLag - s.Lag + lagMargin)
}

// owe remembers a notice until the log has it.
func (f *Feed) owe(n Notice) {
	n.Feed = f.Name
	if len(f.owed) == owedMost {
		f.owed = f.owed[1:]
	}
	f.owed = append(f.owed, n)
}

// pay tells the log what it should have. A log that takes nothing is asked again: a full
// disk may have room later.
func (f *Feed) pay() {
	for len(f.owed) > 0 {
		ctx, cancel := context.WithTimeout(f.ctx, tellWithin)
		err := f.Tell(ctx, f.owed[0])
		cancel()
		if err != nil {
			return
		}
		f.owed = f.owed[1:]
	}
}

// debt has a value when the log is to be asked again.
func (f *Feed) debt() <-chan time.Time {
	select {
	case <-f.closing: // nothing new is written
		return nil
	default:
	}
	if len(f.owed) == 0 {
		return nil
	}
	return time.After(askAgain)
}
