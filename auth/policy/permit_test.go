package policy_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
)

func TestWho(t *testing.T) {
	const workload = "spiffe://acme.example/payroll"
	for _, test := range []struct {
		name   string
		who    policy.Who
		change func(*auth.Identity)
		want   auth.Verdict
	}{
		{"subject", policy.Who{Issuer: issuer, Subject: "alice"}, nil, auth.Allowed},
		{"other subject", policy.Who{Issuer: issuer, Subject: "alic"}, nil, auth.Denied},
		{"subject in another case", policy.Who{Issuer: issuer, Subject: "Alice"}, nil, auth.Denied},
		{"equal subject of another issuer", policy.Who{Issuer: other, Subject: "alice"}, nil, auth.Denied},
		{"issuer with a slash", policy.Who{Issuer: issuer + "/", Subject: "alice"}, nil, auth.Denied},
		{"claim", policy.Who{Issuer: issuer, Claim: "groups", Value: "hr"}, nil, auth.Allowed},
		{"claim absent", policy.Who{Issuer: issuer, Claim: "groups", Value: "hr"}, func(id *auth.Identity) { id.Claims = nil }, auth.Denied},
		{"claim of nobody in particular", policy.Who{Issuer: issuer, Claim: "groups", Value: "hr"}, func(id *auth.Identity) { id.Subject = "" }, auth.Denied},
		{"claim with another value", policy.Who{Issuer: issuer, Claim: "groups", Value: "hr-admin"}, nil, auth.Denied},
		{"part of a value", policy.Who{Issuer: issuer, Claim: "groups", Value: "h"}, nil, auth.Denied},
		{"claim of another issuer", policy.Who{Issuer: issuer, Claim: "groups", Value: "hr"}, func(id *auth.Identity) { id.Issuer = other }, auth.Denied},
		{"scope", policy.Who{Issuer: issuer, Claim: "scope", Value: "contacts.read"}, nil, auth.Allowed},
		{"scope that the token has not", policy.Who{Issuer: issuer, Claim: "scope", Value: "contacts"}, nil, auth.Denied},
		{"scope that only a claim has", policy.Who{Issuer: issuer, Claim: "scope", Value: "admin"},
			func(id *auth.Identity) { id.Claims["scope"] = []string{"admin"} }, auth.Denied},
		{"workload", policy.Who{SPIFFE: workload},
			func(id *auth.Identity) { id.Issuer, id.Subject = "spiffe://acme.example", workload }, auth.Allowed},
		{"workload of another trust domain", policy.Who{SPIFFE: workload},
			func(id *auth.Identity) { id.Issuer, id.Subject = "spiffe://evil.example", workload }, auth.Denied},
		{"workload that a login server names", policy.Who{SPIFFE: workload}, func(id *auth.Identity) { id.Subject = workload }, auth.Denied},
		{"workload, trust domain without scheme", policy.Who{SPIFFE: workload},
			func(id *auth.Identity) { id.Issuer, id.Subject = "acme.example", workload }, auth.Denied},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, d := facts(), declaration()
			d.Permits[0].Who = test.who
			if test.change != nil {
				test.change(f.Who)
			}
			if got := decide(t, d, f).Verdict; got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestTwoIssuersWithEqualSubjectsShareNothing(t *testing.T) {
	d := declaration()
	d.Permits = append(d.Permits, policy.Permit{
		Name: "partner-pushes", Who: policy.Who{Issuer: other, Subject: "alice"}, Operations: []string{"crm.contact.push"},
	})
	for _, test := range []struct {
		issuer    string
		operation int
		want      auth.Verdict
	}{{issuer, 0, auth.Allowed}, {issuer, 1, auth.Denied}, {other, 0, auth.Denied}, {other, 1, auth.Allowed}} {
		f := facts()
		f.Who.Issuer, f.Operation = test.issuer, &f.System.Operations[test.operation]
		if got := decide(t, d, f).Verdict; got != test.want {
			t.Errorf("%s %d: got %v, want %v", test.issuer, test.operation, got, test.want)
		}
	}
}

func TestExpiredPermitDenies(t *testing.T) {
	for until, want := range map[time.Time]auth.Verdict{
		now.Add(1): auth.Allowed, now: auth.Denied, now.Add(-1): auth.Denied, {}: auth.Allowed,
	} {
		d := declaration()
		d.Permits[0].Until = until
		if got := decide(t, d, facts()); got.Verdict != want || got.Verdict == auth.Allowed && !got.NotAfter.Equal(until) {
			t.Errorf("until %v: got %+v", until, got)
		}
	}
}

func TestThePermitThatEndsLastDecides(t *testing.T) {
	permit := func(name string, until time.Time) policy.Permit {
		p := alicesPermit()
		p.Name, p.Until = name, until
		return p
	}
	soon, late, never := permit("soon", now.Add(1)), permit("late", now.Add(time.Hour)), permit("never", time.Time{})
	over, again := permit("over", now.Add(-1)), permit("again", now.Add(time.Hour))
	for _, test := range []struct {
		permits []policy.Permit
		want    string
	}{
		{[]policy.Permit{soon, late, never, over}, "never"}, {[]policy.Permit{never, late}, "never"}, {[]policy.Permit{soon, over, late}, "late"},
		{[]policy.Permit{late, again}, "late"}, {[]policy.Permit{again, late}, "again"}, {[]policy.Permit{over}, ""},
	} {
		d := declaration()
		d.Permits = test.permits
		if got := decide(t, d, facts()); got.Rule != test.want {
			t.Errorf("got %q, want %q", got.Rule, test.want)
		}
	}
}

func TestUnattended(t *testing.T) {
	bob := &auth.Identity{Issuer: issuer, Subject: "bob"}
	for _, test := range []struct {
		name       string
		errand     *auth.Errand
		unattended bool
		want       auth.Verdict
	}{
		{"no errand", nil, false, auth.Allowed},
		{"own errand", &auth.Errand{Phase: audit.PhaseDo}, false, auth.Allowed},
		{"own errand by name", &auth.Errand{Phase: audit.PhaseDo, For: alice()}, false, auth.Allowed},
		{"do", &auth.Errand{Phase: audit.PhaseDo, For: bob}, false, auth.Needs},
		{"do with a permit", &auth.Errand{Phase: audit.PhaseDo, For: bob}, true, auth.Allowed},
		{"undo", &auth.Errand{Phase: audit.PhaseUndo, For: bob}, false, auth.Allowed},
		{"ask", &auth.Errand{Phase: audit.PhaseAsk, For: bob}, false, auth.Allowed},
		{"canary", &auth.Errand{Phase: audit.PhaseCanary, For: bob}, false, auth.Needs},
		{"no phase", &auth.Errand{For: bob}, false, auth.Needs},
		{"a phase to come", &auth.Errand{Phase: 200, For: bob}, false, auth.Needs},
		{"equal subject of another issuer", &auth.Errand{Phase: audit.PhaseDo, For: &auth.Identity{Issuer: other, Subject: "alice"}}, false, auth.Needs},
		{"equal name of another tenant", &auth.Errand{Phase: audit.PhaseDo, For: &auth.Identity{Tenant: "globex", Issuer: issuer, Subject: "alice"}}, false, auth.Needs},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, f := declaration(), facts()
			d.Permits[0].Unattended, f.Errand = test.unattended, test.errand
			got := decide(t, d, f)
			if got.Verdict != test.want {
				t.Fatalf("got %+v, want %v", got, test.want)
			}
			if got.Verdict == auth.Needs {
				want := []auth.Obligation{{Kind: auth.NeedUnattended}}
				if !reflect.DeepEqual(got.Needs, want) || got.Rule != "alice-reads" || got.RuleAt != "boundary.jsonc:20" {
					t.Errorf("got %+v", got)
				}
			}
			f.Self = false // a fact that is missing must not open anything
			if without := decide(t, d, f).Verdict; without > got.Verdict {
				t.Errorf("without Self: %v", without)
			}
		})
	}
}

