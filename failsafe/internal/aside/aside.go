// Package aside calls what may forget its context, panic or end its goroutine.
//
//	var calls aside.Calls
//	err := calls.Call(ctx, fn)
//
// # Guarantees
//
// Call returns when fn does, or a moment after ctx has ended. What fn returns later is
// dropped. A panic and the end of the goroutine are errors without its text.
//
// # Limits
//
// What does not return keeps its goroutine: [Calls.Gone] counts them.
//
// # Errors
//
// Those of fn and of the context, and a [Lapse], which classifies as unknown: what ended
// that way may have happened. One that came after the end of ctx is joined with that.
//
// # Concurrency
//
// Calls is safe for concurrent use. A zero one is ready, and must not be copied.
package aside

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// lastWord is how long a call whose context has ended is still listened to.
const lastWord = 100 * time.Millisecond

// Lapse is what a call did that is no error of its own.
type Lapse string

// Error is a text without anything of the call's.
func (l Lapse) Error() string { return "failsafe: a step " + string(l) }

// FailureClass is for guard.Classify.
func (Lapse) FailureClass() string { return "unknown" }

const (
	panicked Lapse = "panicked"
	exited   Lapse = "ended its goroutine"
)

// Calls counts those who have not come back.
type Calls struct{ gone atomic.Int64 }

// Gone is how many have not come back since their context ended.
func (c *Calls) Gone() int { return int(c.gone.Load()) }

// Call calls fn in a goroutine of its own.
func (c *Calls) Call(ctx context.Context, fn func(context.Context) error) error {
	done := make(chan error, 1)
	go func() {
		err := error(exited)
		defer func() {
			if recover() != nil {
				err = panicked // its text is nobody's business
			}
			done <- err
		}()
		err = fn(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	later := time.NewTimer(lastWord)
	defer later.Stop()
	select {
	case err := <-done:
		return errors.Join(err, late(ctx, err))
	case <-later.C:
		c.gone.Add(1)
		go func() { <-done; c.gone.Add(-1) }()
		return ctx.Err()
	}
}

// late says that it was too late, where it says that it worked: its time was over.
func late(ctx context.Context, err error) error {
	if err == nil {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// Sleep waits; false: the context ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Until is ctx, and ends also with under, and when over says so: asked at once, and again
// with each change.
func Until(ctx, under context.Context, over func() (bool, <-chan struct{})) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(under, cancel)
	go func() {
		for {
			ended, changed := over()
			if ended {
				cancel()
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() { stop(); cancel() }
}
