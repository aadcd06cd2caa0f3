// Package flight makes one call however many ask for it.
//
//	var flights flight.Group[string, Token]
//	token, err := flights.Do(ctx, key, 10*time.Second, fetch)
//
// # Guarantees
//
// While a call for a key is under way, everybody who asks for that key waits for
// it, and gets its value and error. The call belongs to nobody: its context has a
// deadline of its own, and carries neither the cancellation nor the values of
// whoever came first, so no caller can end it, trace it or lend it authority. Each
// caller leaves when its own context ends.
//
// When the last caller has left, the call goes on to its deadline, and who asks
// meanwhile joins it. At the deadline everybody is sent away and the key is free,
// whether or not fn has returned.
//
// # Limits
//
// Nothing is remembered: once the call has ended, the next caller begins another.
// The value of a call that nobody waits for, or that comes after the deadline, is
// dropped; fn itself must keep what must not be lost. A fn that ignores its context
// keeps its goroutine.
//
// # Errors
//
// A caller that leaves gets its own context's error; the deadline of the call is
// [context.DeadlineExceeded]; a fn that panicked or ended its goroutine is
// [ErrAborted], for all who wait. The panic value is dropped: it may hold anything.
//
// # Concurrency
//
// A Group is safe for concurrent use. fn may use the Group for other keys.
package flight

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrAborted: the call neither returned a value nor an error.
var ErrAborted = errors.New("flight: call aborted")

// Group is the calls under way, by key. The zero Group is ready. It must not be
// copied after the first use.
type Group[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*call[V]
}

type call[V any] struct {
	done  chan struct{} // closed once value and err are set
	value V
	err   error
}

// Do waits for the call for key, and begins it where none is under way: fn, on a
// context of its own that ends after timeout. A timeout that is not positive has
// ended before it began.
func (g *Group[K, V]) Do(ctx context.Context, key K, timeout time.Duration, fn func(context.Context) (V, error)) (V, error) {
	var none V
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if timeout <= 0 {
		return none, context.DeadlineExceeded
	}
	c := g.join(key, timeout, fn)
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

func (g *Group[K, V]) join(key K, timeout time.Duration, fn func(context.Context) (V, error)) *call[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, ok := g.calls[key]; ok {
		return c
	}
	if g.calls == nil {
		g.calls = make(map[K]*call[V])
	}
	c := &call[V]{done: make(chan struct{})}
	g.calls[key] = c
	go g.run(key, c, timeout, fn)
	return c
}

func (g *Group[K, V]) run(key K, c *call[V], timeout time.Duration, fn func(context.Context) (V, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var value V
	stop := context.AfterFunc(ctx, func() {
		var none V
		g.end(key, c, none, context.DeadlineExceeded)
	})
	defer stop()
	// Goexit runs deferred functions too, and recovers nothing: err is still this.
	err := ErrAborted
	defer func() {
		_ = recover()
		g.end(key, c, value, err)
	}()
	value, err = fn(ctx)
}

// end is heard once: the result, or the deadline, whichever is first.
func (g *Group[K, V]) end(key K, c *call[V], value V, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.calls[key] != c {
		return
	}
	delete(g.calls, key)
	c.value, c.err = value, err
	close(c.done)
}
