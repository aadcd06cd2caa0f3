package guard_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/failsafe/guard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	transient = &says{class: "transient"}
	unknown   = &says{class: "unknown"}
	denied    = &says{class: "denied"}
	permanent = &says{class: "permanent"}
)

func newGuard(t *testing.T, o *guard.Options) *guard.Guard {
	t.Helper()
	g, err := guard.New("crm", o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// calls counts, and answers with each of errs in turn, the last for ever.
type calls struct {
	n    atomic.Int64
	errs []error
}

func (c *calls) call(context.Context) (int, error) {
	n := int(c.n.Add(1))
	return n, c.errs[min(n, len(c.errs))-1]
}

func failing(errs ...error) *calls { return &calls{errs: errs} }

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]guard.Options{
		"attempts": {Attempts: 11}, "fewer than none": {Attempts: -1}, "attempt": {Attempt: -1}, "total": {Total: -1}, "open": {Open: -1}, "slow": {Slow: -1},
		"in flight": {InFlight: -1}, "failures": {Failures: -1}, "rate": {PerSec: -1}, "no rate": {PerSec: nan()},
	} {
		if _, err := guard.New("crm", &o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, name := range []string{"", "CRM", "a b", "a\n"} {
		if _, err := guard.New(name, nil); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
}

func nan() float64 { var zero float64; return zero / zero }

// TestZeroGuardRefuses: neither nil nor zero calls anything.
func TestZeroGuardRefuses(t *testing.T) {
	for _, g := range []*guard.Guard{nil, {}} {
		c := failing(nil)
		if _, err := guard.Do(t.Context(), g, c.call); err != guard.ErrRejected {
			t.Error(err)
		}
		if _, err := guard.DoIdempotent(t.Context(), g, c.call); err != guard.ErrRejected {
			t.Error(err)
		}
		g.Isolate()
		g.Release()
		g.Hold(time.Hour)
		if err := g.Again(t.Context(), 1, transient); err != transient {
			t.Error(err)
		}
		if c.n.Load() != 0 || g.State() != guard.Isolated {
			t.Error("called")
		}
	}
}

// TestDeniedIsCalledOnce, and so is everything else that is not known to be worth
// another attempt, however it is wrapped (pitfalls 1 and 3).
func TestDeniedIsCalledOnce(t *testing.T) {
	for name, err := range map[string]error{
		"denied": denied, "permanent": permanent, "expired": &says{class: "expired"}, "unclassified": errors.New("x"),
		"joined": errors.Join(transient, denied), "cancelled": context.Canceled, "rejected": guard.ErrRejected,
	} {
		c := failing(err)
		if _, got := guard.DoIdempotent(t.Context(), newGuard(t, nil), c.call); got != err || c.n.Load() != 1 {
			t.Errorf("%s: %d calls, %v", name, c.n.Load(), got)
		}
	}
}

func TestDoCallsOnce(t *testing.T) {
	c := failing(transient)
	if _, err := guard.Do(t.Context(), newGuard(t, nil), c.call); err != transient || c.n.Load() != 1 {
		t.Errorf("%d calls, %v", c.n.Load(), err)
	}
	if v, err := guard.Do(t.Context(), newGuard(t, nil), failing(nil).call); err != nil || v != 1 {
		t.Error(v, err)
	}
}

// TestDoWithin: what takes longer than its own limit is the far side's failure, and what
// its caller cuts is nobody's.
func TestDoWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, &guard.Options{Attempt: time.Hour, Failures: 2})
		slow := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 7, ctx.Err()
		}
		cut, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for range 3 {
			if v, err := guard.DoWithin(cut, g, time.Second, slow); v != 0 || !errors.Is(err, context.DeadlineExceeded) {
				t.Error(v, err)
			}
		}
		began := time.Now()
		for range 2 {
			if g.State() != guard.Closed {
				t.Error("it opened for somebody who left")
			}
			if v, err := guard.DoWithin(t.Context(), g, time.Second, slow); v != 0 || !errors.Is(err, context.DeadlineExceeded) {
				t.Error(v, err)
			}
		}
		if g.State() != guard.Open || time.Since(began) != 2*time.Second {
			t.Error(g.State(), time.Since(began))
		}
		c := failing(nil)
		if _, err := guard.DoWithin(t.Context(), g, time.Second, c.call); !errors.Is(err, guard.ErrRejected) || c.n.Load() != 0 {
			t.Error(err)
		}
		if v, err := guard.DoWithin(t.Context(), newGuard(t, nil), time.Second, c.call); v != 1 || err != nil {
			t.Error(v, err)
		}
		if _, err := guard.DoWithin(t.Context(), nil, time.Second, c.call); !errors.Is(err, guard.ErrRejected) {
			t.Error(err)
		}
	})
}

func TestAttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 3, 5} {
			c := failing(unknown)
			g := newGuard(t, &guard.Options{Attempts: n, Failures: 100, Total: time.Hour})
			if _, err := guard.DoIdempotent(t.Context(), g, c.call); err != unknown || c.n.Load() != int64(n) {
				t.Errorf("%d: %d calls, %v", n, c.n.Load(), err)
			}
		}
		c := failing(transient, &says{class: "throttled"}, nil)
		if v, err := guard.DoIdempotent(t.Context(), newGuard(t, nil), c.call); v != 3 || err != nil {
			t.Error(v, err)
		}
	})
}

// TestNoWaitOutlastsTheDeadline: a wish to wait longer than there is time ends at once.
func TestNoWaitOutlastsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			total time.Duration
			ctx   time.Duration
		}{"total": {time.Minute, time.Hour}, "the caller's": {time.Hour, time.Minute}} {
			ctx, cancel := context.WithTimeout(t.Context(), c.ctx)
			began, calls := time.Now(), failing(&says{"throttled", 2 * time.Minute})
			_, err := guard.DoIdempotent(ctx, newGuard(t, &guard.Options{Total: c.total}), calls.call)
			cancel()
			if rejected, ok := errors.AsType[guard.RejectedError](err); !ok || rejected.Why != "deadline" || rejected.After != 2*time.Minute {
				t.Errorf("%s: %v", name, err)
			}
			if guard.Classify(err) != guard.Throttled || calls.n.Load() != 1 || time.Since(began) != 0 {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
		}
	})
}

// TestThrottledHoldsEverybody, as long as the far side asked for, and opens nothing.
func TestThrottledHoldsEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, &guard.Options{Failures: 1})
		if _, err := guard.Do(t.Context(), g, failing(&says{"throttled", time.Minute}).call); err == nil {
			t.Fatal("no error")
		}
		c := failing(nil)
		_, err := guard.Do(t.Context(), g, c.call)
		if rejected, ok := errors.AsType[guard.RejectedError](err); !ok || rejected.Why != "held" || rejected.After != time.Minute || guard.Delay(err) != time.Minute {
			t.Error(err)
		}
		g.Hold(time.Second) // shorter
		g.Hold(-time.Second)
		time.Sleep(time.Minute - 1)
		if _, err := guard.Do(t.Context(), g, c.call); !errors.Is(err, guard.ErrRejected) {
			t.Error(err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := guard.Do(t.Context(), g, c.call); err != nil || g.State() != guard.Closed {
			t.Error(err, g.State())
		}
	})
}

// TestHaltWakesTheWait: whoever ends the context does not wait for the back-off
// (pitfall 11).
func TestHaltWakesTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		time.AfterFunc(time.Second, cancel)
		_, err := guard.DoIdempotent(ctx, newGuard(t, &guard.Options{Total: time.Hour}), failing(&says{"throttled", time.Minute}).call)
		if !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestBudgetBoundsAllCallers: while nothing succeeds, ten retries at once are all there
// are; they come back with time, also after an outage, and with successes (pitfall 24).
func TestBudgetBoundsAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, &guard.Options{Failures: 1 << 20, Attempts: 2, Total: time.Hour})
		try := func() (called int64, err error) {
			c := failing(transient)
			_, err = guard.DoIdempotent(t.Context(), g, c.call)
			return c.n.Load(), err
		}
		retries := int64(0)
		for range 100 {
			n, _ := try()
			retries += n - 1
		}
		if retries < 10 || retries > 12 { // the waits between them refill a little
			t.Errorf("%d retries", retries)
		}
		n, err := try()
		if rejected, ok := errors.AsType[guard.RejectedError](err); n != 1 || !ok || rejected.Why != "budget" || guard.Classify(err) != guard.Transient {
			t.Errorf("%d calls, %v", n, err)
		}
		time.Sleep(10 * time.Second)
		if n, _ := try(); n != 2 {
			t.Errorf("%d calls after ten seconds", n)
		}
		if n, _ := try(); n != 1 {
			t.Errorf("%d calls when that was spent", n)
		}
		for range 10 {
			if _, err := guard.Do(t.Context(), g, failing(nil).call); err != nil {
				t.Fatal(err)
			}
		}
		if n, _ := try(); n != 2 {
			t.Errorf("%d calls after ten successes", n)
		}
		time.Sleep(24 * time.Hour)
		retries = 0
		for range 100 {
			n, _ := try()
			retries += n - 1
		}
		if retries < 10 || retries > 12 {
			t.Errorf("%d retries after a day", retries)
		}
	})
}

