package auth_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping"
)

func TestNewGateRefuses(t *testing.T) {
	log, b := authtest.Log(t), bounded(t, decider(allow), crm())
	closed := authtest.Log(t)
	if err := closed.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		log       *audit.Log
		boundary  *auth.Boundary
		verifiers auth.Verifiers
		want      error
	}{
		"nil log":        {nil, b, nil, auth.ErrInvalid},
		"zero log":       {&audit.Log{}, b, nil, auth.ErrInvalid},
		"nil boundary":   {log, nil, nil, auth.ErrInvalid},
		"zero boundary":  {log, &auth.Boundary{}, nil, auth.ErrInvalid},
		"nil verifier":   {log, b, auth.Verifiers{auth.SchemeBearer: nil}, auth.ErrInvalid},
		"no scheme":      {log, b, auth.Verifiers{auth.SchemeNone: authtest.As(alice)}, auth.ErrInvalid},
		"log was closed": {closed, b, nil, auth.ErrUnavailable},
	} {
		if g, err := auth.NewGate(t.Context(), c.log, c.boundary, c.verifiers, nil); !errors.Is(err, c.want) || g != nil {
			t.Errorf("%s: NewGate = %v, want %v", name, err, c.want)
		}
	}
}

func TestNewBoundaryRefuses(t *testing.T) {
	c, err := auth.NewCatalogue("acme")
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() (*auth.Boundary, error){
		"nil catalogue":  func() (*auth.Boundary, error) { return auth.NewBoundary(nil, decider(allow), nil) },
		"zero catalogue": func() (*auth.Boundary, error) { return auth.NewBoundary(&auth.Catalogue{}, decider(allow), nil) },
		"nil decider":    func() (*auth.Boundary, error) { return auth.NewBoundary(c, nil, nil) },
		"zero policy":    func() (*auth.Boundary, error) { return auth.NewBoundary(c, unhashed{}, nil) },
	} {
		if b, err := try(); !errors.Is(err, auth.ErrInvalid) || b.Hash() != "" || b.Catalogue() != nil {
			t.Errorf("%s: NewBoundary = %v", name, err)
		}
	}
}

