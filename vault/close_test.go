package vault_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
)

// stored is a backend of secrets that cannot be revoked.
func stored(context.Context, string) (vault.Issued, error) {
	return vault.Issued{Version: "1", Fields: fields("key", "x")}, nil
}

// TestReturnOfWhatCannotBeRevoked says so: the log must not claim a revocation.
func TestReturnOfWhatCannotBeRevoked(t *testing.T) {
	g := gate(t)
	b := &backend{issue: stored}
	v := open(t, g.Log(), b, nil)
	lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := lease.Close(t.Context()); err != nil {
		t.Error(err)
	}
	b.wantRevoked(t)
	wantStory(t, g.Log(), "vault.lease 1", "vault.return 1")
}

// TestRevokeWithoutLog is attack 16b: what reduces authority goes on.
func TestRevokeWithoutLog(t *testing.T) {
	g := gate(t)
	b := &backend{}
	v := open(t, g.Log(), b, nil)
	grant := authtest.Grant(t, g, read)
	one, err := v.Lease(t.Context(), grant, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Lease(t.Context(), grant, path); err != nil {
		t.Fatal(err)
	}
	if err := g.Log().Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := one.Close(t.Context()); err != nil {
		t.Error(err)
	}
	b.wantRevoked(t, "id-1")
	if err := v.Close(t.Context()); err != nil {
		t.Error(err)
	}
	b.wantRevoked(t, "id-1", "id-2")
}

// TestRevokeWithoutCaller: a context that has ended does not keep a lease alive.
func TestRevokeWithoutCaller(t *testing.T) {
	g := gate(t)
	b := &backend{}
	v := open(t, g.Log(), b, nil)
	lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := lease.Close(ctx); err != nil && (!errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.Canceled)) {
		t.Error(err)
	}
	b.wantRevoked(t, "id-1")
	wantStory(t, g.Log(), "vault.lease 1", "vault.revoke 1")
}

// TestCloseEndsWithItsContext, and the revocation does not.
func TestCloseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := &backend{revoke: func(ctx context.Context, _ string) error {
			time.Sleep(5 * time.Second)
			return ctx.Err()
		}}
		v := open(t, g.Log(), b, nil)
		lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		began := time.Now()
		err = lease.Close(ctx)
		if !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.Sleep(10 * time.Second)
		wantStory(t, g.Log(), "vault.lease 1", "vault.revoke 1")
	})
}

// TestRevokeIsBounded where neither caller nor backend says when to stop.
func TestRevokeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		v := open(t, g.Log(), &backend{revoke: func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return auth.ErrUnavailable
		}}, nil)
		lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := lease.Close(context.Background()); err != auth.ErrUnavailable || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestFailedRevocationIsRecorded(t *testing.T) {
	for name, wantErr := range map[string]error{"denied": auth.ErrDenied, "unknown": auth.ErrUnknown, "panic": auth.ErrUnknown} {
		t.Run(name, func(t *testing.T) {
			g := gate(t)
			v := open(t, g.Log(), &backend{revoke: func(context.Context, string) error {
				switch name {
				case "denied":
					return fmt.Errorf("%w: %s", auth.ErrDenied, canary)
				case "panic":
					panic(canary)
				}
				return errQuotes
			}}, nil)
			lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := lease.Close(t.Context()); err != wantErr {
					t.Errorf("Close = %v", err)
				}
			}
			reason := "unknown"
			if name == "denied" {
				reason = "denied"
			}
			wantStory(t, g.Log(), "vault.lease 1", "vault.revoke 2 "+reason)
		})
	}
}

