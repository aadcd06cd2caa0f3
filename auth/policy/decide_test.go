package policy_test

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/mapping"
)

// ruleKinds has one rule for each condition that a rule can set.
func ruleKinds() map[string]policy.Rule {
	return map[string]policy.Rule{
		"Level":     {Name: "level", Level: 2},
		"MaxAge":    {Name: "max-age", MaxAge: 15 * time.Minute},
		"Scopes":    {Name: "scopes", Scopes: []string{"contacts.read"}},
		"Transport": {Name: "transport", Transport: auth.TransportTLS},
		"Residency": {Name: "residency", Residency: []string{"eu", "us"}},
		"Class":     {Name: "class", Class: mapping.Internal},
		"Zones":     {Name: "zones", Zones: map[string]string{"production": "partners", "partners": "production"}},
	}
}

func TestEveryConditionHasATest(t *testing.T) {
	kinds, notConditions := ruleKinds(), []string{"Name", "On", "At"}
	for field := range reflect.TypeFor[policy.Rule]().Fields() {
		if _, ok := kinds[field.Name]; !ok && !slices.Contains(notConditions, field.Name) {
			t.Errorf("Rule.%s has no entry in ruleKinds", field.Name)
		}
	}
}

// A fact that is new in Facts or Identity fails here until somebody says who needs it.
func TestMissingFactDenies(t *testing.T) {
	every, none := slices.Sorted(func(yield func(string) bool) {
		for kind := range ruleKinds() {
			if !yield(kind) {
				return
			}
		}
	}), []string(nil)
	neededBy := map[string][]string{ // fact: the conditions that need it
		"Facts.Tenant": every, "Facts.Who": every, "Facts.System": every, "Facts.Operation": every, "Facts.At": every,
		"Facts.Transport": {"Transport"},
		"Facts.From":      {"Residency", "Zones"},
		"Facts.Data":      {"Class"},
		"Facts.Self":      none, // authority of its own it never gives
		"Facts.Errand":    none, // only adds requirements
		"Identity.Issuer": every, "Identity.Subject": every,
		"Identity.Assurance": {"Level", "MaxAge"},
		"Identity.Tenant":    none, // empty: the gate's own
		"Identity.Scopes":    none, // a token without scopes has none outside a ceiling
		"Identity.Claims":    none, // the permit here needs none; TestWho
		"Identity.Actors":    none, // the Gate asks
		"Identity.Expires":   none, // the Gate asks
		"Identity.Issued":    none, // MaxAge is about the login, not about the token
	}
	missing := func(of string, typ reflect.Type, pick func(*auth.Facts) reflect.Value) {
		for i := range typ.NumField() {
			fact := of + "." + typ.Field(i).Name
			needs, ok := neededBy[fact]
			if !ok {
				t.Errorf("%s has no entry: which conditions need it?", fact)
			}
			for kind, rule := range ruleKinds() {
				f := facts()
				p := made(t, declaration(rule))
				if got := p.Decide(t.Context(), f); got.Verdict != auth.Allowed {
					t.Fatalf("%s with all facts: %+v", kind, got)
				}
				pick(&f).Field(i).SetZero()
				if got := p.Decide(t.Context(), f).Verdict; (got != auth.Allowed) != slices.Contains(needs, kind) {
					t.Errorf("rule %s without %s: %v", kind, fact, got)
				}
			}
		}
	}
	missing("Facts", reflect.TypeFor[auth.Facts](), func(f *auth.Facts) reflect.Value { return reflect.ValueOf(f).Elem() })
	missing("Identity", reflect.TypeFor[auth.Identity](), func(f *auth.Facts) reflect.Value { return reflect.ValueOf(f.Who).Elem() })
}

