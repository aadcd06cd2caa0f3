package boundary_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/mapping"
)

const (
	employee = "schemas/employee.jsonc"
	contact  = "schemas/contact.jsonc"
	count    = "schemas/count.jsonc"
	crosses  = "mappings/employee-to-contact.jsonc"
)

// loads checks what is found in a folder.
func loads(t *testing.T, dir fstest.MapFS, want ...string) {
	t.Helper()
	b, err := boundary.Load(dir, nil)
	if got := found(t, err); !slices.Equal(got, want) || (b != nil) != (len(want) == 0) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNamesInDocuments(t *testing.T) {
	for name, test := range map[string]struct {
		path  string
		pairs []string
		want  []string
	}{
		"nothing wrong":      {contact, nil, nil},
		"title":              {contact, []string{`"contact",`, `"contacts",`}, []string{contact + ":3:12 F110 /title"}},
		"title of an answer": {count, []string{`"count",`, `"number",`}, []string{count + ":3:12 F110 /title"}},
		"mapping's name":     {crosses, []string{`"employee-to-contact"`, `"employee-to-contacts"`}, []string{crosses + ":3:14 F111 /mapping"}},
		"from, a typo":       {crosses, []string{`"employee",`, `"employe",`}, []string{crosses + ":3:45 F112 /from employee"}},
		"to, a typo":         {crosses, []string{`"contact",`, `"contct",`}, []string{crosses + ":3:63 F112 /to contact"}},
		"from a stranger":    {crosses, []string{`"employee",`, `"person",`}, []string{crosses + ":3:45 F112 /from", employee + ":1:1 F114"}},
		"input, a typo": {boundary.File, []string{`"input": "employee-to-contact"`, `"input": "employe-to-contact"`},
			[]string{"boundary.jsonc:33:20 B140 /systems/1/operations/2/input employee-to-contact"}},
		"input, a stranger": {boundary.File, []string{`"input": "employee-to-contact"`, `"input": "person"`},
			[]string{"boundary.jsonc:33:20 B140 /systems/1/operations/2/input", crosses + ":1:1 F113"}},
		"output, a typo":    {boundary.File, []string{`"output": "count"`, `"output": "cuont"`}, []string{"boundary.jsonc:33:53 B144 /systems/1/operations/2/output count"}},
		"mapping as output": {boundary.File, []string{`"output": "count"`, `"output": "employee-to-contact"`}, []string{"boundary.jsonc:33:53 B144 /systems/1/operations/2/output", count + ":1:1 F114"}},
		"unused":            {boundary.File, []string{`/contacts/{id}`, `/contacts/1`, `"input": "employee-to-contact", `, ``}, []string{crosses + ":1:1 F113"}},
		"unused answer":     {boundary.File, []string{`, "output": "count"`, `, "output": "none"`}, []string{count + ":1:1 F114"}},
		"what was not read may use it": {boundary.File, []string{`"input": "employee-to-contact"`, `"inputt": "employee-to-contact"`},
			[]string{"boundary.jsonc:33:11 D105 /systems/1/operations/2 input"}},
		"neither from nor to": {crosses, []string{`"from": "employee", "to": "contact",`, ``},
			[]string{crosses + ":2:1 F112 /from", crosses + ":2:1 F112 /to"}},
		"title is no text": {count, []string{`"title": "count"`, `"title": 1`}, []string{count + ":3:12 D108 /title", count + ":3:12 M101 /title"}},
		"from is no text":  {crosses, []string{`"from": "employee"`, `"from": 1`}, []string{crosses + ":3:45 D108 /from"}},
		"for two systems, one of them unsound": {boundary.File, []string{`"issuers": [`, `"issuers": [`, `  "systems": [`, `  "systems": [
    {"name": "hub", "origin": "ftp://hub.example", "zone": "partners", "jurisdictions": ["us"], "clearance": {"class": "internal", "categories": ["pii.contact"], "purposes": ["hr"]},
     "operations": [{"name": "hub.contact.push", "method": "PUT", "path": "/contacts/{id}", "effect": "once", "input": "employee-to-contact"}]},`},
			[]string{"boundary.jsonc:5:31 B104 /systems/0/origin", "boundary.jsonc:35:20 B141 /systems/2/operations/2/input"}},
		"for two systems": {boundary.File, []string{`  "issuers"`, `  "issuers"`, "    },\n  ],\n  \"issuers\"", `    },
    {"name": "hub", "origin": "https://hub.example", "zone": "partners", "jurisdictions": ["us"], "clearance": {"class": "internal", "categories": ["pii.contact"], "purposes": ["hr"]},
     "secrets": ["crm/tokens"], "operations": [{"name": "hub.contact.push", "method": "PUT", "path": "/contacts/{id}", "effect": "once", "input": "employee-to-contact"}]},
  ],
  "issuers"`}, []string{"boundary.jsonc:39:147 B141 /systems/2/operations/0/input"}},
	} {
		t.Run(name, func(t *testing.T) { loads(t, changed(t, test.path, test.pairs...), test.want...) })
	}
}

// All that is wrong, wherever, is found at once.
func TestFindingsOfAllFilesAtOnce(t *testing.T) {
	dir := changed(t, boundary.File, `https://crm.example"`, `ftp://crm.example"`, `"hr-reads"`, `"HR"`, `"class": "internal"}`, `"class": "sealed"}`)
	dir[crosses] = changed(t, crosses, `"drop": {"/national_id": "the CRM has no use for it"},`, ``)[crosses]
	dir[count] = changed(t, count, `"count",`, `"number",`)[count]
	dir["schemas/spare.jsonc"] = &fstest.MapFile{Data: []byte(strings.Replace(string(dir[contact].Data), `"contact",`, `"spare",`, 1))}
	dir["schemas/torn.jsonc"] = &fstest.MapFile{Data: []byte(`{"title":`)}
	_, err := boundary.Load(dir, nil)
	got := found(t, err)
	for _, want := range []string{
		"boundary.jsonc:13:17 B104 /systems/1/origin", "boundary.jsonc:46:15 P101 /permits/0/name", "boundary.jsonc:63:75 P123 /rules/4/class",
		crosses + ":", count + ":3:12 F110 /title", "schemas/spare.jsonc:1:1 F114", "schemas/torn.jsonc:1:10 D102", "schemas/torn.jsonc:1:1 F114",
	} {
		if !slices.ContainsFunc(got, func(s string) bool { return s == want || strings.HasSuffix(want, ":") && strings.HasPrefix(s, want) }) {
			t.Errorf("%s is missing", want)
		}
	}
	if len(got) != 8 {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// What does not fit together has the place of the operation.
func TestPartsThatDoNotFit(t *testing.T) {
	for name, test := range map[string]struct {
		path  string
		pairs []string
		want  []string
	}{
		"place that nothing fills": {boundary.File, []string{`/contacts/{id}`, `/contacts/{number}`}, []string{"boundary.jsonc:33:20 B142 /systems/1/operations/2/input"}},
		"body in a DELETE":         {boundary.File, []string{`"PUT"`, `"DELETE"`}, []string{"boundary.jsonc:33:20 B143 /systems/1/operations/2/input"}},
		"key of somebody else":     {boundary.File, []string{`, "crm/tokens"]`, `]`}, []string{"boundary.jsonc:33:20 B146 /systems/1/operations/2/input"}},
		"self may not hold it": {boundary.File, []string{`"restricted", "categories"`, `"public", "categories"`},
			[]string{"boundary.jsonc:33:20 B145 /systems/1/operations/2/input", "boundary.jsonc:33:53 B145 /systems/1/operations/2/output"}},
		"nobody declared self": {boundary.File, []string{`"self", //`, `"shelf", "origin": "https://shelf.example", //`},
			[]string{"boundary.jsonc:33:20 B147 /systems/1/operations/2/input", "boundary.jsonc:33:53 B147 /systems/1/operations/2/output"}},
		"beside a finding of the policy": {boundary.File, []string{`"PUT"`, `"DELETE"`, `"hr-reads"`, `"HR"`},
			[]string{"boundary.jsonc:33:20 B143 /systems/1/operations/2/input", "boundary.jsonc:46:15 P101 /permits/0/name"}},
	} {
		t.Run(name, func(t *testing.T) { loads(t, changed(t, test.path, test.pairs...), test.want...) })
	}
}

// A finding is not repeated by what follows from it.
func TestNothingIsRepeated(t *testing.T) {
	torn := &fstest.MapFile{Data: []byte("{")}
	for name, test := range map[string]struct {
		path string
		want string
	}{
		"answer":  {count, count + ":1:2 D102"},
		"source":  {employee, employee + ":1:2 D102"},
		"target":  {contact, contact + ":1:2 D102"},
		"mapping": {crosses, crosses + ":1:2 D102"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := whole(t, "")
			dir[test.path] = torn
			loads(t, dir, test.want)
		})
	}
	t.Run("clearance", func(t *testing.T) {
		loads(t, changed(t, boundary.File, `      "clearance": {"class": "internal"`, `      "clearence": {"class": "internal"`), "boundary.jsonc:16:7 D105 /systems/1 clearance")
	})
	t.Run("class", func(t *testing.T) {
		loads(t, changed(t, boundary.File, `{"class": "internal", "cat`, `{"class": "intern", "cat`), "boundary.jsonc:16:30 D113 /systems/1/clearance/class internal")
	})
	t.Run("jurisdiction", func(t *testing.T) {
		loads(t, changed(t, boundary.File, `["us"],`, `["US"],`), "boundary.jsonc:15:25 B107 /systems/1/jurisdictions/0")
	})
}

func TestIssuersThatDoNotCount(t *testing.T) {
	const issuer = `"https://login.acme.example`
	subject := func(s string) []string { return []string{`"delegation":`, `"subject": ` + s + `, "delegation":`} }
	for name, test := range map[string]struct {
		pairs []string
		want  []string
	}{
		"permit":     {[]string{`{"issuer": ` + issuer + `"`, `{"issuer": "https://login.acme.exampel"`}, []string{"boundary.jsonc:47:25 P120 /permits/0/who/issuer https://login.acme.example"}},
		"level":      {[]string{issuer + ` mfa"`, `"https://partner.example mfa"`}, []string{"boundary.jsonc:42:36 P120 /levels"}},
		"not issuer": {[]string{`"issuers": [`, `"issuers": ["a b", `}, []string{"boundary.jsonc:39:15 P105 /issuers/0"}},
		"not text":   {[]string{`"issuers": [` + issuer + `"]`, `"issuers": [1]`}, []string{"boundary.jsonc:39:15 D108 /issuers/0"}},
		"subject": {subject(`{"issuer": "https://login.acme.exampel", "template": "{claim}"}`),
			[]string{"boundary.jsonc:18:29 P120 /systems/1/subject/issuer https://login.acme.example"}},
		"table": {subject(`{"table": {"https://login.acme.exampel alice": "a", "local self": "svc", "https://login.acme.example bob": "b"}}`),
			[]string{"boundary.jsonc:18:65 P120 /systems/1/subject/table https://login.acme.example"}},
		"domains": {subject(`{"issuer": "https://login.acme.example", "claim": "email", "template": "{claim}", "domains": {"https://partner.example": ["p.example"]}}`),
			[]string{"boundary.jsonc:18:139 P120 /systems/1/subject/domains"}},
		"anybody's, where none are listed": {append(subject(`{"table": {"https://partner.example alice": "a"}}`), `"issuers": [`+issuer+`"],`, ``), nil},
	} {
		t.Run(name, func(t *testing.T) { loads(t, changed(t, boundary.File, test.pairs...), test.want...) })
	}
}

func TestZonesAndJurisdictionsNameSystems(t *testing.T) {
	loads(t, changed(t, boundary.File, `{"production": "partners"}`, `{"prodution": "partners", "production": "lab"}`, `["eu", "us"]}`, `["eu", "uss"]}`),
		"boundary.jsonc:62:47 P121 /rules/3/residency/1 us",
		"boundary.jsonc:64:48 P122 /rules/5/zones production", "boundary.jsonc:64:74 P122 /rules/5/zones")
	loads(t, changed(t, boundary.File, `{"production": "partners"}`, `{}`), "boundary.jsonc:64:34 P122 /rules/5/zones")
	loads(t, changed(t, boundary.File, `{"production": "partners"}`, `{"production": 1}`), "boundary.jsonc:64:49 D108 /rules/5/zones")
}

// Nobody reads more than a thousand findings, and looking for them takes time.
func TestFindingsAreBounded(t *testing.T) {
	torn := whole(t, "")
	torn[crosses].Data = []byte("{")
	for i := range 990 {
		torn[fmt.Sprintf("schemas/torn-%d.jsonc", i)] = &fstest.MapFile{Data: []byte("{")}
		torn[fmt.Sprintf("mappings/torn-%d.jsonc", i)] = &fstest.MapFile{Data: []byte("{")}
	}
	var calls strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&calls, `{"name": "crm.call.n%d", "method": "GET", "path": "/", "input": "m-%d", "output": "s-%d", "effect": "once"},`, i, i, i)
	}
	lost := changed(t, boundary.File, `"operations": [`, `"operations": [`+calls.String())
	for name, dir := range map[string]fstest.MapFS{"torn": torn, "lost": lost} {
		_, err := boundary.Load(dir, nil)
		if n := len(found(t, err)); n != 1000 {
			t.Errorf("%s: %d findings", name, n)
		}
	}
}

// TestFuncs: a mapping may name a function of the program that loads it, and of no other.
func TestFuncs(t *testing.T) {
	dir := changed(t, crosses, `"/name": {"from": "/name"},`, `"/name": {"from": "/name", "do": [{"custom.short": {"version": "1"}}], "on_error": "fail"},`)
	loads(t, dir, crosses+":6:39 M209 /set/~1name/do/0")
	short := mapping.Func{Name: "short", Version: "1", MaxLength: 20, Do: func(dst, text []byte) ([]byte, bool) { return append(dst, text[:1]...), true }}
	b, err := boundary.Load(dir, &boundary.Options{Funcs: []mapping.Func{short}})
	if err != nil || !strings.Contains(b.Mapping("employee-to-contact").Report(), "custom code to be read: custom.short") {
		t.Errorf("%v", err)
	}
}
