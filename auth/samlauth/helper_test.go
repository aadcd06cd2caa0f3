package samlauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/samlauth"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	entity  = "https://idp.acme.example/saml"
	issuer  = "https://login.acme.example"
	gold    = "urn:acme:gold"
	mfa     = "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken"
	vague   = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
	origin  = "https://erp.acme.example"
	acsURL  = origin + "/saml/acs"
	canary  = "cAnArY-c00kie-5512"
	leaseID = "l-7"
)

// keys are made once: RSA takes its time.
var (
	rsaKey  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256Key = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// certify is a certificate of the key, good from an hour ago for so long.
func certify(key crypto.Signer, from, until time.Time) []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "signing"}, NotBefore: from, NotAfter: until}
	return must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
}

// current is certify as of now, whatever the clock.
func current(key crypto.Signer) []byte {
	return certify(key, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
}

func pkcs8(key crypto.Signer) string {
	return block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key)))
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// source is a Source whose lease a test can look at.
type source struct {
	fields  map[string]string
	expires time.Time
	err     error
	mu      sync.Mutex
	leased  int
	closed  int
}

// signing has a key with its certificate.
func signing(key crypto.Signer) *source {
	return &source{fields: map[string]string{"key": pkcs8(key), "certificate": block("CERTIFICATE", current(key))}}
}

func (s *source) Lease(context.Context, auth.Grant) (*auth.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	s.leased++
	fields := map[string]auth.Secret{}
	for name, value := range s.fields {
		fields[name] = auth.NewSecret([]byte(value))
	}
	return auth.NewLease(leaseID, fields, &auth.LeaseOptions{Expires: s.expires, Release: func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed++
		return nil
	}}), nil
}

func (s *source) counts() (leased, closed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leased, s.closed
}

// erp is the system of most tests.
func erp() auth.System {
	return auth.System{
		Name: "erp", Origin: origin, Endpoints: map[string]string{"acs": acsURL}, Delegation: auth.AuditOnly,
		Subject:    auth.Subject{Table: map[string]string{issuer + " alice": "ADA", "https://other.example alice": "ADA", "https://carnet.invalid somebody": "ADA"}},
		Operations: []auth.Operation{{Name: "erp.payroll.open", Method: "POST", Path: "/payroll/{id}/open", Effect: auth.Idempotent, Input: auth.Opaque, Output: auth.Opaque, Reason: "a test"}},
	}
}

// alice logged in ten minutes ago.
func alice() auth.Identity {
	return auth.Identity{
		Issuer: issuer, Subject: "alice", Assurance: audit.Assurance{ACR: gold, AuthTime: time.Now().Add(-10 * time.Minute)},
		Issued: time.Now().Add(-5 * time.Minute), Expires: time.Now().Add(time.Hour),
	}
}

// grant is of the system's first operation.
func grant(t testing.TB, system auth.System, id auth.Identity) auth.Grant {
	t.Helper()
	gate := authtest.Gate(t, authtest.Boundary(t, system), auth.Verifiers{auth.SchemeBearer: authtest.As(id)})
	return authtest.Grant(t, gate, system.Operations[0].Name)
}

// transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return f(r)
}

// answers with a status and cookies.
func answers(status int, setCookie ...string) transport {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Set-Cookie": setCookie, "Content-Type": {"text/html"}}
		if status/100 == 3 {
			h.Set("Location", "https://elsewhere.example/")
		}
		return &http.Response{StatusCode: status, Header: h, Body: untouched{}, Request: r}, nil
	}
}

// untouched is a body that nobody may read.
type untouched struct{}

func (untouched) Read([]byte) (int, error) { panic("the body was read") }
func (untouched) Close() error             { return nil }

// opens answers with a session.
func opens() transport {
	return answers(http.StatusSeeOther, "sid="+canary+"; Path=/; HttpOnly; Secure")
}

// heard is opens, and keeps the form that was sent.
func heard(form *map[string][]string) transport {
	return func(r *http.Request) (*http.Response, error) {
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		*form = maps.Clone(r.PostForm)
		return opens()(r)
	}
}

func need(g auth.Grant, name string, rt http.RoundTripper) auth.Need {
	return auth.Need{Grant: g, Name: name, Client: &http.Client{Transport: rt}}
}

// session is the translator of most tests.
func session(key auth.Source) samlauth.Session {
	return samlauth.Session{Issuer: entity, Key: key, Contexts: map[string]string{issuer + " " + gold: mfa}, InsecureAnyCookie: true}
}

// says is what an assertion for the need says, to the strict service provider.
func says(t *testing.T, s samlauth.Session, n auth.Need, key crypto.Signer) assertion {
	t.Helper()
	var form map[string][]string
	n.Client = &http.Client{Transport: heard(&form)}
	if _, err := s.Translate(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	audience := n.Grant.System().Audience
	if audience == "" {
		audience = n.Grant.System().Origin
	}
	p := party{entity: entity, audience: audience, acs: n.Grant.System().Endpoints["acs"], public: key.Public()}
	said, err := p.accept(form["SAMLResponse"])
	if err != nil {
		t.Fatalf("the service provider refuses: %v", err)
	}
	return said
}

func applied(t *testing.T, m auth.Material) string {
	t.Helper()
	r := must(http.NewRequest(http.MethodGet, origin+"/payroll/7/open", strings.NewReader("")))
	r.Header["cookie"] = []string{"old=1"}
	if err := m.(auth.Applier).Apply(r); err != nil {
		t.Fatal(err)
	}
	if len(r.Header) != 1 || len(r.Header["Cookie"]) != 1 {
		t.Fatalf("headers %q", r.Header)
	}
	return r.Header["Cookie"][0]
}