func TestZeroFactsAndZeroPoliciesDeny(t *testing.T) {
	for name, p := range map[string]*policy.Policy{"nil": nil, "zero": {}} {
		if got := p.Decide(t.Context(), facts()); !reflect.DeepEqual(got, auth.Decision{}) || p.Hash() != "" || p.Entitlements() != nil {
			t.Errorf("%s policy: %+v", name, got)
		}
		if got := p.Decide(t.Context(), auth.Facts{}); got.Verdict != auth.Denied {
			t.Errorf("%s policy, zero facts: %+v", name, got)
		}
	}
	if got := decide(t, declaration(), auth.Facts{}); got.Verdict != auth.Denied {
		t.Errorf("zero facts: %+v", got)
	}
}

func TestEndedContextDenies(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := made(t, declaration()).Decide(ctx, facts()); !reflect.DeepEqual(got, auth.Decision{}) {
		t.Errorf("got %+v", got)
	}
}

// space is every combination of the facts that policies tell apart.
func space(yield func(auth.Facts) bool) {
	for _, who := range whos() {
		for _, system := range systems() {
			for i := range system.Operations {
				for _, errand := range errands() {
					for _, transport := range []string{"", auth.TransportTLS} {
						for n, from := range froms() {
							f := auth.Facts{
								Tenant: "acme", Who: who, Self: errand != nil, System: &system, Operation: &system.Operations[i],
								Errand: errand, Transport: transport, At: now, From: from, Data: labels()[n%3],
							}
							if !yield(f) {
								return
							}
						}
					}
				}
			}
		}
	}
}

// froms are where this process could be declared to be: nowhere among others.
func froms() []*auth.System {
	moved, bare := self(), self()
	moved.Zone, moved.Jurisdictions = "partners", []string{"eu", "us"}
	bare.Zone, bare.Jurisdictions = "", nil
	return []*auth.System{nil, bare, self(), self(), moved}
}

func labels() []*mapping.Label {
	return []*mapping.Label{{Class: mapping.Internal}, nil, {Class: mapping.Confidential}}
}

func whos() []*auth.Identity {
	all := []*auth.Identity{nil}
	for _, iss := range []string{issuer, other} {
		for _, acr := range []string{"", "pwd", "mfa", "gold"} {
			for _, age := range []time.Duration{-time.Hour, time.Minute, time.Hour} {
				who := alice()
				who.Issuer, who.Assurance.ACR, who.Assurance.AuthTime = iss, acr, now.Add(-age)
				all = append(all, who)
			}
		}
	}
	stranger := alice()
	stranger.Subject, stranger.Claims, stranger.Scopes = "mallory", nil, []string{"contacts.read", "admin"}
	return append(all, stranger)
}

func errands() []*auth.Errand {
	return []*auth.Errand{
		nil, {Phase: audit.PhaseDo},
		{Phase: audit.PhaseDo, For: &auth.Identity{Issuer: issuer, Subject: "bob"}},
		{Phase: audit.PhaseUndo, For: &auth.Identity{Issuer: issuer, Subject: "bob"}},
	}
}

func TestEmptyPolicyDeniesTheWholeSpace(t *testing.T) {
	empty := made(t, policy.Declaration{})
	restricted := made(t, policy.Declaration{Rules: []policy.Rule{{Name: "tls", Transport: "tls"}}})
	points := 0
	for f := range space {
		points++
		for _, p := range []*policy.Policy{empty, restricted} {
			if got := p.Decide(t.Context(), f); got.Verdict != auth.Denied {
				t.Fatalf("%+v: %+v", f, got)
			}
		}
	}
	if points < 500 {
		t.Errorf("the space has only %d points", points)
	}
}

