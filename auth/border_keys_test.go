package auth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping"
)

// lender lends one key, and remembers for which grants.
type lender struct {
	grants []string
	names  []string
	err    error
}

func (l *lender) keys(g auth.Grant) mapping.KeySource {
	l.grants = append(l.grants, g.ID())
	return l
}

func (l *lender) UseKey(_ context.Context, name string, use func(string, []byte) error) error {
	l.names = append(l.names, name)
	if l.err != nil {
		return l.err
	}
	return use("7", []byte(strings.Repeat("k", 32)))
}

func TestKeysAreLentForTheGrant(t *testing.T) {
	f := bordered(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"count": 0}`) })
	f.system.Secrets = append(f.system.Secrets, "crm/tokens")
	f.system.Subject = auth.Subject{Issuer: alice.Issuer, Pairwise: "crm/tokens"}
	tokened := strings.Replace(contactMapping, `"/id": {"from": "/id"}`, `"/id": {"from": "/id", "do": [{"token.hmac": {"key": "crm/tokens"}}], "on_error": "fail"}`, 1)
	bound, err := joined(t, f, tokened, processor())
	if err != nil {
		t.Fatal(err)
	}
	twice := bordered(t, func(http.ResponseWriter, *http.Request) {})
	twice.system.Secrets, twice.system.Subject = f.system.Secrets, f.system.Subject
	for i := range twice.system.Operations {
		twice.system.Operations[i].Privileged = twice.system.Operations[i].Name == "crm.contact.put"
	}
	if _, err := joined(t, twice, tokened, processor()); err == nil || !strings.HasPrefix(err.Error(), "B148 ") {
		t.Errorf("one use of a key, and two that want it: %v", err)
	}
	g := authtest.Gate(t, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	a := &asked{}
	if _, err := auth.NewBroker(g, auth.Translators{"crm": a}, nil); err == nil || !strings.Contains(err.Error(), "B204") {
		t.Errorf("a broker without keys: %v", err)
	}
	l := &lender{}
	b, err := auth.NewBroker(g, auth.Translators{"crm": a}, &auth.BrokerOptions{Keys: l.keys, RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close(context.Background())
	grant := authorize(t, g, "crm.contact.put")
	document := schema(t, personJSON).Document([]byte(`{"id":"4711","name":"n"}`))
	if _, err := b.Do(t.Context(), grant, document); err != nil {
		t.Fatal(err)
	}
	if path := f.arrivals()[0].URL.Path; !strings.HasPrefix(path, "/contacts/tk1.7.") || strings.Contains(path, "4711") {
		t.Errorf("no token: %s", path)
	}
	if len(a.need.Name) != 32 || strings.Contains(a.need.Name, "alice") {
		t.Errorf("pairwise id %q", a.need.Name)
	}
	for i, name := range l.names {
		if name != "crm/tokens" || l.grants[i] != grant.ID() {
			t.Errorf("%s for %s", name, l.grants[i])
		}
	}
	for _, c := range []struct{ err, want error }{{auth.ErrDenied, auth.ErrDenied}, {errors.New(canary), auth.ErrUnavailable}} {
		l.err = c.err
		if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.put"), document); !errors.Is(err, c.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("no key: %v, want %v", err, c.want)
		}
	}
	if len(f.arrivals()) != 1 {
		t.Error("a call was made without its token")
	}
}

// TestTokensAreCounted: each event of a call says how many tokens were made for whom: who asks
// for many, to learn which values are equal, is seen.
func TestTokensAreCounted(t *testing.T) {
	f := bordered(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"count": 0}`) })
	f.system.Secrets = append(f.system.Secrets, "crm/tokens")
	tokened := strings.Replace(contactMapping, `"/id": {"from": "/id"}`, `"/id": {"from": "/id", "do": [{"token.hmac": {"key": "crm/tokens"}}], "on_error": "fail"}`, 1)
	bound, err := joined(t, f, tokened, processor())
	if err != nil {
		t.Fatal(err)
	}
	g := authtest.Gate(t, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	b, err := auth.NewBroker(g, auth.Translators{"crm": &asked{}}, &auth.BrokerOptions{Keys: (&lender{}).keys, RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close(context.Background())
	for range 3 {
		if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.put"), schema(t, personJSON).Document([]byte(`{"id":"4711","name":"n"}`))); err != nil {
			t.Fatal(err)
		}
	}
	made := map[string]int{}
	for _, e := range events(t, g.Log(), func(e audit.Event) bool { return e.Data.Tokens > 0 }) {
		made[e.Actor.Subject] += e.Data.Tokens
	}
	if len(made) != 1 || made[g.Log().Pseudonym(audit.Actor{Issuer: alice.Issuer, Subject: alice.Subject})] != 3 {
		t.Errorf("%v", made)
	}
}

func TestBoundaryHasWhatWasDeclared(t *testing.T) {
	f := bordered(t, func(http.ResponseWriter, *http.Request) {})
	b, err := joined(t, f, contactMapping, processor())
	if err != nil {
		t.Fatal(err)
	}
	if b.Schema("found").Title() != "found" || b.Mapping("person-to-contact").Name() != "person-to-contact" || b.Schema("x") != nil || b.Mapping("x") != nil {
		t.Error("schemas and mappings are not those that were declared")
	}
	if d := b.Catalogue().Destination("crm"); d.System != "crm" || d.Kind != "api" || d.Clearance.Class != mapping.Internal {
		t.Errorf("%+v", d)
	}
	var none *auth.Boundary
	var nothing *auth.Catalogue
	if none.Schema("x") != nil || none.Mapping("x") != nil || none.Catalogue() != nil || nothing.Destination("crm").System != "" || b.Catalogue().Destination("x").System != "" {
		t.Error("nothing has something")
	}
	var lease *auth.Lease
	if lease.Version() != "" || auth.NewLease("l", nil, &auth.LeaseOptions{Version: "3"}).Version() != "3" {
		t.Error("a lease has another version")
	}
	other, err := joined(t, f, strings.Replace(contactMapping, `"hr"`, `"it"`, 1), processor())
	if err != nil || other.Hash() == b.Hash() {
		t.Errorf("another mapping has the same hash: %v", err)
	}
}

func TestCatalogueFindingsOfBorders(t *testing.T) {
	subject := func(change func(*auth.Subject)) func(*auth.System) {
		return func(s *auth.System) {
			s.Subject = auth.Subject{Issuer: "https://login.example", Template: "{claim}"}
			change(&s.Subject)
		}
	}
	entry := func(change func(*auth.Operation)) func(*auth.System) {
		return func(s *auth.System) {
			s.Kind, s.Origin = auth.KindDirectory, "ldaps://crm.example"
			s.Operations[0] = auth.Operation{Name: "crm.entry.find", Method: "search", Base: "o=acme", Filter: "(uid=x)", Attributes: []string{"uid"}, Effect: auth.ReadOnly}
			change(&s.Operations[0])
		}
	}
	const op = "/systems/0/operations/0"
	for name, c := range map[string]struct {
		change func(*auth.System)
		want   string
	}{
		"kind":                  {func(s *auth.System) { s.Kind = "mainframe" }, "B130 /systems/0/kind"},
		"kind of self":          {func(s *auth.System) { s.Name, s.Kind = auth.Self, auth.KindAPI }, "B130 /systems/0/kind"},
		"origin of a directory": {func(s *auth.System) { s.Kind = auth.KindDirectory }, "B104 /systems/0/origin"},
		"directory as an api":   {func(s *auth.System) { s.Origin = "ldaps://crm.example" }, "B104 /systems/0/origin"},
		"endpoint's name":       {func(s *auth.System) { s.Endpoints = map[string]string{"A C": "https://crm.example/acs"} }, "B131 /systems/0/endpoints"},
		"endpoint in the clear": {func(s *auth.System) { s.Endpoints = map[string]string{"acs": "http://crm.example/acs"} }, "B131 /systems/0/endpoints"},
		"endpoint with a query": {func(s *auth.System) { s.Endpoints = map[string]string{"acs": "https://crm.example/acs?x=1"} }, "B131 /systems/0/endpoints"},
		"bare endpoint":         {func(s *auth.System) { s.Endpoints = map[string]string{"acs": "https://crm.example"} }, "B131 /systems/0/endpoints"},
		"audience":              {func(s *auth.System) { s.Audience = "a b" }, "B132 /systems/0/audience"},
		"sealed":                {func(s *auth.System) { s.Clearance.Class = mapping.Sealed }, "B133 /systems/0/clearance/class"},
		"category":              {func(s *auth.System) { s.Clearance.Categories = []string{"P I I"} }, "B133 /systems/0/clearance/categories/0"},
		"purpose":               {func(s *auth.System) { s.Clearance.Purposes = []string{"*"} }, "B133 /systems/0/clearance/purposes/0"},
		"two ways":              {subject(func(s *auth.Subject) { s.Pairwise = "crm/api" }), "B134 /systems/0/subject"},
		"no way":                {subject(func(s *auth.Subject) { s.Template = "" }), "B134 /systems/0/subject"},
		"no issuer":             {subject(func(s *auth.Subject) { s.Issuer = "" }), "B134 /systems/0/subject/issuer"},
		"mutable claim":         {subject(func(s *auth.Subject) { s.Claim = "preferred_username" }), "B134 /systems/0/subject/claim"},
		"e-mail anywhere":       {subject(func(s *auth.Subject) { s.Claim = "email" }), "B134 /systems/0/subject/domains"},
		"bad domain": {subject(func(s *auth.Subject) {
			s.Claim, s.Domains = "email", map[string][]string{"https://login.example": {"*.example"}}
		}), "B134 /systems/0/subject/domains"},
		"template without a claim": {subject(func(s *auth.Subject) { s.Template = "root" }), "B134 /systems/0/subject/template"},
		"table without an issuer": {subject(func(s *auth.Subject) {
			s.Issuer, s.Template, s.Table = "", "", map[string]string{"alice": "a"}
		}), "B134 /systems/0/subject/table"},
		"foreign key":          {subject(func(s *auth.Subject) { s.Template, s.Pairwise = "", "erp/key" }), "B134 /systems/0/subject/pairwise"},
		"method of an api":     {entry(func(o *auth.Operation) { o.Method = "GET" }), "B121 " + op + "/method"},
		"no base":              {entry(func(o *auth.Operation) { o.Base = "" }), "B135 " + op + "/base"},
		"filter that is none":  {entry(func(o *auth.Operation) { o.Filter = "(uid={U})" }), "B135 " + op + "/filter"},
		"filter of a delete":   {entry(func(o *auth.Operation) { o.Method, o.Effect = "delete", auth.Once }), "B135 " + op + "/filter"},
		"reads nothing":        {entry(func(o *auth.Operation) { o.Attributes = nil }), "B135 " + op + "/attributes"},
		"not an attribute":     {entry(func(o *auth.Operation) { o.Attributes = []string{"u id"} }), "B135 " + op + "/attributes/0"},
		"path of a directory":  {entry(func(o *auth.Operation) { o.Path = "/x" }), "B122 " + op + "/path"},
		"opaque entry":         {entry(func(o *auth.Operation) { o.Input, o.Reason = auth.Opaque, "x" }), "B124 " + op + "/input"},
		"places without input": {entry(func(o *auth.Operation) { o.Base = "uid={uid},o=acme" }), "B127 " + op + "/base"},
		"base of an api":       {func(s *auth.System) { s.Operations[0].Base = "o=acme" }, "B135 " + op + "/base"},
	} {
		s := crm()
		c.change(&s)
		_, err := auth.NewCatalogue("acme", s)
		if findings, _ := errors.AsType[mapping.Findings](err); !has(findings, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	s := crm()
	s.Endpoints = map[string]string{"issuer": "https://login.example", "token": "https://login.example/token"}
	entry(func(*auth.Operation) {})(&s)
	if _, err := auth.NewCatalogue("acme", s, processor()); err != nil {
		t.Error(err)
	}
}

// unfit is a Translator for other systems.
type unfit struct{ key }

func (*unfit) Fits(s auth.System) error {
	if s.Name != "erp" {
		return auth.ErrInvalid
	}
	return nil
}

func TestTranslatorsMustFit(t *testing.T) {
	g := gate(t, decider(allow), crm())
	if _, err := auth.NewBroker(g, auth.Translators{"crm": &unfit{}}, nil); err == nil || !strings.Contains(err.Error(), "B203") {
		t.Errorf("NewBroker = %v", err)
	}
}

// TestMaterialIsForOneToken: what was presented may be exchanged.
func TestMaterialIsForOneToken(t *testing.T) {
	f := farSide(t, func(http.ResponseWriter, *http.Request) {})
	k := &key{life: time.Hour}
	g, b := broker(t, f, k)
	for i, token := range []string{"one", "one", "two"} {
		p, err := g.Admit(t.Context(), auth.Bearer(token))
		if err != nil {
			t.Fatal(err)
		}
		grant, err := g.Authorize(t.Context(), p, "crm.contact.touch")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Do(t.Context(), grant, mapping.Document{}); err != nil {
			t.Fatal(err)
		}
		if made, _ := k.counts(); made != max(1, i) {
			t.Errorf("%s: translated %d times", token, made)
		}
	}
}
