package vault_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/vault"
)

// TestRefusedVersion: a credential that a system refused is dead for everybody, until
// there is another one.
func TestRefusedVersion(t *testing.T) {
	for _, tt := range []struct {
		name           string
		first, second  vault.Issued
		wantDead, want error // of the first again, and of the second
	}{
		{"the backend tells versions", kept("v1", "old"), kept("v2", "new"), auth.ErrDenied, nil},
		{"the same value stored again", kept("v1", "old"), kept("v2", "old"), auth.ErrDenied, nil},
		{"it does not tell", kept("", "old"), kept("", "new"), auth.ErrDenied, nil},
		{"the same value, and it does not tell", kept("", "old"), kept("", "old"), auth.ErrDenied, auth.ErrDenied},
		{"made for one lease", vault.Issued{ID: "a", Fields: fields("key", "old")}, vault.Issued{ID: "b", Fields: fields("key", "new")}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, now := gate(t), tt.first
			v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) { return again(now), nil }}, nil)
			lend := func() (*auth.Lease, error) { return v.Lease(t.Context(), authtest.Grant(t, g, read), path) }
			first, err := lend()
			if err != nil {
				t.Fatal(err)
			}
			other, err := lend()
			if err != nil {
				t.Fatal(err)
			}
			first.Refuse()
			first.Refuse() // says nothing new
			if _, err := other.Secret("key"); (err == auth.ErrExpired) != (tt.wantDead != nil) {
				t.Errorf("another lease of it: %v", err)
			}
			if _, err := lend(); !errors.Is(err, tt.wantDead) {
				t.Errorf("the first again: %v, want %v", err, tt.wantDead)
			}
			now = tt.second
			if _, err := lend(); !errors.Is(err, tt.want) {
				t.Errorf("the second: %v, want %v", err, tt.want)
			}
			if err := v.Close(t.Context()); err != nil { // waits for what goes on aside
				t.Fatal(err)
			}
			refusals := 0
			for _, e := range events(t, g.Log()) {
				if e.Action == "vault.refuse" && e.Lease == first.ID() && e.Reason == "denied" && e.System == "crm" {
					refusals++
				}
			}
			if want := map[bool]int{true: 0, false: 1}[tt.wantDead == nil]; refusals != want {
				t.Errorf("%d refusals recorded, want %d", refusals, want)
			}
		})
	}
}

// TestRefusedEndsOthers at once: not with the vault, and not when the log has answered.
func TestRefusedEndsOthers(t *testing.T) {
	g := gate(t)
	v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) { return kept("v1", "old"), nil }}, nil)
	var leases []*auth.Lease
	for range 3 {
		l, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, l)
	}
	leases[0].Refuse()
	for _, l := range leases[1:] {
		if _, err := l.Secret("key"); err != auth.ErrExpired {
			t.Errorf("it goes on: %v", err)
		}
	}
	if err := v.Close(t.Context()); err != nil { // waits for what goes on aside
		t.Fatal(err)
	}
	told := story(t, g.Log())
	slices.Sort(told)
	if want := []string{"vault.lease 1", "vault.lease 1", "vault.lease 1", "vault.refuse 2 denied", "vault.return 1", "vault.return 1", "vault.return 1"}; !slices.Equal(told, want) {
		t.Errorf("recorded %q", told)
	}
}

// TestRefusedIsItsHoldersToClose: the answer may depend on it to its end.
func TestRefusedIsItsHoldersToClose(t *testing.T) {
	g := gate(t)
	v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) { return kept("v1", "old"), nil }}, nil)
	lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
	if err != nil {
		t.Fatal(err)
	}
	lease.Refuse()
	if _, err := lease.Secret("key"); err != nil {
		t.Errorf("the one that was refused is its holder's to close: %v", err)
	}
}

func kept(version, key string) vault.Issued {
	return vault.Issued{Version: version, Fields: fields("key", key)}
}