// TestZeroValuesRefuse holds that nothing that nobody made opens anything, and that
// none of it panics.
func TestZeroValuesRefuse(t *testing.T) {
	ctx := t.Context()
	g := gate(t, decider(allow), crm())
	for name, zero := range map[string]*auth.Gate{"nil": nil, "zero": {}} {
		if _, err := zero.Admit(ctx, auth.Bearer("t")); !errors.Is(err, auth.ErrForeign) {
			t.Errorf("%s gate: Admit = %v", name, err)
		}
		if _, err := zero.AdmitSelf(ctx); !errors.Is(err, auth.ErrForeign) {
			t.Errorf("%s gate: AdmitSelf = %v", name, err)
		}
		if _, err := zero.Authorize(ctx, admit(t, g), "crm.contact.read"); !errors.Is(err, auth.ErrForeign) {
			t.Errorf("%s gate: Authorize = %v", name, err)
		}
		if d := zero.Explain(ctx, admit(t, g), "crm.contact.read"); d.Verdict != auth.Denied {
			t.Errorf("%s gate: Explain = %v", name, d)
		}
		if d := zero.Plan(ctx, "crm.contact.read"); d.Verdict != auth.Denied {
			t.Errorf("%s gate: Plan = %v", name, d)
		}
		if err := zero.Freeze(ctx); !errors.Is(err, auth.ErrForeign) || zero.Log() != nil {
			t.Errorf("%s gate: Freeze = %v", name, err)
		}
		if _, err := auth.NewBroker(zero, nil, nil); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s gate: NewBroker = %v", name, err)
		}
	}
	for name, zero := range map[string]*auth.Broker{"nil": nil, "zero": {}} {
		grant := authorize(t, g, "crm.contact.read")
		if _, err := zero.Do(ctx, grant, mapping.Document{}); !errors.Is(err, auth.ErrForeign) {
			t.Errorf("%s broker: Do = %v", name, err)
		}
		if _, err := zero.Client(grant).Get("https://crm.example/contacts/1"); !errors.Is(err, auth.ErrForeign) {
			t.Errorf("%s broker: Client = %v", name, err)
		}
		if err := zero.Close(ctx); err != nil {
			t.Errorf("%s broker: Close = %v", name, err)
		}
	}
	var grant auth.Grant
	if !errors.Is(grant.Live(), auth.ErrForeign) || !errors.Is(grant.Opens(g.Log(), "crm/api"), auth.ErrForeign) {
		t.Error("the zero grant opens something")
	}
	if grant.ID() != "" || !grant.StartBy().IsZero() || !grant.NotAfter().IsZero() || grant.System().Name != "" ||
		grant.Operation().Name != "" || grant.Identity().Subject != "" || grant.Event("x").Grant != "" {
		t.Error("the zero grant says something")
	}
	var principal auth.Principal
	if _, err := g.Authorize(ctx, principal.On(auth.Errand{Run: "r"}), "crm.contact.read"); !errors.Is(err, auth.ErrForeign) {
		t.Errorf("the zero principal: %v", err)
	}
	if principal.Identity().Subject != "" {
		t.Error("the zero principal is somebody")
	}
	if (&auth.Catalogue{}).Tenant() != "" || (*auth.Catalogue)(nil).Systems() != nil || (*auth.Catalogue)(nil).Tenant() != "" {
		t.Error("the zero catalogue has something")
	}
	if (auth.Decision{}).Verdict != auth.Denied || (auth.System{}).Operations != nil {
		t.Error("the zero decision does not deny")
	}
}

func TestAdmitRefuses(t *testing.T) {
	hour := time.Now().Add(time.Hour)
	panicking := verifier(func(context.Context, auth.Presented) (auth.Identity, error) { panic(canary) })
	talking := verifier(func(context.Context, auth.Presented) (auth.Identity, error) {
		return auth.Identity{}, errors.New(canary)
	})
	for name, c := range map[string]struct {
		verifier  auth.Verifier
		presented auth.Presented
		want      error
	}{
		"nothing":         {authtest.As(alice), auth.Presented{}, auth.ErrInvalid},
		"empty token":     {authtest.As(alice), auth.Bearer(""), auth.ErrInvalid},
		"other scheme":    {authtest.As(alice), auth.Presented{Scheme: 7, Secret: auth.NewSecret([]byte("t"))}, auth.ErrInvalid},
		"no issuer":       {authtest.As(auth.Identity{Subject: "a", Expires: hour}), auth.Bearer("t"), auth.ErrInvalid},
		"no subject":      {authtest.As(auth.Identity{Issuer: "https://i", Expires: hour}), auth.Bearer("t"), auth.ErrInvalid},
		"the local self":  {authtest.As(auth.Identity{Issuer: "local", Subject: "self"}), auth.Bearer("t"), auth.ErrInvalid},
		"another tenant":  {authtest.As(auth.Identity{Tenant: "other", Issuer: "https://i", Subject: "a"}), auth.Bearer("t"), auth.ErrForeign},
		"expired":         {authtest.As(auth.Identity{Issuer: "https://i", Subject: "a", Expires: time.Now().Add(-time.Second)}), auth.Bearer("t"), auth.ErrExpired},
		"never ends":      {verifier(func(context.Context, auth.Presented) (auth.Identity, error) { return alice, nil }), auth.Bearer("t"), auth.ErrExpired},
		"verifier panics": {panicking, auth.Bearer("t"), auth.ErrUnavailable},
		"verifier talks":  {talking, auth.Bearer("t"), auth.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			g := authtest.Gate(t, bounded(t, decider(allow), crm()), auth.Verifiers{auth.SchemeBearer: c.verifier})
			p, err := g.Admit(t.Context(), c.presented)
			if !errors.Is(err, c.want) || p.Identity().Subject != "" {
				t.Errorf("Admit = %v, want %v", err, c.want)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error talks: %v", err)
			}
		})
	}
}

