package auth_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/mapping"
)

// One user may read one contact, another may not. What is declared in Go here comes
// from a folder that a reviewer reads, in a service: see package boundary.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "carnet-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	crm := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("the CRM sees the key:", r.Header.Get("X-Api-Key") == "k-4711")
		fmt.Fprint(w, `{"name": "Zoë Ångström"}`)
	}))
	defer crm.Close()
	roots := x509.NewCertPool()
	roots.AddCert(crm.Certificate())

	catalogue, err := auth.NewCatalogue("acme", auth.System{
		Name: "crm", Origin: crm.URL, Private: []string{"127.0.0.0/8"},
		Operations: []auth.Operation{{
			Name: "crm.contact.read", Method: "GET", Path: "/contacts/1", Effect: auth.ReadOnly,
			Output: auth.Opaque, Reason: "the CRM has no schema",
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	permits, err := policy.New(catalogue, policy.Declaration{Permits: []policy.Permit{{
		Name: "readers", Who: policy.Who{Issuer: "https://login.example", Subject: "alice"},
		Operations: []string{"crm.contact.read"},
	}}})
	if err != nil {
		log.Fatal(err)
	}
	boundary, err := auth.NewBoundary(catalogue, permits, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := audit.Create(ctx, filepath.Join(dir, "audit"), "acme.example/crm/a", nil); err != nil {
		log.Fatal(err)
	}
	events, err := audit.Open(ctx, filepath.Join(dir, "audit"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer events.Close(ctx)

	// A service has an oidcauth.Verifier here.
	gate, err := auth.NewGate(ctx, events, boundary, auth.Verifiers{auth.SchemeBearer: names{}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	key := auth.Constant(map[string]auth.Secret{"key": auth.NewSecret([]byte("k-4711"))})
	broker, err := auth.NewBroker(gate, auth.Translators{
		"crm": keyauth.Header{Name: "X-Api-Key", Source: key},
	}, &auth.BrokerOptions{RootCAs: roots})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close(ctx)
	for _, user := range []string{"alice", "mallory"} {
		var contact struct {
			Name string `json:"name"`
		}
		err = read(ctx, gate, broker, user, &contact)
		fmt.Println(user, contact.Name, err)
	}
	// Output:
	// the CRM sees the key: true
	// alice Zoë Ångström <nil>
	// mallory  auth: denied: no permit
}

// names takes every token for a name.
type names struct{}

func (names) Verify(_ context.Context, p auth.Presented) (id auth.Identity, err error) {
	err = p.Secret.Use(func(token []byte) error {
		id = auth.Identity{Issuer: "https://login.example", Subject: string(token), Expires: time.Now().Add(time.Hour)}
		return nil
	})
	return id, err
}

func read(ctx context.Context, gate *auth.Gate, broker *auth.Broker, token string, contact any) error {
	principal, err := gate.Admit(ctx, auth.Bearer(token))
	if err != nil {
		return err
	}
	grant, err := gate.Authorize(ctx, principal, "crm.contact.read")
	if err != nil {
		return err
	}
	reply, err := broker.Do(ctx, grant, mapping.Document{})
	if err != nil {
		return err
	}
	return reply.Document.Decode(contact)
}
