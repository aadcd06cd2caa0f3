// Package guard bounds calls to one far side: classification of failures, attempts, a
// budget of retries, a rate, a number of calls at once and a circuit breaker. It is
// usable alone.
//
//	crm, err := guard.New("crm", nil)
//	client := &http.Client{Transport: crm.Transport(nil)}
//
// [Do] calls a function once; [DoIdempotent] calls it again while that is safe and
// useful: the caller says that a second time does no harm.
//
// # Guarantees
//
// What is denied, permanent or not classified is never called again. What failed
// otherwise is, at most Attempts times and until Total has passed, after a wait of
// random length whose limit doubles, or as long as the far side asked for; a wait that
// would outlast the deadline is not begun. Retries of all callers come out of one
// budget: one for ten successes, and one each ten seconds. A guard inside of a guarded
// call does not multiply attempts: the outer one alone repeats.
//
// The breaker opens after so many failures in a row and then lets one probe through at a
// time. Counted as failures are calls that were cut off by the guard's own deadline,
// that nobody answered, and that were slow, where Slow is set; a caller who left counts
// as nothing, and so does what nobody can classify. An answer that says no is an answer:
// the far side is there. An answer of before the breaker opened does not close it. A
// probe that does not come back is given up; a panic, and a goroutine that ends, is a
// failure. What the far side asks for by Retry-After holds for all callers and opens
// nothing.
//
// # Limits
//
// A guard knows what its process saw: it shares nothing with others. A function that
// ignores its context is waited for; its call counts as one at a time until it returns.
// Isolate does not end what is under way.
//
// # Errors
//
// [ErrRejected] means that nothing was called. Errors of the function come back as they
// are; where the budget or the deadline keeps them from being tried again, they are
// joined with ErrRejected. [Classify] says what any of them means.
//
// # Concurrency
//
// A Guard is safe for concurrent use. It starts no goroutines and waits only in
// DoIdempotent, for the rate, and as long as the function does.
package guard

