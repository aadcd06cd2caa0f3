package samlauth_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/samlauth"
	"github.com/carnet-go/carnet/mapping"
)

// world is a service provider on TLS, and a broker that calls it.
type world struct {
	*provider
	gate   *auth.Gate
	broker *auth.Broker
	system auth.System
}

func newWorld(t *testing.T, key crypto.Signer, id auth.Identity, change func(*auth.System)) *world {
	t.Helper()
	p := &provider{seen: map[string]bool{}, sessions: map[string]string{}}
	server := httptest.NewTLSServer(p)
	t.Cleanup(server.Close)
	system := auth.System{
		Name: "erp", Origin: server.URL, Endpoints: map[string]string{"acs": server.URL + "/saml/acs"}, Audience: "urn:acme:erp",
		Private: []string{"127.0.0.0/8"}, Subject: auth.Subject{Table: map[string]string{issuer + " alice": "ADA", issuer + " bob": "BOB"}},
		Operations: []auth.Operation{
			{Name: "erp.payroll.read", Method: "GET", Path: "/payroll", Effect: auth.ReadOnly, Output: auth.Opaque, Reason: "a test"},
			{Name: "erp.payroll.run", Method: "POST", Path: "/payroll/run", Effect: auth.Once, Output: auth.Opaque, Reason: "a test"},
		},
	}
	change(&system)
	p.party = party{entity: entity, audience: system.Audience, acs: system.Endpoints["acs"], public: key.Public()}
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	w := &world{provider: p, system: system}
	w.gate = authtest.Gate(t, authtest.Boundary(t, system), auth.Verifiers{auth.SchemeBearer: authtest.As(id)})
	var err error
	w.broker, err = auth.NewBroker(w.gate, auth.Translators{"erp": samlauth.Session{Issuer: entity, Key: signing(key), Cookies: []string{"sid"}}}, &auth.BrokerOptions{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.broker.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return w
}

// do makes one call.
func (w *world) do(t *testing.T, operation string) (auth.Reply, error) {
	t.Helper()
	return w.broker.Do(t.Context(), authtest.Grant(t, w.gate, operation), mapping.Document{})
}

// counts are the sign-ins and calls that arrived.
func (w *world) counts() (posts, calls int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.posts, len(w.calls)
}

// forget is what a service provider does that starts again.
func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.sessions)
}

func unchanged(*auth.System) {}

// TestBroker: one sign-in serves the calls of a principal; a session that has gone fails
// one call, and the next signs in again. Each call is one transmission.
func TestBroker(t *testing.T) {
	for name, key := range map[string]crypto.Signer{"RSA": rsaKey(), "P-256": p256Key()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, key, alice(), unchanged)
			for i := range 3 {
				reply, err := w.do(t, "erp.payroll.read")
				if err != nil {
					t.Fatalf("%v; the service provider: %v", err, w.wrong)
				}
				if reply.Status != 200 {
					t.Errorf("status %d", reply.Status)
				}
				if posts, calls := w.counts(); posts != 1 || calls != i+1 {
					t.Errorf("%d sign-ins, %d calls", posts, calls)
				}
			}
			w.forget()
			if _, err := w.do(t, "erp.payroll.read"); !errors.Is(err, auth.ErrExpired) {
				t.Errorf("the session has gone: %v", err)
			}
			if posts, calls := w.counts(); posts != 1 || calls != 4 {
				t.Errorf("%d sign-ins, %d calls", posts, calls)
			}
			if _, err := w.do(t, "erp.payroll.read"); err != nil {
				t.Errorf("signed in again: %v", err)
			}
			if posts, calls := w.counts(); posts != 2 || calls != 5 {
				t.Errorf("%d sign-ins, %d calls", posts, calls)
			}
			for _, cookie := range w.calls {
				if !strings.HasPrefix(cookie, "sid=_") || strings.ContainsAny(cookie, ";|") {
					t.Errorf("Cookie: %s", cookie)
				}
			}
		})
	}
}

// TestLoginPageIsNoAnswer: a service provider that has forgotten a session may say so
// with a page and status 200, and one that has never accepted anybody gives everybody a
// cookie.
func TestLoginPageIsNoAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		kind string
		op   auth.Operation
		want error
	}{
		"page, once":         {"text/html; charset=utf-8", auth.Operation{Method: "POST", Effect: auth.Final}, auth.ErrUnknown},
		"page, read-only":    {"text/html", auth.Operation{Method: "GET", Effect: auth.ReadOnly}, auth.ErrExpired},
		"XHTML":              {"application/xhtml+xml", auth.Operation{Method: "PUT", Effect: auth.Idempotent}, auth.ErrExpired},
		"a page is expected": {"text/html", auth.Operation{Method: "GET", Effect: auth.ReadOnly, Output: auth.Opaque, Reason: "a test"}, nil},
		"data":               {"application/json", auth.Operation{Method: "PUT", Effect: auth.Idempotent}, nil},
	} {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // what answers before that may cut off who still sends
			w.Header().Set("Content-Type", c.kind)
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "1", Path: "/"})
		}))
		defer server.Close()
		c.op.Name, c.op.Path = "erp.payroll.run", "/payroll/run"
		system := auth.System{
			Name: "erp", Origin: server.URL, Endpoints: map[string]string{"acs": server.URL + "/saml/acs"}, Private: []string{"127.0.0.0/8"},
			Subject: auth.Subject{Table: map[string]string{issuer + " alice": "ADA"}}, Operations: []auth.Operation{c.op},
		}
		pool := x509.NewCertPool()
		pool.AddCert(server.Certificate())
		gate := authtest.Gate(t, authtest.Boundary(t, system), auth.Verifiers{auth.SchemeBearer: authtest.As(alice())})
		session := samlauth.Session{Issuer: entity, Key: signing(p256Key()), Cookies: []string{"sid"}}
		b, err := auth.NewBroker(gate, auth.Translators{"erp": session}, &auth.BrokerOptions{RootCAs: pool})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Do(t.Context(), authtest.Grant(t, gate, c.op.Name), mapping.Document{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		_ = b.Close(context.WithoutCancel(t.Context()))
	}
}

