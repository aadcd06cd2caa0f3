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

	users atomic.Int64 // and one more, until it is retired
	once  sync.Once
	empty chan struct{} // closed when there is none
	exit  func()        // made once: Get must not allocate
}

func newGeneration[T any](value T, lease *auth.Lease, born time.Time, age time.Duration) *generation[T] {
	g := &generation[T]{value: value, lease: lease, stored: lease.Version() != "", age: age, born: born, empty: make(chan struct{})}
	g.exit = g.leftBy
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

func (g *generation[T]) leftBy() {
	if g.users.Add(-1) == 0 {
		g.once.Do(func() { close(g.empty) })
	}
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

// aging says whether its lease has had two thirds of its life.
func (g *generation[T]) aging() bool {
	end := g.lease.Expires()
	return !end.IsZero() && time.Since(g.born) > end.Sub(g.born)*2/3
}

// due is when it is looked for the next: a stored one every so often, and any at two thirds
// of its life, a little earlier or later.
func (g *generation[T]) due(every time.Duration) time.Time {
	wait := 24 * time.Hour
	if end := g.lease.Expires(); !end.IsZero() {
		life := max(end.Sub(g.born), 0)
		wait = life*2/3 + some(life/10+1)
	}
	if g.stored {
		wait = min(wait, time.Until(g.confirmed().Add(every))+some(every/10+1))
		return time.Now().Add(max(wait, 0))
	}
	return g.born.Add(wait)
}
