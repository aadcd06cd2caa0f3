package policy_test

import (
	"context"
	"fmt"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
)

func Example() {
	crm := auth.System{Name: "crm", Origin: "https://crm.example", Operations: []auth.Operation{
		{Name: "crm.contact.read", Method: "GET", Path: "/contacts", Effect: auth.ReadOnly},
	}}
	catalogue, err := auth.NewCatalogue("acme", crm)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := policy.New(catalogue, policy.Declaration{
		Levels: map[string]uint8{"https://login.acme.example mfa": 2},
		Permits: []policy.Permit{{
			Name: "hr-reads", Operations: []string{"crm.contact.read"},
			Who: policy.Who{Issuer: "https://login.acme.example", Claim: "groups", Value: "hr"},
		}},
		Rules: []policy.Rule{{Name: "two-factors", Level: 2}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// A Gate establishes the facts; here they are made up.
	f := auth.Facts{Tenant: "acme", System: &crm, Operation: &crm.Operations[0], Transport: auth.TransportTLS, At: time.Now()}
	for _, acr := range []string{"", "mfa"} {
		f.Who = &auth.Identity{
			Issuer: "https://login.acme.example", Subject: "alice", Claims: map[string][]string{"groups": {"hr"}},
			Assurance: audit.Assurance{ACR: acr, AuthTime: f.At},
		}
		d := p.Decide(context.Background(), f)
		fmt.Println(d.Verdict, d.Rule, d.Needs)
	}
	_, err = policy.New(catalogue, policy.Declaration{Rules: []policy.Rule{{Name: "typo", On: []string{"crm.contact.raed"}, Level: 1}}})
	fmt.Println(err)
	// Output:
	// needs two-factors [{assurance 2 [mfa] 0s}]
	// allowed hr-reads []
	// P113 is not an operation or a system of the catalogue at /rules/0/on/0; did you mean "crm.contact.read"?
}