// TestNestedGuardsDoNotMultiply: three attempts of three are three (pitfall 22).
func TestNestedGuardsDoNotMultiply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer, inner, c := newGuard(t, nil), newGuard(t, &guard.Options{Failures: 100}), failing(transient)
		_, err := guard.DoIdempotent(t.Context(), outer, func(ctx context.Context) (int, error) { return guard.DoIdempotent(ctx, inner, c.call) })
		if err != transient || c.n.Load() != 3 {
			t.Errorf("%d calls, %v", c.n.Load(), err)
		}
	})
}

// TestInFlightIsBounded: a far side that hangs gets so many calls and no more, whatever
// the breaker has not seen yet (pitfall 7).
func TestInFlightIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, &guard.Options{InFlight: 7})
		var calls, busy atomic.Int64
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				_, err := guard.Do(t.Context(), g, func(ctx context.Context) (int, error) {
					calls.Add(1)
					<-ctx.Done()
					return 0, ctx.Err()
				})
				if rejected, ok := errors.AsType[guard.RejectedError](err); ok && rejected.Why == "busy" {
					busy.Add(1)
				}
			})
		}
		wg.Wait()
		if calls.Load() != 7 || busy.Load() != 493 {
			t.Errorf("%d calls, %d refused", calls.Load(), busy.Load())
		}
	})
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, began := newGuard(t, &guard.Options{PerSec: 2}), time.Now()
		for range 6 { // two at once, and then two a second
			if _, err := guard.Do(t.Context(), g, failing(nil).call); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("six took %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := guard.Do(ctx, g, failing(nil).call)
		if rejected, ok := errors.AsType[guard.RejectedError](err); !ok || rejected.Why != "rate" {
			t.Error(err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if _, err := guard.Do(ctx, g, failing(nil).call); err != context.Canceled {
			t.Error(err)
		}
	})
}

// open opens the breaker of g.
func open(t *testing.T, g *guard.Guard, failures int) {
	t.Helper()
	for range failures {
		if _, err := guard.Do(t.Context(), g, failing(unknown).call); err != unknown {
			t.Fatal(err)
		}
	}
	if g.State() != guard.Open {
		t.Fatal(g.State())
	}
}

func TestBreakerOpensProbesAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		g := newGuard(t, &guard.Options{Changed: func(name string, from, to guard.State) { heard = append(heard, name+" "+from.String()+" "+to.String()) }})
		open(t, g, 5)
		c := failing(unknown, nil)
		if _, err := guard.DoIdempotent(t.Context(), g, c.call); !errors.Is(err, guard.ErrRejected) || c.n.Load() != 0 {
			t.Errorf("%d calls, %v", c.n.Load(), err) // and none of them waits (pitfall 9)
		}
		time.Sleep(30*time.Second + 1)
		if _, err := guard.Do(t.Context(), g, c.call); err != unknown || g.State() != guard.Open {
			t.Error(err, g.State())
		}
		time.Sleep(30*time.Second + 1)
		if _, err := guard.Do(t.Context(), g, c.call); err != nil || g.State() != guard.Closed {
			t.Error(err, g.State())
		}
		want := []string{"crm closed open", "crm open half-open", "crm half-open open", "crm open half-open", "crm half-open closed"}
		if !slices.Equal(heard, want) {
			t.Errorf("heard %q", heard)
		}
	})
}

