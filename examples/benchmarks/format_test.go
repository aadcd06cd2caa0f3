package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tailscale/hujson"

	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/mapping"
)

// formats are what editors learn of our files, as somebody else's validator reads them.
func formats(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	all := map[string]*jsonschema.Schema{}
	for kind, text := range map[string][]byte{"boundary": boundary.Format(), "schema": mapping.SchemaFormat(), "mapping": mapping.MappingFormat()} {
		format, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource(kind, format); err != nil {
			t.Fatal(err)
		}
		if all[kind], err = c.Compile(kind); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// plain is a file without comments.
func plain(t *testing.T, text string) any {
	t.Helper()
	standard, err := hujson.Standardize([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(standard))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// kindOf is what a file is, by the member that each of its kind has.
func kindOf(v any) string {
	members, _ := v.(map[string]any)
	for member, kind := range map[string]string{"tenant": "boundary", "mapping": "mapping", "title": "schema"} {
		if members[member] != nil {
			return kind
		}
	}
	return ""
}

// TestFormatsTakeOurFiles: each file of this repository is what its format says.
func TestFormatsTakeOurFiles(t *testing.T) {
	known, counts := formats(t), map[string]int{}
	err := filepath.WalkDir("../..", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." {
			return filepath.SkipDir
		}
		if err != nil || path.Ext(name) != ".jsonc" || entry.Name() == "canary.jsonc" { // which is none of them
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		v := plain(t, string(text))
		kind := kindOf(v)
		counts[kind]++
		if known[kind] == nil {
			t.Errorf("%s is of no kind", name)
		} else if err := known[kind].Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return nil
	})
	if err != nil || counts["boundary"] < 3 || counts["schema"] < 15 || counts["mapping"] < 10 {
		t.Errorf("%v %v", counts, err)
	}
}

// checked is a sound file of one kind, and what carnet finds in others in its place.
type checked struct {
	kind, text string
	read       func(text []byte) error
}

func sound(t *testing.T) map[string]checked {
	t.Helper()
	mappingText := strings.Replace(file(t, "../../mapping/testdata/employee-to-contact.jsonc"), `{"from": "/skills"}`, `{"from": "/skills", "on_error": "fail"}`, 1)
	src, dst := described(t, "employee.jsonc"), described(t, "contact.jsonc")
	to := mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Internal, Categories: []string{"pii.contact"}, Purposes: []string{"crm"}}}
	schema := func(text []byte) error { _, err := mapping.ParseSchema(text); return err }
	compile := func(text []byte) error { _, err := mapping.Compile(src, dst, text, to); return err }
	load := func(text []byte) error {
		_, err := boundary.Load(fstest.MapFS{boundary.File: {Data: text}}, nil)
		return err
	}
	return map[string]checked{
		"boundary":         {"boundary", boundaryText, load},
		"schema":           {"schema", schemaText, schema},
		"schema, employee": {"schema", file(t, "../../mapping/testdata/employee.jsonc"), schema},
		"schema, combined": {"schema", file(t, "../mappingonly/employee.jsonc"), schema},
		"mapping":          {"mapping", mappingText, compile},
	}
}

func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func described(t *testing.T, name string) *mapping.Schema {
	t.Helper()
	s, err := mapping.ParseSchema([]byte(file(t, "../../mapping/testdata/"+name)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// schemaText has what the schemas of this repository do not have.
const schemaText = `{
  "$schema": "schema.json", "$id": "x", "title": "note", "type": "object", "additionalProperties": false, "required": ["id", "uid"],
  "properties": {
    "id": {"type": "integer", "enum": [1, 2], "unit": "cm", "in": "path"}, "uid": {"type": "string", "maxLength": 9, "in": "dn"},
    "X-Kind": {"type": "string", "enum": ["a", "b"], "in": "header"}, "here": {"$ref": "#/$defs/place", "description": "d"}, "there": {"$ref": "#/$defs/place"},
    "text": {"type": "string", "maxLength": 9, "release": [{"via": "custom.own", "args": {"version": "1"}, "to": "public", "approved": "A-1", "until": "2099-01-01"}], "classification": "internal"},
    "marks": {"type": "object", "patternProperties": {"^[a-z]+$": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615}}, "additionalProperties": false, "maxProperties": 9, "propertyNames": {"minLength": 1, "maxLength": 9}},
    "keys": {"type": ["object", "null"], "patternProperties": {"^[\\s\\S]*$": {"type": "boolean"}}, "additionalProperties": false, "maxProperties": 9, "propertyNames": {"format": "uuid"}},
    "grid": {"type": "array", "maxItems": 2, "items": {"type": "array", "maxItems": 2, "items": {"type": "boolean"}}},
  },
  "$defs": {"place": {"type": ["object", "null"], "additionalProperties": false, "properties": {"code": {"type": "string", "maxLength": 9}}}},
}`

// boundaryText has every member that a boundary can have, and needs no other file.
const boundaryText = `{
  "$schema": "boundary.json", "tenant": "acme",
  "systems": [
    {
      "name": "self", "kind": "store", "zone": "inner", "jurisdictions": ["eu"], "clearance": {"class": "internal", "categories": ["pii"], "purposes": ["hr"]},
      "operations": [{"name": "self.run.halt", "effect": "once", "privileged": true}],
    },
    {
      "name": "people", "kind": "directory", "origin": "ldaps://people.example", "zone": "outer", "jurisdictions": ["eu"], "private": ["10.0.0.0/8"], "secrets": ["people/bind"],
      "subject": {"issuer": "https://login.example", "claim": "oid", "template": "u-{claim}", "reserved": ["u-root"], "undated": true}, "delegation": "audit-only", "ceiling": "1h30m",
      "operations": [{"name": "people.entry.find", "method": "search", "base": "ou=people", "filter": "(uid=x)", "attributes": ["uid"], "output": "opaque", "reason": "r", "effect": "read-only"}],
    },
    {
      "name": "crm", "kind": "api", "origin": "https://crm.example", "endpoints": {"token": "https://crm.example/token"}, "audience": "crm", "jurisdictions": ["us"], "secrets": ["crm/pairs"],
      "subject": {"issuer": "https://login.example", "pairwise": "crm/pairs"}, "delegation": "carry",
      "operations": [
        {"name": "crm.note.add", "method": "POST", "path": "/notes", "scopes": ["write"], "input": "opaque", "output": "none", "reason": "r", "effect": "once", "keyed": true, "undo": "crm.note.drop", "ask": "crm.note.find"},
        {"name": "crm.note.drop", "method": "DELETE", "path": "/notes", "effect": "idempotent", "input": "none"}, {"name": "crm.note.find", "method": "GET", "path": "/notes", "effect": "read-only"},
      ],
    },
    {"name": "lab", "twin_of": "crm", "origin": "https://lab.example", "secrets": ["lab/pairs"], "subject": {"issuer": "https://login.example", "pairwise": "lab/pairs"}},
    {"name": "mail", "origin": "https://mail.example", "subject": {"claim": "email", "table": {"https://login.example a@acme.example": "a"}, "domains": {"https://login.example": ["acme.example"]}}},
  ],
  "issuers": ["https://login.example", "spiffe://acme.example"], "levels": {"https://login.example mfa": 2},
  "permits": [
    {"name": "one", "who": {"issuer": "https://login.example", "subject": "a"}, "operations": ["crm.note.add", "crm.note.drop"], "until": "2099-01-01T00:00:00Z"},
    {"name": "all", "who": {"issuer": "https://login.example", "claim": "groups", "value": "hr"}, "operations": ["crm.note.find"], "unattended": true},
    {"name": "job", "who": {"spiffe": "spiffe://acme.example/job"}, "operations": ["people.entry.find"]},
  ],
  "rules": [
    {"name": "fresh", "on": ["crm", "people.entry.find"], "level": 2, "max_age": "15m", "scopes": ["write"], "transport": "tls"},
    {"name": "near", "residency": ["eu", "us"], "class": "internal", "zones": {"inner": "outer"}},
  ],
}`

// others stand in for what was there. The formats refuse empty text that the readers take as
// nothing, so it is none of them.
func others() []any {
	return []any{
		nil, true, false, json.Number("0"), json.Number("-1"), json.Number("300"), json.Number("0.5"), "x", "No Name", "2099-01-01", "0s",
		[]any{}, []any{"x"}, []any{"x", "x"}, []any{nil}, map[string]any{}, map[string]any{"x": "y"}, map[string]any{"x": nil},
	}
}

// mutants changes one value below v after the other, and calls try after each.
func mutants(v any, try func(what string)) {
	swap := func(at string, inner any, put func(any)) {
		for _, other := range others() {
			put(other)
			try(at)
		}
		put(inner)
		mutants(inner, func(what string) { try(at + "/" + what) })
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			inner := v[name]
			swap(name, inner, func(other any) { v[name] = other })
			delete(v, name)
			try("without " + name)
			v[name+"x"] = inner
			try("misspelt " + name)
			delete(v, name+"x")
			v[name] = inner
		}
	case []any:
		for i, inner := range v {
			swap("*", inner, func(other any) { v[i] = other })
		}
	}
}

// TestFormatsAgreeWithReaders: with any one value of a file changed, the format takes what the
// reader takes, and refuses what is no declaration.
func TestFormatsAgreeWithReaders(t *testing.T) {
	known := formats(t)
	for name, c := range sound(t) {
		t.Run(name, func(t *testing.T) {
			v := plain(t, c.text)
			if err := cmp.Or(c.read([]byte(c.text)), known[c.kind].Validate(v)); err != nil {
				t.Fatal(err)
			}
			var taken, refused, seen int
			mutants(v, func(what string) {
				text, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				findings, _ := errors.AsType[mapping.Findings](c.read(text))
				form := slices.IndexFunc(findings, func(f mapping.Finding) bool { return f.Code[0] == 'D' })
				switch err := known[c.kind].Validate(v); {
				case findings == nil && err != nil:
					t.Errorf("%s: only the format refuses it: %v\n%s", what, err, text)
				case form >= 0 && err == nil:
					t.Errorf("%s: the format does not see %v\n%s", what, findings[form], text)
				case findings == nil:
					taken++
				case form >= 0:
					refused++
				case err != nil:
					seen++ // more than the form
				}
			})
			if taken < 30 || refused < 500 || seen < 100 {
				t.Errorf("%d taken, %d refused for their form, and %d others", taken, refused, seen)
			}
		})
	}
}

// TestFormatsRefuse: what is wrong in itself, an editor marks.
func TestFormatsRefuse(t *testing.T) {
	known, all := formats(t), sound(t)
	for _, test := range []struct{ what, in, old, new string }{
		{"misspelt member", "boundary", `"origin"`, `"orgin"`},
		{"member of another case", "boundary", `"tenant"`, `"Tenant"`},
		{"member of a Go name", "boundary", `"max_age"`, `"MaxAge"`},
		{"member of a file by hand", "boundary", `"transport": "tls"`, `"at": "boundary.jsonc:1"`},
		{"no tenant", "boundary", `"tenant": "acme",`, ``},
		{"no origin", "boundary", `"origin": "https://mail.example", `, ``},
		{"no method", "boundary", `"method": "GET", `, ``},
		{"no effect", "boundary", `"path": "/notes", "effect": "idempotent"`, `"path": "/notes"`},
		{"unknown effect", "boundary", `"idempotent"`, `"readonly"`},
		{"unknown kind", "boundary", `"kind": "api"`, `"kind": "http"`},
		{"unknown method", "boundary", `"GET"`, `"get"`},
		{"unknown delegation", "boundary", `"audit-only"`, `"audit"`},
		{"cleared for sealed", "boundary", `{"class": "internal"`, `{"class": "sealed"`},
		{"rule of sealed", "boundary", `"class": "internal", "zones"`, `"class": "sealed", "zones"`},
		{"opaque without a reason", "boundary", `"output": "opaque", "reason": "r"`, `"output": "opaque"`},
		{"level out of range", "boundary", `"level": 2`, `"level": 256`},
		{"duration without a unit", "boundary", `"15m"`, `"15"`},
		{"duration of nothing", "boundary", `"15m"`, `"0h0m"`},
		{"time without a zone", "boundary", `"2099-01-01T00:00:00Z"`, `"2099-01-01"`},
		{"permit for nobody", "boundary", `"who": {"spiffe": "spiffe://acme.example/job"}`, `"who": {}`},
		{"permit for two", "boundary", `{"spiffe": "spiffe://acme.example/job"}`, `{"issuer": "https://login.example", "subject": "a", "spiffe": "spiffe://acme.example/job"}`},
		{"permit for a claim of any value", "boundary", `, "value": "hr"`, ``},
		{"permit for nothing", "boundary", `["crm.note.find"]`, `[]`},
		{"permit with a wildcard", "boundary", `["crm.note.find"]`, `["crm.*"]`},
		{"rule without a condition", "boundary", `, "residency": ["eu", "us"], "class": "internal", "zones": {"inner": "outer"}`, ``},
		{"rule on nothing", "boundary", `["crm", "people.entry.find"]`, `[]`},
		{"null", "boundary", `"scopes": ["write"], "input"`, `"scopes": null, "input"`},

		{"misspelt member", "schema", `"maxLength": 9, "in"`, `"maxlength": 9, "in"`},
		{"no title", "schema", `"title": "note", `, ``},
		{"title that is no name", "schema", `"note"`, `"A note"`},
		{"open", "schema", `"additionalProperties": false, "required"`, `"additionalProperties": true, "required"`},
		{"open, and unsaid", "schema", `["object", "null"], "additionalProperties": false`, `["object", "null"]`},
		{"root that may be null", "schema", `"type": "object", "additional`, `"type": ["object", "null"], "additional`},
		{"no type", "schema", `"uid": {"type": "string", `, `"uid": {`},
		{"unknown type", "schema", `"integer"`, `"int"`},
		{"null first", "schema", `["object", "null"]`, `["null", "object"]`},
		{"text without an end", "schema", `"code": {"type": "string", "maxLength": 9}`, `"code": {"type": "string"}`},
		{"unknown place", "schema", `"dn"`, `"cookie"`},
		{"unknown class", "schema", `"classification": "internal"`, `"classification": "secret"`},
		{"reference with more beside", "schema", `"description": "d"`, `"classification": "public"`},
		{"reference elsewhere", "schema", `{"$ref": "#/$defs/place"}`, `{"$ref": "place.jsonc"}`},
		{"release without approval", "schema", `"approved": "A-1", `, ``},
		{"release without an end", "schema", `, "until": "2099-01-01"`, ``},
		{"release until no day", "schema", `"2099-01-01"`, `"2099-02-30"`},
		{"release to sealed", "schema", `"to": "public"`, `"to": "sealed"`},
		{"release by no transform", "schema", `"custom.own"`, `"mask"`},
		{"array without items", "schema, employee", `"items": {"type": "string", "maxLength": 40}, `, ``},
		{"array without an end", "schema, employee", `"maxItems": 20, `, ``},
		{"number without a scale", "schema, employee", `"scale": 2, `, ``},
		{"number of too many digits", "schema, employee", `"scale": 2`, `"scale": 19`},
		{"pattern of a part", "schema, employee", `"^[A-Z]{2}$"`, `"[A-Z]{2}"`},
		{"unknown format", "schema, employee", `"format": "email"`, `"format": "mail"`},
		{"combination of one", "schema, combined", `["/born", "/postcode"]`, `["/born"]`},
		{"combination without a class", "schema, combined", `"/postcode"], "classification": "restricted"`, `"/postcode"]`},

		{"misspelt member", "mapping", `"drop"`, `"dropped"`},
		{"no source", "mapping", `"from": "employee", `, ``},
		{"mapping that is no name", "mapping", `"mapping": "employee-to-contact"`, `"mapping": "Employee to contact"`},
		{"rule of nothing", "mapping", `{"const": "hr"}`, `{}`},
		{"rule of two", "mapping", `{"const": "hr"}`, `{"const": "hr", "absent": "nobody asks"}`},
		{"constant null", "mapping", `{"const": "hr"}`, `{"const": null}`},
		{"way out of no source", "mapping", `{"const": "hr"}`, `{"const": "hr", "on_error": "fail"}`},
		{"transform of no source", "mapping", `{"const": "hr"}`, `{"const": "hr", "do": []}`},
		{"unknown transform", "mapping", `"mask.email"`, `"mask.mail"`},
		{"two transforms in one", "mapping", `{"date.year": {}}, {"int.to_string": {}}`, `{"date.year": {}, "int.to_string": {}}`},
		{"arguments that are none", "mapping", `{"n": 4}`, `4`},
		{"unknown way out", "mapping", `"on_error": "fail"`, `"on_error": "skip"`},
		{"field that is no pointer", "mapping", `{"from": "/skills"`, `{"from": "skills"`},
		{"dropped for no reason", "mapping", `"a city is enough"`, `""`},
	} {
		t.Run(test.in+": "+test.what, func(t *testing.T) {
			c := all[test.in]
			if strings.Count(c.text, test.old) < 1 {
				t.Fatal("nothing is changed")
			}
			text := strings.Replace(c.text, test.old, test.new, 1)
			if c.read([]byte(text)) == nil {
				t.Error("the reader takes it")
			}
			if known[c.kind].Validate(plain(t, text)) == nil {
				t.Error("the format takes it")
			}
		})
	}
}
