package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
)

func crm() auth.System {
	return auth.System{
		Name: "crm", Origin: "https://crm.example", Secrets: []string{"crm/api"},
		Operations: []auth.Operation{{Name: "crm.contact.read", Method: "GET", Path: "/contacts/1", Effect: auth.ReadOnly}},
	}
}

func TestCatalogueFindings(t *testing.T) {
	operation := func(change func(*auth.Operation)) func(*auth.System) {
		return func(s *auth.System) { change(&s.Operations[0]) }
	}
	for name, c := range map[string]struct {
		change func(*auth.System)
		want   string // code and path
	}{
		"empty name":         {func(s *auth.System) { s.Name = "" }, "B102 /systems/0/name"},
		"upper case name":    {func(s *auth.System) { s.Name = "CRM" }, "B102 /systems/0/name"},
		"newline in name":    {func(s *auth.System) { s.Name = "crm\n" }, "B102 /systems/0/name"},
		"self":               {func(s *auth.System) { s.Name = "self" }, "B103 /systems/0"},
		"no origin":          {func(s *auth.System) { s.Origin = "" }, "B104 /systems/0/origin"},
		"plain http":         {func(s *auth.System) { s.Origin = "http://crm.example" }, "B104 /systems/0/origin"},
		"origin with a path": {func(s *auth.System) { s.Origin = "https://crm.example/api" }, "B104 /systems/0/origin"},
		"origin with a user": {func(s *auth.System) { s.Origin = "https://u:p@crm.example" }, "B104 /systems/0/origin"},
		"private range":      {func(s *auth.System) { s.Private = []string{"10.0.0.1/8"} }, "B105 /systems/0/private/0"},
		"zone":               {func(s *auth.System) { s.Zone = "Prod" }, "B106 /systems/0/zone"},
		"jurisdiction":       {func(s *auth.System) { s.Jurisdictions = []string{"eu", "U S"} }, "B107 /systems/0/jurisdictions/1"},
		"secret with dots":   {func(s *auth.System) { s.Secrets = []string{"../other"} }, "B108 /systems/0/secrets/0"},
		"delegation":         {func(s *auth.System) { s.Delegation = "sometimes" }, "B109 /systems/0/delegation"},
		"reserved in vain": {func(s *auth.System) {
			s.Subject = auth.Subject{Issuer: "https://login.example", Template: "uid={claim},ou=people", Reserved: []string{"UID=root,OU=people", "admin"}}
		}, "B134 /systems/0/subject/reserved/1"},
		"negative ceiling":       {func(s *auth.System) { s.Ceiling = -1 }, "B110 /systems/0/ceiling"},
		"endless ceiling":        {func(s *auth.System) { s.Ceiling = 25 * time.Hour }, "B110 /systems/0/ceiling"},
		"operation of another":   {operation(func(o *auth.Operation) { o.Name = "erp.contact.read" }), "B120 /systems/0/operations/0/name"},
		"operation without verb": {operation(func(o *auth.Operation) { o.Name = "crm.contact" }), "B120 /systems/0/operations/0/name"},
		"wildcard operation":     {operation(func(o *auth.Operation) { o.Name = "crm.contact.*" }), "B120 /systems/0/operations/0/name"},
		"method":                 {operation(func(o *auth.Operation) { o.Method = "CONNECT" }), "B121 /systems/0/operations/0/method"},
		"lower case method":      {operation(func(o *auth.Operation) { o.Method = "get" }), "B121 /systems/0/operations/0/method"},
		"relative path":          {operation(func(o *auth.Operation) { o.Path = "contacts" }), "B122 /systems/0/operations/0/path"},
		"path with dots":         {operation(func(o *auth.Operation) { o.Path = "/contacts/../admin" }), "B122 /systems/0/operations/0/path"},
		"path with a query":      {operation(func(o *auth.Operation) { o.Path = "/contacts?all=1" }), "B122 /systems/0/operations/0/path"},
		"place in a segment":     {operation(func(o *auth.Operation) { o.Path = "/contacts/x{id}" }), "B122 /systems/0/operations/0/path"},
		"scope":                  {operation(func(o *auth.Operation) { o.Scopes = []string{`a"b`} }), "B123 /systems/0/operations/0/scopes/0"},
		"input":                  {operation(func(o *auth.Operation) { o.Input = "Any thing" }), "B124 /systems/0/operations/0/input"},
		"output":                 {operation(func(o *auth.Operation) { o.Output = "Any thing" }), "B125 /systems/0/operations/0/output"},
		"opaque without reason":  {operation(func(o *auth.Operation) { o.Output = auth.Opaque; o.Reason = " " }), "B126 /systems/0/operations/0/reason"},
		"places without input":   {operation(func(o *auth.Operation) { o.Path = "/contacts/{id}" }), "B127 /systems/0/operations/0/path"},
		"undeclared effect":      {operation(func(o *auth.Operation) { o.Effect = 0 }), "B128 /systems/0/operations/0/effect"},
		"unknown effect":         {operation(func(o *auth.Operation) { o.Effect = 9 }), "B128 /systems/0/operations/0/effect"},
		"privileged and opaque": {operation(func(o *auth.Operation) {
			o.Privileged, o.Input, o.Reason = true, auth.Opaque, "legacy"
		}), "B129 /systems/0/operations/0/input"},
	} {
		t.Run(name, func(t *testing.T) {
			s := crm()
			c.change(&s)
			_, err := auth.NewCatalogue("acme", s)
			findings, ok := errors.AsType[mapping.Findings](err)
			if !ok || !has(findings, c.want) {
				t.Errorf("NewCatalogue = %v, want %s", err, c.want)
			}
		})
	}
}

