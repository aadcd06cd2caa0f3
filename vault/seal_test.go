package vault_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
)

// TestFollowFreeze: a frozen gate's vault gives back what it has lent, without the log too,
// lends nothing, not even to the service itself, and lends again when it is lifted.
func TestFollowFreeze(t *testing.T) {
	for name, logged := range map[string]bool{"logged": true, "the log is gone": false} {
		t.Run(name, func(t *testing.T) {
			self := auth.System{Name: auth.Self, Operations: []auth.Operation{{Name: "self.gate.thaw", Effect: auth.Idempotent}}}
			g := authtest.Gate(t, authtest.Boundary(t, self, auth.System{
				Name: "crm", Origin: "https://crm.invalid", Secrets: []string{path},
				Operations: []auth.Operation{{Name: read, Method: "GET", Path: "/", Effect: auth.ReadOnly}},
			}), auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"})})
			b := &backend{}
			v := open(t, g.Log(), b, &vault.Options{Own: []string{"self/key"}})
			if err := v.Follow(g.Under); err != nil {
				t.Fatal(err)
			}
			one, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
			if err != nil {
				t.Fatal(err)
			}
			own, err := v.Own("self/key").Lease(t.Context(), auth.Grant{})
			if err != nil {
				t.Fatal(err)
			}
			if !logged {
				if err := g.Log().Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			_ = g.Freeze(t.Context())
			wantAll(t, b, "id-1", "id-2")
			for _, l := range []*auth.Lease{one, own} {
				if _, err := l.Secret("key"); err != auth.ErrExpired {
					t.Errorf("frozen, and %v", err)
				}
			}
			if _, err := v.Own("self/key").Lease(t.Context(), auth.Grant{}); err != auth.ErrUnavailable {
				t.Errorf("lent while frozen: %v", err)
			}
			if n, _ := b.calls(); n != 2 {
				t.Errorf("asked %d times", n)
			}
			if !logged {
				return
			}
			p, err := g.Admit(t.Context(), auth.Bearer("test"))
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Thaw(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if one, err = v.Lease(t.Context(), authtest.Grant(t, g, read), path); err != nil {
				t.Fatal(err)
			}
			_ = g.Freeze(t.Context()) // again
			wantAll(t, b, "id-1", "id-2", "id-3")
			if _, err := one.Secret("key"); err != auth.ErrExpired {
				t.Errorf("frozen again, and %v", err)
			}
		})
	}
}

// TestFollowWhatIsUnderWay: what the backend issues while the vault is emptied is given
// back, and so is a renewal that comes too late.
func TestFollowWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under, end := context.WithCancel(t.Context())
		g := gate(t)
		b := &backend{issue: func(context.Context, string) (vault.Issued, error) {
			time.Sleep(time.Second)
			return vault.Issued{ID: "late", Fields: fields("key", "x")}, nil
		}}
		v := open(t, g.Log(), b, &vault.Options{Own: []string{"self/key"}})
		if err := v.Follow(func() context.Context { return under }); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if l, err := v.Own("self/key").Lease(t.Context(), auth.Grant{}); !errors.Is(err, auth.ErrUnavailable) || l != nil {
				t.Errorf("lent: %v", err)
			}
		})
		synctest.Wait()
		end()
		wg.Wait()
		b.wantRevoked(t, "late")
		if v.Lent() != 0 {
			t.Error("kept")
		}
	})
}

// TestFreezeThatIsOver when the backend answers: what was asked for before is not lent.
func TestFreezeThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, end := context.WithCancel(t.Context())
		under := first
		var mu sync.Mutex
		g := gate(t)
		b := &backend{issue: func(context.Context, string) (vault.Issued, error) {
			time.Sleep(time.Second)
			return vault.Issued{ID: "old", Fields: fields("key", "x")}, nil
		}}
		v := open(t, g.Log(), b, &vault.Options{Own: []string{"self/key"}})
		if err := v.Follow(func() context.Context { mu.Lock(); defer mu.Unlock(); return under }); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if l, err := v.Own("self/key").Lease(t.Context(), auth.Grant{}); !errors.Is(err, auth.ErrUnavailable) || l != nil {
				t.Errorf("lent: %v", err)
			}
		})
		synctest.Wait()
		end()
		mu.Lock()
		under = t.Context()
		mu.Unlock()
		wg.Wait()
		b.wantRevoked(t, "old")
	})
}

// TestFreezeOfMany gives all back, a few at a time.
func TestFreezeOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under, end := context.WithCancel(t.Context())
		g := gate(t)
		var atOnce, most atomic.Int64
		b := &backend{revoke: func(ctx context.Context, _ string) error {
			n := atOnce.Add(1)
			defer atOnce.Add(-1)
			for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
			}
			time.Sleep(time.Second)
			return ctx.Err()
		}}
		v := open(t, g.Log(), b, &vault.Options{Own: []string{"self/key"}})
		if err := v.Follow(func() context.Context { return under }); err != nil {
			t.Fatal(err)
		}
		const leases = 400
		for range leases {
			if _, err := v.Own("self/key").Lease(t.Context(), auth.Grant{}); err != nil {
				t.Fatal(err)
			}
		}
		end()
		time.Sleep(time.Minute)
		failed := 0
		for _, e := range events(t, g.Log()) {
			if e.Action == "vault.revoke" && e.Reason != "" {
				failed++
			}
		}
		if _, revoked := b.calls(); len(revoked) != leases || failed > 0 || most.Load() > 16 {
			t.Errorf("%d revoked, %d of them failed, %d at once", len(revoked), failed, most.Load())
		}
	})
}

func TestFollowOnce(t *testing.T) {
	v := open(t, authtest.Log(t), &backend{}, nil)
	under := func() context.Context { return t.Context() }
	if err := v.Follow(nil); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("nothing: %v", err)
	}
	if err := v.Follow(new(auth.Gate).Under); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("a gate that is none: %v", err)
	}
	if err := v.Follow(under); err != nil {
		t.Error(err)
	}
	if err := v.Follow(under); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("twice: %v", err)
	}
	for _, v := range []*vault.Vault{nil, {}} {
		if err := v.Follow(under); err != auth.ErrUndeclared {
			t.Errorf("zero: %v", err)
		}
	}
}

// wantAll waits for revocations, whose order nobody promises.
func wantAll(t *testing.T, b *backend, want ...string) {
	t.Helper()
	for range 200 {
		if _, got := b.calls(); slices.Equal(slices.Sorted(slices.Values(got)), want) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	_, got := b.calls()
	t.Errorf("revoked %q, want %q", got, want)
}