type verifier func(context.Context, auth.Presented) (auth.Identity, error)

func (v verifier) Verify(ctx context.Context, p auth.Presented) (auth.Identity, error) {
	return v(ctx, p)
}

func TestAdmitEndsWithContext(t *testing.T) {
	g := authtest.Gate(t, bounded(t, decider(allow), crm()), auth.Verifiers{auth.SchemeBearer: verifier(
		func(ctx context.Context, _ auth.Presented) (auth.Identity, error) {
			<-ctx.Done()
			id := alice
			id.Expires = time.Now().Add(time.Hour)
			return id, nil // too late to count
		})})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := g.Admit(ctx, auth.Bearer("t")); !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Admit = %v", err)
	}
}

// TestAdmitSelf: the service itself needs no Verifier, has the lowest assurance, and
// is told apart from everybody who comes from outside.
func TestAdmitSelf(t *testing.T) {
	var asked auth.Facts
	g := authtest.Gate(t, bounded(t, decider(func(_ context.Context, f auth.Facts) auth.Decision {
		asked = f
		return auth.Decision{Verdict: auth.Allowed}
	}), crm()), nil)
	self, err := g.AdmitSelf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Authorize(t.Context(), self, "crm.contact.read"); err != nil {
		t.Fatal(err)
	}
	if !asked.Self || asked.Who.Issuer != "local" || asked.Who.Subject != "self" || asked.Who.Assurance.Level != 0 || asked.Who.Tenant != "acme" {
		t.Errorf("policy was asked about %+v", asked.Who)
	}
	if _, err := g.Admit(t.Context(), auth.Bearer("t")); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("nil verifiers admit: %v", err)
	}
}

type unhashed struct{ decider }

func (unhashed) Hash() string { return "" }

type presenter func(context.Context) (auth.Presented, error)

func (p presenter) Present(ctx context.Context) (auth.Presented, error) { return p(ctx) }

func TestAdmitSelfByPresenter(t *testing.T) {
	workload := auth.Identity{Issuer: "https://kubernetes.example", Subject: "system:serviceaccount:hr:sync"}
	for name, c := range map[string]struct {
		id   auth.Identity
		err  error
		want error
	}{
		"verified":    {workload, nil, nil},
		"local":       {auth.Identity{Issuer: "local", Subject: "self"}, nil, auth.ErrInvalid},
		"cannot":      {workload, auth.ErrUnavailable, auth.ErrUnavailable},
		"talks":       {workload, errors.New(canary), auth.ErrUnavailable},
		"not a token": {auth.Identity{}, nil, auth.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			self := presenter(func(context.Context) (auth.Presented, error) { return auth.Bearer("t"), c.err })
			g, err := auth.NewGate(t.Context(), authtest.Log(t), bounded(t, decider(allow), crm()),
				auth.Verifiers{auth.SchemeBearer: authtest.As(c.id)}, &auth.GateOptions{Self: self})
			if err != nil {
				t.Fatal(err)
			}
			p, err := g.AdmitSelf(t.Context())
			if !errors.Is(err, c.want) || (err == nil && p.Identity().Subject != workload.Subject) {
				t.Errorf("AdmitSelf = %v, want %v", err, c.want)
			}
		})
	}
}