// TestBrokerOnce: a redirect does not say that a call which must not be made twice was
// not made.
func TestBrokerOnce(t *testing.T) {
	w := newWorld(t, p256Key(), alice(), unchanged)
	if _, err := w.do(t, "erp.payroll.run"); err != nil {
		t.Fatalf("%v; the service provider: %v", err, w.wrong)
	}
	w.forget()
	if _, err := w.do(t, "erp.payroll.run"); !errors.Is(err, auth.ErrUnknown) {
		t.Errorf("%v", err)
	}
	if _, err := w.do(t, "erp.payroll.run"); err != nil {
		t.Errorf("signed in again: %v", err)
	}
	if posts, calls := w.counts(); posts != 2 || calls != 3 {
		t.Errorf("%d sign-ins, %d calls", posts, calls)
	}
}

// TestBrokerAtOnce: callers who come together share one sign-in.
func TestBrokerAtOnce(t *testing.T) {
	w := newWorld(t, p256Key(), alice(), unchanged)
	var all sync.WaitGroup
	for range 8 {
		g := authtest.Grant(t, w.gate, "erp.payroll.read")
		all.Go(func() {
			if _, err := w.broker.Do(t.Context(), g, mapping.Document{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if posts, calls := w.counts(); posts != 1 || calls != 8 {
		t.Errorf("%d sign-ins, %d calls", posts, calls)
	}
}

// TestSignsInTheRightOne: a subject of another issuer, or one that nobody declared, is
// nobody here, and a delegated caller is refused where the log alone could say so.
func TestSignsInTheRightOne(t *testing.T) {
	other, unknown, agent, undated := alice(), alice(), alice(), alice()
	other.Issuer, unknown.Subject = "https://other.example", "mallory"
	agent.Actors = []audit.Actor{{Issuer: issuer, Subject: "agent"}}
	undated.Assurance = audit.Assurance{}
	for _, tt := range []struct {
		name    string
		id      auth.Identity
		wantErr error
	}{
		{"another issuer", other, auth.ErrDenied},
		{"undeclared", unknown, auth.ErrDenied},
		{"an agent", agent, auth.ErrDenied},
		{"no time of login", undated, auth.ErrDenied},
		{"himself", alice(), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, p256Key(), tt.id, unchanged)
			principal, err := w.gate.Admit(t.Context(), auth.Bearer("test"))
			if err != nil {
				t.Fatal(err)
			}
			g, err := w.gate.Authorize(t.Context(), principal, "erp.payroll.read")
			if err == nil {
				_, err = w.broker.Do(t.Context(), g, mapping.Document{})
			}
			if !errors.Is(err, tt.wantErr) {
				t.Errorf("%v", err)
			}
			posts, calls := w.counts()
			if tt.wantErr != nil && posts+calls > 0 || tt.wantErr == nil && (posts != 1 || calls != 1) {
				t.Errorf("%d sign-ins, %d calls", posts, calls)
			}
		})
	}
}

// TestProviderRefuses: what the service provider says to the sign-in is the call's error,
// and no call is made.
func TestProviderRefuses(t *testing.T) {
	w := newWorld(t, p256Key(), alice(), unchanged)
	w.party.audience = "urn:acme:crm"
	for range 2 { // the second is remembered
		if _, err := w.do(t, "erp.payroll.read"); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%v", err)
		}
	}
	if posts, calls := w.counts(); posts != 1 || calls != 0 || w.wrong == nil || w.wrong.Error() != "audience" {
		t.Errorf("%d sign-ins, %d calls, %v", posts, calls, w.wrong)
	}
}

// TestBrokerChecks: NewBroker sees at once what could never sign in.
func TestBrokerChecks(t *testing.T) {
	for name, tt := range map[string]struct {
		s      samlauth.Session
		change func(*auth.System)
	}{
		"not complete": {samlauth.Session{Issuer: entity}, unchanged},
		"no acs":       {session(signing(p256Key())), func(y *auth.System) { y.Endpoints = map[string]string{"token": acsURL} }},
	} {
		system := erp()
		tt.change(&system)
		gate := authtest.Gate(t, authtest.Boundary(t, system), auth.Verifiers{auth.SchemeBearer: authtest.As(alice())})
		_, err := auth.NewBroker(gate, auth.Translators{"erp": tt.s}, nil)
		if found, ok := errors.AsType[mapping.Findings](err); !ok || len(found) != 1 || found[0].Code != "B203" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
