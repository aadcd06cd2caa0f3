// Package aside asks those who may forget their context.
//
//	id, err := aside.Ask(ctx, 0, ErrUnavailable, verifier)
//
// # Guarantees
//
// The caller leaves when his context ends, or a stated moment later, whatever the one who
// is asked does. A panic
// is an answer: its text is nobody's business.
//
// # Limits
//
// Who never answers keeps one goroutine.
//
// # Errors
//
// What was asked returns, the error for a panic, or the context's.
//
// # Concurrency
//
// Ask may be called concurrently.
package aside

import (
	"context"
	"time"
)

// Ask waits for an answer or for the end of ctx, and then a moment longer for what the
// one who is asked says about that.
func Ask[T any](ctx context.Context, moment time.Duration, panicked error, ask func(context.Context) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		a := answer{err: panicked}
		defer func() { _ = recover(); answers <- a }()
		value, err := ask(ctx)
		a = answer{value, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
	}
	later := time.NewTimer(moment)
	defer later.Stop()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-later.C:
		var none T
		return none, ctx.Err()
	}
}
