package vault_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// well is a source that a test dries up. Its leases live as long as it says.
type well struct {
	mu      sync.Mutex
	calls   int
	closed  int
	version string        // empty: made for each lease
	life    time.Duration // zero: for ever
	takes   time.Duration
	err     error
}

// Lease implements auth.Source.
func (w *well) Lease(ctx context.Context, _ auth.Grant) (*auth.Lease, error) {
	w.mu.Lock()
	w.calls++
	n, version, life, takes, err := w.calls, w.version, w.life, w.takes, w.err
	w.mu.Unlock()
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	o := &auth.LeaseOptions{Version: version, Release: func(context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.closed++
		return nil
	}}
	if life > 0 {
		o.Expires = time.Now().Add(life)
	}
	return auth.NewLease(fmt.Sprintf("l-%d", n), fields("key", fmt.Sprintf("value-%d", n)), o), nil
}

func (w *well) is(change func(w *well)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *well) counts() (calls, closed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls, w.closed
}

// pool is what is built here.
type pool struct {
	id     string
	closed atomic.Int64 // when, in nanoseconds; 0: it is not
}

func built(_ context.Context, l *auth.Lease) (*pool, error) { return &pool{id: l.ID()}, nil }

func closes(_ context.Context, p *pool) error {
	if !p.closed.CompareAndSwap(0, time.Now().UnixNano()) {
		panic("closed twice")
	}
	return nil
}

func bind(t *testing.T, w *well, o vault.BindOptions[*pool]) *vault.Bound[*pool] {
	t.Helper()
	o.Close = closes
	b, err := vault.Bind(t.Context(), w, built, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// got is what Get and Value lend, given back at once.
func got(t *testing.T, b *vault.Bound[*pool]) (*pool, error) {
	t.Helper()
	p, done, err := b.Get(t.Context())
	if err == nil {
		done()
	}
	if v, wrong := b.Value(t.Context()); v != p && err == nil || !errors.Is(wrong, err) {
		t.Errorf("Get lends %v, %v, and Value %v, %v", p, err, v, wrong)
	}
	return p, err
}

// TestBindRotatesInTime: at two thirds of its life another is built; whoever uses the one
// before goes on, and that ends after its last user.
func TestBindRotatesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{life: time.Hour}
		b := bind(t, w, vault.BindOptions[*pool]{Drain: 10 * time.Minute})
		first, done, err := b.Get(t.Context())
		if err != nil || first.id != "l-1" {
			t.Fatal(first, err)
		}
		changed := b.Changed()
		time.Sleep(39 * time.Minute)
		if calls, _ := w.counts(); calls != 1 {
			t.Errorf("%d calls before it was time", calls)
		}
		time.Sleep(8 * time.Minute)
		synctest.Wait()
		select {
		case <-changed:
		default:
			t.Error("nobody was told")
		}
		second, err := got(t, b)
		if err != nil || second.id != "l-2" || first.closed.Load() != 0 {
			t.Errorf("%+v, %v; the first is closed: %d", second, err, first.closed.Load())
		}
		done()
		synctest.Wait()
		if calls, closed := w.counts(); first.closed.Load() == 0 || calls != 2 || closed != 1 {
			t.Errorf("after its last user: %d calls, %d leases given back", calls, closed)
		}
	})
}

// TestBindDrainIsBounded, by Drain and by the end of the lease.
func TestBindDrainIsBounded(t *testing.T) {
	for name, c := range map[string]struct{ drain, closedAfter time.Duration }{
		"drain": {time.Minute, 48 * time.Minute}, "lease": {10 * time.Hour, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			b := bind(t, &well{life: time.Hour}, vault.BindOptions[*pool]{Drain: c.drain})
			first, done, err := b.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			time.Sleep(90 * time.Minute)
			synctest.Wait()
			after := time.Unix(0, first.closed.Load()).Sub(began)
			if first.closed.Load() == 0 || after > c.closedAfter || after < 40*time.Minute {
				t.Errorf("%s: closed after %v", name, after)
			}
		})
	}
}

// TestBindAsksOnce, however many come when it has ended, and also when that fails.
func TestBindAsksOnce(t *testing.T) {
	for name, failing := range map[string]error{"goes well": nil, "fails": auth.ErrUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			w := &well{life: time.Minute}
			b := bind(t, w, vault.BindOptions[*pool]{})
			w.is(func(w *well) { w.err = auth.ErrThrottled })
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			before, _ := w.counts()
			if before > 1+8 {
				t.Errorf("%d calls in the life of one lease", before)
			}
			w.is(func(w *well) { w.err, w.takes = failing, 100*time.Millisecond })
			var wg sync.WaitGroup
			for range 10_000 {
				wg.Go(func() {
					if _, err := got(t, b); !errors.Is(err, failing) {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			wg.Wait()
			if calls, _ := w.counts(); calls != before+1 {
				t.Errorf("%s: asked %d times", name, calls-before)
			}
		})
	}
}

// TestBindWaitersLeave on their own, and take nothing from the others.
func TestBindWaitersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{life: time.Minute}
		b := bind(t, w, vault.BindOptions[*pool]{})
		w.is(func(w *well) { w.err = auth.ErrUnavailable })
		time.Sleep(2 * time.Minute)
		w.is(func(w *well) { w.err, w.takes = nil, 5*time.Second })
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			began := time.Now()
			if _, _, err := b.Get(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, auth.ErrUnavailable) || time.Since(began) != 10*time.Millisecond {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
		time.Sleep(time.Millisecond)
		if p, err := got(t, b); err != nil || p.id == "l-1" {
			t.Errorf("%v, %v", p, err)
		}
		wg.Wait()
	})
}

