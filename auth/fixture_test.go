package auth_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
)

var alice = auth.Identity{Issuer: "https://login.acme.example", Subject: "alice"}

// decider is a policy made of a function.
type decider func(context.Context, auth.Facts) auth.Decision

func (d decider) Decide(ctx context.Context, f auth.Facts) auth.Decision { return d(ctx, f) }
func (decider) Hash() string                                             { return "decider" }

func allow(context.Context, auth.Facts) auth.Decision {
	return auth.Decision{Verdict: auth.Allowed, Rule: "everybody"}
}

// bounded is a boundary with one decider.
func bounded(t testing.TB, d auth.Decider, systems ...auth.System) *auth.Boundary {
	t.Helper()
	c, err := auth.NewCatalogue("acme", systems...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := auth.NewBoundary(c, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// gate is a gate that admits alice, on a log of its own.
func gate(t testing.TB, d auth.Decider, systems ...auth.System) *auth.Gate {
	t.Helper()
	return authtest.Gate(t, bounded(t, d, systems...), auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
}

func admit(t testing.TB, g *auth.Gate) auth.Principal {
	t.Helper()
	p, err := g.Admit(t.Context(), auth.Bearer("test"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// events are those of the log that keep says.
func events(t testing.TB, log *audit.Log, keep func(audit.Event) bool) []audit.Event {
	t.Helper()
	var found []audit.Event
	for e, err := range log.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if keep(e) {
			found = append(found, e)
		}
	}
	return found
}

// far is a system on the far side, with what it received.
type far struct {
	*httptest.Server
	system auth.System
	roots  *x509.CertPool

	mu       sync.Mutex
	received []*http.Request
}

// farSide serves TLS on loopback. Its operations are crm.contact.read (GET /),
// crm.contact.open (POST /, once), crm.contact.reset (POST /reset, privileged) and
// crm.contact.push (POST /in/{id}, opaque).
func farSide(t testing.TB, answer http.HandlerFunc) *far {
	t.Helper()
	f := &far{}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.received = append(f.received, r.Clone(context.Background()))
		f.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(f.Close)
	f.roots = x509.NewCertPool()
	f.roots.AddCert(f.Certificate())
	f.system = auth.System{
		Name: "crm", Origin: f.URL, Private: []string{"127.0.0.0/8"}, Secrets: []string{"crm/api"},
		Operations: []auth.Operation{
			{Name: "crm.contact.read", Method: "GET", Path: "/", Output: auth.Opaque, Reason: "a test", Effect: auth.ReadOnly},
			{Name: "crm.contact.touch", Method: "GET", Path: "/touch", Effect: auth.Idempotent},
			{Name: "crm.contact.open", Method: "POST", Path: "/", Effect: auth.Once},
			{Name: "crm.contact.reset", Method: "POST", Path: "/reset", Effect: auth.Once, Privileged: true},
			{Name: "crm.contact.push", Method: "POST", Path: "/in/{id}", Input: auth.Opaque, Reason: "a test", Effect: auth.Idempotent},
		},
	}
	return f
}

func (f *far) arrivals() []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.received)
}

// key is a Translator that counts, and whose material can be told to end.
type key struct {
	mu     sync.Mutex
	life   time.Duration // zero: an hour
	err    error
	wait   chan struct{} // nil: none
	made   int
	closed int
	panics bool
}

func (k *key) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	k.mu.Lock()
	k.made++
	wait := k.wait
	k.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.panics {
		panic(canary)
	}
	if err := errors.Join(k.err, n.Grant.Live()); err != nil {
		return nil, err
	}
	life := k.life
	if life == 0 {
		life = time.Hour
	}
	return applied{k, time.Now().Add(life)}, nil
}

func (k *key) counts() (made, closed int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.made, k.closed
}

type applied struct {
	key     *key
	expires time.Time
}

func (a applied) Expires() time.Time { return a.expires }
func (a applied) Credential() string { return "l-test" }
func (a applied) Apply(r *http.Request) error {
	r.Header.Set("X-Api-Key", canary)
	r.Header.Set("Authorization", "Bearer "+canary)
	return nil
}
func (a applied) Close(context.Context) error {
	a.key.mu.Lock()
	defer a.key.mu.Unlock()
	a.key.closed++
	return nil
}

// broker is a broker to one far side, for alice.
func broker(t testing.TB, f *far, k auth.Translator) (*auth.Gate, *auth.Broker) {
	t.Helper()
	g := gate(t, decider(allow), f.system)
	b, err := auth.NewBroker(g, auth.Translators{"crm": k}, &auth.BrokerOptions{RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return g, b
}

func authorize(t testing.TB, g *auth.Gate, operation string) auth.Grant {
	t.Helper()
	grant, err := g.Authorize(t.Context(), admit(t, g), operation)
	if err != nil {
		t.Fatal(err)
	}
	return grant
}