import (
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// ErrRejected means that a guard let nothing through: isolated, open, too many at once,
// asked to wait, or without budget for a retry.
var ErrRejected error = rejected("rejected")

type rejected string

func (r rejected) Error() string      { return "guard: " + string(r) }
func (rejected) FailureClass() string { return Rejected.String() }

// The defaults of Options.
const (
	defaultAttempts = 3
	defaultAttempt  = 10 * time.Second
	defaultTotal    = time.Minute
	defaultInFlight = 64
	defaultFailures = 5
	defaultOpen     = 30 * time.Second

	mostAttempts = 10
)

// Options of New. Nil means the documented defaults.
type Options struct {
	Attempts int                               // of what is idempotent, at most 10; zero: 3
	Attempt  time.Duration                     // of one attempt; zero: 10 s
	Total    time.Duration                     // of all attempts with the waits between them; zero: 1 minute
	InFlight int                               // most at once; zero: 64
	PerSec   float64                           // most started in a second; zero: no limit
	Failures int                               // in a row that open the breaker; zero: 5
	Open     time.Duration                     // until it probes; zero: 30 s
	Slow     time.Duration                     // from where on a call that went well is a failure of the breaker; zero: none is
	Changed  func(name string, from, to State) // told of each change, in order and outside of all locks; nil: nobody
}

// Guard bounds the calls to one far side. A nil or zero Guard refuses. Safe for
// concurrent use.
type Guard struct {
	name     string
	o        Options
	machine  *machine
	rate     *rate.Limiter // nil: no limit
	inFlight atomic.Int64
	isolated atomic.Bool
	budget   budget
	hold     atomic.Int64 // since began: nothing before; 0: now
	began    time.Time
	open     error // what an open breaker says, made once
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// New makes a guard; name, [a-z0-9][a-z0-9._-]{0,63}, is in its errors and for Changed.
func New(name string, o *Options) (*Guard, error) {
	if !namePattern.MatchString(name) {
		return nil, errors.New("guard: the name is not [a-z0-9][a-z0-9._-]{0,63}")
	}
	g := &Guard{name: name, began: time.Now(), open: RejectedError{Guard: name, Why: "open"}}
	if o != nil {
		g.o = *o
	}
	if err := g.o.fill(); err != nil {
		return nil, fmt.Errorf("guard: %s: %w", name, err)
	}
	if g.o.PerSec > 0 {
		g.rate = rate.NewLimiter(rate.Limit(g.o.PerSec), max(1, int(g.o.PerSec)))
	}
	g.machine = newMachine(g.o.Failures, g.o.Open, g.o.Attempt+time.Second, g.changed)
	return g, nil
}

// fill puts defaults in, and refuses what makes no sense.
func (o *Options) fill() error {
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{{&o.Attempt, defaultAttempt}, {&o.Total, defaultTotal}, {&o.Open, defaultOpen}} {
		if *d.value == 0 {
			*d.value = d.otherwise
		}
	}
	for _, n := range []struct {
		value     *int
		otherwise int
	}{{&o.Attempts, defaultAttempts}, {&o.InFlight, defaultInFlight}, {&o.Failures, defaultFailures}} {
		if *n.value == 0 {
			*n.value = n.otherwise
		}
	}
	switch {
	case o.Attempts < 0 || o.Attempts > mostAttempts:
		return errors.New("the attempts are not between 0 and 10")
	case o.Attempt < 0 || o.Total < 0 || o.Open < 0 || o.Slow < 0:
		return errors.New("a duration is negative")
	case o.InFlight < 0 || o.Failures < 0 || o.Failures > 1<<20:
		return errors.New("InFlight or Failures is out of range")
	case !(o.PerSec >= 0) || o.PerSec > 1e9:
		return errors.New("PerSec is out of range")
	}
	return nil
}

func (g *Guard) changed(from, to State) {
	if g.o.Changed != nil {
		g.o.Changed(g.name, from, to)
	}
}

// Isolate lets nothing through until Release. What is under way goes on.
func (g *Guard) Isolate() {
	if g.ready() && !g.isolated.Swap(true) {
		g.changed(g.machine.now(), Isolated)
	}
}

// Release ends Isolate: the breaker is where it was.
func (g *Guard) Release() {
	if g.ready() && g.isolated.Swap(false) {
		g.changed(Isolated, g.machine.now())
	}
}

// State is what it lets through now; of a nil or zero Guard, Isolated.
func (g *Guard) State() State {
	if !g.ready() || g.isolated.Load() {
		return Isolated
	}
	return g.machine.now()
}

// Hold lets nothing through for a while, at most a day; a shorter hold does not end a
// longer one. It is for what somebody else knows: a far side's wish, or a breaker that
// was open before this process started.
func (g *Guard) Hold(d time.Duration) {
	if !g.ready() || d <= 0 {
		return
	}
	until := int64(time.Since(g.began) + min(d, longestWish))
	for {
		held := g.hold.Load()
		if held >= until || g.hold.CompareAndSwap(held, until) {
			return
		}
	}
}

// held is how long nothing may begin.
func (g *Guard) held() time.Duration {
	until := g.hold.Load()
	if until == 0 {
		return 0
	}
	left := time.Duration(until) - time.Since(g.began)
	if left <= 0 {
		g.hold.CompareAndSwap(until, 0)
		return 0
	}
	return left
}

func (g *Guard) ready() bool { return g != nil && g.machine != nil }

// RejectedError is a call that was not let through. It is ErrRejected.
type RejectedError struct {
	Guard string        // its name
	Why   string        // isolated, open, busy, held, rate, budget or deadline
	After time.Duration // when it may be let through; 0: not known
}

// Error names guard and reason.
func (e RejectedError) Error() string { return "guard: " + e.Guard + " rejected: " + e.Why }

// Unwrap is ErrRejected.
func (e RejectedError) Unwrap() error { return ErrRejected }

// FailureDelay is After.
func (e RejectedError) FailureDelay() time.Duration { return e.After }