// TestGrantCarriesItsEnd: the earliest of identity, ceiling and permit ends a grant.
func TestGrantCarriesItsEnd(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		identity, permit time.Duration
		ceiling          time.Duration
		want             time.Duration
	}{
		"ceiling":         {time.Hour, 0, 5 * time.Minute, 5 * time.Minute},
		"default ceiling": {time.Hour, 0, 0, 15 * time.Minute},
		"identity":        {time.Minute, 0, 0, time.Minute},
		"permit":          {time.Hour, 2 * time.Minute, 0, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s, id := crm(), alice
			s.Ceiling, id.Expires = c.ceiling, now.Add(c.identity)
			permit := auth.Decision{Verdict: auth.Allowed}
			if c.permit > 0 {
				permit.NotAfter = now.Add(c.permit)
			}
			g := authtest.Gate(t, bounded(t, decider(func(context.Context, auth.Facts) auth.Decision { return permit }), s),
				auth.Verifiers{auth.SchemeBearer: authtest.As(id)})
			grant := authtest.Grant(t, g, "crm.contact.read")
			if got := grant.NotAfter().Sub(now); got < c.want-time.Second || got > c.want+10*time.Second {
				t.Errorf("ends after %v, want %v", got, c.want)
			}
			if wait := grant.StartBy().Sub(now); wait > 40*time.Second || grant.StartBy().After(grant.NotAfter()) {
				t.Errorf("may begin for %v", wait)
			}
		})
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	g, other := gate(t, decider(allow), crm()), gate(t, decider(allow), crm())
	alice := admit(t, g)
	for name, c := range map[string]struct {
		who       auth.Principal
		operation string
		want      error
	}{
		"nobody":                  {auth.Principal{}, "crm.contact.read", auth.ErrForeign},
		"another gate's":          {admit(t, other), "crm.contact.read", auth.ErrForeign},
		"undeclared":              {alice, "crm.contact.delete", auth.ErrUndeclared},
		"empty":                   {alice, "", auth.ErrUndeclared},
		"a system":                {alice, "crm", auth.ErrUndeclared},
		"run is no name":          {alice.On(auth.Errand{Run: "Run 1"}), "crm.contact.read", auth.ErrInvalid},
		"step with a line break":  {alice.On(auth.Errand{Step: "a\nb"}), "crm.contact.read", auth.ErrInvalid},
		"workflow is no hash":     {alice.On(auth.Errand{Workflow: "hire"}), "crm.contact.read", auth.ErrInvalid},
		"phase is none":           {alice.On(auth.Errand{Phase: 99}), "crm.contact.read", auth.ErrInvalid},
		"negative attempt":        {alice.On(auth.Errand{Attempt: -1}), "crm.contact.read", auth.ErrInvalid},
		"in somebody else's name": {alice.On(auth.Errand{For: &auth.Identity{Issuer: "https://i", Subject: "bob"}}), "crm.contact.read", auth.ErrInvalid},
	} {
		if grant, err := g.Authorize(t.Context(), c.who, c.operation); !errors.Is(err, c.want) || grant.ID() != "" {
			t.Errorf("%s: Authorize = %v, want %v", name, err, c.want)
		}
		if d := g.Explain(t.Context(), c.who, c.operation); d.Verdict != auth.Denied {
			t.Errorf("%s: Explain = %v", name, d.Verdict)
		}
	}
}

// TestDeciderFailsClosed: what panics, comes too late or says nonsense denies.
func TestDeciderFailsClosed(t *testing.T) {
	for name, d := range map[string]decider{
		"panics":   func(context.Context, auth.Facts) auth.Decision { panic(canary) },
		"nonsense": func(context.Context, auth.Facts) auth.Decision { return auth.Decision{Verdict: 77} },
		"zero":     func(context.Context, auth.Facts) auth.Decision { return auth.Decision{} },
		"needs": func(context.Context, auth.Facts) auth.Decision {
			return auth.Decision{Verdict: auth.Needs, Needs: []auth.Obligation{{Kind: auth.NeedAssurance}}}
		},
	} {
		g := gate(t, d, crm())
		grant, err := g.Authorize(t.Context(), admit(t, g), "crm.contact.read")
		if !errors.Is(err, auth.ErrDenied) || grant.ID() != "" || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: Authorize = %v", name, err)
		}
	}
	late := gate(t, decider(func(ctx context.Context, _ auth.Facts) auth.Decision {
		<-ctx.Done()
		return auth.Decision{Verdict: auth.Allowed}
	}), crm())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if grant, err := late.Authorize(ctx, admit(t, late), "crm.contact.read"); err == nil || grant.ID() != "" {
		t.Errorf("too late: Authorize = %v", err)
	}
}

