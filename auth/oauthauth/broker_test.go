package oauthauth_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/oauthauth"
	"github.com/carnet-go/carnet/mapping"
)

// whoever is a Verifier of tokens that say who bears them: subject, acr and scopes,
// separated by |.
type whoever struct{}

func (whoever) Verify(_ context.Context, p auth.Presented) (id auth.Identity, err error) {
	err = p.Secret.Use(func(b []byte) error {
		parts := strings.Split(string(b), "|")
		id = auth.Identity{Issuer: alice.Issuer, Subject: parts[0], Expires: time.Now().Add(time.Hour)}
		if len(parts) > 1 {
			id.Assurance = audit.Assurance{ACR: parts[1]}
		}
		return nil
	})
	if err != nil {
		return id, auth.ErrInvalid
	}
	return id, nil
}

// world is a gate and a broker between a caller, an authorization server and a hub.
type world struct {
	tokens  *server
	gate    *auth.Gate
	broker  *auth.Broker
	mu      sync.Mutex
	bearers []string // that the hub received
}

func newWorld(t *testing.T, tr auth.Translator, tokens, api http.HandlerFunc) *world {
	t.Helper()
	return newWorldOf(t, tr, tokens, api, whoever{}, "")
}

// newDelegating is a world in which somebody acts for everybody, and the hub wants to
// know.
func newDelegating(t *testing.T, tr auth.Translator, tokens http.HandlerFunc) *world {
	t.Helper()
	who := alice
	who.Actors = []audit.Actor{{Issuer: alice.Issuer, Subject: "bot"}}
	return newWorldOf(t, tr, tokens, nil, authtest.As(who), auth.Carry)
}

func newWorldOf(t *testing.T, tr auth.Translator, tokens, api http.HandlerFunc, v auth.Verifier, delegation string) *world {
	t.Helper()
	w := &world{tokens: newServer(t, tokens)}
	hubs := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.bearers = append(w.bearers, r.Header.Get("Authorization"))
		w.mu.Unlock()
		if api != nil {
			api(rw, r)
		}
	}))
	t.Cleanup(hubs.Close)
	system := hub(w.tokens)
	system.Origin, system.Delegation = hubs.URL, delegation
	w.gate = authtest.Gate(t, authtest.Boundary(t, system), auth.Verifiers{auth.SchemeBearer: v})
	roots := x509.NewCertPool()
	roots.AddCert(w.tokens.Certificate())
	roots.AddCert(hubs.Certificate())
	var err error
	if w.broker, err = auth.NewBroker(w.gate, auth.Translators{"hub": tr}, &auth.BrokerOptions{RootCAs: roots}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.broker.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return w
}

// do makes a call as the bearer of token.
func (w *world) do(t *testing.T, token, operation string) error {
	t.Helper()
	principal, err := w.gate.Admit(t.Context(), auth.Bearer(token))
	if err != nil {
		t.Fatal(err)
	}
	grant, err := w.gate.Authorize(t.Context(), principal, operation)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.broker.Do(t.Context(), grant, mapping.Document{})
	return err
}

// numbered answers with a token of its own each time.
func numbered() http.HandlerFunc {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		answers(good(members{"access_token": "t" + string('0'+n.Add(1))}))(w, r)
	}
}

// TestThroughABroker: the hub gets the token, and nothing else of anybody's.
func TestThroughABroker(t *testing.T) {
	for kind, tr := range translators(usual()) {
		w := newWorld(t, tr, answers(good(nil)), nil)
		if err := w.do(t, "alice", "hub.count.push"); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if len(w.bearers) != 1 || w.bearers[0] != "Bearer t0k3n" {
			t.Errorf("%s: the hub received %q", kind, w.bearers)
		}
		if r, form := w.tokens.only(t); r.Header.Get("Authorization") == "" || form.Has("subject_token") && form.Get("subject_token") != "alice" {
			t.Errorf("%s: %v", kind, form)
		}
	}
}