func TestUnattendedPermitIsFoundAmongOthers(t *testing.T) {
	d, f := declaration(), facts()
	unattended := alicesPermit()
	unattended.Name, unattended.Unattended, unattended.Until = "night", true, now.Add(time.Minute)
	d.Permits = append(d.Permits, unattended)
	f.Errand.For = &auth.Identity{Issuer: issuer, Subject: "bob"}
	if got := decide(t, d, f); got.Verdict != auth.Allowed || got.Rule != "night" {
		t.Errorf("got %+v", got)
	}
}

func TestEntitlements(t *testing.T) {
	d := declaration()
	d.Permits = append(d.Permits, policy.Permit{Name: "job", Who: policy.Who{SPIFFE: "spiffe://acme.example/job"}, Operations: []string{"erp.payroll.open", "crm.contact.read"}})
	p := made(t, d)
	want := []auth.Entitlement{
		{Permit: "alice-reads", PermitAt: "boundary.jsonc:20", Operation: "crm.contact.read", Until: now.Add(time.Hour)},
		{Permit: "job", Operation: "erp.payroll.open"}, {Permit: "job", Operation: "crm.contact.read"},
	}
	got := p.Entitlements()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	got[0].Operation = "erp.payroll.open"
	if !reflect.DeepEqual(p.Entitlements(), want) {
		t.Error("a caller changed the policy")
	}
}