// TestBindConfirmsStored secrets: the same version keeps what was built, another replaces
// it, and one that nobody can confirm is used for so long and no longer.
func TestBindConfirmsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{version: "1"}
		b := bind(t, w, vault.BindOptions[*pool]{Every: time.Minute, MaxAge: 10 * time.Minute})
		time.Sleep(5*time.Minute + 30*time.Second)
		p, err := got(t, b)
		if calls, closed := w.counts(); err != nil || p.id != "l-1" || calls < 5 || calls > 7 || closed != calls-1 || b.Age() > 70*time.Second {
			t.Errorf("%v, %v: %d calls, %d given back, age %v", p, err, calls, closed, b.Age())
		}
		w.is(func(w *well) { w.version = "2" })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if p, err = got(t, b); err != nil || p.id == "l-1" {
			t.Errorf("the version is another: %v, %v", p, err)
		}
		w.is(func(w *well) { w.err = auth.ErrUnavailable })
		before, _ := w.counts()
		time.Sleep(8 * time.Minute)
		if p, err = got(t, b); err != nil || b.Age() < 8*time.Minute {
			t.Errorf("%v, %v, age %v", p, err, b.Age())
		}
		time.Sleep(4 * time.Minute)
		if _, err := got(t, b); !errors.Is(err, vault.ErrStale) || !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("stale: %v", err)
		}
		if calls, _ := w.counts(); calls-before > 15 {
			t.Errorf("%d calls while the backend was away", calls-before)
		}
		w.is(func(w *well) { w.err = nil })
		time.Sleep(2 * time.Second)
		if _, err := got(t, b); err != nil {
			t.Errorf("the backend is back: %v", err)
		}
	})
}

// TestBindEndsWhatIsWithdrawn at once: a backend that denies is not away.
func TestBindEndsWhatIsWithdrawn(t *testing.T) {
	for _, withdrawn := range []error{auth.ErrDenied, auth.ErrUndeclared} {
		synctest.Test(t, func(t *testing.T) {
			w := &well{version: "1"}
			b := bind(t, w, vault.BindOptions[*pool]{Every: time.Minute, MaxAge: time.Hour})
			w.is(func(w *well) { w.err = withdrawn })
			time.Sleep(2 * time.Minute)
			if _, err := got(t, b); err != withdrawn {
				t.Errorf("withdrawn: %v", err)
			}
		})
	}
}

// TestBindEndsWithItsLease: what the vault ends early, because it could not be renewed, is
// not used to the end that was hoped for.
func TestBindEndsWithItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var leases []*auth.Lease
		b, err := vault.Bind(t.Context(), &well{life: time.Hour}, func(_ context.Context, l *auth.Lease) (*pool, error) {
			leases = append(leases, l)
			return &pool{id: l.ID()}, nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close(context.Background())
		_ = leases[0].Close(t.Context())
		time.Sleep(2 * time.Second)
		if p, err := got(t, b); err != nil || p.id != "l-2" {
			t.Errorf("%v, %v", p, err)
		}
	})
}

// TestBindClose waits for users, in bounds, builds nothing after, and leaves nothing.
func TestBindClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{life: time.Hour}
		b := bind(t, w, vault.BindOptions[*pool]{Drain: time.Minute})
		p, done, err := b.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v", err)
		}
		if _, _, err := b.Get(t.Context()); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("after Close: %v", err)
		}
		if p.closed.Load() != 0 {
			t.Error("ended under its user")
		}
		done()
		for range 2 {
			if err := b.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if calls, closed := w.counts(); calls != 1 || closed != 1 || p.closed.Load() == 0 {
			t.Errorf("%d calls, %d given back", calls, closed)
		}
	})
}

// TestBindCloseDuringBuild: what comes too late is ended, and nobody gets it.
func TestBindCloseDuringBuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{life: time.Minute}
		b := bind(t, w, vault.BindOptions[*pool]{})
		w.is(func(w *well) { w.takes = 10 * time.Second })
		time.Sleep(47 * time.Second) // the next is under way
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if calls, closed := w.counts(); calls < 2 || closed != 1 {
			t.Errorf("%d calls, %d given back", calls, closed)
		}
	})
}

