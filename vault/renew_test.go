package vault_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
)

// renewer is a backend whose leases live for ttl, and as long as it says when they are
// renewed.
type renewer struct {
	backend
	ttl, parent time.Duration
	renew       func(n int) (time.Duration, error)

	mu     sync.Mutex
	times  []time.Time // of renewals
	wanted time.Duration
}

func newRenewer(ttl time.Duration, renew func(n int) (time.Duration, error)) *renewer {
	r := &renewer{ttl: ttl, renew: renew}
	r.issue = func(context.Context, string) (vault.Issued, error) {
		return vault.Issued{ID: "id", Fields: fields("key", "x"), TTL: r.ttl, ParentTTL: r.parent}, nil
	}
	return r
}

// Renew implements vault.Renewer.
func (r *renewer) Renew(_ context.Context, id string, by time.Duration) (time.Duration, error) {
	r.mu.Lock()
	r.times, r.wanted = append(r.times, time.Now()), by
	n := len(r.times)
	r.mu.Unlock()
	if id != "id" {
		return 0, auth.ErrInvalid
	}
	return r.renew(n)
}

func (r *renewer) renewals() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Time(nil), r.times...)
}

// lives waits for a lease to end, and says how long that took.
func lives(t *testing.T, l *auth.Lease, most time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	for time.Since(began) < most {
		if _, err := l.Secret("key"); errors.Is(err, auth.ErrExpired) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(began)
}

// TestRenewal: a lease lives on as long as it may here, and is given back then; what the
// login allows no more is not hoped for.
func TestRenewal(t *testing.T) {
	for name, c := range map[string]struct {
		ttl, parent time.Duration
		ends        time.Duration // at the backend, whatever is asked for; zero: never
		maxTTL      time.Duration
		lives       time.Duration // how long the lease lives
		renewals    int
		revoked     bool
	}{
		"while it may":            {2 * time.Minute, 0, 0, 10 * time.Minute, 10 * time.Minute, 6, true},
		"long enough":             {time.Hour, 0, 0, 10 * time.Minute, 10 * time.Minute, 0, true},
		"capped":                  {2 * time.Minute, 0, 3 * time.Minute, 10 * time.Minute, 3 * time.Minute, 2, false},
		"dies with its login":     {time.Hour, time.Minute, time.Minute, 10 * time.Minute, time.Minute, 1, false},
		"a login that was longer": {time.Minute, time.Hour, 0, 3 * time.Minute, 3 * time.Minute, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gate(t)
				born := time.Now()
				b := newRenewer(c.ttl, func(int) (time.Duration, error) {
					if c.ends == 0 {
						return c.ttl, nil
					}
					return min(c.ttl, c.ends-time.Since(born)), nil
				})
				b.parent = c.parent
				v := open(t, g.Log(), b, &vault.Options{MaxTTL: c.maxTTL, Own: []string{"self/db"}})
				l, err := v.Own("self/db").Lease(t.Context(), auth.Grant{})
				if err != nil {
					t.Fatal(err)
				}
				got := lives(t, l, time.Hour)
				if got < c.lives || got > c.lives+time.Second {
					t.Errorf("lived %v, want %v", got, c.lives)
				}
				if n := len(b.renewals()); n < c.renewals-1 || n > c.renewals+1 || (n == 0) != (c.renewals == 0) {
					t.Errorf("renewed %d times, want %d", n, c.renewals)
				}
				if c.renewals > 0 && b.wanted != c.ttl {
					t.Errorf("asked for %v", b.wanted)
				}
				synctest.Wait()
				if _, revoked := b.calls(); (len(revoked) == 1) != c.revoked {
					t.Errorf("revoked %q", revoked)
				}
			})
		})
	}
}

// TestRenewalStorm: one that always fails is not asked for again and again, and the lease
// ends when it ends, without an error of success.
func TestRenewalStorm(t *testing.T) {
	for _, ttl := range []time.Duration{3 * time.Second, time.Minute, time.Hour} {
		for name, c := range map[string]struct {
			err  error
			most int
			ends bool // at once
		}{
			"unavailable": {auth.ErrUnavailable, 8, false}, "unknown": {errors.New("x"), 8, false},
			"gone": {auth.ErrUndeclared, 1, true}, "not found": {auth.ErrInvalid, 1, true}, "denied": {auth.ErrDenied, 1, false},
			"throttled":             {&auth.FailedError{Side: auth.ErrThrottled, RetryAfter: ttl / 4}, 2, false},
			"no answer of a length": {nil, 1, true},
		} {
			t.Run(fmt.Sprint(name, " ", ttl), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := gate(t)
					b := newRenewer(ttl, func(int) (time.Duration, error) { return 0, c.err })
					v := open(t, g.Log(), b, &vault.Options{MaxTTL: 10 * time.Hour, Own: []string{"self/db"}})
					l, err := v.Own("self/db").Lease(t.Context(), auth.Grant{})
					if err != nil {
						t.Fatal(err)
					}
					got := lives(t, l, 2*ttl)
					if !c.ends && (got < ttl || got > ttl+time.Second) || c.ends && got > ttl*8/10 {
						t.Errorf("lived %v", got)
					}
					times := b.renewals()
					if len(times) == 0 || len(times) > c.most {
						t.Errorf("asked %d times, of at most %d", len(times), c.most)
					}
					for i := 1; i < len(times); i++ {
						if gap := times[i].Sub(times[i-1]); gap < time.Second {
							t.Errorf("asked again after %v", gap)
						}
					}
					failures := 0
					for _, e := range events(t, g.Log()) {
						if e.Action == "vault.renew" {
							failures++
							if e.Reason == "" || e.Count != len(times) || e.Lease != l.ID() {
								t.Errorf("%+v", e)
							}
						}
					}
					if failures != 1 {
						t.Errorf("the log tells %d times that it ends", failures)
					}
				})
			})
		}
	}
}

