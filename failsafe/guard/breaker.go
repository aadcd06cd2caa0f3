package guard

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// State is what a guard lets through.
type State uint8

// The states.
const (
	Closed   State = iota // all
	HalfOpen              // one probe at a time
	Open                  // nothing, until Options.Open has passed
	Isolated              // nothing, until Release
)

// String is closed, half-open, open or isolated.
func (s State) String() string {
	if s > Isolated {
		s = Isolated
	}
	return [...]string{"closed", "half-open", "open", "isolated"}[s]
}

// What a call reports to the state machine. A success is nil.
var (
	errFailure = errors.New("guard: failure")
	errNeither = errors.New("guard: neither success nor failure")
	errEnded   = errors.New("guard: a panic, or the end of the goroutine")
)

// spacing is how much of Options.Open lies between two probes that said nothing.
const spacing = 10

// machine is gobreaker's state machine with what it lacks: gobreaker waits for ever for
// a probe that hangs or that ends its goroutine, admits any number of probes one after
// the other if they are excluded, and calls back under its lock.
type machine struct {
	failures uint32
	open     time.Duration
	lease    time.Duration // longest time that a probe may take
	changed  func(from, to State)

	current atomic.Pointer[gobreaker.CircuitBreaker[struct{}]]
	state   atomic.Uint32 // of current, as it last said
	leased  atomic.Int64  // since began: when the probe under way must have ended; 0: none is
	spaced  atomic.Int64  // since began: when there may be another probe
	began   time.Time

	mu     sync.Mutex
	events []event
	queued atomic.Bool // events is not empty
}

type event struct{ from, to State }

func newMachine(failures int, open, lease time.Duration, changed func(from, to State)) *machine {
	m := &machine{failures: uint32(failures), open: open, lease: lease, changed: changed, began: time.Now()}
	m.current.Store(m.fresh(false))
	return m
}

// fresh is a new state machine, closed or open.
func (m *machine) fresh(open bool) *gobreaker.CircuitBreaker[struct{}] {
	var made *gobreaker.CircuitBreaker[struct{}]
	made = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      m.open,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return open || c.ConsecutiveFailures >= m.failures },
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return err == errNeither },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			if m.current.Load() == made {
				m.note(stateOf(from), stateOf(to))
			}
		},
	})
	if open {
		_, _ = made.Execute(func() (struct{}, error) { return struct{}{}, errFailure })
		open = false // from now on as all others
	}
	return made
}

func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateClosed:
		return Closed
	case gobreaker.StateHalfOpen:
		return HalfOpen
	}
	return Open
}

// note keeps a change for deliver: it is called under the lock of the state machine.
func (m *machine) note(from, to State) {
	m.state.Store(uint32(to))
	m.leased.Store(0)
	m.spaced.Store(0)
	if m.changed == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, event{from, to})
	m.queued.Store(true)
}

// deliver tells of changes, in their order, outside of all locks.
func (m *machine) deliver() {
	for m.queued.Load() {
		m.mu.Lock()
		events := m.events
		m.events = nil
		m.queued.Store(false)
		m.mu.Unlock()
		for _, e := range events {
			m.changed(e.from, e.to)
		}
	}
}

// do makes a call, if one is let through, and counts it as the call says. A panic and the
// end of the goroutine count as a failure, and go on.
func (m *machine) do(call func() error) (admitted bool) {
	defer m.deliver()
	current := m.current.Load()
	if State(m.state.Load()) == HalfOpen && !m.mayProbe(current) {
		return false
	}
	var thrown any
	defer func() {
		if r := recover(); r != nil && (r != errEnded || thrown != nil) {
			panic(thrown)
		}
		// The goroutine goes on to its end, if that is what call had asked for.
	}()
	_, _ = current.Execute(func() (_ struct{}, err error) {
		admitted = true
		ended := false
		probes := State(m.state.Load()) == HalfOpen
		if probes {
			m.leased.Store(int64(time.Since(m.began) + m.lease))
		}
		defer func() {
			if probes {
				m.probed(err)
			}
			if !ended { // Execute counts panics only
				thrown = recover()
				panic(errEnded)
			}
		}()
		err = call()
		ended = true
		return struct{}{}, err
	})
	return admitted
}

// mayProbe says whether another probe may begin. One that has not come back within its
// lease is given up: the far side is down, and its answer counts for nothing any more.
func (m *machine) mayProbe(current *gobreaker.CircuitBreaker[struct{}]) bool {
	now := int64(time.Since(m.began))
	leased := m.leased.Load()
	if leased == 0 {
		return now >= m.spaced.Load()
	}
	if now < leased || !m.current.CompareAndSwap(current, m.fresh(true)) {
		return false
	}
	m.note(HalfOpen, Open)
	return false
}

// probed ends the lease of a probe. One that was neither success nor failure gave its
// place back: callers who leave early must not send one after the other.
func (m *machine) probed(err error) {
	if err == errNeither {
		m.spaced.Store(int64(time.Since(m.began) + m.open/spacing))
	}
	m.leased.Store(0)
}

// now is the state. It may tell of a change that time has brought.
func (m *machine) now() State {
	defer m.deliver()
	return stateOf(m.current.Load().State())
}