// TestUnclosedLeases are forgotten when they end, and revoked where the backend
// would let them live on.
func TestUnclosedLeases(t *testing.T) {
	for _, tt := range []struct {
		name        string
		id          string
		ttl         time.Duration
		wantRevoked []string
	}{
		{"ends with the backend's", "id", time.Minute, nil},
		{"ends before the backend's", "id", time.Hour, []string{"id"}},
		{"the backend's has no end", "id", 0, []string{"id"}},
		{"stored", "", 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gate(t)
				b := &backend{issue: func(context.Context, string) (vault.Issued, error) {
					return vault.Issued{ID: tt.id, Fields: fields("key", "x"), TTL: tt.ttl}, nil
				}}
				v := open(t, g.Log(), b, &vault.Options{MaxTTL: 10 * time.Minute})
				if _, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path); err != nil {
					t.Fatal(err)
				}
				if v.Lent() != 1 {
					t.Error("not kept")
				}
				time.Sleep(11 * time.Minute)
				synctest.Wait()
				if n := v.Lent(); n != 0 {
					t.Errorf("%d leases kept", n)
				}
				b.wantRevoked(t, tt.wantRevoked...)
				if tt.wantRevoked != nil {
					wantStory(t, g.Log(), "vault.lease 1", "vault.revoke 1")
				} else {
					wantStory(t, g.Log(), "vault.lease 1")
				}
				if err := v.Close(t.Context()); err != nil {
					t.Error(err)
				}
				b.wantRevoked(t, tt.wantRevoked...)
			})
		})
	}
}

func TestVaultClose(t *testing.T) {
	g := gate(t)
	b := &backend{revoke: func(_ context.Context, id string) error {
		if id == "id-2" {
			return auth.ErrDenied
		}
		return nil
	}}
	v := open(t, g.Log(), b, &vault.Options{Own: []string{"self/key"}})
	grant := authtest.Grant(t, g, read)
	var leases []*auth.Lease
	for range 3 {
		l, err := v.Lease(t.Context(), grant, path)
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, l)
	}
	if err := v.Close(t.Context()); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("Close = %v", err)
	}
	b.wantRevoked(t, "id-3", "id-2", "id-1") // newest first
	for _, l := range leases {
		if _, err := l.Secret("key"); err != auth.ErrExpired {
			t.Errorf("after Close: %v", err)
		}
	}
	for range 2 {
		if err := v.Close(t.Context()); err != nil {
			t.Errorf("again: %v", err)
		}
	}
	b.wantRevoked(t, "id-3", "id-2", "id-1")
	if _, err := v.Lease(t.Context(), grant, path); err != auth.ErrUnavailable {
		t.Errorf("lease after Close: %v", err)
	}
	if _, err := v.Own("self/key").Lease(t.Context(), auth.Grant{}); err != auth.ErrUnavailable {
		t.Errorf("own after Close: %v", err)
	}
	if n, _ := b.calls(); n != 3 {
		t.Errorf("asked %d times", n)
	}
}

// TestCloseIsBounded by its context; another Close takes up the rest.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := &backend{revoke: func(context.Context, string) error {
			time.Sleep(time.Second)
			return nil
		}}
		v := open(t, g.Log(), b, nil)
		grant := authtest.Grant(t, g, read)
		for range 4 {
			if _, err := v.Lease(t.Context(), grant, path); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := v.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, auth.ErrUnavailable) || time.Since(began) != 1500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.Sleep(10 * time.Second)
		b.wantRevoked(t, "id-4", "id-3")
		ended, cancelEnded := context.WithCancel(t.Context())
		cancelEnded()
		for range 100 { // whichever is noticed first
			if err := v.Close(ended); !errors.Is(err, context.Canceled) {
				t.Fatalf("with things left: %v", err)
			}
		}
		if err := v.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if v.Lent() != 0 {
			t.Error("still lent")
		}
	})
}

// TestCloseDuringLease: what is under way when the vault is closed is not handed out,
// and Close waits for it.
func TestCloseDuringLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := &backend{issue: func(context.Context, string) (vault.Issued, error) {
			time.Sleep(time.Second)
			return vault.Issued{ID: "late", Fields: fields("key", "x")}, nil
		}}
		v := open(t, g.Log(), b, nil)
		grant := authtest.Grant(t, g, read)
		var wg sync.WaitGroup
		wg.Go(func() {
			if l, err := v.Lease(t.Context(), grant, path); err != auth.ErrUnavailable || l != nil {
				t.Errorf("lease = %v", err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if err := v.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close did not wait: %v", err)
		}
		cancel()
		if err := v.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, revoked := b.calls(); !slices.Equal(revoked, []string{"late"}) {
			t.Errorf("revoked %q", revoked)
		}
		wg.Wait()
	})
}

