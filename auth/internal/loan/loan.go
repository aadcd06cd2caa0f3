// Package loan lends what is costly to make to those who may share it, and gives it
// back after the last use.
//
//	item, err := cache.Lend(ctx, key, func(ctx context.Context) (loan.Made[V], error) { … })
//	defer cache.Back(item, false)
//
// # Guarantees
//
// For one key one thing is made, however many wait for it; each leaves on his own
// context. Everything that was made is given back exactly once: when it has ended, was
// spent or replaced, came too late, or with the cache, and never while it is used. A
// panic of whoever makes or takes back is an error, or nothing. What is kept is bounded.
//
// # Limits
//
// Giving back is tried once, for ten seconds.
//
// # Errors
//
// Those of whoever makes, of the context, and [ErrClosed].
//
// # Concurrency
//
// A Cache is safe for concurrent use; a zero one is ready, and must not be copied.
package loan

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/carnet-go/carnet/auth/internal/lifetime"
	"github.com/carnet-go/carnet/internal/flight"
)

const (
	makeWithin  = 30 * time.Second // one thing, however many wait for it
	closeWithin = 10 * time.Second // giving it back
	most        = 10_000           // kept; what ends first makes room
)

// ErrClosed means that the cache lends nothing any more.
var ErrClosed = errors.New("loan: closed")

// Made is a new thing. With an error it is given back at once.
type Made[V any] struct {
	Value V
	Ends  time.Time
	Close func(context.Context) error // nil: nothing to give back
}

// Cache keeps things by everything that can change them.
type Cache[K comparable, V any] struct {
	Brief func(error) time.Duration // how long a failure is not tried again; nil: 0

	mu     sync.Mutex
	lent   map[K]*Item[K, V]
	failed map[K]failure
	flight flight.Group[K, *Item[K, V]]
	busy   map[chan struct{}]bool // being given back
	closed bool
}

type failure struct {
	err   error
	until time.Time
}

// Item is a thing that is lent. Its counters are guarded by the cache's lock.
type Item[K comparable, V any] struct {
	Value V
	key   K
	close func(context.Context) error
	end   lifetime.End
	timer *time.Timer // drops it at its end
	users int
	gone  bool // no new users; given back after the last
}

// Lend returns what is kept under the key, or what is made now.
func (c *Cache[K, V]) Lend(ctx context.Context, key K, produce func(context.Context) (Made[V], error)) (*Item[K, V], error) {
	for {
		if found, err := c.take(key); found != nil || err != nil {
			return found, err
		}
		made, err := c.produced(ctx, key, produce)
		if err != nil {
			return nil, err
		}
		if c.use(made) {
			return made, nil
		}
	}
}

// produced is one making for all who wait for it now.
func (c *Cache[K, V]) produced(ctx context.Context, key K, produce func(context.Context) (Made[V], error)) (*Item[K, V], error) {
	return c.flight.Do(ctx, key, makeWithin, func(ctx context.Context) (*Item[K, V], error) {
		made, err := produce(ctx)
		return c.keep(key, made, err)
	})
}

// take is what is kept under the key: an item, a recent failure, or nothing.
func (c *Cache[K, V]) take(key K) (*Item[K, V], error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if failed, ok := c.failed[key]; ok {
		if now.Before(failed.until) {
			return nil, failed.err
		}
		delete(c.failed, key)
	}
	found, ok := c.lent[key]
	if !ok {
		return nil, nil
	}
	if found.end.Over(now) {
		c.drop(found)
		return nil, nil
	}
	found.users++
	return found, nil
}

func (c *Cache[K, V]) use(made *Item[K, V]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if made.gone {
		return false
	}
	made.users++
	return true
}

func (c *Cache[K, V]) keep(key K, made Made[V], err error) (*Item[K, V], error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.closed {
		err = ErrClosed
	}
	if err != nil {
		c.giveBack(made.Close)
		c.remember(key, err, now)
		return nil, err
	}
	if older, ok := c.lent[key]; ok { // made one after the other, or one too late
		c.drop(older)
	}
	c.room(now)
	if c.lent == nil {
		c.lent = map[K]*Item[K, V]{}
	}
	kept := &Item[K, V]{Value: made.Value, key: key, close: made.Close, end: lifetime.Until(made.Ends, now)}
	c.lent[key] = kept
	kept.timer = time.AfterFunc(made.Ends.Sub(now), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.drop(kept)
	})
	return kept, nil
}

// remember keeps a failure briefly, so that what is refused, or away, is not asked in
// a loop.
func (c *Cache[K, V]) remember(key K, err error, now time.Time) {
	if c.Brief == nil || c.Brief(err) <= 0 {
		return
	}
	if c.failed == nil || len(c.failed) >= most {
		c.failed = map[K]failure{}
	}
	c.failed[key] = failure{err, now.Add(c.Brief(err))}
}

// room drops what has ended, and what ends first while there is too much.
func (c *Cache[K, V]) room(now time.Time) {
	if len(c.lent) < most {
		return
	}
	var first *Item[K, V]
	for _, kept := range c.lent {
		if kept.end.Over(now) {
			c.drop(kept)
		} else if first == nil || kept.end.Wall.Before(first.end.Wall) {
			first = kept
		}
	}
	if len(c.lent) >= most {
		c.drop(first)
	}
}

// Back returns what was lent. What is spent is not lent again.
func (c *Cache[K, V]) Back(lent *Item[K, V], spent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lent.users--
	if spent {
		c.drop(lent)
		return
	}
	c.closeUnused(lent)
}

func (c *Cache[K, V]) drop(kept *Item[K, V]) {
	if c.lent[kept.key] == kept {
		delete(c.lent, kept.key)
	}
	if kept.timer != nil {
		kept.timer.Stop()
	}
	kept.gone = true
	c.closeUnused(kept)
}

// closeUnused gives an item back after its last use.
func (c *Cache[K, V]) closeUnused(kept *Item[K, V]) {
	if !kept.gone || kept.users != 0 {
		return
	}
	kept.users = -1 // given back once
	c.giveBack(kept.close)
}

// giveBack closes without making anybody wait.
func (c *Cache[K, V]) giveBack(closer func(context.Context) error) {
	if closer == nil {
		return
	}
	done := make(chan struct{})
	if c.busy == nil {
		c.busy = map[chan struct{}]bool{}
	}
	c.busy[done] = true
	go func() {
		defer func() {
			_ = recover() // what it was made from ends it
			c.mu.Lock()
			delete(c.busy, done)
			c.mu.Unlock()
			close(done) // nothing of the cache is touched after that
		}()
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		defer cancel()
		_ = closer(ctx) // what it was made from bounds it anyway
	}()
}

// Close drops everything and waits until what is unused was given back, or ctx ends.
func (c *Cache[K, V]) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	for _, kept := range c.lent {
		c.drop(kept)
	}
	busy := slices.Collect(maps.Keys(c.busy))
	c.mu.Unlock()
	for _, done := range busy {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
