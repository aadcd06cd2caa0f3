package policy_test

import (
	"slices"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
)

// TestRulesHoldForTwinsAndPermitsDoNot: what restricts a system restricts what stands in
// for it, and nothing is allowed on a twin that was not allowed there by name.
func TestRulesHoldForTwinsAndPermitsDoNot(t *testing.T) {
	twin := auth.System{Name: "lab", TwinOf: "crm", Origin: "https://lab.example", Zone: "partners", Jurisdictions: []string{"us"}}
	c, err := auth.NewCatalogue("acme", append(systems(), twin)...)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"crm.contact.read", "crm.contact.push", "lab.contact.read", "lab.contact.push"}
	for _, test := range []struct {
		name    string
		permits []string // operations
		on      []string // of a rule that nothing satisfies; nil: there is none
		allowed []string // others are denied by that rule, or for want of a permit
	}{
		{"no rule", all, nil, all},
		{"rule on the system", all, []string{"crm"}, nil},
		{"rule on its operation", all, []string{"crm.contact.push"}, []string{"crm.contact.read", "lab.contact.read"}},
		{"rule on the twin", all, []string{"lab"}, all[:2]},
		{"rule on the twin's operation", all, []string{"lab.contact.push"}, all[:3]},
		{"rule on another system", all, []string{"erp"}, all},
		{"permits for the system", all[:2], nil, all[:2]},
		{"permits for the twin", all[2:], nil, all[2:]},
	} {
		d, deny := declaration(), auth.Decision{}
		d.Permits[0].Operations = test.permits
		if test.on != nil {
			deny.Rule = "eu"
			d.Rules = []policy.Rule{{Name: "eu", On: test.on, Residency: []string{"eu"}}}
		}
		p, err := policy.New(c, d)
		if err != nil {
			t.Fatal(err)
		}
		for _, system := range c.Systems() {
			for _, op := range system.Operations {
				if !slices.Contains(all, op.Name) {
					continue
				}
				f, want := facts(), deny
				f.System, f.Operation, f.Errand = &system, &op, &auth.Errand{Phase: audit.PhaseCanary}
				if slices.Contains(test.allowed, op.Name) {
					want = auth.Decision{Verdict: auth.Allowed, Rule: "alice-reads"}
				}
				if got := p.Decide(t.Context(), f); got.Verdict != want.Verdict || got.Rule != want.Rule {
					t.Errorf("%s, %s: %v by %q, want %v by %q", test.name, op.Name, got.Verdict, got.Rule, want.Verdict, want.Rule)
				}
			}
		}
	}
}
