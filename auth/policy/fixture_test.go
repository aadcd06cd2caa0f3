package policy_test

import (
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/mapping"
)

const (
	issuer = "https://login.acme.example"
	other  = "https://partner.example"
)

var now = time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)

// systems are two, with three operations, and this process.
func systems() []auth.System {
	return []auth.System{
		{Name: "crm", Origin: "https://crm.example", Zone: "partners", Jurisdictions: []string{"us"}, Operations: []auth.Operation{
			{Name: "crm.contact.read", Method: "GET", Path: "/contacts", Scopes: []string{"contacts.read"}, Effect: auth.ReadOnly},
			{Name: "crm.contact.push", Method: "PUT", Path: "/contacts", Effect: auth.Idempotent},
		}},
		{Name: "erp", Origin: "https://erp.example", Zone: "production", Jurisdictions: []string{"eu"}, Operations: []auth.Operation{
			{Name: "erp.payroll.open", Method: "POST", Path: "/payroll", Effect: auth.Once},
		}},
		*self(),
	}
}

func self() *auth.System {
	return &auth.System{Name: auth.Self, Kind: auth.KindStore, Zone: "production", Jurisdictions: []string{"eu"}}
}

func catalogue(t testing.TB) *auth.Catalogue {
	t.Helper()
	c, err := auth.NewCatalogue("acme", systems()...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func alicesPermit() policy.Permit {
	return policy.Permit{
		Name: "alice-reads", Who: policy.Who{Issuer: issuer, Subject: "alice"},
		Operations: []string{"crm.contact.read"}, Until: now.Add(time.Hour), At: "boundary.jsonc:20",
	}
}

// declaration has a permit for alice, one level, and the rules given.
func declaration(rules ...policy.Rule) policy.Declaration {
	return policy.Declaration{
		Levels:  map[string]uint8{issuer + " mfa": 2, issuer + " hardware": 3, issuer + " pwd": 1, other + " gold": 2},
		Permits: []policy.Permit{alicesPermit()}, Rules: rules,
	}
}

func made(t testing.TB, d policy.Declaration) *policy.Policy {
	t.Helper()
	p, err := policy.New(catalogue(t), d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// alice is who satisfies every rule of every test here.
func alice() *auth.Identity {
	return &auth.Identity{
		Issuer: issuer, Subject: "alice", Scopes: []string{"contacts.read"}, Expires: now.Add(time.Hour),
		Claims:    map[string][]string{"groups": {"staff", "hr"}},
		Assurance: audit.Assurance{ACR: "mfa", AuthTime: now.Add(-time.Minute)},
	}
}

// facts are complete: alice reads a contact.
func facts() auth.Facts {
	crm := systems()[0]
	return auth.Facts{
		Tenant: "acme", Who: alice(), System: &crm, Operation: &crm.Operations[0], Transport: auth.TransportTLS, At: now,
		Errand: &auth.Errand{Run: "run-1", Step: "read", Phase: audit.PhaseDo, Attempt: 1}, Self: true,
		From: self(), Data: &mapping.Label{Class: mapping.Internal},
	}
}

func decide(t testing.TB, d policy.Declaration, f auth.Facts) auth.Decision {
	t.Helper()
	return made(t, d).Decide(t.Context(), f)
}
