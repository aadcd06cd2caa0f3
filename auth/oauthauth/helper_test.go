package oauthauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/oauthauth"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	canary   = "cAnArY-s3cret-40318826"
	audience = "https://hub.example/api"
	access   = "urn:ietf:params:oauth:token-type:access_token"
)

var alice = auth.Identity{Issuer: "https://id.example", Subject: "alice"}

// source is a Source whose lease a test can look at.
type source struct {
	fields  map[string]string
	expires time.Time
	err     error

	mu      sync.Mutex
	leases  []*auth.Lease
	closed  int
	refused int
}

func (s *source) Lease(_ context.Context, g auth.Grant) (*auth.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	fields := map[string]auth.Secret{}
	for name, value := range s.fields {
		fields[name] = auth.NewSecret([]byte(value))
	}
	l := auth.NewLease("l-1", fields, &auth.LeaseOptions{Expires: s.expires, Release: func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed++
		return nil
	}, Refuse: func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refused++
	}})
	s.leases = append(s.leases, l)
	return l, nil
}

func usual() *source {
	return &source{fields: map[string]string{"id": "carnet", "secret": canary}}
}

// server is an authorization server, with what it received.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	forms    []url.Values
	received []*http.Request
}

func newServer(t testing.TB, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.mu.Lock()
		s.forms, s.received = append(s.forms, r.PostForm), append(s.received, r)
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// only is the one request that arrived.
func (s *server) only(t testing.TB) (*http.Request, url.Values) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.received) != 1 {
		t.Fatalf("%d requests arrived", len(s.received))
	}
	return s.received[0], s.forms[0]
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.received)
}

// client follows redirects: that nothing follows one is not its merit.
func (s *server) client() *http.Client { return &http.Client{Transport: s.Client().Transport} }

// members of an answer.
type members map[string]any

// good is what a server answers that does as it was asked; nil takes a member away.
func good(change members) members {
	all := members{"access_token": "t0k3n", "token_type": "Bearer", "expires_in": 300, "issued_token_type": access}
	maps.Copy(all, change)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return all
}

func answers(m members) http.HandlerFunc {
	body, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return says(string(body))
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		_, _ = w.Write([]byte(body))
	}
}

// hub is the system that tokens are for, on the far side of s.
func hub(s *server) auth.System {
	return auth.System{
		Name: "hub", Origin: "https://hub.invalid", Audience: audience, Private: []string{"127.0.0.0/8"}, Secrets: []string{"hub/client"},
		Endpoints: map[string]string{"token": s.URL + "/token", "issuer": s.URL + "/"},
		Operations: []auth.Operation{
			{Name: "hub.count.push", Method: "POST", Path: "/", Scopes: []string{"hub.write", "hub.list"}, Effect: auth.Idempotent},
			{Name: "hub.count.read", Method: "GET", Path: "/", Scopes: []string{"hub.read"}, Effect: auth.ReadOnly},
			{Name: "hub.count.ping", Method: "GET", Path: "/ping", Effect: auth.ReadOnly},
		},
	}
}

// need is what a broker would pass for the system's first operation.
func need(t testing.TB, s *server, system auth.System, token string) auth.Need {
	t.Helper()
	return auth.Need{Grant: grantOf(t, system), Token: auth.NewSecret([]byte(token)), Client: s.client()}
}

// translators are both, for the same client.
func translators(client auth.Source) map[string]auth.Translator {
	return map[string]auth.Translator{
		"client credentials": oauthauth.ClientCredentials{Client: client}, "exchange": oauthauth.Exchange{Client: client},
	}
}

// encode is a JWT that nobody signed.
func encode(header, claims members) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	return base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c) + ".c2ln"
}

// presented is the caller's token.
func presented(claims members) string {
	all := members{"iss": alice.Issuer, "sub": alice.Subject}
	maps.Copy(all, claims)
	return encode(members{"alg": "ES256", "typ": "at+jwt"}, all)
}

// issued is an access token of the server's, for the system.
func issued(claims members) string {
	all := members{"iss": alice.Issuer, "sub": alice.Subject, "aud": audience}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return encode(members{"alg": "ES256", "typ": "at+jwt"}, all)
}

// applied is what the material sends.
func applied(t testing.TB, m auth.Material) (string, error) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "https://hub.invalid/", nil)
	if err != nil {
		t.Fatal(err)
	}
	err = m.(auth.Applier).Apply(r)
	if values := r.Header.Values("Authorization"); len(values) > 1 {
		t.Errorf("%d values", len(values))
	}
	return r.Header.Get("Authorization"), err
}

// shapes are the forms in which a secret could be printed.
func shapes(secret string) []string {
	return []string{
		secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("carnet:" + secret)), url.QueryEscape(secret),
	}
}

// grantOf is a grant of the system's first operation.
func grantOf(t testing.TB, system auth.System) auth.Grant {
	t.Helper()
	gate := authtest.Gate(t, authtest.Boundary(t, system), auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	return authtest.Grant(t, gate, system.Operations[0].Name)
}
