package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/flight"
)

// ErrStale: the newest secret that could be had is older than BindOptions.MaxAge. It is
// auth.ErrUnavailable.
var ErrStale = fmt.Errorf("vault: stale: %w", auth.ErrUnavailable)

// BindOptions of Bind. Nil means the documented defaults.
type BindOptions[T any] struct {
	Every  time.Duration                  // how often it is looked whether a stored secret is another; zero: a minute
	MaxAge time.Duration                  // how long a stored one is used after the backend has confirmed it last, and no longer than its lease, which Options.MaxTTL bounds; zero: 5 minutes, or three times Every where that is longer
	Drain  time.Duration                  // how long those who use the one before may go on, if its lease lives so long; zero: a minute
	Close  func(context.Context, T) error // ends what was built, after its last user; nil: nothing is to end
}

const (
	defaultEvery  = time.Minute
	defaultMaxAge = 5 * time.Minute
	defaultDrain  = time.Minute
	buildWithin   = 30 * time.Second // lease and build
	closeWithin   = 10 * time.Second
	failedFor     = time.Second // that nobody asks again after a failure
	lookEvery     = time.Second // at the clock: a machine may have slept
)

// Bound is what was built from a leased secret, such as a pool of connections, and is built
// anew when that ends, or is another. A nil or zero Bound refuses. Safe for concurrent use.
type Bound[T any] struct {
	source  auth.Source
	build   func(context.Context, *auth.Lease) (T, error)
	o       BindOptions[T]
	now     atomic.Pointer[generation[T]]
	flights flight.Group[struct{}, *generation[T]]
	under   context.Context // ends with Close
	stop    context.CancelFunc
	busy    sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	stale   bool          // what was dropped had become so
	failed  error         // the newest, until something goes well
	until   time.Time     // nobody asks again before
	next    time.Time     // after a failure: nobody looks before
	gap     time.Duration // between tries, since the first that failed; zero: none has
	changed chan struct{}
}

// Bind leases from the source, builds, and keeps both up to date until Close. A new one is
// built in time, and for all who come meanwhile the one before goes on. The source is asked
// without a grant: it is one of Vault.Own, or brings its own. The first must succeed.
func Bind[T any](ctx context.Context, s auth.Source, build func(context.Context, *auth.Lease) (T, error), o *BindOptions[T]) (*Bound[T], error) {
	if s == nil || build == nil {
		return nil, fmt.Errorf("%w: Bind needs a source, and what to build", auth.ErrInvalid)
	}
	b := &Bound[T]{source: s, build: build, o: *cmp.Or(o, &BindOptions[T]{}), changed: make(chan struct{})}
	if b.o.Every < 0 || b.o.MaxAge < 0 || b.o.Drain < 0 {
		return nil, fmt.Errorf("%w: a duration is negative", auth.ErrInvalid)
	}
	b.o.Every = cmp.Or(b.o.Every, defaultEvery)
	b.o.MaxAge = cmp.Or(b.o.MaxAge, max(defaultMaxAge, 3*b.o.Every))
	b.o.Drain = cmp.Or(b.o.Drain, defaultDrain)
	b.under, b.stop = context.WithCancel(context.Background())
	if _, err := b.await(ctx); err != nil {
		return nil, errors.Join(err, b.Close(ctx))
	}
	b.busy.Go(b.keep)
	return b, nil
}

// Get is what was built, to be used until done is called, once. Where it has ended, Get waits for
// the next with all others who come, until ctx ends. The error is that of source or build,
// for a second to all, and ErrStale besides where there was one.
func (b *Bound[T]) Get(ctx context.Context) (value T, done func(), err error) {
	if b == nil || b.source == nil {
		return value, nil, auth.ErrUndeclared
	}
	g := b.now.Load()
	for !g.enter() {
		if g, err = b.await(ctx); err != nil {
			return value, nil, err
		}
	}
	return g.value, g.exit, nil
}

// Value is what Get lends, for those who are done with it at once, such as a key that is put
// into a request: nobody waits for them, and it may be ended while they use it. A Secret is
// then auth.ErrExpired: who has one for longer takes Get.
func (b *Bound[T]) Value(ctx context.Context) (value T, err error) {
	if b == nil || b.source == nil {
		return value, auth.ErrUndeclared
	}
	g := b.now.Load()
	for g == nil || !g.live.Load() {
		if g, err = b.await(ctx); err != nil {
			return value, err
		}
	}
	return g.value, nil
}

// Age is how long ago the backend has confirmed what Get lends; zero: there is nothing.
func (b *Bound[T]) Age() time.Duration {
	if b == nil || b.source == nil {
		return 0
	}
	if g := b.now.Load(); g != nil {
		return time.Since(g.confirmed())
	}
	return 0
}

