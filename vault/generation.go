package vault

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// generation is what was built from one lease, with those who use it. A nil generation is
// none.
type generation[T any] struct {
	value  T
	lease  *auth.Lease
	stored bool          // the secret has a version: it can be confirmed
	age    time.Duration // how long it may be used without
	born   time.Time
	seen   atomic.Int64 // since born: when it was confirmed last
	live   atomic.Bool
	timer  *time.Timer

	since, end time.Time     // when the lease got the end that it has; of the one goroutine that looks
	part       time.Duration // of a thousand: how much of a tenth it is earlier than others

	users atomic.Int64 // and one more, until it is retired
	once  sync.Once
	empty chan struct{} // closed when there is none
	exit  func()        // made once: Get must not allocate
}

func newGeneration[T any](value T, lease *auth.Lease, born time.Time, age time.Duration) *generation[T] {
	g := &generation[T]{value: value, lease: lease, stored: lease.Version() != "", age: age, born: born, empty: make(chan struct{})}
	g.exit = g.leftBy
	g.since, g.end, g.part = born, lease.Expires(), some(1000)
	g.users.Store(1)
	g.live.Store(true)
	g.timer = time.AfterFunc(time.Until(g.ends()), g.look)
	return g
}

// enter counts a user, if it may still be used.
func (g *generation[T]) enter() bool {
	if g == nil {
		return false
	}
	if g.users.Add(1) > 1 && g.live.Load() {
		return true
	}
	g.leftBy()
	return false
}

// leftBy is done. Whoever is done twice takes the part of another: then it is not used any
// more, rather than closed under its users.
func (g *generation[T]) leftBy() {
	if g.users.Add(-1) <= 0 {
		g.live.Store(false)
		g.once.Do(func() { close(g.empty) })
	}
}

// ended is closed when its lease is, or is refused.
func (g *generation[T]) ended() <-chan struct{} {
	if g == nil || !g.live.Load() {
		return nil
	}
	return g.lease.Done()
}

// leave waits until nobody uses it, for at most a while, and not beyond its lease.
func (g *generation[T]) leave(most time.Duration) {
	g.live.Store(false)
	g.timer.Stop()
	g.leftBy()
	if end := g.lease.Expires(); !end.IsZero() {
		most = min(most, time.Until(end))
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-g.empty:
	case <-timer.C:
	}
}

// usable says whether it may be used at a moment, by both clocks.
func (g *generation[T]) usable(now time.Time) bool {
	if g == nil || !g.live.Load() {
		return false
	}
	if _, err := g.lease.Secret(""); errors.Is(err, auth.ErrExpired) || !now.Before(g.ends()) || !now.Round(0).Before(g.ends().Round(0)) {
		g.live.Store(false)
	}
	return g.live.Load()
}

// look ends it when its time has come, which a confirmation may have put off.
func (g *generation[T]) look() {
	if g.usable(time.Now()) {
		g.timer.Reset(time.Until(g.ends()))
	}
}

func (g *generation[T]) confirmed() time.Time { return g.born.Add(time.Duration(g.seen.Load())) }

func (g *generation[T]) confirm(at time.Time) { g.seen.Store(int64(at.Sub(g.born))) }

// ends is when it may be used no more; what has no end is looked at after a day.
func (g *generation[T]) ends() time.Time {
	end := g.lease.Expires()
	if end.IsZero() {
		end = time.Now().Add(24 * time.Hour)
	}
	if g.stored {
		end = earlier(end, g.confirmed().Add(g.age))
	}
	return end
}

// stale says whether nobody has confirmed it for too long.
func (g *generation[T]) stale(now time.Time) bool {
	return g != nil && g.stored && now.Sub(g.confirmed()) >= g.age
}

// aging says whether its lease has had three quarters of its life, a little earlier or
// later: one that the vault renews has been by then.
func (g *generation[T]) aging(now time.Time) bool {
	end := g.lease.Expires()
	if end.IsZero() {
		return false
	}
	if !end.Equal(g.end) { // it was renewed
		g.since, g.end = now, end
	}
	return !now.Before(g.since.Add(g.earlier(end.Sub(g.since) * 3 / 4)))
}

// earlier is a time without up to a tenth of it: those who began together do not come back
// together.
func (g *generation[T]) earlier(d time.Duration) time.Duration { return d - d/10_000*g.part }

// due is when it is looked for the next: a stored one every so often, and any when its
// lease is aging.
func (g *generation[T]) due(every time.Duration, now time.Time) time.Time {
	if g.aging(now) {
		return now
	}
	if !g.stored {
		return now.Add(every)
	}
	return g.confirmed().Add(g.earlier(every))
}
