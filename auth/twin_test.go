package auth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping"
)

// labOf is a far side that is a twin of f's system.
func labOf(t testing.TB, f *far, answer http.HandlerFunc) *far {
	t.Helper()
	lab := farSide(t, answer)
	lab.system = auth.System{
		Name: "lab", TwinOf: "crm", Origin: lab.URL, Private: f.system.Private, Secrets: []string{"lab/api"},
		Jurisdictions: f.system.Jurisdictions, Clearance: f.system.Clearance,
	}
	return lab
}

// tried is a gate and a broker over both, for alice.
func tried(t testing.TB, bound *auth.Boundary, f *far) (*auth.Gate, *auth.Broker) {
	t.Helper()
	g := authtest.Gate(t, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	b, err := auth.NewBroker(g, auth.Translators{"crm": &key{}, "lab": &key{}}, &auth.BrokerOptions{RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	return g, b
}

// twins are a system without data and its twin, which answers.
func twins(t testing.TB, answer http.HandlerFunc) (lab *far, g *auth.Gate, b *auth.Broker) {
	t.Helper()
	f := farSide(t, ok)
	lab = labOf(t, f, answer)
	g, b = tried(t, bounded(t, decider(allow), lab.system, f.system), f)
	return lab, g, b
}

// on authorizes alice on an errand: of twins on a canary's, and of others on a run's.
func on(t testing.TB, g *auth.Gate, operation string) auth.Grant {
	t.Helper()
	errand := auth.Errand{Run: "r-1", Step: "s-1", Attempt: 1, Phase: audit.PhaseDo}
	if strings.HasPrefix(operation, "lab.") {
		errand.Phase = audit.PhaseCanary
	}
	grant, err := g.Authorize(t.Context(), selfOf(t, g).On(errand), operation)
	if err != nil {
		t.Fatal(err)
	}
	return grant
}

// TestTwinsAreForCanaries, and canaries for nothing else: no run reaches a twin by
// mistake, and no canary the system itself.
func TestTwinsAreForCanaries(t *testing.T) {
	f := farSide(t, ok)
	self := auth.System{Name: auth.Self, Operations: []auth.Operation{{Name: "self.gate.thaw", Effect: auth.Idempotent}}}
	g := gate(t, decider(allow), f.system, labOf(t, f, ok).system, self)
	p := selfOf(t, g)
	errand := func(phase audit.Phase) auth.Principal { return p.On(auth.Errand{Run: "r-1", Phase: phase}) }
	for name, who := range map[string]auth.Principal{
		"no errand": p, "no phase": errand(0), "do": errand(audit.PhaseDo), "undo": errand(audit.PhaseUndo), "ask": errand(audit.PhaseAsk), "canary": errand(audit.PhaseCanary),
	} {
		for operation, twin := range map[string]bool{"crm.contact.read": false, "self.gate.thaw": false, "lab.contact.read": true} {
			var want error
			if twin != (name == "canary") {
				want = auth.ErrUndeclared
			}
			grant, err := g.Authorize(t.Context(), who, operation)
			if !errors.Is(err, want) || (grant.ID() == "") != (want != nil) {
				t.Errorf("%s, %s: Authorize = %v, want %v", name, operation, err, want)
			}
			if explained := g.Explain(t.Context(), who, operation).Verdict; (explained == auth.Allowed) != (want == nil) {
				t.Errorf("%s, %s: Explain = %v", name, operation, explained)
			}
		}
	}
}

// TestAGrantOnATwin has one use, also where the operation is not privileged, because a
// canary counts its crossings by its grants; and it opens the twin's secrets.
func TestAGrantOnATwin(t *testing.T) {
	_, g, b := twins(t, ok)
	for operation, c := range map[string]struct {
		opens, not string
		again      error
	}{
		"lab.contact.read": {"lab/api", "crm/api", auth.ErrExpired},
		"crm.contact.read": {"crm/api", "lab/api", nil},
	} {
		grant := on(t, g, operation)
		if own, other := grant.Opens(g.Log(), c.opens), grant.Opens(g.Log(), c.not); own != nil || !errors.Is(other, auth.ErrUndeclared) {
			t.Errorf("%s opens its own: %v, another's: %v", operation, own, other)
		}
		first, again := failure(b.Do(t.Context(), grant, mapping.Document{})), failure(b.Do(t.Context(), grant, mapping.Document{}))
		if first != nil || !errors.Is(again, c.again) || grant.Live() != nil {
			t.Errorf("%s: Do = %v, and again %v, want %v", operation, first, again, c.again)
		}
	}
}

// TestACanarySeesTheCertificate, whatever came of the call, and nothing else does.
func TestACanarySeesTheCertificate(t *testing.T) {
	status := http.StatusOK
	lab, g, b := twins(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	shown := audit.Validity{From: time.Unix(1, 0).UTC(), Until: lab.Certificate().NotAfter} // from 1970 on is what a log takes
	away, gone, nobody := twins(t, ok)
	away.Close()
	for _, c := range []struct {
		gate      *auth.Gate
		broker    *auth.Broker
		operation string
		status    int
		want      error
		peer      audit.Validity
	}{
		{g, b, "lab.contact.touch", 200, nil, shown},
		{g, b, "lab.contact.open", 200, nil, shown}, // on a connection of its own
		{g, b, "lab.contact.touch", 403, auth.ErrDenied, shown},
		{g, b, "crm.contact.touch", 200, nil, audit.Validity{}},
		{gone, nobody, "lab.contact.touch", 0, auth.ErrUnavailable, audit.Validity{}},
	} {
		status = c.status
		grant := on(t, c.gate, c.operation)
		if _, err := c.broker.Do(t.Context(), grant, mapping.Document{}); !errors.Is(err, c.want) {
			t.Fatalf("%s: Do = %v, want %v", c.operation, err, c.want)
		}
		got := events(t, c.gate.Log(), func(e audit.Event) bool { return e.Grant == grant.ID() })
		if len(got) != 2 || got[1].Use != 1 || got[1].Peer != c.peer || got[0].Peer != (audit.Validity{}) {
			t.Errorf("%s, %d: the log has %+v, want %v", c.operation, c.status, got, c.peer)
		}
	}
}

// TestATwinsMappingIsItsOwn: the log says that it was made for somewhere else.
func TestATwinsMappingIsItsOwn(t *testing.T) {
	var path, body string
	answer := func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		path, body = r.URL.Path, string(raw)
		_, _ = io.WriteString(w, `{"count": 1}`)
	}
	f := bordered(t, answer)
	bound, err := joined(t, f, contactMapping, processor(), labOf(t, f, answer).system)
	if err != nil {
		t.Fatal(err)
	}
	g, b := tried(t, bound, f)
	declared := bound.Mapping("person-to-contact")
	other, err := declared.For(bound.Catalogue().Destination("lab"))
	if err != nil || other.Hash() == declared.Hash() {
		t.Fatalf("For = %v", err)
	}
	document := schema(t, personJSON).Document([]byte(`{"id":"4711","name":"n"}`))
	for operation, want := range map[string]string{"crm.contact.put": declared.Hash(), "lab.contact.put": other.Hash()} {
		path, body = "", ""
		grant := on(t, g, operation)
		if _, err := b.Do(t.Context(), grant, document); err != nil || path != "/contacts/4711" || body != `{"name":"n"}` {
			t.Errorf("%s: %s %s, %v", operation, path, body, err)
		}
		got := events(t, g.Log(), func(e audit.Event) bool { return e.Grant == grant.ID() && e.Use == 1 })
		if len(got) != 1 || got[0].Data.Mapping != want || got[0].System != operation[:3] {
			t.Errorf("%s: the log has %+v, want mapping %s", operation, got, want)
		}
	}
}

// TestBoundariesWithTwins: what a twin may not have is found, and what it is, hashed.
func TestBoundariesWithTwins(t *testing.T) {
	f := bordered(t, ok)
	twin := labOf(t, f, ok).system
	const input = "B139 /systems/1/operations/5/input"
	for name, c := range map[string]struct {
		change func(*auth.System)
		want   string
	}{
		"elsewhere":     {func(s *auth.System) { s.Jurisdictions = nil }, input},
		"not cleared":   {func(s *auth.System) { s.Clearance = mapping.Clearance{} }, input},
		"shared secret": {func(s *auth.System) { s.Secrets = append(s.Secrets, "crm/api") }, "B139 /systems/1/secrets/1"},
	} {
		changed := twin
		changed.Secrets = slices.Clone(twin.Secrets)
		c.change(&changed)
		_, err := joined(t, f, contactMapping, processor(), changed)
		if findings, _ := errors.AsType[mapping.Findings](err); !has(findings, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	plainTwin := auth.System{Name: "lab", TwinOf: "crm", Origin: crm().Origin}
	_, err := auth.NewCatalogue("acme", crm(), plainTwin)
	if findings, _ := errors.AsType[mapping.Findings](err); !has(findings, "B139 /systems/1/origin") {
		t.Errorf("NewCatalogue = %v", err)
	}
	plainTwin.Origin = "https://lab.example"
	with := bounded(t, decider(allow), crm(), plainTwin)
	ordinary := with.Catalogue().Systems()
	ordinary[1].TwinOf = ""
	if without := bounded(t, decider(allow), crm()); with.Hash() == without.Hash() || with.Hash() == bounded(t, decider(allow), ordinary...).Hash() {
		t.Error("that there is a twin, or that it is one, is not in the hash")
	}
	_, err = auth.NewBroker(gate(t, decider(allow), crm(), plainTwin), auth.Translators{"crm": &key{}}, nil)
	if findings, _ := errors.AsType[mapping.Findings](err); !has(findings, "B201 lab") {
		t.Errorf("NewBroker = %v", err)
	}
}

// TestATwinOfADirectoryIsOne: Kind is declared once, and everything that asks for it hears
// the same.
func TestATwinOfADirectoryIsOne(t *testing.T) {
	c, err := auth.NewCatalogue("acme", auth.System{Name: "lab", TwinOf: "dir", Origin: "ldap://lab.example"}, auth.System{
		Name: "dir", Kind: auth.KindDirectory, Origin: "ldaps://dir.example", Delegation: auth.AuditOnly, Ceiling: time.Minute,
		Operations: []auth.Operation{{Name: "dir.entry.drop", Method: "delete", Base: "uid=x,o=acme", Effect: auth.Final}},
	})
	if err != nil {
		t.Fatal(err)
	}
	lab := c.Systems()[1]
	if c.Destination("lab").Kind != auth.KindDirectory || lab.Kind != auth.KindDirectory || lab.Delegation != auth.AuditOnly || lab.Ceiling != time.Minute ||
		lab.TwinOf != "dir" || len(lab.Operations) != 1 || lab.Operations[0].Name != "lab.entry.drop" || lab.Operations[0].Base != "uid=x,o=acme" {
		t.Errorf("%+v", lab)
	}
}

// selfOf is the service itself, which alone tries workflows.
func selfOf(t testing.TB, g *auth.Gate) auth.Principal {
	t.Helper()
	p, err := g.AdmitSelf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestOnlyTheServiceTries workflows: a caller's errand of that phase is none.
func TestOnlyTheServiceTries(t *testing.T) {
	g := gate(t, decider(allow), crm(), auth.System{Name: "lab", TwinOf: "crm", Origin: "https://lab.example"})
	if _, err := g.Authorize(t.Context(), admit(t, g).On(auth.Errand{Phase: audit.PhaseCanary}), "lab.contact.read"); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("alice tries: %v", err)
	}
}
