package vault_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
)

func TestLease(t *testing.T) {
	g := gate(t)
	b := &backend{}
	v := open(t, g.Log(), b, nil)
	grant := authtest.Grant(t, g, read)
	lease, err := v.Lease(t.Context(), grant, path)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := lease.Secret("key")
	if err != nil || !secret.Equal([]byte(canary)) {
		t.Errorf("secret: %v", err)
	}
	if _, err := lease.Secret("other"); err != auth.ErrUndeclared {
		t.Errorf("other field: %v", err)
	}
	if !regexp.MustCompile(`^l-[a-z2-7]{26}$`).MatchString(lease.ID()) {
		t.Errorf("id %q", lease.ID())
	}
	e := events(t, g.Log())[0]
	if e.Action != "vault.lease" || e.Outcome != audit.OutcomeSuccess || e.Lease != lease.ID() || e.Grant != grant.ID() || e.System != "crm" ||
		e.Actor.Issuer != "https://carnet.invalid" || e.Tenant != authtest.Tenant || !e.NotAfter.Equal(lease.Expires().Truncate(time.Millisecond)) {
		t.Errorf("event %+v", e)
	}
	if err := lease.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := lease.Secret("key"); err != auth.ErrExpired {
		t.Errorf("after Close: %v", err)
	}
	if err := lease.Close(t.Context()); err != nil {
		t.Error(err)
	}
	b.wantRevoked(t, "id-1")
	wantStory(t, g.Log(), "vault.lease 1", "vault.revoke 1")
	if e := events(t, g.Log())[1]; e.Lease != lease.ID() || e.Grant != grant.ID() {
		t.Errorf("revocation %+v", e)
	}
	if n := v.Lent(); n != 0 {
		t.Errorf("%d leases kept", n)
	}
}

// TestGrantOpensOnlyItsOwn is attack 2: any gate, any path, any number of times. The
// backend is not asked.
func TestGrantOpensOnlyItsOwn(t *testing.T) {
	g, other := gate(t), gate(t)
	b := &backend{}
	v := open(t, g.Log(), b, nil)
	privileged := authtest.Grant(t, g, wipe)
	if _, err := v.Lease(t.Context(), privileged, path); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		grant   auth.Grant
		path    string
		wantErr error
	}{
		{"no grant", auth.Grant{}, path, auth.ErrForeign},
		{"of another gate", authtest.Grant(t, other, read), path, auth.ErrForeign},
		{"of another system", authtest.Grant(t, g, "erp.order.read"), path, auth.ErrUndeclared},
		{"undeclared path", authtest.Grant(t, g, read), "erp/api", auth.ErrUndeclared},
		{"no path", authtest.Grant(t, g, read), "", auth.ErrUndeclared},
		{"path tricks", authtest.Grant(t, g, read), "crm/../erp/api", auth.ErrUndeclared},
		{"trailing slash", authtest.Grant(t, g, read), path + "/", auth.ErrUndeclared},
		{"privileged, again", privileged, path, auth.ErrExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(events(t, g.Log()))
			for _, lease := range []func() (*auth.Lease, error){
				func() (*auth.Lease, error) { return v.Lease(t.Context(), tt.grant, tt.path) },
				func() (*auth.Lease, error) { return v.Source(tt.path).Lease(t.Context(), tt.grant) },
			} {
				if l, err := lease(); err != tt.wantErr || l != nil {
					t.Errorf("lease = %v", err)
				}
			}
			recorded := events(t, g.Log())[before:]
			if tt.wantErr == auth.ErrForeign {
				if len(recorded) != 0 {
					t.Errorf("recorded of somebody else: %+v", recorded)
				}
				return
			}
			if len(recorded) != 2 || recorded[0].Reason != strings.TrimPrefix(tt.wantErr.Error(), "auth: ") || recorded[0].Outcome != audit.OutcomeFailure || recorded[0].Actor.Issuer == "" {
				t.Errorf("recorded %+v", recorded)
			}
		})
	}
	if n, _ := b.calls(); n != 1 {
		t.Errorf("the backend was asked %d times", n)
	}
	if got := events(t, other.Log()); len(got) != 0 {
		t.Errorf("in the other log: %+v", got)
	}
}