// TestBindReplacesWhatWasRefused at once: each further try is one more towards a locked
// account.
func TestBindReplacesWhatWasRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var leases []*auth.Lease
		w := &well{version: "1"}
		b, err := vault.Bind(t.Context(), w, func(_ context.Context, l *auth.Lease) (*pool, error) {
			leases = append(leases, l)
			return &pool{id: l.ID()}, nil
		}, &vault.BindOptions[*pool]{Every: time.Hour, Close: closes})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close(context.Background())
		first, done, err := b.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.is(func(w *well) { w.err = auth.ErrDenied })
		leases[0].Refuse()
		synctest.Wait()
		if _, err := got(t, b); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("refused, and %v", err)
		}
		done()
		synctest.Wait()
		if first.closed.Load() == 0 {
			t.Error("what was refused is open")
		}
	})
}

// TestBindEndsWhatHasNoSuccessor: a pool does not stay open because nobody comes.
func TestBindEndsWhatHasNoSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{life: time.Minute}
		b := bind(t, w, vault.BindOptions[*pool]{})
		p, err := got(t, b)
		if err != nil {
			t.Fatal(err)
		}
		w.is(func(w *well) { w.err = auth.ErrUnavailable })
		time.Sleep(10 * time.Minute)
		if _, closed := w.counts(); p.closed.Load() == 0 || closed != 1 {
			t.Errorf("open, and %d leases given back", closed)
		}
		if _, err := got(t, b); !errors.Is(err, auth.ErrUnavailable) || errors.Is(err, vault.ErrStale) {
			t.Errorf("ended, and not stale: %v", err)
		}
	})
}

// TestBindDoneTwice takes nothing from others but this one generation.
func TestBindDoneTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{life: time.Hour}
		b := bind(t, w, vault.BindOptions[*pool]{})
		_, done, err := b.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		done()
		done()
		if p, err := got(t, b); err != nil || p.id != "l-2" {
			t.Errorf("%v, %v", p, err)
		}
	})
}

// TestBindKeepsTheNewest: what was leased before another does not replace it.
func TestBindKeepsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{life: time.Hour}
		slow := make(chan struct{})
		b, err := vault.Bind(t.Context(), w, func(ctx context.Context, l *auth.Lease) (*pool, error) {
			if l.ID() == "l-2" {
				<-slow // ignores its context
			}
			return &pool{id: l.ID()}, nil
		}, &vault.BindOptions[*pool]{Close: closes})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close(context.Background())
		time.Sleep(55 * time.Minute) // the second has had its time, and a third was built
		if p, err := got(t, b); err != nil || p.id == "l-1" || p.id == "l-2" {
			t.Fatalf("%v, %v", p, err)
		}
		close(slow)
		synctest.Wait()
		if p, err := got(t, b); err != nil || p.id == "l-2" {
			t.Errorf("the older one is back: %v, %v", p, err)
		}
	})
}

// TestBindDoesNotBlameWhatWorks for a build that fails.
func TestBindDoesNotBlameWhatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{version: "1"}
		b, err := vault.Bind(t.Context(), w, func(_ context.Context, l *auth.Lease) (*pool, error) {
			if l.Version() != "1" {
				return nil, auth.ErrUndeclared // a field that is not there
			}
			return &pool{id: l.ID()}, nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close(context.Background())
		w.is(func(w *well) { w.version = "2" })
		time.Sleep(2 * time.Minute)
		if p, err := got(t, b); err != nil || p.id != "l-1" {
			t.Errorf("%v, %v", p, err)
		}
	})
}

func TestBindRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		source auth.Source
		build  func(context.Context, *auth.Lease) (*pool, error)
		o      *vault.BindOptions[*pool]
		want   error
	}{
		"no source":    {nil, built, nil, auth.ErrInvalid},
		"no build":     {&well{}, nil, nil, auth.ErrInvalid},
		"negative":     {&well{}, built, &vault.BindOptions[*pool]{Every: -1}, auth.ErrInvalid},
		"denied":       {&well{err: auth.ErrDenied}, built, nil, auth.ErrDenied},
		"ended":        {&well{life: 1}, built, nil, auth.ErrExpired},
		"build fails":  {&well{}, func(context.Context, *auth.Lease) (*pool, error) { return nil, auth.ErrInvalid }, nil, auth.ErrInvalid},
		"build panics": {&well{}, func(context.Context, *auth.Lease) (*pool, error) { panic(canary) }, nil, auth.ErrUnknown},
	} {
		if b, err := vault.Bind(t.Context(), c.source, c.build, c.o); !errors.Is(err, c.want) || b != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, b := range []*vault.Bound[*pool]{nil, {}} {
		if _, err := b.Value(t.Context()); err != auth.ErrUndeclared {
			t.Errorf("zero: %v", err)
		}
		if _, _, err := b.Get(t.Context()); err != auth.ErrUndeclared || b.Age() != 0 || b.Changed() != nil || b.Close(t.Context()) != nil {
			t.Errorf("zero: %v", err)
		}
	}
}

func BenchmarkBoundGet(b *testing.B) {
	bound, err := vault.Bind(b.Context(), &well{}, built, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer bound.Close(context.Background())
	b.ReportAllocs()
	for b.Loop() {
		_, done, err := bound.Get(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		done()
	}
}

func BenchmarkBoundValue(b *testing.B) {
	bound, err := vault.Bind(b.Context(), &well{}, built, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer bound.Close(context.Background())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bound.Value(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
