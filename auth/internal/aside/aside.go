// Package aside asks those who may forget their context.
//
//	id, err := aside.Ask(ctx, ErrUnavailable, verifier)
//
// # Guarantees
//
// The caller leaves when his context ends, whatever the one who is asked does. A panic
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

import "context"

// Ask waits for an answer or for the end of ctx.
func Ask[T any](ctx context.Context, panicked error, ask func(context.Context) (T, error)) (T, error) {
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
		var none T
		return none, ctx.Err()
	}
}
