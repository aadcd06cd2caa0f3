package failsafe

import (
	"context"
	"errors"
	"time"
)

// What a step did that is no error of its own. Neither has a class: what ends this way
// may have happened.
var (
	errPanicked = lapse("panicked")
	errExited   = lapse("ended its goroutine")
)

type lapse string

func (l lapse) Error() string      { return "failsafe: a step " + string(l) }
func (lapse) FailureClass() string { return "unknown" }

// lastWord is how long a step whose context has ended is still listened to.
const lastWord = 100 * time.Millisecond

// aside calls what may forget its context, panic or end its goroutine. Whoever does not
// come back in time is left behind: what it returns later is dropped.
func (r *Runner) aside(ctx context.Context, fn func(context.Context) error) error {
	done := make(chan error, 1)
	go func() {
		err := error(errExited)
		defer func() {
			if recover() != nil {
				err = errPanicked // its text is nobody's business
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
		r.gone.Add(1)
		go func() { <-done; r.gone.Add(-1) }()
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

// sleep waits; false: the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