// TestOnlyFailuresOpen: a far side that says no is there; a caller who leaves says
// nothing; our own deadline is a failure (pitfall 8).
func TestOnlyFailuresOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			err  error
			want guard.State
		}{
			"denied": {denied, guard.Closed}, "permanent": {permanent, guard.Closed}, "expired": {&says{class: "expired"}, guard.Closed},
			"throttled": {&says{class: "throttled"}, guard.Closed}, "unclassified": {errors.New("x"), guard.Closed}, "rejected": {guard.ErrRejected, guard.Closed},
			"transient": {transient, guard.Open}, "unknown": {unknown, guard.Open},
		} {
			g := newGuard(t, nil)
			for range 5 {
				_, _ = guard.Do(t.Context(), g, failing(c.err).call)
			}
			if g.State() != c.want {
				t.Errorf("%s: %v", name, g.State())
			}
		}
		hang := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
		left, own := newGuard(t, nil), newGuard(t, nil)
		for range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, _ = guard.Do(ctx, left, hang)
			cancel()
		}
		for range 5 {
			_, _ = guard.Do(t.Context(), own, hang)
		}
		if left.State() != guard.Closed || own.State() != guard.Open {
			t.Errorf("callers who left: %v, own deadlines: %v", left.State(), own.State())
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		c := failing(nil)
		if _, err := guard.Do(ended, newGuard(t, nil), c.call); err != context.Canceled || c.n.Load() != 0 {
			t.Error(err)
		}
	})
}

// TestUnclassifiedDoesNotHeal: what nobody can classify is no success either.
func TestUnclassifiedDoesNotHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, nil)
		for range 4 {
			_, _ = guard.Do(t.Context(), g, failing(unknown).call)
			_, _ = guard.Do(t.Context(), g, failing(errors.New("x")).call)
		}
		open(t, g, 1)
	})
}

func TestSlowIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, &guard.Options{Slow: time.Second})
		wait := func(d time.Duration) {
			if _, err := guard.Do(t.Context(), g, func(context.Context) (int, error) { time.Sleep(d); return 0, nil }); err != nil {
				t.Error(err)
			}
		}
		for range 10 {
			wait(time.Second)
		}
		if g.State() != guard.Closed {
			t.Error("opened although nothing was slow")
		}
		for range 5 {
			wait(time.Second + 1)
		}
		if g.State() != guard.Open {
			t.Error("did not open")
		}
	})
}

// TestProbeThatNeverEnds: gobreaker alone would wait for ever for a probe that hangs,
// and for one that ends its goroutine (pitfall 4).
func TestProbeThatNeverEnds(t *testing.T) {
	release := make(chan struct{})
	for name, probe := range map[string]func(context.Context) (int, error){
		"hangs":    func(context.Context) (int, error) { <-release; return 0, nil },
		"exits":    func(context.Context) (int, error) { runtime.Goexit(); return 0, nil },
		"panics":   func(context.Context) (int, error) { panic("x") },
		"excluded": func(context.Context) (int, error) { return 0, errors.New("x") },
	} {
		synctest.Test(t, func(t *testing.T) {
			release = make(chan struct{})
			g := newGuard(t, nil)
			open(t, g, 5)
			time.Sleep(30*time.Second + 1)
			var wg sync.WaitGroup
			wg.Go(func() {
				defer func() { _ = recover() }()
				_, _ = guard.Do(t.Context(), g, probe)
			})
			synctest.Wait()
			c := failing(nil)
			if name != "exits" && name != "panics" {
				if _, err := guard.Do(t.Context(), g, c.call); !errors.Is(err, guard.ErrRejected) {
					t.Errorf("%s: a second probe beside the first: %v", name, err)
				}
			}
			for range 20 { // whoever asks after the lease finds it out
				time.Sleep(5 * time.Second)
				if _, err := guard.Do(t.Context(), g, c.call); err == nil {
					break
				}
			}
			if g.State() != guard.Closed || c.n.Load() == 0 {
				t.Errorf("%s: still %v", name, g.State())
			}
			close(release)
			wg.Wait()
			if g.State() != guard.Closed {
				t.Errorf("%s: %v when it came back", name, g.State())
			}
		})
	}
}