// TestDelegationNeedsADeclaration: an API key cannot say on whose behalf somebody
// acts, so the system's owner must have declared that the log is enough, and what is
// to be carried must be carried by the translator.
func TestDelegationNeedsADeclaration(t *testing.T) {
	delegated := alice
	delegated.Actors = []audit.Actor{{Issuer: "https://login.acme.example", Subject: "agent"}}
	for delegation, want := range map[string]struct {
		verdict auth.Verdict
		broker  string
	}{
		"":             {auth.Denied, ""},
		auth.AuditOnly: {auth.Allowed, ""},
		auth.Carry:     {auth.Allowed, "B205 carries delegations, and its translator cannot say on whose behalf a call is made at crm"},
	} {
		s := crm()
		s.Delegation = delegation
		g := authtest.Gate(t, bounded(t, decider(allow), s), auth.Verifiers{auth.SchemeBearer: authtest.As(delegated)})
		if d := g.Explain(t.Context(), admit(t, g), "crm.contact.read"); d.Verdict != want.verdict {
			t.Errorf("%q: %v, want %v", delegation, d, want.verdict)
		}
		if _, err := auth.NewBroker(g, auth.Translators{"crm": &key{}}, nil); fmt.Sprint(err) != cmp.Or(want.broker, "<nil>") {
			t.Errorf("%q: %v, want %q", delegation, err, want.broker)
		}
	}
}

func TestPlanKnowsNobody(t *testing.T) {
	g := gate(t, decider(func(_ context.Context, f auth.Facts) auth.Decision {
		if f.Who != nil {
			t.Error("Plan knows somebody")
		}
		return auth.Decision{Verdict: auth.Needs, Needs: []auth.Obligation{{Kind: auth.NeedIdentity}}}
	}), crm())
	if d := g.Plan(t.Context(), "crm.contact.read"); d.Verdict != auth.Needs || d.Needs[0].Kind != auth.NeedIdentity {
		t.Errorf("Plan = %+v", d)
	}
	if d := g.Plan(t.Context(), "crm.contact.delete"); d.Verdict != auth.Denied {
		t.Errorf("Plan of the undeclared = %+v", d)
	}
}

// TestNoGrantWithoutARecord: where the log does not record, nothing is granted, and
// what was denied stays denied.
func TestNoGrantWithoutARecord(t *testing.T) {
	verdict := auth.Allowed
	log := authtest.Log(t)
	g, err := auth.NewGate(t.Context(), log, bounded(t, decider(func(context.Context, auth.Facts) auth.Decision {
		return auth.Decision{Verdict: verdict}
	}), crm()), auth.Verifiers{auth.SchemeBearer: authtest.As(alice)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := admit(t, g)
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if grant, err := g.Authorize(t.Context(), p, "crm.contact.read"); !errors.Is(err, auth.ErrUnavailable) || grant.ID() != "" {
		t.Errorf("Authorize = %v", err)
	}
	verdict = auth.Denied
	if _, err := g.Authorize(t.Context(), p, "crm.contact.read"); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("Authorize = %v", err)
	}
	// What only reduces authority goes on.
	if err := g.Freeze(t.Context()); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("Freeze = %v", err)
	}
	if _, err := g.Authorize(t.Context(), p, "crm.contact.read"); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("after Freeze: Authorize = %v", err)
	}
}