// TestRenewalsAreSpread: those who began together do not come back together.
func TestRenewalsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := newRenewer(time.Hour, func(int) (time.Duration, error) { return time.Hour, nil })
		v := open(t, g.Log(), b, &vault.Options{MaxTTL: 2 * time.Hour, Own: []string{"self/db"}})
		for range 200 {
			if _, err := v.Own("self/db").Lease(t.Context(), auth.Grant{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(50 * time.Minute)
		seconds := map[int64]int{}
		for _, at := range b.renewals() {
			seconds[at.Unix()]++
		}
		for second, n := range seconds {
			if n > 10 {
				t.Errorf("%d in second %d", n, second)
			}
		}
		if len(b.renewals()) != 200 {
			t.Errorf("%d renewals", len(b.renewals()))
		}
	})
}

// TestRenewalEndsWithTheLease: under a grant nothing lives longer than that, and what was
// given back is not renewed; nor is anything after Close.
func TestRenewalEndsWithTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := newRenewer(time.Minute, func(int) (time.Duration, error) { return time.Minute, nil })
		v := open(t, g.Log(), b, nil)
		l, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if l, err = v.Lease(t.Context(), authtest.Grant(t, g, read), path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if n := len(b.renewals()); n < 6 || n > 9 {
			t.Errorf("renewed %d times", n)
		}
		if err := v.Close(t.Context()); err != nil {
			t.Error(err)
		}
		before := len(b.renewals())
		time.Sleep(time.Hour)
		if len(b.renewals()) != before || lives(t, l, time.Minute) != 0 {
			t.Error("lives on after Close")
		}
	})
}

// TestRenewalThatCameTooLate: what has ended here while it was renewed there is revoked.
func TestRenewalThatCameTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := newRenewer(time.Minute, func(int) (time.Duration, error) {
			time.Sleep(30 * time.Second) // does not look at its context
			return time.Hour, nil
		})
		v := open(t, g.Log(), b, &vault.Options{MaxTTL: 10 * time.Hour, Own: []string{"self/db"}})
		if _, err := v.Own("self/db").Lease(t.Context(), auth.Grant{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		b.wantRevoked(t, "id")
	})
}

// TestCloseDuringRenewal waits for it, revokes, and nothing comes back to life.
func TestCloseDuringRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := newRenewer(time.Minute, func(int) (time.Duration, error) {
			time.Sleep(5 * time.Second)
			return time.Hour, nil
		})
		v := open(t, g.Log(), b, &vault.Options{MaxTTL: 10 * time.Hour, Own: []string{"self/db"}})
		l, err := v.Own("self/db").Lease(t.Context(), auth.Grant{})
		if err != nil {
			t.Fatal(err)
		}
		for len(b.renewals()) == 0 {
			time.Sleep(time.Second)
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := v.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if _, err := l.Secret("key"); err != auth.ErrExpired || v.Lent() != 0 {
			t.Errorf("closed, and %v", err)
		}
		_, revoked := b.calls()
		time.Sleep(2 * time.Hour)
		if _, later := b.calls(); len(revoked) == 0 || len(later) != len(revoked) || len(b.renewals()) != 1 {
			t.Errorf("revoked %q, then %q, renewed %d times", revoked, later, len(b.renewals()))
		}
	})
}

// TestBindRotatesWhatIsCapped in time, by when the lease ends as things stand.
func TestBindRotatesWhatIsCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		born := time.Now()
		b := newRenewer(2*time.Minute, func(int) (time.Duration, error) { return 3*time.Minute - time.Since(born), nil })
		v := open(t, g.Log(), b, &vault.Options{MaxTTL: time.Hour, Own: []string{"self/db"}})
		bound, err := vault.Bind(t.Context(), v.Own("self/db"), built, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer bound.Close(context.Background())
		first, err := bound.Value(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Minute + 55*time.Second)
		synctest.Wait()
		if second, err := bound.Value(t.Context()); err != nil || second == first {
			t.Errorf("not rotated before it ends: %v", err)
		}
	})
}

// TestLostRenewalIsRevoked: nobody knows whether it was made.
func TestLostRenewalIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := newRenewer(time.Minute, func(int) (time.Duration, error) { return 0, auth.ErrUnavailable })
		v := open(t, g.Log(), b, &vault.Options{MaxTTL: time.Hour, Own: []string{"self/db"}})
		if _, err := v.Own("self/db").Lease(t.Context(), auth.Grant{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		b.wantRevoked(t, "id")
	})
}

// TestNoRenewalAfterClose, also of what Close had no time for.
func TestNoRenewalAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := newRenewer(time.Minute, func(int) (time.Duration, error) { return time.Minute, nil })
		v := open(t, g.Log(), b, &vault.Options{MaxTTL: time.Hour, Own: []string{"self/db"}})
		if _, err := v.Own("self/db").Lease(t.Context(), auth.Grant{}); err != nil {
			t.Fatal(err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := v.Close(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		time.Sleep(30 * time.Minute)
		if n := len(b.renewals()); n != 0 {
			t.Errorf("renewed %d times", n)
		}
	})
}