// TestDeadKeyIsSentOnce: whoever calls, with whatever operation, a key that was answered
// with 401 is not sent again, and the next version is.
func TestDeadKeyIsSentOnce(t *testing.T) {
	var arrived, good atomic.Int32
	far := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		if r.Header.Get("X-Api-Key") != "new" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		good.Add(1)
	}))
	t.Cleanup(far.Close)
	operations := []string{"crm.contact.read", "crm.contact.list", "crm.contact.find", "crm.contact.count"}
	s := auth.System{Name: "crm", Origin: far.URL, Private: []string{"127.0.0.1/32"}, Secrets: []string{path}}
	for _, name := range operations {
		s.Operations = append(s.Operations, auth.Operation{Name: name, Method: "GET", Path: "/", Effect: auth.ReadOnly})
	}
	g := authtest.Gate(t, authtest.Boundary(t, s), auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"})})
	now := kept("v1", "old")
	v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) { return again(now), nil }}, nil)
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	b, err := auth.NewBroker(g, auth.Translators{"crm": keyauth.Header{Name: "X-Api-Key", Source: v.Source(path)}}, &auth.BrokerOptions{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	call := func(operation string) error {
		_, err := b.Do(t.Context(), authtest.Grant(t, g, operation), mapping.Document{})
		return err
	}
	if err := call("crm.contact.read"); !errors.Is(err, auth.ErrExpired) {
		t.Errorf("first: %v", err)
	}
	for _, operation := range operations[:3] {
		err := call(operation)
		if failed, ok := errors.AsType[*auth.FailedError](err); !ok || failed.Side != auth.ErrDenied || failed.System != "crm" {
			t.Errorf("%s afterwards: %v", operation, err)
		}
	}
	now = kept("v2", "new")
	if err := call("crm.contact.count"); err != nil || good.Load() != 1 || arrived.Load() != 2 {
		t.Errorf("with the next version: %v; %d calls arrived, %d with it", err, arrived.Load(), good.Load())
	}
	var actions []string
	for _, e := range events(t, g.Log()) {
		if e.Action == "vault.refuse" {
			actions = append(actions, e.Action)
		}
	}
	if !slices.Equal(actions, []string{"vault.refuse"}) {
		t.Errorf("recorded %q", actions)
	}
}

// TestRefusedLate: what is heard late of an older version does not bring a newer one back
// that is dead too.
func TestRefusedLate(t *testing.T) {
	g, now := gate(t), kept("v1", "old")
	v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) { return again(now), nil }}, nil)
	lend := func() (*auth.Lease, error) { return v.Lease(t.Context(), authtest.Grant(t, g, read), path) }
	older, err := lend()
	if err != nil {
		t.Fatal(err)
	}
	now = kept("v2", "new")
	newer, err := lend()
	if err != nil {
		t.Fatal(err)
	}
	newer.Refuse()
	older.Refuse()
	for _, version := range []string{"v1", "v2"} {
		now = kept(version, "any")
		if _, err := lend(); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s again: %v", version, err)
		}
	}
}

// TestRefusedMeanwhile: what is on its way out when it is refused does not arrive.
func TestRefusedMeanwhile(t *testing.T) {
	for range 5 {
		g := gate(t)
		v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) { return kept("v1", "old"), nil }}, nil)
		const callers = 32
		leases := make(chan *auth.Lease, callers)
		for range callers {
			grant := authtest.Grant(t, g, read)
			go func() {
				l, err := v.Lease(t.Context(), grant, path)
				if err != nil && !errors.Is(err, auth.ErrDenied) {
					t.Error(err)
				}
				leases <- l
			}()
		}
		first := <-leases
		first.Refuse()
		for range callers - 1 {
			l := <-leases
			for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
				if _, err := l.Secret("key"); err != nil {
					break // the one or the other way: it never came, or it was ended
				}
				if time.Now().After(end) {
					t.Fatal("a lease of what was refused is live")
				}
			}
		}
	}
}

// TestAccept: an operator whom policy permits ends it, and nothing else does.
func TestAccept(t *testing.T) {
	g, other := gate(t), gate(t)
	v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) { return kept("v1", "old"), nil }}, nil)
	lend := func() (*auth.Lease, error) { return v.Lease(t.Context(), authtest.Grant(t, g, read), path) }
	lease, err := lend()
	if err != nil {
		t.Fatal(err)
	}
	lease.Refuse()
	for name, c := range map[string]struct {
		grant auth.Grant
		want  error
	}{
		"no grant":             {auth.Grant{}, auth.ErrForeign},
		"of another log":       {authtest.Grant(t, other, "self.secret.accept"), auth.ErrForeign},
		"of another operation": {authtest.Grant(t, g, "self.run.halt"), auth.ErrUndeclared},
		"of the system itself": {authtest.Grant(t, g, read), auth.ErrUndeclared},
		"of another system":    {authtest.Grant(t, g, "erp.order.read"), auth.ErrUndeclared},
	} {
		if err := v.Accept(t.Context(), c.grant, path); err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if err := v.Accept(t.Context(), authtest.Grant(t, g, "self.secret.accept"), "crm/db"); err != nil {
		t.Errorf("another path: %v", err)
	}
	if _, err := lend(); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("accepted by nobody: %v", err)
	}
	if err := v.Accept(t.Context(), authtest.Grant(t, g, "self.secret.accept"), path); err != nil {
		t.Fatal(err)
	}
	if _, err := lend(); err != nil {
		t.Errorf("accepted: %v", err)
	}
	var accepted []string
	for _, e := range events(t, g.Log()) {
		if e.Action == "vault.accept" && e.Outcome == audit.OutcomeSuccess && e.Actor.Subject != "" {
			accepted = append(accepted, e.Lease)
		}
	}
	if !slices.Equal(accepted, []string{"", lease.ID()}) { // nothing was refused at the other path
		t.Errorf("the log says that %q were accepted", accepted)
	}
	late := authtest.Grant(t, g, "self.secret.accept")
	if err := g.Log().Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	lease.Refuse()
	if err := v.Accept(t.Context(), late, path); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("without a log: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Accept(ended, late, path); !errors.Is(err, context.Canceled) {
		t.Errorf("who has left: %v", err)
	}
	if err := (*vault.Vault)(nil).Accept(t.Context(), late, path); err != auth.ErrUndeclared {
		t.Errorf("a nil vault: %v", err)
	}
}
