package check_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth/internal/check"
	"github.com/carnet-go/carnet/mapping"
)

// notes are a system whose ways lead to itself and to another, that other, and a twin of
// each.
func notes() []check.System {
	return []check.System{
		{Name: "crm", Origin: "https://crm.example", Delegation: check.AuditOnly, Ceiling: time.Hour, Secrets: []string{"crm/api"}, Operations: []check.Operation{
			{Name: "crm.note.add", Method: "POST", Path: "/notes", Effect: 3, Undo: "crm.note.drop", Ask: "erp.note.find"},
			{Name: "crm.note.drop", Method: "DELETE", Path: "/notes", Effect: 2, Scopes: []string{"notes"}},
		}},
		{Name: "lab", TwinOf: "crm", Origin: "https://lab.example", Zone: "tests", Secrets: []string{"lab/api"}},
		{Name: "erp", Origin: "https://erp.example", Operations: []check.Operation{{Name: "erp.note.find", Method: "GET", Path: "/notes", Effect: 1}}},
		{Name: "pit", TwinOf: "erp", Origin: "https://pit.example"},
	}
}

// TestTwinned: a twin has its own name, origin, zone and secrets, and all else of its
// system; its ways lead to twins.
func TestTwinned(t *testing.T) {
	given, want := notes(), notes()
	want[1].Delegation, want[1].Ceiling = check.AuditOnly, time.Hour
	want[1].Operations = []check.Operation{
		{Name: "lab.note.add", Method: "POST", Path: "/notes", Effect: 3, Undo: "lab.note.drop", Ask: "pit.note.find"},
		{Name: "lab.note.drop", Method: "DELETE", Path: "/notes", Effect: 2, Scopes: []string{"notes"}},
	}
	want[3].Operations = []check.Operation{{Name: "pit.note.find", Method: "GET", Path: "/notes", Effect: 1}}
	if got := check.Twinned(given); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !reflect.DeepEqual(given, notes()) {
		t.Errorf("what was declared has changed: %+v", given)
	}
	slices.Reverse(given) // a twin may stand before its system
	slices.Reverse(want)
	if got := check.Twinned(given); !reflect.DeepEqual(got, want) {
		t.Errorf("backwards: %+v", got)
	}
}