func TestAllowed(t *testing.T) {
	rules := slices.Collect(func(yield func(policy.Rule) bool) {
		for _, rule := range ruleKinds() {
			if !yield(rule) {
				return
			}
		}
	})
	got := decide(t, declaration(rules...), facts())
	want := auth.Decision{Verdict: auth.Allowed, Rule: "alice-reads", RuleAt: "boundary.jsonc:20", Level: 2, NotAfter: now.Add(time.Hour)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRules(t *testing.T) {
	assurance := func(level uint8, age time.Duration, acr ...string) []auth.Obligation {
		return []auth.Obligation{{Kind: auth.NeedAssurance, Level: level, MaxAge: age, ACR: acr}}
	}
	const minutes = 15 * time.Minute
	recent, mfa := policy.Rule{Name: "recent", MaxAge: minutes, At: "b.jsonc:9"}, policy.Rule{Name: "mfa", Level: 2}
	for _, test := range []struct {
		name   string
		change func(*auth.Facts)
		rules  []policy.Rule
		want   auth.Decision
	}{
		{"acr absent", func(f *auth.Facts) { f.Who.Assurance.ACR = "" }, []policy.Rule{mfa},
			auth.Decision{Verdict: auth.Needs, Rule: "mfa", Needs: assurance(2, 0, "hardware", "mfa")}},
		{"acr too weak", func(f *auth.Facts) { f.Who.Assurance.ACR = "pwd" }, []policy.Rule{mfa},
			auth.Decision{Verdict: auth.Needs, Rule: "mfa", Level: 1, Needs: assurance(2, 0, "hardware", "mfa")}},
		{"a stronger login must be a fresh one too", func(f *auth.Facts) { f.Who.Assurance.ACR = "pwd" }, []policy.Rule{mfa, recent},
			auth.Decision{Verdict: auth.Needs, Rule: "mfa", Level: 1, Needs: assurance(2, minutes, "hardware", "mfa")}},
		{"acr of another issuer", func(f *auth.Facts) { f.Who.Assurance.ACR = "gold" }, []policy.Rule{mfa},
			auth.Decision{Verdict: auth.Needs, Rule: "mfa", Needs: assurance(2, 0, "hardware", "mfa")}},
		{"level that no acr of the issuer proves", func(*auth.Facts) {}, []policy.Rule{{Name: "four", Level: 4}},
			auth.Decision{Rule: "four", Level: 2}},
		{"auth_time absent", func(f *auth.Facts) { f.Who.Assurance.AuthTime = time.Time{} }, []policy.Rule{recent},
			auth.Decision{Verdict: auth.Needs, Rule: "recent", RuleAt: "b.jsonc:9", Level: 2, Needs: assurance(0, minutes)}},
		{"auth_time absent where the clock has not been set", func(f *auth.Facts) { f.Who.Assurance.AuthTime, f.At = time.Time{}, time.Time{}.Add(time.Minute) },
			[]policy.Rule{recent}, auth.Decision{Verdict: auth.Needs, Rule: "recent", RuleAt: "b.jsonc:9", Level: 2, Needs: assurance(0, minutes)}},
		{"auth_time too long ago", func(f *auth.Facts) { f.Who.Assurance.AuthTime = now.Add(-minutes - 1) }, []policy.Rule{recent},
			auth.Decision{Verdict: auth.Needs, Rule: "recent", RuleAt: "b.jsonc:9", Level: 2, Needs: assurance(0, minutes)}},
		{"auth_time in the future", func(f *auth.Facts) { f.Who.Assurance.AuthTime = now.Add(61 * time.Second) }, []policy.Rule{recent},
			auth.Decision{Verdict: auth.Needs, Rule: "recent", RuleAt: "b.jsonc:9", Level: 2, Needs: assurance(0, minutes)}},
		{"auth_time within the skew", func(f *auth.Facts) { f.Who.Assurance.AuthTime = now.Add(time.Minute) }, []policy.Rule{recent},
			auth.Decision{Verdict: auth.Allowed, Rule: "alice-reads", RuleAt: "boundary.jsonc:20", Level: 2, NotAfter: now.Add(time.Hour)}},
		{"obligations are joined", func(f *auth.Facts) { f.Who.Assurance = audit.Assurance{} },
			[]policy.Rule{mfa, recent, {Name: "three", Level: 3}, {Name: "hour", MaxAge: time.Hour}},
			auth.Decision{Verdict: auth.Needs, Rule: "mfa", Needs: assurance(3, minutes, "hardware")}},
		{"token beyond the ceiling", func(f *auth.Facts) { f.Who.Scopes = []string{"contacts.read", "admin"} },
			[]policy.Rule{{Name: "ceiling", Scopes: []string{"contacts.read"}}}, auth.Decision{Rule: "ceiling", Level: 2}},
		{"operation beyond the ceiling", func(f *auth.Facts) { f.Who.Scopes = nil },
			[]policy.Rule{{Name: "ceiling", Scopes: []string{"other"}}}, auth.Decision{Rule: "ceiling", Level: 2}},
		{"no scope at all", func(f *auth.Facts) { f.Who.Scopes = nil },
			[]policy.Rule{{Name: "ceiling", Scopes: []string{}}}, auth.Decision{Rule: "ceiling", Level: 2}},
		{"plain transport", func(f *auth.Facts) { f.Transport = "" },
			[]policy.Rule{{Name: "encrypted", Transport: "tls"}}, auth.Decision{Rule: "encrypted", Level: 2}},
		{"what nothing cures is named before what a login cures", func(f *auth.Facts) { f.Who.Assurance, f.Transport = audit.Assurance{}, "" },
			[]policy.Rule{mfa, {Name: "encrypted", Transport: "tls"}}, auth.Decision{Rule: "encrypted"}},
		{"other operation", func(f *auth.Facts) { f.Who.Assurance = audit.Assurance{} },
			[]policy.Rule{{Name: "mfa", On: []string{"crm.contact.push"}, Level: 2}, {Name: "erp", On: []string{"erp"}, Level: 2}},
			auth.Decision{Verdict: auth.Allowed, Rule: "alice-reads", RuleAt: "boundary.jsonc:20", NotAfter: now.Add(time.Hour)}},
		{"this operation", func(f *auth.Facts) { f.Who.Assurance = audit.Assurance{} },
			[]policy.Rule{{Name: "mfa", On: []string{"crm.contact.read"}, Level: 2}},
			auth.Decision{Verdict: auth.Needs, Rule: "mfa", Needs: assurance(2, 0, "hardware", "mfa")}},
		{"this system", func(f *auth.Facts) { f.Who.Assurance = audit.Assurance{} },
			[]policy.Rule{{Name: "mfa", On: []string{"crm"}, Level: 2}},
			auth.Decision{Verdict: auth.Needs, Rule: "mfa", Needs: assurance(2, 0, "hardware", "mfa")}},
		{"another tenant", func(f *auth.Facts) { f.Tenant = "globex" }, nil, auth.Decision{}},
		{"somebody of another tenant", func(f *auth.Facts) { f.Who.Tenant = "globex" }, nil, auth.Decision{}},
		{"operation of another system", func(f *auth.Facts) { f.System = &auth.System{Name: "erp"} }, nil, auth.Decision{}},
		{"operation of no catalogue", func(f *auth.Facts) { f.Operation = &auth.Operation{Name: "crm.contact.drop"} }, nil, auth.Decision{}},
		{"operation without permit", func(f *auth.Facts) { f.Operation = &systems()[0].Operations[1] }, nil, auth.Decision{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := facts()
			test.change(&f)
			if got := decide(t, declaration(test.rules...), f); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// What the catalogue says, no login cures: whoever asks, and before anybody does, a
// rule about it denies.
func TestRulesAboutDeclarations(t *testing.T) {
	residency := func(in ...string) policy.Rule { return policy.Rule{Name: "r", Residency: in} }
	zones := func(ways map[string]string) policy.Rule { return policy.Rule{Name: "r", Zones: ways} }
	system := func(change func(self, crm *auth.System)) func(*auth.Facts) {
		return func(f *auth.Facts) { change(f.From, f.System) }
	}
	data := func(class mapping.Class) func(*auth.Facts) {
		return func(f *auth.Facts) { f.Data = &mapping.Label{Class: class} }
	}
	out, through := map[string]string{"production": "partners"}, map[string]string{"production": "partners", "partners": "production"}
	for _, test := range []struct {
		name   string
		rule   policy.Rule
		change func(*auth.Facts)
		want   auth.Verdict
	}{
		{"both within", residency("us", "eu"), nil, auth.Allowed},
		{"system outside", residency("eu"), nil, auth.Denied},
		{"process outside", residency("us"), nil, auth.Denied},
		{"system partly outside", residency("eu", "us"), system(func(_, crm *auth.System) { crm.Jurisdictions = []string{"us", "cn"} }), auth.Denied},
		{"process partly outside", residency("eu", "us"), system(func(self, _ *auth.System) { self.Jurisdictions = []string{"cn", "eu"} }), auth.Denied},
		{"system nowhere", residency("eu", "us"), system(func(_, crm *auth.System) { crm.Jurisdictions = nil }), auth.Denied},
		{"process nowhere", residency("eu", "us"), system(func(self, _ *auth.System) { self.Jurisdictions = []string{} }), auth.Denied},
		{"process undeclared", residency("eu", "us"), func(f *auth.Facts) { f.From = nil }, auth.Denied},
		{"everywhere is not somewhere", residency("eu", "us"), system(func(_, crm *auth.System) { crm.Jurisdictions = []string{"*"} }), auth.Denied},

		{"class below", policy.Rule{Name: "r", Class: mapping.Confidential}, nil, auth.Allowed},
		{"class equal", policy.Rule{Name: "r", Class: mapping.Internal}, nil, auth.Allowed},
		{"class above", policy.Rule{Name: "r", Class: mapping.Public}, nil, auth.Denied},
		{"no data at all", policy.Rule{Name: "r", Class: mapping.Public}, data(mapping.Public), auth.Allowed},
		{"opaque", policy.Rule{Name: "r", Class: mapping.Restricted}, func(f *auth.Facts) { f.Data = nil }, auth.Denied},
		{"unlabelled", policy.Rule{Name: "r", Class: mapping.Restricted}, data(mapping.Unlabelled), auth.Denied},
		{"sealed", policy.Rule{Name: "r", Class: mapping.Restricted}, data(mapping.Sealed), auth.Denied},
		{"a class to come", policy.Rule{Name: "r", Class: mapping.Restricted}, data(200), auth.Denied},

		{"way", zones(out), nil, auth.Allowed},
		{"way among others", zones(through), nil, auth.Allowed},
		{"way back", zones(map[string]string{"partners": "production"}), nil, auth.Denied},
		{"way elsewhere", zones(map[string]string{"production": "production"}), nil, auth.Denied},
		{"within one zone", zones(out), system(func(_, crm *auth.System) { crm.Zone = "production" }), auth.Denied},
		{"system in no zone", zones(out), system(func(_, crm *auth.System) { crm.Zone = "" }), auth.Denied},
		{"process in no zone", zones(out), system(func(self, _ *auth.System) { self.Zone = "" }), auth.Denied},
		{"both in no zone", zones(out), system(func(self, crm *auth.System) { self.Zone, crm.Zone = "", "" }), auth.Denied},
		{"unknown zone to a system in none", zones(out), system(func(self, crm *auth.System) { self.Zone, crm.Zone = "test", "" }), auth.Denied},
		{"process undeclared, zones", zones(out), func(f *auth.Facts) { f.From = nil }, auth.Denied},

		{"about another system", policy.Rule{Name: "r", On: []string{"erp"}, Residency: []string{"eu"}, Class: mapping.Public, Zones: map[string]string{"partners": "partners"}}, nil, auth.Allowed},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := facts()
			if test.change != nil {
				test.change(&f)
			}
			got := decide(t, declaration(test.rule), f)
			if got.Verdict != test.want || test.want == auth.Denied && got.Rule != "r" {
				t.Errorf("got %+v", got)
			}
			f.Who, f.Errand, f.Self = nil, nil, false
			want := auth.Needs
			if test.want == auth.Denied {
				want = auth.Denied
			}
			if plan := decide(t, declaration(test.rule), f); plan.Verdict != want || want == auth.Denied && plan.Rule != "r" {
				t.Errorf("planned %+v", plan)
			}
		})
	}
}

// What proves level 2 at one issuer proves nothing at another.
func TestLevelsAreScopedByIssuer(t *testing.T) {
	d := declaration(policy.Rule{Name: "mfa", Level: 2})
	d.Permits = append(d.Permits, policy.Permit{
		Name: "partner", Who: policy.Who{Issuer: other, Subject: "alice"}, Operations: []string{"crm.contact.read"},
	})
	for said, want := range map[[2]string]auth.Verdict{
		{issuer, "mfa"}: auth.Allowed, {other, "gold"}: auth.Allowed, {issuer, "gold"}: auth.Needs, {other, "mfa"}: auth.Needs,
		{issuer, "MFA"}: auth.Needs, {issuer, " mfa"}: auth.Needs,
	} {
		f := facts()
		f.Who.Issuer, f.Who.Assurance.ACR = said[0], said[1]
		if got := decide(t, d, f).Verdict; got != want {
			t.Errorf("%v: got %v, want %v", said, got, want)
		}
	}
}

// An assurance that the caller writes into the identity beside acr counts for nothing.
func TestClaimedLevelCountsForNothing(t *testing.T) {
	f := facts()
	f.Who.Assurance = audit.Assurance{Level: 9, AMR: []string{"mfa", "hwk"}}
	got := decide(t, declaration(policy.Rule{Name: "mfa", Level: 2}), f)
	if got.Verdict != auth.Needs || got.Level != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestPlanSaysWhatIsNeeded(t *testing.T) {
	f := facts()
	f.Who, f.Errand, f.Self, f.Transport = nil, nil, false, ""
	d := declaration(policy.Rule{Name: "encrypted", Transport: "tls"}, policy.Rule{Name: "strong", Level: 2, MaxAge: time.Minute}, policy.Rule{Name: "tls-too", Transport: "tls"})
	want := auth.Decision{Verdict: auth.Needs, Rule: "encrypted", Needs: []auth.Obligation{
		{Kind: auth.NeedIdentity}, {Kind: auth.NeedTransport}, {Kind: auth.NeedAssurance, Level: 2, MaxAge: time.Minute},
	}}
	if got := decide(t, d, f); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	d.Permits[0].Until = now
	if got := decide(t, d, f); got.Verdict != auth.Denied {
		t.Errorf("nobody can have it, and the plan says %+v", got)
	}
}

// Plan and run are one evaluator: whatever somebody is allowed, the plan does not
// deny, and what the plan denies, nobody is allowed.
func TestPlanIsRun(t *testing.T) {
	d := declaration(
		policy.Rule{Name: "mfa", Level: 2}, policy.Rule{Name: "recent", MaxAge: 15 * time.Minute},
		policy.Rule{Name: "tls", On: []string{"erp"}, Transport: "tls"}, policy.Rule{Name: "ceiling", Scopes: []string{"contacts.read"}},
		policy.Rule{Name: "here", On: []string{"erp"}, Residency: []string{"eu"}, Zones: map[string]string{"production": "production"}},
		policy.Rule{Name: "harmless", On: []string{"crm"}, Class: mapping.Internal},
	)
	d.Permits[0].Operations = []string{"crm.contact.read", "erp.payroll.open"}
	p := made(t, d)
	verdicts := map[auth.Verdict]int{}
	for f := range space {
		run := p.Decide(t.Context(), f)
		planned := f
		planned.Who, planned.Errand, planned.Self = nil, nil, false
		plan := p.Decide(t.Context(), planned)
		verdicts[run.Verdict]++
		if plan.Verdict == auth.Allowed {
			t.Fatalf("the plan allows nobody in particular: %+v", plan)
		}
		if run.Verdict != auth.Denied && plan.Verdict == auth.Denied {
			t.Fatalf("planned %+v, run %+v for %+v", plan, run, f)
		}
	}
	if verdicts[auth.Allowed] == 0 || verdicts[auth.Needs] == 0 || verdicts[auth.Denied] == 0 {
		t.Errorf("verdicts are one-sided: %v", verdicts)
	}
}