// TestLateProbeChangesNothing: the answer of a probe that was given up is of yesterday.
func TestLateProbeChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, nil)
		open(t, g, 5)
		time.Sleep(30*time.Second + 1)
		release := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = guard.Do(t.Context(), g, func(context.Context) (int, error) { <-release; return 0, nil })
		})
		time.Sleep(12 * time.Second) // longer than an attempt, and a second
		if _, err := guard.Do(t.Context(), g, failing(nil).call); !errors.Is(err, guard.ErrRejected) || g.State() != guard.Open {
			t.Errorf("%v, %v", err, g.State())
		}
		close(release)
		wg.Wait()
		if g.State() != guard.Open {
			t.Errorf("%v: closed by a probe that was given up", g.State())
		}
	})
}

// TestStaleSuccessDoesNotClose what failures have opened since (pitfall 6).
func TestStaleSuccessDoesNotClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, nil)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				_, _ = guard.Do(t.Context(), g, func(context.Context) (int, error) { time.Sleep(35 * time.Second); return 0, nil })
			})
		}
		synctest.Wait()
		open(t, g, 5)
		time.Sleep(30*time.Second + 1)
		wg.Go(func() { // the probe is under way when the old answers come
			_, _ = guard.Do(t.Context(), g, func(context.Context) (int, error) { time.Sleep(9 * time.Second); return 0, unknown })
		})
		time.Sleep(6 * time.Second)
		if g.State() != guard.HalfOpen {
			t.Errorf("%v", g.State())
		}
		wg.Wait()
		if g.State() != guard.Open {
			t.Errorf("%v", g.State())
		}
	})
}

// TestImpatientProbesAreSpaced: a thousand callers who leave at once send a sick far
// side a probe now and then, not a thousand.
func TestImpatientProbesAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, nil)
		open(t, g, 5)
		time.Sleep(30*time.Second + 1)
		probes := 0
		for range 1000 { // in ten seconds
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			_, _ = guard.Do(ctx, g, func(ctx context.Context) (int, error) { probes++; <-ctx.Done(); return 0, ctx.Err() })
			<-ctx.Done()
			cancel()
		}
		if probes < 2 || probes > 5 {
			t.Errorf("%d probes", probes)
		}
	})
}

// TestChangedMayCallBack into the guard, which gobreaker's own callback must not
// (pitfall 5).
func TestChangedMayCallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g *guard.Guard
		var states []guard.State
		g = newGuard(t, &guard.Options{Changed: func(_ string, _, to guard.State) {
			states = append(states, g.State())
			_, _ = guard.Do(t.Context(), g, failing(nil).call)
			if to == guard.Open {
				g.Isolate()
			}
		}})
		for range 5 {
			_, _ = guard.Do(t.Context(), g, failing(unknown).call)
		}
		if want := []guard.State{guard.Open, guard.Isolated}; !slices.Equal(states, want) {
			t.Errorf("%v", states)
		}
	})
}

func TestIsolate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := 0
		g := newGuard(t, &guard.Options{Changed: func(string, guard.State, guard.State) { heard++ }})
		c := failing(nil)
		g.Isolate()
		g.Isolate()
		_, err := guard.DoIdempotent(t.Context(), g, c.call)
		if rejected, ok := errors.AsType[guard.RejectedError](err); !ok || rejected.Why != "isolated" || err.Error() != "guard: crm rejected: isolated" {
			t.Error(err)
		}
		time.Sleep(24 * time.Hour)
		if g.State() != guard.Isolated || c.n.Load() != 0 {
			t.Error("let through")
		}
		g.Release()
		g.Release()
		if _, err := guard.Do(t.Context(), g, c.call); err != nil || heard != 2 {
			t.Error(err, heard)
		}
	})
}

// TestPanicGoesOn: the guard counts it, and does not hide it; nor the end of a goroutine.
func TestPanicGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, &guard.Options{Failures: 2, InFlight: 1})
		func() {
			defer func() {
				if r := recover(); r != any("secret") {
					t.Errorf("recovered %v", r)
				}
			}()
			_, _ = guard.Do(t.Context(), g, func(context.Context) (int, error) { panic("secret") })
			t.Error("went on")
		}()
		ended, after := make(chan struct{}), false
		go func() {
			defer close(ended)
			_, _ = guard.Do(t.Context(), g, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
			after = true
		}()
		<-ended
		if after || g.State() != guard.Open {
			t.Errorf("went on: %t, %v", after, g.State())
		}
		time.Sleep(30*time.Second + 1)
		if _, err := guard.Do(t.Context(), g, failing(nil).call); err != nil {
			t.Errorf("%v: its place was not given back", err)
		}
	})
}
