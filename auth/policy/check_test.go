package policy_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/mapping"
)

func TestFindings(t *testing.T) {
	permit := func(change func(*policy.Permit)) func(*policy.Declaration) {
		return func(d *policy.Declaration) { change(&d.Permits[0]) }
	}
	who := func(w policy.Who) func(*policy.Declaration) {
		return func(d *policy.Declaration) { d.Permits[0].Who = w }
	}
	rule := func(r policy.Rule) func(*policy.Declaration) {
		return func(d *policy.Declaration) { d.Rules = append(d.Rules, r) }
	}
	for name, test := range map[string]struct {
		change func(*policy.Declaration)
		want   []string // code, path, nearest
	}{
		"nothing wrong":       {func(*policy.Declaration) {}, nil},
		"zero":                {func(d *policy.Declaration) { *d = policy.Declaration{} }, nil},
		"empty name":          {permit(func(p *policy.Permit) { p.Name = "" }), []string{"P101 /permits/0/name "}},
		"name":                {permit(func(p *policy.Permit) { p.Name = "Alice\n" }), []string{"P101 /permits/0/name "}},
		"empty name of rule":  {rule(policy.Rule{Level: 1}), []string{"P101 /rules/0/name "}},
		"permit twice":        {func(d *policy.Declaration) { d.Permits = append(d.Permits, d.Permits[0]) }, []string{"P102 /permits/1/name "}},
		"permit and rule":     {rule(policy.Rule{Name: "alice-reads", Level: 1}), []string{"P102 /rules/0/name "}},
		"nobody":              {who(policy.Who{}), []string{"P103 /permits/0/who "}},
		"everybody":           {who(policy.Who{Issuer: issuer}), []string{"P104 /permits/0/who "}},
		"two ways":            {who(policy.Who{Issuer: issuer, Subject: "a", Claim: "groups", Value: "hr"}), []string{"P104 /permits/0/who "}},
		"claim alone":         {who(policy.Who{Issuer: issuer, Claim: "groups"}), []string{"P104 /permits/0/who "}},
		"value alone":         {who(policy.Who{Issuer: issuer, Value: "hr"}), []string{"P104 /permits/0/who "}},
		"spiffe and issuer":   {who(policy.Who{Issuer: issuer, SPIFFE: "spiffe://acme.example/a"}), []string{"P104 /permits/0/who "}},
		"subject alone":       {who(policy.Who{Subject: "alice"}), []string{"P105 /permits/0/who/issuer "}},
		"issuer":              {who(policy.Who{Issuer: "a b", Subject: "alice"}), []string{"P105 /permits/0/who/issuer "}},
		"subject not UTF-8":   {who(policy.Who{Issuer: issuer, Subject: "\xff"}), []string{"P106 /permits/0/who/subject "}},
		"claim not UTF-8":     {who(policy.Who{Issuer: issuer, Claim: "\xff", Value: "\xff"}), []string{"P106 /permits/0/who/claim ", "P106 /permits/0/who/value "}},
		"spiffe without path": {who(policy.Who{SPIFFE: "spiffe://acme.example"}), []string{"P118 /permits/0/who/spiffe "}},
		"spiffe with dots":    {who(policy.Who{SPIFFE: "spiffe://acme.example/a/.."}), []string{"P118 /permits/0/who/spiffe "}},
		"spiffe wildcard":     {who(policy.Who{SPIFFE: "spiffe://acme.example/*"}), []string{"P118 /permits/0/who/spiffe "}},
		"permit for nothing":  {permit(func(p *policy.Permit) { p.Operations = nil }), []string{"P107 /permits/0/operations "}},
		"unknown operation": {permit(func(p *policy.Permit) { p.Operations = []string{"crm.contact.raed", "nothing"} }),
			[]string{"P108 /permits/0/operations/0 crm.contact.read", "P108 /permits/0/operations/1 "}},
		"system instead of operation": {permit(func(p *policy.Permit) { p.Operations = []string{"crm"} }), []string{"P108 /permits/0/operations/0 "}},
		"operation twice": {permit(func(p *policy.Permit) { p.Operations = []string{"crm.contact.read", "crm.contact.read"} }),
			[]string{"P110 /permits/0/operations/1 "}},
		"end of time": {permit(func(p *policy.Permit) { p.Until = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }), []string{"P119 /permits/0/until "}},
		"before time": {permit(func(p *policy.Permit) { p.Until = time.Unix(0, 0) }), []string{"P119 /permits/0/until "}},
		"level key": {func(d *policy.Declaration) {
			d.Levels = map[string]uint8{"b mfa": 1, "a": 1, "c m f": 1, " mfa": 1, "d ": 1}
		},
			[]string{"P111 /levels/0 ", "P111 /levels/1 ", "P111 /levels/3 ", "P111 /levels/4 "}},
		"rule on nothing":   {rule(policy.Rule{Name: "r", On: []string{}, Level: 1}), []string{"P112 /rules/0/on "}},
		"rule on a typo":    {rule(policy.Rule{Name: "r", On: []string{"epr", "erp"}, Level: 1}), []string{"P113 /rules/0/on/0 erp"}},
		"rule sets nothing": {rule(policy.Rule{Name: "r", On: []string{"erp"}}), []string{"P114 /rules/0 "}},
		"rule twice on one": {rule(policy.Rule{Name: "r", On: []string{"erp", "crm", "erp"}, Level: 1}), []string{"P110 /rules/0/on/2 "}},
		"negative age":      {rule(policy.Rule{Name: "r", MaxAge: -time.Second}), []string{"P115 /rules/0/max_age "}},
		"parts of a second": {rule(policy.Rule{Name: "r", MaxAge: time.Millisecond}), []string{"P115 /rules/0/max_age "}},
		"transport":         {rule(policy.Rule{Name: "r", Transport: "tsl"}), []string{"P116 /rules/0/transport "}},
		"scope":             {rule(policy.Rule{Name: "r", Scopes: []string{"a b", "c", "c"}}), []string{"P117 /rules/0/scopes/0 ", "P110 /rules/0/scopes/2 "}},
		"jurisdiction": {rule(policy.Rule{Name: "r", Residency: []string{"eu", "uss", "atlantis", "eu"}}),
			[]string{"P121 /rules/0/residency/1 us", "P121 /rules/0/residency/2 ", "P110 /rules/0/residency/3 "}},
		"no jurisdiction":       {rule(policy.Rule{Name: "r", Residency: []string{}}), []string{"P121 /rules/0/residency "}},
		"every jurisdiction":    {rule(policy.Rule{Name: "r", Residency: []string{"*"}}), []string{"P109 /rules/0/residency/0 "}},
		"class":                 {rule(policy.Rule{Name: "r", Class: mapping.Sealed}), []string{"P123 /rules/0/class "}},
		"class out of range":    {rule(policy.Rule{Name: "r", Class: 200}), []string{"P123 /rules/0/class "}},
		"all that may cross":    {rule(policy.Rule{Name: "r", Class: mapping.Restricted}), nil},
		"zones of this process": {rule(policy.Rule{Name: "r", Zones: map[string]string{"production": "production"}}), nil},
		"zones": {rule(policy.Rule{Name: "r", Zones: map[string]string{"production": "partner", "lab": "production", "partners": ""}}),
			[]string{"P122 /rules/0/zones/0 ", "P122 /rules/0/zones/1 ", "P122 /rules/0/zones/2 partners"}},
		"no way":    {rule(policy.Rule{Name: "r", Zones: map[string]string{}}), []string{"P122 /rules/0/zones "}},
		"every way": {rule(policy.Rule{Name: "r", Zones: map[string]string{"*": "*"}}), []string{"P109 /rules/0/zones/0 ", "P109 /rules/0/zones/0 "}},
		"issuers": {func(d *policy.Declaration) { d.Issuers = []string{issuer, other, issuer, "a b"} },
			[]string{"P105 /issuers/3 ", "P110 /issuers/2 "}},
		"issuer of a permit": {func(d *policy.Declaration) {
			d.Issuers = []string{issuer, other}
			d.Permits[0].Who.Issuer = "https://login.acme.exampel"
		}, []string{"P120 /permits/0/who/issuer " + issuer}},
		"issuer of a level": {func(d *policy.Declaration) { d.Issuers = []string{issuer} }, []string{"P120 /levels/3 "}},
		"issuer of a workload": {func(d *policy.Declaration) {
			d.Issuers = []string{issuer, other, "spiffe://acme.example"}
			d.Permits[0].Who = policy.Who{SPIFFE: "spiffe://acme.exampel/a"}
		}, []string{"P120 /permits/0/who/spiffe spiffe://acme.example"}},
		"workload of a listed trust domain": {func(d *policy.Declaration) {
			d.Issuers = []string{issuer, other, "spiffe://acme.example"}
			d.Permits[0].Who = policy.Who{SPIFFE: "spiffe://acme.example/a/b"}
		}, nil},
		"nobody's issuer": {func(d *policy.Declaration) { d.Issuers, d.Levels = []string{}, nil }, []string{"P120 /permits/0/who/issuer "}},
		"the service itself is not listed": {func(d *policy.Declaration) {
			d.Issuers, d.Levels, d.Permits[0].Who = []string{}, nil, policy.Who{Issuer: "local", Subject: "self"}
		}, nil},
		"an issuer that is none is nobody's nearest": {func(d *policy.Declaration) {
			d.Issuers = []string{other, "https://login.acme.example\n"}
			d.Levels = nil
		},
			[]string{"P105 /issuers/1 ", "P120 /permits/0/who/issuer "}},
		"everything at once": {func(d *policy.Declaration) { d.Permits[0].Name, d.Rules = "", []policy.Rule{{}} }, []string{"P101 /permits/0/name ", "P101 /rules/0/name ", "P114 /rules/0 "}},
	} {
		t.Run(name, func(t *testing.T) {
			d := declaration()
			test.change(&d)
			p, err := policy.New(catalogue(t), d)
			findings, _ := errors.AsType[mapping.Findings](err)
			var got []string
			for _, f := range findings {
				got = append(got, f.Code+" "+f.Path+" "+f.Nearest)
			}
			if !slices.Equal(got, test.want) || (err == nil) != (p != nil) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFindingsAreBounded(t *testing.T) {
	d := policy.Declaration{Permits: []policy.Permit{alicesPermit()}}
	for i := range 2000 {
		d.Permits[0].Operations = append(d.Permits[0].Operations, fmt.Sprintf("crm.contact.read-%d", i))
	}
	levels := policy.Declaration{Issuers: []string{}, Levels: map[string]uint8{}}
	for i := range 2000 {
		levels.Levels[fmt.Sprintf("%s acr-%d", issuer, i)] = 1
	}
	for name, d := range map[string]policy.Declaration{
		"levels": levels, "operations": d, "permits": {Permits: make([]policy.Permit, 2000)}, "rules": {Rules: make([]policy.Rule, 2000)},
	} {
		_, err := policy.New(catalogue(t), d)
		if findings, _ := errors.AsType[mapping.Findings](err); len(findings) != 1000 {
			t.Errorf("%s: %d findings", name, len(findings))
		}
	}
}

func TestWildcardIsRefused(t *testing.T) {
	for _, wildcard := range []string{"*", "crm.*", "crm.contact.*"} {
		d := declaration(policy.Rule{Name: "r", On: []string{wildcard}, Residency: []string{wildcard}, Zones: map[string]string{wildcard: wildcard}})
		d.Permits[0].Operations = []string{wildcard}
		_, err := policy.New(catalogue(t), d)
		findings, _ := errors.AsType[mapping.Findings](err)
		if len(findings) != 5 || slices.ContainsFunc(findings, func(f mapping.Finding) bool { return f.Code != "P109" }) {
			t.Errorf("%s: %v", wildcard, err)
		}
	}
}

// Two systems that are in no zone are not in one: a way to it has no name.
func TestNoZoneIsNoZone(t *testing.T) {
	c, err := auth.NewCatalogue("acme", auth.System{Name: auth.Self, Zone: "production"}, auth.System{Name: "crm", Origin: "https://crm.example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, zones := range []map[string]string{{"production": ""}, {"": "production"}, {"": ""}} {
		_, err := policy.New(c, policy.Declaration{Rules: []policy.Rule{{Name: "r", Zones: zones}}})
		findings, _ := errors.AsType[mapping.Findings](err)
		if len(findings) == 0 || findings[0].Code != "P122" {
			t.Errorf("%q: %v", zones, err)
		}
	}
}

func TestWithoutCatalogue(t *testing.T) {
	for name, c := range map[string]*auth.Catalogue{"nil": nil, "zero": {}} {
		d := declaration(policy.Rule{Name: "r", On: []string{"anything"}})
		_, err := policy.New(c, d)
		findings, _ := errors.AsType[mapping.Findings](err)
		if len(findings) != 2 || findings[0].Code != "P100" || findings[1].Code != "P114" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFindingsHoldNoContent(t *testing.T) {
	const canary = "CANARY*canary"
	d := policy.Declaration{
		Levels:  map[string]uint8{canary: 1},
		Permits: []policy.Permit{{Name: canary, Who: policy.Who{Issuer: canary + " ", Subject: canary, SPIFFE: canary}, Operations: []string{canary, "x" + canary[:6]}}},
		Rules: []policy.Rule{{Name: canary, On: []string{canary, canary[:6]}, Scopes: []string{canary + " "}, Transport: canary,
			Residency: []string{canary, canary[:6]}, Zones: map[string]string{canary: canary, canary[:6]: canary[:6]}, Class: 99}},
		Issuers: []string{canary + " ", "x"},
	}
	_, err := policy.New(catalogue(t), d)
	if err == nil || strings.Contains(strings.ToLower(err.Error()), "canary") {
		t.Errorf("New = %v", err)
	}
}

func TestPolicyIsImmutable(t *testing.T) {
	d := declaration(policy.Rule{Name: "ceiling", Scopes: []string{"contacts.read"}}, policy.Rule{Name: "strong", On: []string{"crm"}, Level: 2},
		policy.Rule{Name: "way", Residency: []string{"eu", "us"}, Zones: map[string]string{"production": "partners"}})
	d.Issuers = []string{issuer, other}
	p := made(t, d)
	want := p.Decide(t.Context(), facts())
	d.Permits[0].Operations[0], d.Permits[0].Who, d.Rules[0].Scopes[0], d.Rules[1].Level = "erp.payroll.open", policy.Who{}, "none", 9
	d.Issuers[0], d.Rules[2].Residency[0] = other, "cn"
	clear(d.Levels)
	clear(d.Rules[2].Zones)
	if got := p.Decide(t.Context(), facts()); want.Verdict != auth.Allowed || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Whatever is declared is in the hash; positions and the zone of a time are not.
func TestHash(t *testing.T) {
	base := func() policy.Declaration {
		return declaration(policy.Rule{
			Name: "r", On: []string{"crm"}, Level: 1, MaxAge: time.Minute, Scopes: []string{"contacts.read"}, Transport: "tls",
			Residency: []string{"eu"}, Class: mapping.Internal, Zones: map[string]string{"production": "partners"},
		})
	}
	want := made(t, base()).Hash()
	if len(want) != 64 || strings.Trim(want, "0123456789abcdef") != "" {
		t.Errorf("%q is not hexadecimal SHA-256", want)
	}
	for name, change := range map[string]func(*policy.Declaration){
		"positions": func(d *policy.Declaration) { d.Permits[0].At, d.Rules[0].At = "f:1", "f:2" },
		"zone":      func(d *policy.Declaration) { d.Permits[0].Until = d.Permits[0].Until.In(time.FixedZone("", 3600)) },
	} {
		d := base()
		change(&d)
		if got := made(t, d).Hash(); got != want {
			t.Errorf("%s changes the hash", name)
		}
	}
	seen := map[string]string{want: "base"}
	for name, change := range map[string]func(*policy.Declaration){
		"level":      func(d *policy.Declaration) { d.Levels[issuer+" mfa"] = 3 },
		"level key":  func(d *policy.Declaration) { d.Levels[issuer+" mfa2"] = 2 },
		"permit":     func(d *policy.Declaration) { d.Permits = nil },
		"name":       func(d *policy.Declaration) { d.Permits[0].Name = "other" },
		"issuer":     func(d *policy.Declaration) { d.Permits[0].Who.Issuer = other },
		"subject":    func(d *policy.Declaration) { d.Permits[0].Who.Subject = "bob" },
		"claim":      func(d *policy.Declaration) { d.Permits[0].Who = policy.Who{Issuer: issuer, Claim: "c", Value: "alice"} },
		"value":      func(d *policy.Declaration) { d.Permits[0].Who = policy.Who{Issuer: issuer, Claim: "c", Value: "bob"} },
		"spiffe":     func(d *policy.Declaration) { d.Permits[0].Who = policy.Who{SPIFFE: "spiffe://a/b"} },
		"operations": func(d *policy.Declaration) { d.Permits[0].Operations = []string{"erp.payroll.open"} },
		"unattended": func(d *policy.Declaration) { d.Permits[0].Unattended = true },
		"until":      func(d *policy.Declaration) { d.Permits[0].Until = now },
		"no end":     func(d *policy.Declaration) { d.Permits[0].Until = time.Time{} },
		"rule":       func(d *policy.Declaration) { d.Rules = nil },
		"rule name":  func(d *policy.Declaration) { d.Rules[0].Name = "other" },
		"on":         func(d *policy.Declaration) { d.Rules[0].On = nil },
		"rule level": func(d *policy.Declaration) { d.Rules[0].Level = 2 },
		"max age":    func(d *policy.Declaration) { d.Rules[0].MaxAge = time.Hour },
		"scopes":     func(d *policy.Declaration) { d.Rules[0].Scopes = []string{} },
		"any scope":  func(d *policy.Declaration) { d.Rules[0].Scopes = nil },
		"transport":  func(d *policy.Declaration) { d.Rules[0].Transport = "" },
		"residency":  func(d *policy.Declaration) { d.Rules[0].Residency = []string{"us"} },
		"anywhere":   func(d *policy.Declaration) { d.Rules[0].Residency = nil },
		"class":      func(d *policy.Declaration) { d.Rules[0].Class = mapping.Public },
		"any class":  func(d *policy.Declaration) { d.Rules[0].Class = 0 },
		"zones":      func(d *policy.Declaration) { d.Rules[0].Zones = map[string]string{"partners": "production"} },
		"more zones": func(d *policy.Declaration) { d.Rules[0].Zones["partners"] = "production" },
		"any way":    func(d *policy.Declaration) { d.Rules[0].Zones = nil },
		"issuers":    func(d *policy.Declaration) { d.Issuers = []string{issuer, other} },
		"one more":   func(d *policy.Declaration) { d.Issuers = []string{issuer, other, "https://third.example"} },
		"no issuer": func(d *policy.Declaration) {
			d.Issuers, d.Levels, d.Permits = []string{}, nil, nil
		},
		"any issuer":  func(d *policy.Declaration) { d.Levels, d.Permits = nil, nil },
		"second rule": func(d *policy.Declaration) { d.Rules = append(d.Rules, policy.Rule{Name: "s", Level: 1}) },
	} {
		d := base()
		change(&d)
		got := made(t, d).Hash()
		if twin, ok := seen[got]; ok {
			t.Errorf("%s has the hash of %s", name, twin)
		}
		seen[got] = name
	}
}