// TestOpens: a grant opens what its own system declares, on its own log; attack 2.
func TestOpens(t *testing.T) {
	s := crm()
	s.Operations = append(s.Operations, auth.Operation{Name: "crm.key.reset", Method: "POST", Path: "/reset", Effect: auth.Once, Privileged: true})
	g, other := gate(t, decider(allow), s), gate(t, decider(allow), s)
	grant := authorize(t, g, "crm.contact.read")
	for name, c := range map[string]struct {
		log  *audit.Log
		path string
		want error
	}{
		"declared":     {g.Log(), "crm/api", nil},
		"again":        {g.Log(), "crm/api", nil},
		"other path":   {g.Log(), "database/creds/payroll", auth.ErrUndeclared},
		"prefix":       {g.Log(), "crm", auth.ErrUndeclared},
		"another log":  {other.Log(), "crm/api", auth.ErrForeign},
		"no log":       {nil, "crm/api", auth.ErrForeign},
		"a path trick": {g.Log(), "crm/../crm/api", auth.ErrUndeclared},
	} {
		if err := grant.Opens(c.log, c.path); !errors.Is(err, c.want) {
			t.Errorf("%s: Opens = %v, want %v", name, err, c.want)
		}
	}
	privileged := authorize(t, g, "crm.key.reset")
	if err := privileged.Opens(g.Log(), "crm/api"); err != nil {
		t.Error(err)
	}
	if err := privileged.Opens(g.Log(), "crm/api"); !errors.Is(err, auth.ErrExpired) {
		t.Errorf("a privileged grant opens twice: %v", err)
	}
}