func TestExpiredAndFrozenGrants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := &backend{}
		v := open(t, g.Log(), b, nil)
		old := authtest.Grant(t, g, read)
		time.Sleep(time.Until(old.NotAfter()))
		if _, err := v.Lease(t.Context(), old, path); err != auth.ErrExpired {
			t.Errorf("expired: %v", err)
		}
		fresh := authtest.Grant(t, g, read)
		if err := g.Freeze(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Lease(t.Context(), fresh, path); err != auth.ErrUnavailable {
			t.Errorf("frozen: %v", err)
		}
		if n, _ := b.calls(); n != 0 {
			t.Errorf("the backend was asked %d times", n)
		}
	})
}

// TestTwoTenantsWithEqualNamesShareNothing: two gates, two logs, one backend.
func TestTwoTenantsWithEqualNamesShareNothing(t *testing.T) {
	a, b := gate(t), gate(t)
	shared := &backend{}
	va, vb := open(t, a.Log(), shared, nil), open(t, b.Log(), shared, nil)
	if _, err := va.Lease(t.Context(), authtest.Grant(t, b, read), path); err != auth.ErrForeign {
		t.Error(err)
	}
	la, err := va.Lease(t.Context(), authtest.Grant(t, a, read), path)
	if err != nil {
		t.Fatal(err)
	}
	lb, err := vb.Lease(t.Context(), authtest.Grant(t, b, read), path)
	if err != nil {
		t.Fatal(err)
	}
	if la.ID() == lb.ID() || events(t, a.Log())[0].Material == events(t, b.Log())[0].Material {
		t.Error("an id or a fingerprint is shared")
	}
}

func TestFingerprint(t *testing.T) {
	g := gate(t)
	issued := []map[string]auth.Secret{
		fields("a", "1", "b", "2"), fields("b", "2", "a", "1"), fields("a", "1", "b", "3"), fields("a", "1b", "b", "2"), fields("a1", "", "b", "2"), fields("a", "1\x00b\x002"), fields("a", "12", "b", ""),
	}
	n := 0
	v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) {
		n++
		return vault.Issued{Version: "1", Fields: issued[n-1]}, nil
	}}, nil)
	grant := authtest.Grant(t, g, read)
	for range issued {
		if _, err := v.Lease(t.Context(), grant, path); err != nil {
			t.Fatal(err)
		}
	}
	var prints []string
	for _, e := range events(t, g.Log()) {
		prints = append(prints, e.Material)
	}
	if prints[0] == "" || prints[0] != prints[1] {
		t.Errorf("equal secrets: %q", prints)
	}
	slices.Sort(prints)
	if distinct := slices.Compact(prints); len(distinct) != len(issued)-1 {
		t.Errorf("%d distinct fingerprints of %d", len(distinct), len(issued))
	}
}

// TestEndIsTheEarliest of the backend's lease, MaxTTL and the grant.
func TestEndIsTheEarliest(t *testing.T) {
	const hour = time.Hour // the identity's, of which the system leaves 15 minutes
	for _, tt := range []struct {
		ttl, max, want time.Duration
	}{
		{0, 0, 15 * time.Minute},
		{hour, 0, 15 * time.Minute},
		{time.Minute, 0, time.Minute},
		{hour, time.Minute, time.Minute},
		{time.Second, time.Minute, time.Second},
		{1<<63 - 1, 0, 15 * time.Minute},
		{0, 1<<63 - 1, 15 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := gate(t)
			v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) {
				return vault.Issued{ID: "id", Fields: fields("key", "x"), TTL: tt.ttl}, nil
			}}, &vault.Options{MaxTTL: tt.max})
			grant := authtest.Grant(t, g, read)
			lease, err := v.Lease(t.Context(), grant, path)
			if err != nil {
				t.Fatal(err)
			}
			if got := time.Until(lease.Expires()); got != tt.want {
				t.Errorf("TTL %v, MaxTTL %v: ends in %v, want %v", tt.ttl, tt.max, got, tt.want)
			}
			time.Sleep(tt.want)
			if _, err := lease.Secret("key"); err != auth.ErrExpired {
				t.Errorf("after its end: %v", err)
			}
		})
	}
}

