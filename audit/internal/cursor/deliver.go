package cursor

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

const (
	backOffFirst = 100 * time.Millisecond
	backOffMost  = 30 * time.Second
	// delayMost is how long a sink may ask to be left alone.
	delayMost = 5 * time.Minute
)

// failure is why a delivery went no further: a closed name, and how long to wait.
type failure struct {
	class string // empty: it did not fail
	delay time.Duration
}

type result struct {
	n   int
	bad failure
}

// deliver hands the batch over, and waits until that is done: nobody else may call the
// sink before. Where it does not return, the feed goes no further, and says so.
func (f *Feed) deliver() (int, failure) {
	ctx, cancel := context.WithTimeout(f.ctx, f.Within)
	defer cancel()
	done, batch := make(chan result, 1), f.batch
	go func() { done <- f.call(ctx, batch) }()
	gone := time.NewTimer(f.Within + grace)
	defer gone.Stop()
	for {
		select {
		case r := <-done:
			return r.n, r.bad
		case <-f.lagging():
			f.judge()
		case <-f.debt():
		case <-gone.C:
			f.note("abandoned")
			f.owe(Notice{What: Abandoned, Reason: "deadline"})
		case <-f.ctx.Done():
			return f.leave(done)
		}
		f.settle()
	}
}

// leave waits a moment for what the sink has taken.
func (f *Feed) leave(done <-chan result) (int, failure) {
	select {
	case r := <-done:
		return r.n, r.bad
	case <-time.After(grace):
		return 0, failure{class: "abandoned"}
	}
}

// call is Deliver with what a sink may do wrong made a failure, also in the methods of
// its error.
func (f *Feed) call(ctx context.Context, batch []Line) (r result) {
	defer func() {
		if recover() != nil {
			r.bad.class = "panic"
		}
	}()
	n, err := f.Deliver(ctx, f.Origin, batch)
	switch {
	case n < 0 || n > len(batch):
		return result{0, failure{class: "invalid"}}
	case err != nil:
		r.n = n
		r.bad = failure{classOf(err), delayOf(err)}
	case n == 0:
		r.bad.class = "stalled"
	default:
		r.n = n
	}
	return r
}

// fail waits longer each time that nothing was delivered; false: it closes.
func (f *Feed) fail(bad failure) bool {
	f.note(bad.class)
	wait := min(backOffFirst<<min(f.failed, 16), backOffMost)
	wait = max(wait/2+upTo(wait/2), min(bad.delay, delayMost))
	f.failed++
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		grown := f.waiting()
		f.judge()
		f.settle()
		select {
		case <-over.C:
			return true
		case <-grown:
		case <-f.lagging():
		case <-f.debt():
		case <-f.ctx.Done():
			return false
		case <-f.closing: // a sink that fails while the log closes has one more try
			first := !f.tried
			f.tried = true
			return first
		}
	}
}

// upTo is any time up to most, so that many feeds of one far side do not come at once.
func upTo(most time.Duration) time.Duration {
	var b [8]byte
	_, _ = rand.Read(b[:]) // which never fails
	return time.Duration(binary.NativeEndian.Uint64(b[:]) % uint64(most+1))
}

// waiting looks for a line that the sink could lag for, where there is none in hand.
func (f *Feed) waiting() <-chan struct{} {
	if f.Status().Lag != 0 {
		return nil
	}
	grown, _ := f.fill()
	return grown
}

// classes are those that a sink's error may have in the log, which are also those of package
// auth: a name that it makes up could be anything.
var classes = [...]string{"unavailable", "throttled", "denied", "invalid", "expired"}

// classOf is what an error says of itself: never its text.
func classOf(err error) string {
	var says interface{ FailureClass() string }
	switch {
	case errors.As(err, &says):
		if i := slices.Index(classes[:], says.FailureClass()); i >= 0 {
			return classes[i]
		}
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "failed"
}

// delayOf is how long it asks to be left alone.
func delayOf(err error) time.Duration {
	var asks interface{ FailureDelay() time.Duration }
	if errors.As(err, &asks) {
		return asks.FailureDelay()
	}
	return 0
}