// TestTokensAreNotShared: two scopes, two assurances, two tokens of one person: two
// exchanges, each for itself. The same caller and operation share one.
func TestTokensAreNotShared(t *testing.T) {
	w := newWorld(t, oauthauth.Exchange{Client: usual()}, numbered(), nil)
	for _, call := range []struct{ token, operation string }{
		{"alice|low|1", "hub.count.push"},
		{"alice|low|1", "hub.count.read"},
		{"alice|high|1", "hub.count.push"},
		{"alice|low|2", "hub.count.push"},
		{"bob|low|1", "hub.count.push"},
		{"alice|low|1", "hub.count.push"},
	} {
		if err := w.do(t, call.token, call.operation); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"Bearer t1", "Bearer t2", "Bearer t3", "Bearer t4", "Bearer t5", "Bearer t1"}
	if got := strings.Join(w.bearers, ", "); got != strings.Join(want, ", ") {
		t.Errorf("the hub received %s", got)
	}
	for i, form := range w.tokens.forms {
		if asked := []string{"alice|low|1", "alice|low|1", "alice|high|1", "alice|low|2", "bob|low|1"}[i]; form.Get("subject_token") != asked {
			t.Errorf("exchanged %v", form)
		}
	}
}

// TestRefusedTokenIsReplaced: by 401, and by a challenge with another status.
func TestRefusedTokenIsReplaced(t *testing.T) {
	for _, status := range []int{401, 403} {
		var refused atomic.Bool
		w := newWorld(t, oauthauth.ClientCredentials{Client: usual()}, numbered(), func(w http.ResponseWriter, _ *http.Request) {
			if !refused.Swap(true) {
				w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
				w.WriteHeader(status)
			}
		})
		first, second := w.do(t, "alice", "hub.count.read"), w.do(t, "alice", "hub.count.read")
		if first == nil || second != nil || strings.Join(w.bearers, ", ") != "Bearer t1, Bearer t2" {
			t.Errorf("%d: %v, then %v; the hub received %q", status, first, second, w.bearers)
		}
	}
}

// TestDeniedIsNotAskedInALoop: nor is a server that is away; and the call does not go
// out without a token.
func TestDeniedIsNotAskedInALoop(t *testing.T) {
	for status, want := range map[int]error{401: auth.ErrDenied, 500: auth.ErrUnavailable} {
		w := newWorld(t, oauthauth.Exchange{Client: usual()}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }, nil)
		for range 3 {
			if err := w.do(t, "alice", "hub.count.push"); !errors.Is(err, want) {
				t.Errorf("%d: %v", status, err)
			}
		}
		if w.tokens.count() != 1 || len(w.bearers) != 0 {
			t.Errorf("%d: %d requests for tokens, %d to the hub", status, w.tokens.count(), len(w.bearers))
		}
	}
}

// TestRedirectThroughABroker: its client is the one that secrets go out with.
func TestRedirectThroughABroker(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var arrivals atomic.Int32
		elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrivals.Add(1) }))
		w := newWorld(t, oauthauth.Exchange{Client: usual()}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, status)
		}, nil)
		if err := w.do(t, "alice", "hub.count.push"); !errors.Is(err, auth.ErrInvalid) || w.tokens.count() != 1 || arrivals.Load() != 0 || len(w.bearers) != 0 {
			t.Errorf("%d: %v; %d requests, %d elsewhere", status, err, w.tokens.count(), arrivals.Load())
		}
		elsewhere.Close()
	}
}

// TestFreezeStopsTheRequest: a grant that is not alive sends no secret.
func TestFreezeStopsTheRequest(t *testing.T) {
	for kind := range translators(nil) {
		s := newServer(t, answers(good(nil)))
		system := hub(s)
		gate := authtest.Gate(t, authtest.Boundary(t, system), auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
		grant := authtest.Grant(t, gate, "hub.count.push")
		freezing := freezer{usual(), func() { _ = gate.Freeze(t.Context()) }}
		n := auth.Need{Grant: grant, Token: auth.NewSecret([]byte("opaque")), Client: s.client()}
		if m, err := translators(freezing)[kind].Translate(t.Context(), n); m != nil || err != auth.ErrUnavailable || s.count() != 0 || freezing.closed != 1 {
			t.Errorf("%s: %v after %d requests", kind, err, s.count())
		}
	}
}

// freezer leases, and then the gate is frozen.
type freezer struct {
	*source
	freeze func()
}

func (f freezer) Lease(ctx context.Context, g auth.Grant) (*auth.Lease, error) {
	defer f.freeze()
	return f.source.Lease(ctx, g)
}

// TestGrantEndsWhileTheServerThinks: the grant says why there is no token.
func TestGrantEndsWhileTheServerThinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := auth.Need{Grant: grantOf(t, hub(&server{Server: &httptest.Server{URL: "https://id.invalid"}}))}
		n.Client = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Until(n.Grant.NotAfter()))
			return nil, errors.New(canary)
		})}
		if m, err := (oauthauth.ClientCredentials{Client: usual()}).Translate(t.Context(), n); m != nil || err != auth.ErrExpired {
			t.Errorf("%v", err)
		}
	})
}