// Changed is closed when Get lends another than now.
func (b *Bound[T]) Changed() <-chan struct{} {
	if b == nil || b.source == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// Close lets nobody begin, ends what was built when its users have left, or Drain has
// passed, and gives the lease back; it waits for that until ctx ends.
func (b *Bound[T]) Close(ctx context.Context) error {
	if b == nil || b.source == nil {
		return nil
	}
	b.stop()
	b.mu.Lock()
	b.closed = true
	last := b.now.Swap(nil)
	if last != nil {
		b.busy.Go(func() { b.retire(last) })
	}
	b.mu.Unlock()
	done := make(chan struct{})
	go func() { b.busy.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return left(ctx)
	}
}

// await is the generation after the one that has ended: one call for all who wait.
func (b *Bound[T]) await(ctx context.Context) (*generation[T], error) {
	g, err := b.flights.Do(ctx, struct{}{}, buildWithin, b.renew)
	if err != nil && ctx.Err() != nil {
		return nil, left(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, flight.ErrAborted) {
		err = auth.ErrUnavailable
	}
	return g, err
}

// renew makes a generation, unless somebody just has, or has failed.
func (b *Bound[T]) renew(ctx context.Context) (*generation[T], error) {
	if g := b.now.Load(); g.usable(time.Now()) {
		return g, nil
	}
	b.mu.Lock()
	failed := b.failed
	wait := time.Until(b.until) > 0
	b.mu.Unlock()
	if failed != nil && wait {
		return nil, failed
	}
	return b.make(ctx)
}

var errClosed = fmt.Errorf("%w: closed", auth.ErrUnavailable)

// begin counts what Close waits for; false: it is closed.
func (b *Bound[T]) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.busy.Add(1)
	}
	return !b.closed
}

// make leases and builds.
func (b *Bound[T]) make(ctx context.Context) (*generation[T], error) {
	if !b.begin() {
		return nil, errClosed
	}
	defer b.busy.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.under, cancel)()
	began := time.Now()
	lease, err := b.source.Lease(ctx, auth.Grant{})
	if err != nil {
		return nil, b.withheld(side(err))
	}
	var value T
	err = guarded(func() (err error) { value, err = b.build(ctx, lease); return err })
	if err != nil {
		_ = lease.Close(context.WithoutCancel(ctx))
		return nil, b.fail(side(err))
	}
	g := newGeneration(value, lease, began, b.o.MaxAge)
	if !g.usable(time.Now()) {
		err = b.fail(auth.ErrExpired)
	} else if !b.install(g) {
		err = errClosed
	}
	if err != nil {
		b.retire(g)
		return nil, err
	}
	return g, nil
}

// withheld is a failure of the source. What the backend denies, or has no more, is not lent
// on.
func (b *Bound[T]) withheld(err error) error {
	if g := b.now.Load(); g != nil && (errors.Is(err, auth.ErrDenied) || errors.Is(err, auth.ErrUndeclared)) {
		g.live.Store(false)
	}
	return b.fail(err)
}

// fail remembers a failure, so that those who come within a second do not ask again.
func (b *Bound[T]) fail(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stale || b.now.Load().stale(time.Now()) {
		err = errors.Join(ErrStale, err)
	}
	b.failed, b.until = err, time.Now().Add(failedFor)
	return err
}

// install makes a generation the current one; false: it was closed meanwhile, or there is a
// newer one.
func (b *Bound[T]) install(g *generation[T]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.now.Load()
	if b.closed || before.usable(time.Now()) && before.born.After(g.born) {
		return false
	}
	b.now.Store(g)
	b.failed, b.gap, b.stale, b.next = nil, 0, false, time.Time{}
	if before != nil {
		b.busy.Go(func() { b.retire(before) })
	}
	close(b.changed)
	b.changed = make(chan struct{})
	return true
}

// drop ends what may not be used any more, and has no successor.
func (b *Bound[T]) drop(g *generation[T]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed && b.now.CompareAndSwap(g, nil) {
		b.stale = g.stale(time.Now())
		b.busy.Go(func() { b.retire(g) })
	}
}

// retire ends a generation, when its users have left or have had their time.
func (b *Bound[T]) retire(g *generation[T]) {
	g.leave(b.o.Drain)
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	if b.o.Close != nil {
		_ = guarded(func() error { return b.o.Close(ctx, g.value) })
	}
	_ = g.lease.Close(ctx)
}

// keep looks for the next in time. When none comes before the one that there is has ended,
// whoever asks looks himself.
func (b *Bound[T]) keep() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		g := b.now.Load()
		select {
		case <-b.under.Done():
			return
		case <-g.ended():
			g.live.Store(false)
		case <-tick.C:
		}
		switch now := time.Now(); {
		case g == nil:
		case !g.usable(now):
			b.drop(g)
		case b.due(g, now):
			b.look(g)
		}
	}
}

// due says whether it is time to look for the next.
func (b *Bound[T]) due(g *generation[T], now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !now.Before(b.next) && !now.Before(g.due(b.o.Every, now))
}

// look asks whether a stored secret is still the same, and replaces what is not, or soon
// ends.
func (b *Bound[T]) look(g *generation[T]) {
	ctx, cancel := context.WithTimeout(b.under, buildWithin)
	defer cancel()
	var err error
	if g.stored && !g.aging(time.Now()) {
		err = b.confirm(ctx, g)
	} else {
		_, err = b.flights.Do(ctx, struct{}{}, buildWithin, b.make)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil { // as often as fits into what is left
		b.gap = cmp.Or(b.gap, max(time.Until(g.ends())/mostRenewals, shortestGap))
		b.next = time.Now().Add(b.gap + some(b.gap/4))
	}
}

// confirm leases once more: the same version keeps what was built from it.
func (b *Bound[T]) confirm(ctx context.Context, g *generation[T]) error {
	began := time.Now()
	lease, err := b.source.Lease(ctx, auth.Grant{})
	if err != nil {
		return b.withheld(side(err))
	}
	same := lease.Version() == g.lease.Version()
	_ = lease.Close(context.WithoutCancel(ctx))
	if !same {
		_, err = b.flights.Do(ctx, struct{}{}, buildWithin, b.make)
		return err
	}
	g.confirm(began)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed, b.gap, b.next = nil, 0, time.Time{}
	return nil
}