// TestTTLRunsFromTheRequest: an answer that was long under way is older than it looks.
func TestTTLRunsFromTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := &backend{issue: func(context.Context, string) (vault.Issued, error) {
			time.Sleep(5 * time.Second)
			return vault.Issued{ID: "id", Fields: fields("key", "x"), TTL: 5 * time.Second}, nil
		}}
		v := open(t, g.Log(), b, nil)
		if l, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path); err != auth.ErrExpired || l != nil {
			t.Errorf("ended on its way: %v", err)
		}
		b.wantRevoked(t, "id")
		wantStory(t, g.Log(), "vault.revoke 1", "vault.lease 2 expired")
	})
}

// TestUnrecordedLeaseIsRevoked: nothing is handed out that the log does not have.
func TestUnrecordedLeaseIsRevoked(t *testing.T) {
	for name, o := range map[string]*vault.Options{"under a grant": nil, "own": {Own: []string{"self/key"}}} {
		t.Run(name, func(t *testing.T) {
			g := gate(t)
			b := &backend{}
			v := open(t, g.Log(), b, o)
			grant := authtest.Grant(t, g, read)
			source := v.Source(path)
			if o != nil {
				source = v.Own("self/key")
			}
			if err := g.Log().Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if l, err := source.Lease(t.Context(), grant); err != auth.ErrUnavailable || l != nil {
				t.Errorf("lease = %v, %v", l, err)
			}
			b.wantRevoked(t, "id-1")
			if v.Lent() != 0 {
				t.Error("still lent")
			}
		})
	}
}

// TestZeroLogHandsOutNothing: there is no vault without a log that records.
func TestZeroLogHandsOutNothing(t *testing.T) {
	b := &backend{}
	for name, log := range map[string]*audit.Log{"nil": nil, "zero": {}} {
		if v, err := vault.New(log, b, nil); !errors.Is(err, auth.ErrInvalid) || v != nil {
			t.Errorf("%s log: New = %v", name, err)
		}
	}
}

var errQuotes = errors.New("dial tcp vault.invalid: token " + canary)

func TestBackendFailures(t *testing.T) {
	for _, tt := range []struct {
		name    string
		err     error
		wantErr error
	}{
		{"denied", auth.ErrDenied, auth.ErrDenied},
		{"undeclared", fmt.Errorf("%w: %w", auth.ErrUndeclared, errQuotes), auth.ErrUndeclared},
		{"unavailable", fmt.Errorf("%w: %w", errQuotes, auth.ErrUnavailable), auth.ErrUnavailable},
		{"throttled", &auth.FailedError{Side: auth.ErrThrottled, System: canary}, auth.ErrThrottled},
		{"denied and unavailable", errors.Join(auth.ErrUnavailable, auth.ErrDenied), auth.ErrDenied},
		{"unknown", errQuotes, auth.ErrUnknown},
		{"its own deadline", context.DeadlineExceeded, auth.ErrUnknown},
		{"panic", nil, auth.ErrUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gate(t)
			v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) {
				if tt.err == nil {
					panic(canary)
				}
				return vault.Issued{ID: "id", Fields: fields("key", canary)}, tt.err
			}}, nil)
			l, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
			if err != tt.wantErr || l != nil {
				t.Errorf("lease = %v", err)
			}
			wantStory(t, g.Log(), "vault.lease 2 "+strings.TrimPrefix(tt.wantErr.Error(), "auth: "))
		})
	}
}

func TestIssuedNonsense(t *testing.T) {
	for name, issued := range map[string]vault.Issued{
		"nothing":         {},
		"no fields":       {ID: "id", Version: "1"},
		"empty fields":    {ID: "id", Fields: map[string]auth.Secret{}},
		"negative TTL":    {ID: "id", Fields: fields("key", "x"), TTL: -1},
		"hugely negative": {ID: "id", Fields: fields("key", "x"), TTL: -1 << 63},
	} {
		t.Run(name, func(t *testing.T) {
			g := gate(t)
			b := &backend{issue: func(context.Context, string) (vault.Issued, error) { return issued, nil }}
			v := open(t, g.Log(), b, nil)
			if l, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path); err != auth.ErrInvalid || l != nil {
				t.Errorf("lease = %v", err)
			}
			if issued.ID != "" {
				b.wantRevoked(t, "id")
			} else {
				b.wantRevoked(t)
			}
		})
	}
}