// TestCloseWaitsForNobodyElse: while it revokes one lease, the owner of the next one
// begins to close that, and a backend does not answer.
func TestCloseWaitsForNobodyElse(t *testing.T) {
	g := gate(t)
	begun := map[string]chan struct{}{"id-1": make(chan struct{}), "id-2": make(chan struct{})}
	answer := map[string]chan struct{}{"id-1": make(chan struct{}), "id-2": make(chan struct{})}
	v := open(t, g.Log(), &backend{revoke: func(_ context.Context, id string) error {
		close(begun[id])
		<-answer[id]
		return nil
	}}, nil)
	grant := authtest.Grant(t, g, read)
	older, err := v.Lease(t.Context(), grant, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Lease(t.Context(), grant, path); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() { closed <- v.Close(ctx) }()
	<-begun["id-2"]
	var owner sync.WaitGroup
	owner.Go(func() { _ = older.Close(context.Background()) })
	<-begun["id-1"]
	close(answer["id-2"])
	time.Sleep(50 * time.Millisecond) // Close goes on to the older one
	cancel()
	select {
	case err := <-closed:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Close waits")
	}
	close(answer["id-1"])
	owner.Wait()
}

// TestFull: memory is bounded, and closing makes room.
func TestFull(t *testing.T) {
	g := gate(t)
	v := open(t, g.Log(), &backend{}, nil)
	v.Limit(2)
	grant := authtest.Grant(t, g, read)
	first, err := v.Lease(t.Context(), grant, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Lease(t.Context(), grant, path); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Lease(t.Context(), grant, path); err != auth.ErrUnavailable {
		t.Errorf("full: %v", err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Lease(t.Context(), grant, path); err != nil {
		t.Errorf("after closing one: %v", err)
	}
}

type checked struct {
	backend
	err error
}

func (c *checked) Check() error {
	if c.err == errQuotes {
		panic(canary)
	}
	return c.err
}

func TestNew(t *testing.T) {
	log := authtest.Log(t)
	for _, tt := range []struct {
		name    string
		log     *audit.Log
		b       vault.Backend
		o       *vault.Options
		wantErr error
	}{
		{"defaults", log, &backend{}, nil, nil},
		{"options", log, &backend{}, &vault.Options{Own: []string{"self/a", "b"}, MaxTTL: time.Second}, nil},
		{"checked", log, &checked{}, nil, nil},
		{"no log", nil, &backend{}, nil, auth.ErrInvalid},
		{"no backend", log, nil, nil, auth.ErrInvalid},
		{"negative MaxTTL", log, &backend{}, &vault.Options{MaxTTL: -1}, auth.ErrInvalid},
		{"empty path", log, &backend{}, &vault.Options{Own: []string{""}}, auth.ErrInvalid},
		{"path tricks", log, &backend{}, &vault.Options{Own: []string{"a", "../" + canary}}, auth.ErrInvalid},
		{"check fails", log, &checked{err: fmt.Errorf("%w: %s", auth.ErrUnavailable, canary)}, nil, auth.ErrUnavailable},
		{"check panics", log, &checked{err: errQuotes}, nil, auth.ErrUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := vault.New(tt.log, tt.b, tt.o)
			if !errors.Is(err, tt.wantErr) || (v == nil) != (err != nil) {
				t.Errorf("New = %v", err)
			}
			if err != nil {
				noCanary(t, "error", fmt.Sprintf("%+v", err))
			}
		})
	}
}

func TestZeroVaultRefuses(t *testing.T) {
	for name, v := range map[string]*vault.Vault{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			for _, lease := range []func() (*auth.Lease, error){
				func() (*auth.Lease, error) { return v.Lease(t.Context(), auth.Grant{}, path) },
				func() (*auth.Lease, error) { return v.Source(path).Lease(t.Context(), auth.Grant{}) },
				func() (*auth.Lease, error) { return v.Own(path).Lease(t.Context(), auth.Grant{}) },
			} {
				if l, err := lease(); err != auth.ErrUndeclared || l != nil {
					t.Errorf("lease = %v", err)
				}
			}
			if err := v.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNilBackendBehindAnInterface panics when it is asked, and so refuses.
func TestNilBackendBehindAnInterface(t *testing.T) {
	g := gate(t)
	v := open(t, g.Log(), (*backend)(nil), nil)
	if _, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path); err != auth.ErrUnknown {
		t.Error(err)
	}
}
