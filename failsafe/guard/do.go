package guard

import (
	"context"
	"errors"
	"time"
)

// Do calls fn once, if the guard lets it. fn's context ends with ctx, with
// Options.Attempt and with Options.Total.
func Do[T any](ctx context.Context, g *Guard, fn func(context.Context) (T, error)) (T, error) {
	var value T
	err := g.once(ctx, func(ctx context.Context) (err error) {
		value, err = fn(ctx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return value, nil
}

// DoWithin is one attempt of those who repeat on their own, with another limit than
// Options.Attempt: what takes longer is a failure of the far side's, and not of whoever
// calls. No guard inside of fn repeats anything.
func DoWithin[T any](ctx context.Context, g *Guard, most time.Duration, fn func(context.Context) (T, error)) (T, error) {
	var value T
	if !g.ready() {
		return value, ErrRejected
	}
	err := g.attempt(ctx, context.WithValue(ctx, nested{}, nested{}), most, func(ctx context.Context) (err error) {
		value, err = fn(ctx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return value, nil
}

// DoIdempotent calls fn again while that is safe and useful. Use it only for what does
// no harm when it happens twice.
func DoIdempotent[T any](ctx context.Context, g *Guard, fn func(context.Context) (T, error)) (T, error) {
	var value T
	err := g.repeat(ctx, func(ctx context.Context) (err error) {
		value, err = fn(ctx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return value, nil
}

// once is one attempt.
func (g *Guard) once(ctx context.Context, fn func(context.Context) error) error {
	if !g.ready() {
		return ErrRejected
	}
	return g.attempt(ctx, ctx, min(g.o.Attempt, g.o.Total), fn)
}

// attempt is one call through everything that bounds calls, for at most a time. What is
// called gets a context below inner, which ends with ctx.
func (g *Guard) attempt(ctx, inner context.Context, most time.Duration, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := g.enter(ctx); err != nil {
		return err
	}
	defer g.inFlight.Add(-1)
	var err error
	if !g.machine.do(func() error {
		limited, cancel := within(inner, most) // a timer costs more than to say no
		defer cancel()
		began := g.start()
		err = fn(limited)
		return g.outcome(ctx, limited, began, err)
	}) {
		return g.open
	}
	return err
}

// within is ctx with a deadline, or ctx itself where that ends earlier anyway.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}

// enter is what stands before the breaker.
func (g *Guard) enter(ctx context.Context) error {
	if g.isolated.Load() {
		return RejectedError{Guard: g.name, Why: "isolated"}
	}
	if left := g.held(); left > 0 {
		return RejectedError{Guard: g.name, Why: "held", After: left}
	}
	if g.inFlight.Add(1) > int64(g.o.InFlight) {
		g.inFlight.Add(-1)
		return RejectedError{Guard: g.name, Why: "busy"}
	}
	if g.rate == nil {
		return nil
	}
	if err := g.rate.Wait(ctx); err != nil {
		g.inFlight.Add(-1)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return RejectedError{Guard: g.name, Why: "rate"}
	}
	return nil
}

// start is when a call began, where anybody wants to know.
func (g *Guard) start() (began time.Time) {
	if g.o.Slow > 0 {
		began = time.Now()
	}
	return began
}

// outcome is what a call counts as.
func (g *Guard) outcome(ctx, limited context.Context, began time.Time, err error) error {
	if err == nil {
		g.budget.succeeded()
		if g.o.Slow > 0 && time.Since(began) > g.o.Slow {
			return errFailure
		}
		return nil
	}
	switch class, known := classify(err); {
	case ctx.Err() != nil: // whoever called has left; what came of it says nothing
		return errNeither
	case limited.Err() != nil:
		return errFailure
	case class == Throttled:
		g.Hold(Delay(err))
		return errNeither
	case class == Transient, class == Unknown:
		return errFailure
	case class == Permanent && known, class == Denied, class == Expired:
		return nil // an answer
	}
	return errNeither
}

// nested marks the context of a call that is repeated: there one layer repeats.
type nested struct{}

// repeat makes attempts until one goes well, or another would not help.
func (g *Guard) repeat(ctx context.Context, fn func(context.Context) error) error {
	if !g.ready() {
		return ErrRejected
	}
	if ctx.Value(nested{}) != nil {
		return g.once(ctx, fn)
	}
	end := time.Now().Add(g.o.Total)
	inner := context.WithValue(ctx, nested{}, nested{})
	for n, left := 1, g.o.Total; ; n, left = n+1, time.Until(end) {
		err := g.attempt(ctx, inner, min(g.o.Attempt, left), fn)
		if err == nil {
			return nil
		}
		if err := g.again(ctx, n, err, end); err != nil {
			return err
		}
	}
}

// Again is for those who repeat on their own: after the nth attempt has failed with err,
// it waits, and returns nil where there may be another. Otherwise it returns err at
// once, joined with what keeps it from being tried again where that is not err itself.
func (g *Guard) Again(ctx context.Context, n int, err error) error {
	end, _ := ctx.Deadline()
	return g.again(ctx, n, err, end)
}

// again is Again, with an end besides that of ctx; zero: there is none.
func (g *Guard) again(ctx context.Context, n int, err error, end time.Time) error {
	switch Classify(err) {
	case Transient, Unknown, Throttled:
	default:
		return err
	}
	if !g.ready() || n >= g.o.Attempts || ctx.Err() != nil {
		return err
	}
	wait := max(Backoff(n), Delay(err), g.held())
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	if !end.IsZero() && time.Until(end) <= wait {
		return errors.Join(err, RejectedError{Guard: g.name, Why: "deadline", After: wait})
	}
	if !g.budget.spend() {
		return errors.Join(err, RejectedError{Guard: g.name, Why: "budget"})
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.Join(err, ctx.Err())
	}
}