// TestCallerLeaves within its own time, whatever the backend does; what comes too
// late is revoked.
func TestCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := &backend{issue: func(context.Context, string) (vault.Issued, error) {
			time.Sleep(time.Minute) // deaf to its context
			return vault.Issued{ID: "late", Fields: fields("key", canary)}, nil
		}}
		v := open(t, g.Log(), b, nil)
		grant := authtest.Grant(t, g, read)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		began := time.Now()
		l, err := v.Lease(ctx, grant, path)
		if !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || l != nil {
			t.Errorf("lease = %v", err)
		}
		if waited := time.Since(began); waited != 10*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
		time.Sleep(2 * time.Minute)
		b.wantRevoked(t, "late")
		wantStory(t, g.Log(), "vault.lease 2 unavailable", "vault.revoke 1")
	})
}

func TestEndedContextAsksNobody(t *testing.T) {
	g := gate(t)
	b := &backend{}
	v := open(t, g.Log(), b, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Lease(ctx, authtest.Grant(t, g, read), path); !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n, _ := b.calls(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

// TestCallerLeavesTheBackendsError: whoever cancelled is told so.
func TestCallerLeavesTheBackendsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		v := open(t, g.Log(), &backend{issue: func(ctx context.Context, _ string) (vault.Issued, error) {
			<-ctx.Done()
			return vault.Issued{}, ctx.Err()
		}}, nil)
		grant := authtest.Grant(t, g, read)
		for range 20 { // whichever is noticed first
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := v.Lease(ctx, grant, path); !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			cancel()
		}
	})
}

// TestContextValuesStayOutside is attack 12b: a client trace sees every header that
// the backend's client writes.
func TestContextValuesStayOutside(t *testing.T) {
	type trace struct{}
	g := gate(t)
	seen := make(chan any, 2)
	v := open(t, g.Log(), &backend{
		issue: func(ctx context.Context, _ string) (vault.Issued, error) {
			_, deadline := ctx.Deadline()
			seen <- ctx.Value(trace{})
			if !deadline {
				t.Error("the deadline is lost")
			}
			return vault.Issued{ID: "id", Fields: fields("key", "x")}, nil
		},
		revoke: func(ctx context.Context, _ string) error {
			seen <- ctx.Value(trace{})
			return nil
		},
	}, nil)
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), trace{}, "mine"), time.Minute)
	defer cancel()
	lease, err := v.Lease(ctx, authtest.Grant(t, g, read), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := lease.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := <-seen; got != nil {
			t.Errorf("the backend sees %v", got)
		}
	}
}

func TestOwn(t *testing.T) {
	g := gate(t)
	b := &backend{}
	v := open(t, g.Log(), b, &vault.Options{Own: []string{"self/journal"}})
	lease, err := v.Own("self/journal").Lease(t.Context(), auth.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(lease.Expires()); left > time.Hour || left < 59*time.Minute {
		t.Errorf("ends in %v", left)
	}
	for _, p := range []string{path, "self/other", "", "self/journal/"} {
		if _, err := v.Own(p).Lease(t.Context(), authtest.Grant(t, g, read)); err != auth.ErrUndeclared {
			t.Errorf("own %q: %v", p, err)
		}
	}
	if _, err := v.Lease(t.Context(), authtest.Grant(t, g, read), "self/journal"); err != auth.ErrUndeclared {
		t.Errorf("under a grant: %v", err)
	}
	if n, _ := b.calls(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	e := events(t, g.Log())
	if e[0].Action != "vault.own" || e[0].Actor.Issuer != "local" || e[0].Lease != lease.ID() || e[0].Grant != "" || e[1].Outcome != audit.OutcomeFailure || e[1].Reason != "undeclared" {
		t.Errorf("recorded %+v", e[:2])
	}
}

// TestConcurrent: a vault is asked, closed and counted from many sides.
func TestConcurrent(t *testing.T) {
	g := gate(t)
	b := &backend{}
	v := open(t, g.Log(), b, nil)
	grant := authtest.Grant(t, g, read)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for range 64 {
		wg.Go(func() {
			lease, err := v.Lease(t.Context(), grant, path)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			ids[lease.ID()] = true
			mu.Unlock()
			var closing sync.WaitGroup
			for range 3 {
				closing.Go(func() { _ = lease.Close(t.Context()) })
			}
			closing.Wait()
		})
	}
	wg.Wait()
	issued, revoked := b.calls()
	if len(ids) != 64 || issued != 64 || len(revoked) != 64 || v.Lent() != 0 {
		t.Errorf("%d ids, %d issued, %d revoked, %d lent", len(ids), issued, len(revoked), v.Lent())
	}
}