// TestTwoTenantsShareNothing: equal names in two tenants are two worlds.
func TestTwoTenantsShareNothing(t *testing.T) {
	tenant := func(name string) *auth.Gate {
		c, err := auth.NewCatalogue(name, crm())
		if err != nil {
			t.Fatal(err)
		}
		b, err := auth.NewBoundary(c, decider(allow), nil)
		if err != nil {
			t.Fatal(err)
		}
		return authtest.Gate(t, b, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	}
	a, b := tenant("acme"), tenant("globex")
	grant := authorize(t, a, "crm.contact.read")
	k := &key{}
	theirs, err := auth.NewBroker(b, auth.Translators{"crm": k}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Do(t.Context(), grant, mapping.Document{}); !errors.Is(err, auth.ErrForeign) {
		t.Errorf("another tenant's grant: %v", err)
	}
	if err := grant.Opens(b.Log(), "crm/api"); !errors.Is(err, auth.ErrForeign) {
		t.Errorf("another tenant's vault: %v", err)
	}
	if _, err := b.Authorize(t.Context(), admit(t, a), "crm.contact.read"); !errors.Is(err, auth.ErrForeign) {
		t.Errorf("another tenant's principal: %v", err)
	}
	if made, _ := k.counts(); made != 0 {
		t.Error("a credential was made for a foreign grant")
	}
}

// TestEventsTell: grant, denial, refusal and entitlement stand in the log with what
// a review needs, and the subject only as a pseudonym.
func TestEventsTell(t *testing.T) {
	g := gate(t, entitled{}, crm())
	p := admit(t, g).On(auth.Errand{Workflow: strings.Repeat("0a", 32), Run: "r-1", Step: "s-1", Phase: audit.PhaseDo, Attempt: 2})
	grant, err := g.Authorize(t.Context(), p, "crm.contact.read")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = g.Authorize(t.Context(), p, "crm.contact.delete")
	all := events(t, g.Log(), func(e audit.Event) bool { return e.Tenant == "acme" })
	if len(all) != 4 {
		t.Fatalf("%d events: %+v", len(all), all)
	}
	open, permit, granted, refused := all[0], all[1], all[2], all[3]
	if open.Action != "gate.open" || open.Boundary == "" || open.Build == "" {
		t.Errorf("open: %+v", open)
	}
	if permit.Reason != "entitled" || permit.Rule != "readers" || permit.RuleAt != "boundary.jsonc:7" || permit.Action != "crm.contact.read" || permit.System != "crm" {
		t.Errorf("entitlement: %+v", permit)
	}
	if granted.Grant != grant.ID() || granted.Decision != "allowed" || granted.Action != "crm.contact.read" || granted.System != "crm" ||
		granted.Effect != "read-only" || granted.Run != "r-1" || granted.Step != "s-1" || granted.Phase != audit.PhaseDo || granted.Attempt != 2 ||
		granted.Actor.Issuer != alice.Issuer || granted.StartBy.IsZero() || granted.NotAfter.IsZero() || granted.Boundary != open.Boundary ||
		granted.Assurance.Level != 2 {
		t.Errorf("grant: %+v", granted)
	}
	if granted.Actor.Subject == "alice" || granted.Actor.Subject == "" || granted.Actor != refused.Actor {
		t.Errorf("the subject is %q and %q", granted.Actor.Subject, refused.Actor.Subject)
	}
	if refused.Action != "gate.refuse" || refused.Reason != "undeclared" || refused.Decision != "denied" || refused.Outcome != audit.OutcomeFailure {
		t.Errorf("refusal: %+v", refused)
	}
}

// TestDenialsAreInTheLog: every refusal of somebody known, with who he is.
func TestDenialsAreInTheLog(t *testing.T) {
	stepUp := auth.Decision{Verdict: auth.Needs, Rule: "mfa", Needs: []auth.Obligation{{Kind: auth.NeedAssurance}}}
	for name, c := range map[string]struct {
		decision auth.Decision
		want     audit.Event
	}{
		"denied": {auth.Decision{Rule: "closed"}, audit.Event{Decision: "denied", Rule: "closed"}},
		"needs":  {stepUp, audit.Event{Decision: "needs", Rule: "mfa"}},
	} {
		g := gate(t, decider(func(context.Context, auth.Facts) auth.Decision { return c.decision }), crm())
		if _, err := g.Authorize(t.Context(), admit(t, g), "crm.contact.read"); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
		got := events(t, g.Log(), func(e audit.Event) bool { return e.Decision != "" })
		if len(got) != 1 || got[0].Decision != c.want.Decision || got[0].Rule != c.want.Rule || got[0].Action != "crm.contact.read" ||
			got[0].Actor.Issuer != alice.Issuer || got[0].Grant != "" || got[0].Outcome != audit.OutcomeFailure || len(got[0].Needs) != len(c.decision.Needs) {
			t.Errorf("%s: the log has %+v", name, got)
		}
	}
	for name, id := range map[string]auth.Identity{
		"foreign": {Tenant: "globex", Issuer: "https://i.example", Subject: "a"},
		"expired": {Issuer: "https://i.example", Subject: "a", Expires: time.Now().Add(-time.Second)},
	} {
		g := authtest.Gate(t, bounded(t, decider(allow), crm()), auth.Verifiers{auth.SchemeBearer: authtest.As(id)})
		_, _ = g.Admit(t.Context(), auth.Bearer("t"))
		got := events(t, g.Log(), func(e audit.Event) bool { return e.Action == "gate.refuse" })
		if len(got) != 1 || got[0].Reason != name || got[0].Actor.Issuer != id.Issuer || got[0].Decision != "denied" {
			t.Errorf("%s at the door: the log has %+v", name, got)
		}
	}
}

type entitled struct{}

func (entitled) Decide(context.Context, auth.Facts) auth.Decision {
	return auth.Decision{Verdict: auth.Allowed, Rule: "readers", Level: 2}
}
func (entitled) Hash() string { return "entitled" }
func (entitled) Entitlements() []auth.Entitlement {
	return []auth.Entitlement{{Permit: "readers", PermitAt: "boundary.jsonc:7", Operation: "crm.contact.read"}}
}
