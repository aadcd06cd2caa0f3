package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/mapping"
	"pgregory.net/rapid"
)

// drawn makes declarations that New accepts.
func drawn(t *rapid.T) policy.Declaration {
	d := policy.Declaration{Levels: map[string]uint8{issuer + " pwd": 1, issuer + " mfa": 2, other + " gold": 2}}
	operations := []string{"crm.contact.read", "crm.contact.push", "erp.payroll.open"}
	whos := []policy.Who{
		{Issuer: issuer, Subject: "alice"}, {Issuer: other, Subject: "alice"}, {Issuer: issuer, Claim: "groups", Value: "hr"}, {Issuer: issuer, Claim: "scope", Value: "admin"},
	}
	if rapid.Bool().Draw(t, "listed") {
		d.Issuers = []string{issuer, other}
	}
	for i := range rapid.IntRange(0, 5).Draw(t, "permits") {
		d.Permits = append(d.Permits, policy.Permit{
			Name: fmt.Sprintf("permit-%d", i), Who: rapid.SampledFrom(whos).Draw(t, "who"), Unattended: rapid.Bool().Draw(t, "unattended"),
			Operations: rapid.SliceOfNDistinct(rapid.SampledFrom(operations), 1, 3, rapid.ID[string]).Draw(t, "operations"),
			Until:      rapid.SampledFrom([]time.Time{{}, now.Add(-time.Hour), now.Add(time.Hour), now.Add(2 * time.Hour)}).Draw(t, "until"),
		})
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "rules") {
		d.Rules = append(d.Rules, drawnRule(t, fmt.Sprintf("rule-%d", i)))
	}
	return d
}

func drawnRule(t *rapid.T, name string) policy.Rule {
	r := policy.Rule{
		Name: name, Level: rapid.Uint8Range(0, 3).Draw(t, "level"),
		On:        rapid.SampledFrom([][]string{nil, {"crm"}, {"crm.contact.push"}, {"erp", "crm.contact.read"}}).Draw(t, "on"),
		MaxAge:    rapid.SampledFrom([]time.Duration{0, 0, 15 * time.Minute}).Draw(t, "max_age"),
		Scopes:    rapid.SampledFrom([][]string{nil, nil, {"contacts.read"}, {"contacts.read", "admin"}, {}}).Draw(t, "scopes"),
		Transport: rapid.SampledFrom([]string{"", "tls"}).Draw(t, "transport"),
		Residency: rapid.SampledFrom([][]string{nil, nil, {"eu"}, {"eu", "us"}}).Draw(t, "residency"),
		Class:     rapid.SampledFrom([]mapping.Class{0, 0, mapping.Internal, mapping.Restricted}).Draw(t, "class"),
		Zones: rapid.SampledFrom([]map[string]string{
			nil, nil, {"production": "partners"}, {"production": "production", "partners": "partners"},
		}).Draw(t, "zones"),
	}
	if r.Level == 0 && r.MaxAge == 0 && r.Scopes == nil && r.Residency == nil && r.Class == 0 && r.Zones == nil {
		r.Transport = "tls"
	}
	return r
}

// wider says whether a allows what b does not, or for longer.
func wider(a, b auth.Decision) bool {
	if a.Verdict != b.Verdict {
		return a.Verdict > b.Verdict
	}
	if a.Verdict != auth.Allowed || b.NotAfter.IsZero() {
		return false
	}
	return a.NotAfter.IsZero() || a.NotAfter.After(b.NotAfter)
}

func compiled(t *rapid.T, c *auth.Catalogue, d policy.Declaration) *policy.Policy {
	p, err := policy.New(c, d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func neverWider(t *rapid.T, c *auth.Catalogue, before, after policy.Declaration) {
	was, is := compiled(t, c, before), compiled(t, c, after)
	for f := range space {
		if old, new := was.Decide(t.Context(), f), is.Decide(t.Context(), f); wider(new, old) {
			t.Fatalf("was %+v, is %+v for who %+v", old, new, f.Who)
		}
	}
}

func TestAddingARuleNeverWidens(t *testing.T) {
	c := catalogue(t)
	rapid.Check(t, func(t *rapid.T) {
		d := drawn(t)
		more := d
		at := rapid.IntRange(0, len(d.Rules)).Draw(t, "at")
		more.Rules = slices.Insert(slices.Clone(d.Rules), at, drawnRule(t, "added"))
		neverWider(t, c, d, more)
	})
}

func TestRemovingAPermitNeverWidens(t *testing.T) {
	c := catalogue(t)
	rapid.Check(t, func(t *rapid.T) {
		d := drawn(t)
		if len(d.Permits) == 0 {
			return
		}
		less := d
		at := rapid.IntRange(0, len(d.Permits)-1).Draw(t, "at")
		less.Permits = slices.Delete(slices.Clone(d.Permits), at, at+1)
		neverWider(t, c, d, less)
	})
}

func TestRuleOrderIsIrrelevantToTheVerdict(t *testing.T) {
	c := catalogue(t)
	rapid.Check(t, func(t *rapid.T) {
		d := drawn(t)
		other := d
		other.Issuers = rapid.Permutation(d.Issuers).Draw(t, "issuers")
		other.Rules = rapid.Permutation(d.Rules).Draw(t, "rules")
		other.Permits = rapid.Permutation(d.Permits).Draw(t, "permits")
		one, two := compiled(t, c, d), compiled(t, c, other)
		for f := range space {
			a, b := one.Decide(t.Context(), f), two.Decide(t.Context(), f)
			if a.Verdict != b.Verdict || !a.NotAfter.Equal(b.NotAfter) || !sameNeeds(a.Needs, b.Needs) {
				t.Fatalf("%+v and %+v", a, b)
			}
		}
	})
}

func sameNeeds(a, b []auth.Obligation) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(need auth.Obligation) bool {
		return !slices.ContainsFunc(b, func(other auth.Obligation) bool {
			return need.Kind == other.Kind && need.Level == other.Level && need.MaxAge == other.MaxAge && slices.Equal(need.ACR, other.ACR)
		})
	})
}
