// Package testing shows how the author of an adapter, and of a service, tests.
package testing

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// signature is a Translator whose material puts a key into a header.
type signature struct{ Source auth.Source }

func (s signature) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	lease, err := s.Source.Lease(ctx, n.Grant)
	if err != nil {
		return nil, err
	}
	key, err := lease.Secret("key")
	if err != nil {
		return nil, err
	}
	return signed{key, lease.ID(), lease.Expires()}, nil
}

type signed struct {
	key     auth.Secret
	lease   string
	expires time.Time
}

func (s signed) Expires() time.Time { return s.expires }
func (s signed) Credential() string { return s.lease }

func (s signed) Apply(r *http.Request) error {
	return s.key.Use(func(b []byte) error {
		r.Header.Set("X-Signature", string(b))
		return nil
	})
}

// memory is a Backend that stores values by path and field. Each Issue makes secrets anew: the
// vault wipes what it gets.
type memory map[string]map[string]string

func (m memory) Issue(ctx context.Context, path string) (vault.Issued, error) {
	if ctx.Err() != nil {
		return vault.Issued{}, ctx.Err()
	}
	fields, ok := m[path]
	if !ok {
		return vault.Issued{}, auth.ErrUndeclared
	}
	issued := vault.Issued{Version: "1", Fields: map[string]auth.Secret{}}
	for name, value := range fields {
		issued.Fields[name] = auth.NewSecret([]byte(value))
	}
	return issued, nil
}

func (m memory) Revoke(context.Context, string) error { return nil }

// A service's test: a real gate, on a real log in a temporary folder.
func TestCall(t *testing.T) {
	got := ""
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.Header.Get("X-Signature") }))
	defer crm.Close()
	gate := authtest.Gate(t, authtest.Boundary(t, auth.System{
		Name: "crm", Origin: crm.URL, Private: []string{"127.0.0.0/8"}, Secrets: []string{"crm/key"},
		Operations: []auth.Operation{{Name: "crm.health.read", Method: "GET", Path: "/health", Effect: auth.ReadOnly}},
	}), auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"})})
	v, err := vault.New(gate.Log(), memory{"crm/key": {"key": "k-4711"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close(t.Context())
	broker, err := auth.NewBroker(gate, auth.Translators{"crm": signature{v.Source("crm/key")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close(t.Context())
	grant := authtest.Grant(t, gate, "crm.health.read")
	if _, err := broker.Do(t.Context(), grant, mapping.Document{}); err != nil || got != "k-4711" {
		t.Fatalf("Do = %v, signature %q", err, got)
	}
}

// An adapter author's tests: one call each.

func TestSignature(t *testing.T) {
	authtest.RunTranslator(t, func(*testing.T) (auth.Translator, auth.System) {
		return signature{auth.Constant(map[string]auth.Secret{"key": auth.NewSecret([]byte("k-4711"))})}, auth.System{Name: "crm"}
	})
}

func TestVerifier(t *testing.T) {
	authtest.RunVerifier(t, func(*testing.T) (auth.Verifier, auth.Presented) {
		return authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"}), auth.Bearer("test")
	})
}

func TestBackend(t *testing.T) {
	vaulttest.Run(t, func(*testing.T) vault.Backend {
		return memory{"test/secret": {"value": "test"}}
	})
}