func TestTwinFindings(t *testing.T) {
	lab := func(change func(*check.System)) func([]check.System) []check.System {
		return func(s []check.System) []check.System { change(&s[1]); return s }
	}
	and := func(more ...check.System) func([]check.System) []check.System {
		return func(s []check.System) []check.System { return append(s, more...) }
	}
	for name, c := range map[string]struct {
		change func([]check.System) []check.System
		want   []string
	}{
		"sound":     {and(), nil},
		"of nobody": {lab(func(s *check.System) { s.TwinOf = "crn" }), []string{"B139 /systems/1/twin_of crm"}},
		"of self": {func(s []check.System) []check.System {
			s[1].TwinOf = check.Self
			return append(s, check.System{Name: check.Self})
		}, []string{"B139 /systems/1/twin_of "}},
		"of itself":          {lab(func(s *check.System) { s.TwinOf = "lab" }), []string{"B139 /systems/1/twin_of "}},
		"of a twin":          {and(check.System{Name: "copy", TwinOf: "lab", Origin: "https://copy.example"}), []string{"B139 /systems/4/twin_of "}},
		"second":             {and(check.System{Name: "copy", TwinOf: "crm", Origin: "https://copy.example"}), []string{"B139 /systems/4/twin_of "}},
		"is self":            {and(check.System{Name: check.Self, TwinOf: "crm"}), []string{"B103 /systems/4 "}},
		"is self, of nobody": {and(check.System{Name: check.Self, TwinOf: "hub"}), []string{"B103 /systems/4 "}},
		"kind":               {lab(func(s *check.System) { s.Kind = check.KindAPI }), []string{"B139 /systems/1 "}},
		"delegation":         {lab(func(s *check.System) { s.Delegation = check.AuditOnly }), []string{"B139 /systems/1 "}},
		"ceiling":            {lab(func(s *check.System) { s.Ceiling = time.Hour }), []string{"B139 /systems/1 "}},
		"operations":         {lab(func(s *check.System) { s.Operations = notes()[2].Operations }), []string{"B139 /systems/1 "}},
		"at its own":         {lab(func(s *check.System) { s.Origin = "https://CRM.example:443" }), []string{"B139 /systems/1/origin "}},
		"at another's":       {and(check.System{Name: "hub", Origin: "https://lab.example:443"}), []string{"B139 /systems/1/origin "}},
		"at a twin's":        {lab(func(s *check.System) { s.Origin = "https://pit.example" }), []string{"B139 /systems/1/origin ", "B139 /systems/3/origin "}},
		"at another scheme": {func(s []check.System) []check.System {
			s[0].Origin, s[1].Origin = "http://localhost:8443", "https://localhost:8443"
			return s
		}, []string{"B139 /systems/1/origin "}},
		"endpoints at its own": {lab(func(s *check.System) {
			s.Endpoints = map[string]string{"token": "https://login.example/token", "acs": "https://crm.example/acs"}
		}), []string{"B139 /systems/1/endpoints "}},
		"endpoints at another's": {func(s []check.System) []check.System {
			s[1].Endpoints = map[string]string{"acs": "https://erp.example/acs"}
			return s
		}, []string{"B139 /systems/1/endpoints "}},
		"endpoints of one provider": {func(s []check.System) []check.System {
			s[0].Endpoints = map[string]string{"token": "https://login.example/token", "keys": "https://login.example/keys"}
			s[1].Endpoints = map[string]string{"token": "https://login.example/token"}
			return s
		}, nil},
		"at another's endpoint": {func(s []check.System) []check.System {
			s[0].Endpoints = map[string]string{"acs": "https://lab.example/acs"}
			return s
		}, []string{"B139 /systems/1/origin "}},
		"addressed as its own": {func(s []check.System) []check.System {
			s[0].Audience, s[1].Audience = "urn:crm", "urn:crm"
			return s
		}, []string{"B139 /systems/1/audience "}},
		"addressed as its origin": {lab(func(s *check.System) { s.Audience = "https://crm.example" }), []string{"B139 /systems/1/audience "}},
		"names too long":          {lab(func(s *check.System) { s.Name = strings.Repeat("l", 60) }), []string{"B139 /systems/1/name ", "B139 /systems/1/name "}},
		"undone by a twin": {func(s []check.System) []check.System {
			return append(s, check.System{Name: "hub", Origin: "https://hub.example", Operations: []check.Operation{
				{Name: "hub.note.put", Method: "PUT", Path: "/", Effect: 2, Undo: "lab.note.drop"},
			}})
		}, []string{"B138 /systems/4/operations/0/undo "}},
		"without an origin": {func(s []check.System) []check.System {
			s[1].Origin, s[2].Origin = "", ""
			return s
		}, []string{"B104 /systems/1/origin ", "B104 /systems/2/origin "}},
		"undone elsewhere": {func(s []check.System) []check.System {
			s[0].Operations[0].Undo = "hub.note.drop"
			return append(s, check.System{Name: "hub", Origin: "https://hub.example", Operations: []check.Operation{{Name: "hub.note.drop", Method: "POST", Path: "/drop", Effect: 2}}})
		}, []string{"B139 /systems/1/twin_of "}},
		"asked elsewhere": {func(s []check.System) []check.System { return s[:3] }, []string{"B139 /systems/1/twin_of "}},
		"directory": {func(s []check.System) []check.System {
			return append(s, check.System{Name: "dir", Kind: check.KindDirectory, Origin: "ldaps://dir.example"}, check.System{Name: "den", TwinOf: "dir", Origin: "ldap://den.example"})
		}, nil},
		"directory at its own": {func(s []check.System) []check.System {
			return append(s, check.System{Name: "dir", Kind: check.KindDirectory, Origin: "ldaps://dir.example"}, check.System{Name: "den", TwinOf: "dir", Origin: "ldap://dir.example:636"})
		}, []string{"B139 /systems/5/origin "}},
	} {
		var got []string
		for _, f := range check.Catalogue("acme", c.change(notes())) {
			got = append(got, f.Code+" "+f.Path+" "+f.Nearest)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
	}
}

// tokens maps one member to a token, and one as it is.
func tokens(t *testing.T, to mapping.Destination) *mapping.Mapper {
	t.Helper()
	src, err := mapping.ParseSchema([]byte(`{"title": "src", "type": "object", "additionalProperties": false, "required": ["id", "v"],
		"defaults": {"classification": "internal", "residency": ["eu"], "purposes": ["*"]}, "properties": {"v": {"type": "string", "maxLength": 9},
		"id": {"type": "string", "maxLength": 9, "release": [{"via": "token.hmac", "to": "internal", "residency": ["*"], "purposes": ["*"], "approved": "D-1", "until": "2099-12-31"}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	dst, err := mapping.ParseSchema([]byte(`{"title": "dst", "type": "object", "additionalProperties": false, "required": ["id", "v"],
		"properties": {"id": {"type": "string", "maxLength": 64}, "v": {"type": "string", "maxLength": 9}}}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(src, dst, []byte(`{"mapping": "note", "from": "src", "to": "dst",
		"set": {"/v": {"from": "/v"}, "/id": {"from": "/id", "do": [{"token.hmac": {"key": "crm/tokens"}}], "on_error": "fail"}}}`), to)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTwinsFit: what is made for a system goes to its twin only if it may, and no secret
// does but the key of its tokens.
func TestTwinsFit(t *testing.T) {
	eu, clearance := []string{"eu"}, mapping.Clearance{Class: mapping.Internal, Purposes: []string{"hr"}}
	m := tokens(t, mapping.Destination{System: "crm", Kind: check.KindAPI, Jurisdictions: eu, Clearance: clearance})
	const input = "/systems/1/operations/0/input"
	for name, c := range map[string]struct {
		change func(crm, lab *check.System)
		want   []string
	}{
		"sound":            {func(_, _ *check.System) {}, nil},
		"without a key":    {func(_, lab *check.System) { lab.Secrets = nil }, []string{"B146 " + input}},
		"shared secret":    {func(_, lab *check.System) { lab.Secrets = append(lab.Secrets, "crm/api") }, []string{"B139 /systems/1/secrets/2"}},
		"another's secret": {func(_, lab *check.System) { lab.Secrets = append(lab.Secrets, "erp/api") }, nil},
		"key of nothing":   {func(crm, _ *check.System) { crm.Operations[0].Input = check.None }, []string{"B139 /systems/1/secrets/1"}},
		"elsewhere":        {func(_, lab *check.System) { lab.Jurisdictions = []string{"us"} }, []string{"B139 " + input}},
		"not cleared":      {func(_, lab *check.System) { lab.Clearance.Class = mapping.Public }, []string{"B139 " + input, "B139 " + input}},
		"no mapping":       {func(crm, _ *check.System) { crm.Operations[0].Input = "nothing" }, []string{"B139 /systems/1/secrets/1", "B140 /systems/0/operations/0/input", "B140 " + input}},
	} {
		all := append(notes(), check.System{Name: check.Self, Jurisdictions: eu, Clearance: clearance})
		crm, lab := &all[0], &all[1]
		crm.Operations[0].Input, crm.Secrets = "note", []string{"crm/api", "crm/tokens"}
		lab.Secrets = []string{"lab/api", "crm/tokens"}
		for _, s := range []*check.System{crm, lab} {
			s.Jurisdictions, s.Clearance = eu, clearance
		}
		c.change(crm, lab)
		found := check.Boundary(check.Twinned(all), nil, map[string]*mapping.Mapper{"note": m})
		if got := codes(found); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
		if name == "elsewhere" && !strings.Contains(found[0].Problem, "M221 /set/~1v/from") {
			t.Errorf("what does not fit is not told: %s", found[0].Problem)
		}
	}
}

// TestManyTwins: what holds for two systems holds for as many as a folder could declare.
func TestManyTwins(t *testing.T) {
	var many []check.System
	for i := range 25_000 {
		s, n := notes(), fmt.Sprint(i)
		s[0].Name, s[0].Origin, s[1].Name, s[1].Origin, s[1].TwinOf = "s"+n, "https://s"+n+".example", "t"+n, "https://t"+n+".example", "s"+n
		s[1].Secrets = []string{"t" + n + "/api"}
		s[0].Operations = []check.Operation{{Name: "s" + n + ".note.add", Method: "POST", Path: "/", Effect: 3, Undo: "s" + n + ".note.drop"}, {Name: "s" + n + ".note.drop", Method: "DELETE", Path: "/", Effect: 2}}
		many = append(many, s[:2]...)
	}
	if found := check.Catalogue("acme", many); found != nil {
		t.Errorf("found %v", found[:1])
	}
	all := check.Twinned(many)
	if found := check.Boundary(all, nil, nil); found != nil || all[49_999].Operations[0].Undo != "t24999.note.drop" {
		t.Errorf("found %d", len(found))
	}
}