func has(findings mapping.Findings, want string) bool {
	for _, f := range findings {
		if f.Code+" "+f.Path == want {
			return true
		}
	}
	return false
}

func TestCatalogueReportsAllAtOnce(t *testing.T) {
	bad := crm()
	bad.Origin, bad.Operations[0].Effect = "", 0
	_, err := auth.NewCatalogue("Acme", bad, crm(), crm())
	findings, _ := errors.AsType[mapping.Findings](err)
	for _, want := range []string{
		"B101 /tenant", "B104 /systems/0/origin", "B128 /systems/0/operations/0/effect",
		"B111 /systems/1/name", "B112 /systems/2/operations/0/name",
	} {
		if !has(findings, want) {
			t.Errorf("%s is missing in\n%v", want, err)
		}
	}
}

func TestCatalogueIsImmutable(t *testing.T) {
	s := crm()
	c, err := auth.NewCatalogue("acme", s)
	if err != nil {
		t.Fatal(err)
	}
	s.Operations[0].Path, s.Secrets[0] = "/admin", "other"
	c.Systems()[0].Operations[0].Path = "/admin"
	got := c.Systems()[0]
	if got.Operations[0].Path != "/contacts/1" || got.Secrets[0] != "crm/api" {
		t.Errorf("the catalogue changed: %+v", got)
	}
}

func TestEffectText(t *testing.T) {
	for _, e := range []auth.Effect{auth.ReadOnly, auth.Idempotent, auth.Once, auth.Final} {
		text, _ := e.MarshalText()
		var back auth.Effect
		if err := back.UnmarshalText(text); err != nil || back != e {
			t.Errorf("%s came back as %v, %v", text, back, err)
		}
	}
	var e auth.Effect
	for _, text := range []string{"", "Read-Only", "anything"} {
		if err := e.UnmarshalText([]byte(text)); !errors.Is(err, auth.ErrUndeclared) || e != auth.EffectUndeclared {
			t.Errorf("%q became %v, %v", text, e, err)
		}
	}
	if auth.Effect(99).String() != "" {
		t.Error("an unknown effect has a name")
	}
}

func TestFindingsHoldNoContent(t *testing.T) {
	s := crm()
	s.Origin, s.Operations[0].Path = "https://"+canary, canary
	s.Operations[0].Name = "crm." + canary
	_, err := auth.NewCatalogue(strings.ToUpper(canary), s)
	if err == nil || strings.Contains(strings.ToLower(err.Error()), canary) {
		t.Errorf("NewCatalogue = %v", err)
	}
}

// TestFindingsAreBounded: a hostile file cannot make the check run or talk for long.
func TestFindingsAreBounded(t *testing.T) {
	_, err := auth.NewCatalogue("acme", make([]auth.System, 200_000)...)
	if findings, ok := errors.AsType[mapping.Findings](err); !ok || len(findings) != 1000 {
		t.Errorf("%d findings", len(findings))
	}
}

// TestEmptyListsAreNoLists: what means the same has the same hash.
func TestEmptyListsAreNoLists(t *testing.T) {
	empty := crm()
	empty.Private, empty.Jurisdictions, empty.Operations[0].Scopes = []string{}, []string{}, []string{}
	a, b := bounded(t, decider(allow), crm()), bounded(t, decider(allow), empty)
	if a.Hash() != b.Hash() || len(a.Hash()) != 64 {
		t.Errorf("hashes %s and %s", a.Hash(), b.Hash())
	}
	other := crm()
	other.Secrets[0] = "crm/other"
	if bounded(t, decider(allow), other).Hash() == a.Hash() {
		t.Error("another boundary has the same hash")
	}
}
