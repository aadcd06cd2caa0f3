package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	peer "github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/sony/gobreaker/v2"

	"github.com/carnet-go/carnet/failsafe/guard"
)

// failsafeFigures are those of failsafe and failsafe/guard.
func failsafeFigures() group {
	return group{"failsafe", []figure{
		{"failsafe/step", "a call with breaker, retries and a timeout, against failsafe-go", guardedStep},
		{"failsafe/breaker", "the breaker alone, against gobreaker, also with two processors", breakerAlone},
		{"failsafe/rejected", "a call that the open breaker rejects, against gobreaker", rejectedCall},
		{"failsafe/local", "a durable step without an operation, against write and fdatasync", localStep},
		{"failsafe/operation", "a durable step with an operation and its audit log, against the same", operationStep},
		{"failsafe/together", "many durable runs at once, against fdatasync for each frame", runsTogether},
		{"failsafe/unfinished", "opening a journal of unfinished runs", unfinishedRuns},
	}}
}

// works is what is called.
func works(context.Context) (int, error) { return 1, nil }

var errSick = sick{}

// sick is a failure of the far side's.
type sick struct{}

func (sick) Error() string        { return "sick" }
func (sick) FailureClass() string { return "transient" }

// long is a time that no benchmark takes.
const long = time.Hour

// repeated is n calls.
func repeated(call func() error) side {
	return func(n int) error {
		for range n {
			if err := call(); err != nil {
				return err
			}
		}
		return nil
	}
}

// watches is called too, and looks whether its context has ended, as whatever waits for a
// far side does.
func watches(ctx context.Context) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	default:
		return 1, nil
	}
}

// guardedStep compares with the same three policies of failsafe-go, whose executor is
// made once, and gets its context once.
func guardedStep(ctx context.Context, s *session) ([]line, error) {
	g, err := guard.New("crm", nil)
	if err != nil {
		return nil, err
	}
	executor := peer.With(
		retrypolicy.NewBuilder[int]().WithBackoff(100*time.Millisecond, 10*time.Second).WithMaxAttempts(3).Build(),
		circuitbreaker.NewBuilder[int]().WithFailureThreshold(5).WithDelay(30*time.Second).Build(),
		timeout.New[int](10*time.Second),
	).WithContext(context.Background())
	ours := func(call func(context.Context) (int, error)) side {
		return repeated(func() error {
			_, err := guard.DoIdempotent(context.Background(), g, call)
			return err
		})
	}
	theirs := func(call func(context.Context) (int, error)) side {
		called := func(e peer.Execution[int]) (int, error) { return call(e.Context()) }
		return repeated(func() error {
			_, err := executor.GetWithExecution(called)
			return err
		})
	}
	c, err := s.pair(ctx, ours(works), theirs(works))
	if err != nil {
		return nil, err
	}
	watched, err := s.pair(ctx, ours(watches), theirs(watches))
	if err != nil {
		return nil, err
	}
	allocs, err := allocations(ours(works))
	if err != nil {
		return nil, err
	}
	more, err := allocations(theirs(works))
	return []line{
		{name: "failsafe/step", value: c.ratio, target: 0.5, detail: fmt.Sprintf("guard.DoIdempotent %s, failsafe-go breaker, retry and timeout %s of a processor; %.2f where the function watches its context; %v", ns(c.ours), ns(c.theirs), watched.ratio, c)},
		{name: "failsafe/step allocations", value: allocs, unit: "allocs", target: 6, detail: fmt.Sprintf("failsafe-go %.0f", more)},
	}, err
}

// breakerAlone is a guard whose context ends before the attempt would: there is no timer
// to be made.
func breakerAlone(ctx context.Context, s *session) ([]line, error) {
	g, err := guard.New("crm", &guard.Options{Attempt: 2 * long, Total: 2 * long, InFlight: 1 << 20})
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	theirs := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{})
	do := repeated(func() error {
		_, err := guard.Do(limited, g, works)
		return err
	})
	execute := repeated(func() error {
		_, err := theirs.Execute(func() (int, error) { return works(limited) })
		return err
	})
	c, err := s.pair(ctx, do, execute)
	if err != nil {
		return nil, err
	}
	allocs, err := allocations(do)
	if err != nil {
		return nil, err
	}
	contended, err := s.contended(ctx, do)
	if err != nil {
		return nil, err
	}
	other, err := s.contended(ctx, execute)
	return []line{
		{name: "failsafe/breaker", value: c.ratio, target: 1.5, detail: fmt.Sprintf("guard.Do %s, gobreaker %s of a processor; %v", ns(c.ours), ns(c.theirs), c)},
		{name: "failsafe/breaker allocations", value: allocs, unit: "allocs", detail: "guard.Do"},
		{name: "failsafe/breaker contended", value: contended.ratio, target: 2, detail: fmt.Sprintf("128 goroutines on 2 processors %s, one on one %s of everybody's time; gobreaker %s and %s, %.2f; %v",
			ns(contended.ours), ns(contended.theirs), ns(other.ours), ns(other.theirs), other.ratio, contended)},
	}, err
}

// contended compares a side with itself, alone.
func (s *session) contended(ctx context.Context, do side) (comparison, error) {
	alone := on(1, 1, do)
	n, err := s.often(wallTime, alone)
	if err != nil {
		return comparison{}, err
	}
	return s.compare(ctx, s.rounds, timed(wallTime, n, on(2, 128, do)), timed(wallTime, n, alone))
}

// rejectedCall is what is called while the far side is known to be down.
func rejectedCall(ctx context.Context, s *session) ([]line, error) {
	g, err := guard.New("crm", &guard.Options{Failures: 1, Open: long})
	if err != nil {
		return nil, err
	}
	fails := func(context.Context) (int, error) { return 0, errSick }
	if _, err := guard.Do(ctx, g, fails); !errors.Is(err, errSick) || g.State() != guard.Open {
		return nil, fmt.Errorf("the guard is not open: %w", errors.Join(err, ctx.Err()))
	}
	theirs := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{Timeout: long, ReadyToTrip: func(gobreaker.Counts) bool { return true }})
	_, _ = theirs.Execute(func() (int, error) { return fails(ctx) })
	rejected := func(err, want error) error {
		if !errors.Is(err, want) {
			return fmt.Errorf("not rejected: %w", errors.Join(err, ctx.Err()))
		}
		return nil
	}
	ours := repeated(func() error {
		_, err := guard.Do(ctx, g, works)
		return rejected(err, guard.ErrRejected)
	})
	c, err := s.pair(ctx, ours, repeated(func() error {
		_, err := theirs.Execute(func() (int, error) { return works(ctx) })
		return rejected(err, gobreaker.ErrOpenState)
	}))
	if err != nil {
		return nil, err
	}
	allocs, err := allocations(ours)
	return []line{{
		name: "failsafe/rejected", value: c.ratio, target: 1.5,
		detail: fmt.Sprintf("guard.Do %s with %.0f allocations, gobreaker %s of a processor; %v", ns(c.ours), allocs, ns(c.theirs), c),
	}}, err
}
