package main

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/samlauth"
	"github.com/carnet-go/carnet/examples/world"
	"github.com/carnet-go/carnet/vault"
)

// started is a world and a service in it, until the test ends.
func started(t *testing.T, boundary func(*world.World) fs.FS, enter func(*vault.Vault) auth.Translators) (*world.World, *service) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // which ends before the service is closed
	w, err := world.Start(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	w.Boundary = boundary(w)
	signer := &audit.Options{Signer: w.Key}
	if err := audit.Create(ctx, w.Dir+"/audit", "acme.example/hr/a", signer); err != nil {
		t.Fatal(err)
	}
	events, err := audit.Open(ctx, w.Dir+"/audit", signer)
	if err != nil {
		t.Fatal(err)
	}
	s, err := open(ctx, w, events, enter, options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.broker.Close(ctx), s.vault.Close(ctx), events.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return w, s
}

func declared(w *world.World) fs.FS { return w.Boundary }

// admitted is Alice, who has proved herself twice.
func admitted(t *testing.T, w *world.World, s *service) auth.Principal {
	t.Helper()
	token, err := w.StepUp(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.gate.Admit(t.Context(), auth.Bearer(token))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func employee(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := testdata.ReadFile("testdata/employees/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

const (
	withKey = `
      "secrets": ["crm/api", "crm/tokens"],
      "delegation": "audit-only", // an API key cannot say for whom
`
	withSAML = `
      "secrets": ["saml/signing", "crm/tokens"],
      "endpoints": {"acs": "https://crm.acme.example/saml/acs"},
      "audience": "https://crm.acme.example/saml",
      "subject": {
        "table": {"https://login.acme.example u-alice": "alice.hr", "local self": "hr.service"},
        "undated": true, // the service itself has no time of login
      },
`
)

// edited is the boundary after its owner has read that the CRM takes SAML.
func edited(t *testing.T) func(*world.World) fs.FS {
	return func(w *world.World) fs.FS {
		t.Helper()
		text, err := fs.ReadFile(w.Boundary, "boundary.jsonc")
		if err != nil || strings.Count(string(text), withKey) != 1 {
			t.Fatalf("boundary.jsonc has other lines, %v", err)
		}
		file := &fstest.MapFile{Data: []byte(strings.Replace(string(text), withKey, withSAML, 1))}
		changed, err := w.Amended(fstest.MapFS{"boundary.jsonc": file})
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
}

// The CRM moves from API key to SAML by an edit of the boundary file and one line of
// wiring: the code of the crossing is the same.
func TestSystemChangesItsProtocolWithoutTheCode(t *testing.T) {
	moved := func(v *vault.Vault) auth.Translators {
		all := enter(v)
		all["crm"] = samlauth.Session{Issuer: world.Entity, Key: v.Source("saml/signing"), Cookies: []string{"session"}}
		return all
	}
	for name, tt := range map[string]struct {
		boundary func(*world.World) fs.FS
		enter    func(*vault.Vault) auth.Translators
		as       string
		itself   string
		requests int
	}{
		"API key": {declared, enter, "key-1", "key-1", 1},
		"SAML":    {edited(t), moved, "alice.hr", "hr.service", 2},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := started(t, tt.boundary, tt.enter)
			document := s.employee.Document(employee(t, "mueller"))
			if _, err := s.ask(t.Context(), admitted(t, w, s), "crm.contact.push", document); err != nil {
				t.Fatal(err)
			}
			received := w.Received(world.CRM)
			if len(received) != tt.requests {
				t.Fatalf("the CRM received %v", received)
			}
			last := received[len(received)-1]
			if last.Method != "PUT" || last.As != tt.as || !strings.Contains(string(last.Body), "Müller-Ångström") {
				t.Errorf("the CRM received %v", last)
			}
			answer, err := s.count(t.Context()) // whoever else uses the system moves with it
			if err != nil || answer.Status != 200 {
				t.Fatal(answer.Status, err)
			}
			received = w.Received(world.CRM)
			if last := received[len(received)-1]; last.As != tt.itself || len(received) != 2*tt.requests {
				t.Errorf("the CRM received %v", received)
			}
		})
	}
}

// A session that the ERP has ended is one failure, and the next call gets a new one.
func TestSessionThatEndedIsMintedAgain(t *testing.T) {
	w, s := started(t, declared, enter)
	alice, document := admitted(t, w, s), s.employee.Document(employee(t, "zolc"))
	for i, want := range []error{nil, nil, auth.ErrExpired, nil} {
		if i == 2 {
			w.ExpireSessions(world.ERP)
		}
		if _, err := s.ask(t.Context(), alice, "erp.payroll.open", document); !errors.Is(err, want) {
			t.Fatalf("call %d = %v, want %v", i, err, want)
		}
	}
	logins := 0
	for _, r := range w.Received(world.ERP) {
		if r.Path == "/saml/acs" {
			logins++
		}
	}
	if logins != 2 {
		t.Errorf("%d logins", logins)
	}
}
