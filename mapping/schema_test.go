package mapping_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// withProperty is a schema with one property, on line 2.
func withProperty(property string) string {
	return "{\"title\": \"s\", \"type\": \"object\", \"additionalProperties\": false, \"properties\": {\n\"a\": " + property + "}}"
}

func TestParseSchemaFindings(t *testing.T) {
	many := strings.Builder{}
	for i := range 257 {
		fmt.Fprintf(&many, `"p%d": {"type": "boolean"},`, i)
	}
	const text = `"type": "string", "maxLength": 9`
	for _, tt := range []struct {
		name, schema string
		want         []string // line:column code path nearest
	}{
		{"no title", `{"type": "object", "additionalProperties": false, "properties": {"a": {"type": "boolean"}}}`, []string{"1:1 M101 /title "}},
		{"bad title", `{"title": "A b", "type": "object", "additionalProperties": false, "properties": {"a": {"type": "boolean"}}}`, []string{"1:11 M101 /title "}},
		{"no object", `{"title": "s", "type": "string", "additionalProperties": false, "properties": {"a": {"type": "boolean"}}}`, []string{"1:24 M102 /type "}},
		{"root may be null", `{"title": "s", "type": ["object", "null"], "additionalProperties": false, "properties": {"a": {"type": "boolean"}}}`, []string{"1:24 M102 /type "}},
		{"open", `{"title": "s", "type": "object", "properties": {"a": {"type": "boolean"}}}`, []string{"1:1 M104 /additionalProperties "}},
		{"said to be open", `{"title": "s", "type": "object", "additionalProperties": true, "properties": {"a": {"type": "boolean"}}}`, []string{"1:58 M104 /additionalProperties "}},
		{"no properties", `{"title": "s", "type": "object", "additionalProperties": false}`, []string{"1:1 M105 /properties "}},
		{"too many properties", `{"title": "s", "type": "object", "additionalProperties": false, "properties": {` + many.String() + `}}`, []string{"1:79 M105 /properties "}},
		{"required and no property", `{"title": "s", "type": "object", "additionalProperties": false, "required": ["fild"], "properties": {"field": {"type": "boolean"}}}`, []string{"1:78 M108 /required/0 field"}},
		{"names differ in case", `{"title": "s", "type": "object", "additionalProperties": false, "properties": {"ssn": {"type": "boolean"}, "SSN": {"type": "boolean"}}}`, []string{"1:115 M107 /properties "}},
		{"defaults", `{"title": "s", "type": "object", "additionalProperties": false, "defaults": {"residency": ["EU"], "classification": "secretive"}, "properties": {"a": {"type": "boolean"}}}`,
			[]string{"1:91 M116 /defaults/residency ", "1:117 D113 /defaults/classification "}},
		{"no type", withProperty(`{}`), []string{"2:6 M102 /properties/a/type "}},
		{"unknown type", withProperty(`{"type": "strin"}`), []string{"2:15 M102 /properties/a/type string"}},
		{"two types", withProperty(`{"type": ["string", "integer"]}`), []string{"2:15 M102 /properties/a/type "}},
		{"null first", withProperty(`{"type": ["null", "string"]}`), []string{"2:15 M102 /properties/a/type "}},
		{"typing error in a keyword", withProperty(`{` + text + `, "clasification": "public"}`), []string{"2:41 D105 /properties classification"}},
		{"typing error in a class", withProperty(`{` + text + `, "classification": "pubic"}`), []string{"2:59 D113 /properties/classification public"}},
		{"keyword of another type", withProperty(`{` + text + `, "minimum": 1, "items": {"type": "boolean"}}`), []string{"2:52 M103 /properties/a/minimum ", "2:64 M103 /properties/a/items "}},
		{"length of a number", withProperty(`{"type": "integer", "maxLength": 1, "format": "date", "pattern": "^$", "scale": 1, "maxItems": 1}`), []string{
			"2:39 M103 /properties/a/maxLength ", "2:52 M103 /properties/a/format ", "2:71 M103 /properties/a/pattern ", "2:86 M103 /properties/a/scale ", "2:101 M103 /properties/a/maxItems "}},
		{"nested and open", withProperty(`{"type": "object", "properties": {"b": {"type": "boolean"}}}`), []string{"2:6 M104 /properties/a/additionalProperties "}},
		{"no maxLength", withProperty(`{"type": "string"}`), []string{"2:6 M110 /properties/a/maxLength "}},
		{"no maxItems", withProperty(`{"type": "array", "items": {"type": "boolean"}}`), []string{"2:6 M109 /properties/a/maxItems "}},
		{"no items", withProperty(`{"type": "array", "maxItems": 1}`), []string{"2:6 M109 /properties/a/items "}},
		{"items without a type", withProperty(`{"type": "array", "maxItems": 1, "items": {}}`), []string{"2:48 M102 /properties/a/items/type "}},
		{"items with a label", withProperty(`{"type": "array", "maxItems": 1, "items": {"type": "boolean", "classification": "public"}}`), []string{"2:48 M103 /properties/a/items "}},
		{"items with a place", withProperty(`{"type": "array", "maxItems": 1, "items": {"type": "boolean", "in": "body"}}`), []string{"2:48 M103 /properties/a/items "}},
		{"lengths cross", withProperty(`{"type": "string", "minLength": 3, "maxLength": 2}`), []string{"2:6 M111 /properties/a "}},
		{"negative length", withProperty(`{"type": "string", "maxLength": -1}`), []string{"2:6 M111 /properties/a "}},
		{"length beyond documents", withProperty(`{"type": "string", "maxLength": 4194305}`), []string{"2:6 M111 /properties/a "}},
		{"range crosses", withProperty(`{"type": "integer", "minimum": 3, "maximum": 2}`), []string{"2:6 M111 /properties/a "}},
		{"range beyond 64 bits", withProperty(`{"type": "integer", "maximum": 9223372036854775808}`), []string{"2:6 M111 /properties/a "}},
		{"range is no integer", withProperty(`{"type": "integer", "maximum": 1.5}`), []string{"2:6 M111 /properties/a "}},
		{"range is text", withProperty(`{"type": "integer", "maximum": "1"}`), []string{"2:6 M111 /properties/a "}},
		{"range beyond its scale", withProperty(`{"type": "number", "scale": 18, "maximum": 10}`), []string{"2:6 M111 /properties/a "}},
		{"no scale", withProperty(`{"type": "number"}`), []string{"2:6 M115 /properties/a/scale "}},
		{"scale too large", withProperty(`{"type": "number", "scale": 19}`), []string{"2:34 M115 /properties/a/scale "}},
		{"empty enum", withProperty(`{"type": "string", "enum": []}`), []string{"2:33 M112 /properties/a/enum "}},
		{"enum twice", withProperty(`{"type": "string", "enum": ["x", "x"]}`), []string{"2:33 M112 /properties/a/enum "}},
		{"enum of numbers in text", withProperty(`{"type": "string", "enum": [1]}`), []string{"2:33 M112 /properties/a/enum "}},
		{"enum too long", withProperty(`{"type": "string", "maxLength": 3, "enum": ["x", "toolong"]}`), []string{"2:49 M112 /properties/a/enum "}},
		{"enum of no match", withProperty(`{"type": "string", "pattern": "^[a-z]$", "enum": ["x", "X"]}`), []string{"2:55 M112 /properties/a/enum "}},
		{"enum out of range", withProperty(`{"type": "integer", "maximum": 1, "enum": [2]}`), []string{"2:48 M112 /properties/a/enum "}},
		{"enum with null", withProperty(`{"type": "string", "enum": ["x", null]}`), []string{"2:6 M110 /properties/a/maxLength ", "2:39 D109 /properties/enum "}},
		{"pattern that is none", withProperty(`{` + text + `, "pattern": "^(?=x)$"}`), []string{"2:52 M113 /properties/a/pattern "}},
		{"pattern that closes the anchors", withProperty(`{` + text + `, "pattern": "^a)|(b$"}`), []string{"2:52 M113 /properties/a/pattern "}},
		{"pattern of a part", withProperty(`{` + text + `, "pattern": "[a-z]"}`), []string{"2:52 M113 /properties/a/pattern "}},
		{"pattern of two halves", withProperty(`{` + text + `, "pattern": "^a|b$"}`), []string{"2:52 M113 /properties/a/pattern "}},
		{"unknown format", withProperty(`{` + text + `, "format": "emial"}`), []string{"2:51 M114 /properties/a/format email"}},
		{"label words", withProperty(`{` + text + `, "categories": ["*"], "residency": ["*", "eu"], "purposes": ["HR"]}`), []string{
			"2:55 M116 /properties/a/categories ", "2:75 M116 /properties/a/residency ", "2:100 M116 /properties/a/purposes "}},
		{"unknown place", withProperty(`{` + text + `, "in": "heder"}`), []string{"2:47 M120 /properties/a/in header"}},
		{"object in a query", withProperty(`{"type": "object", "additionalProperties": false, "properties": {"b": {"type": "boolean"}}, "in": "query"}`), []string{"2:104 M120 /properties/a/in "}},
		{"nested in a query", withProperty(`{"type": "object", "additionalProperties": false, "properties": {"b": {"type": "boolean", "in": "query"}}}`), []string{"2:102 M120 /properties/a/properties/b/in "}},
		{"array in a query", withProperty(`{"type": "array", "maxItems": 1, "items": {"type": "boolean"}, "in": "query"}`), []string{"2:75 M120 /properties/a/in "}},
		{"null in an attribute", withProperty(`{"type": "array", "maxItems": 1, "items": {"type": ["boolean", "null"]}, "in": "attribute"}`), []string{"2:85 M120 /properties/a/in "}},
		{"null in a query", withProperty(`{"type": ["string", "null"], "maxLength": 9, "in": "query"}`), []string{"2:57 M122 /properties/a/in "}},
		{"optional in a path", withProperty(`{` + text + `, "in": "path"}`), []string{"2:47 M122 /properties/a/in "}},
		{"header without X-", withProperty(`{` + text + `, "in": "header"}`), []string{"2:47 M121 /properties/a/in "}},
		{"release of an object", withProperty(`{"type": "object", "additionalProperties": false, "properties": {"b": {"type": "boolean"}}, "release": []}`), []string{"2:109 M103 /properties/a/release "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mapping.ParseSchema([]byte(tt.schema))
			if got := lines(err); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%q\n%v", got, err)
			}
		})
	}
}

func lines(err error) []string {
	findings, _ := errors.AsType[mapping.Findings](err)
	var all []string
	for _, f := range findings {
		all = append(all, fmt.Sprintf("%d:%d %s %s %s", f.Line, f.Column, f.Code, f.Path, f.Nearest))
	}
	return all
}

func TestReleaseFindings(t *testing.T) {
	release := func(label, release string) string {
		return withProperty(`{"type": "string", "maxLength": 10, ` + label + "\n" + `"release": [` + release + `]}`)
	}
	const confidential = `"classification": "confidential",`
	const rest = `"approved": "DPO-1", "until": "2099-01-01"`
	for _, tt := range []struct{ name, schema, want string }{
		{"right", release(confidential, `{"via": "mask.keep_last", "args": {"n": 4}, "to": "internal", `+rest+`}`), ""},
		{"of any key", release(confidential, `{"via": "token.hmac", "to": "internal", `+rest+`}`), ""},
		{"of one key", release(confidential, `{"via": "token.hmac", "args": {"key": "crm"}, "to": "internal", `+rest+`}`), ""},
		{"of what opens, of any key", release(confidential, `{"via": "token.aes_siv", "args": {}, "to": "internal", `+rest+`}`), "M118"},
		{"of what opens, of whatever key", release(confidential, `{"via": "token.aes_siv", "to": "internal", `+rest+`}`), "M118"},
		{"of what opens, of one key", release(confidential, `{"via": "token.aes_siv", "args": {"key": "crm"}, "to": "internal", `+rest+`}`), ""},
		{"of what opens, of few values", release(`"enum": ["a", "b"], `+confidential, `{"via": "token.aes_siv", "args": {"key": "crm"}, "to": "internal", `+rest+`}`), "M118"},
		{"of a store of tokens", release(confidential, `{"via": "token.vault", "to": "internal", `+rest+`}`), "M118"},
		{"to the same class", release(confidential, `{"via": "redact", "to": "confidential", "residency": ["*"], `+rest+`}`), ""},
		{"unlabelled", release("", `{"via": "redact", "to": "public", `+rest+`}`), "M119 M118"},
		{"sealed", release(`"classification": "sealed",`, `{"via": "redact", "to": "public", `+rest+`}`), "M119"},
		{"to nothing", release(confidential, `{"via": "redact", `+rest+`}`), "M118"},
		{"raises", release(confidential, `{"via": "redact", "to": "restricted", `+rest+`}`), "M118"},
		{"hides nothing", release(`"format": "date", `+confidential, `{"via": "date.format", "args": {"layout": "20060102"}, "to": "public", `+rest+`}`), "M118"},
		{"typing error", release(confidential, `{"via": "redcat", "to": "public", `+rest+`}`), "M118"},
		{"no arguments", release(confidential, `{"via": "mask.keep_last", "to": "public", `+rest+`}`), "M118"},
		{"other arguments", release(confidential, `{"via": "mask.keep_last", "args": {"m": 4}, "to": "public", `+rest+`}`), "M118"},
		{"of another type", release(confidential, `{"via": "date.year", "to": "public", `+rest+`}`), "M118"},
		{"nobody approved", release(confidential, `{"via": "redact", "to": "public", "until": "2099-01-01"}`), "M117"},
		{"approved in two lines", release(confidential, `{"via": "redact", "to": "public", "approved": "a\nb", "until": "2099-01-01"}`), "M117"},
		{"no end", release(confidential, `{"via": "redact", "to": "public", "approved": "DPO"}`), "M117"},
		{"no such day", release(confidential, `{"via": "redact", "to": "public", "approved": "DPO", "until": "2026-02-29"}`), "M117"},
		{"words", release(confidential, `{"via": "redact", "to": "public", "residency": ["EU"], `+rest+`}`), "M116"},
		{"array of objects", withProperty(`{"type": "array", "maxItems": 1, "classification": "confidential", "items": {"type": "object", "additionalProperties": false, "properties": {"b": {"type": "boolean"}}}, "release": [{"via": "redact", "to": "public", ` + rest + `}]}`), "M119"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mapping.ParseSchema([]byte(tt.schema))
			if got := codes(err); got != tt.want && (tt.want != "" || err != nil) {
				t.Errorf("%s\n%v", got, err)
			}
		})
	}
}

// TestNamesInPlaces: what a request or an entry cannot hold, or what somebody on the way
// would read, is no name there.
func TestNamesInPlaces(t *testing.T) {
	for in, names := range map[string]struct{ right, wrong string }{
		"header": {
			"X-Request-Year x-tenant X-Contact-2",
			"Authorization Cookie Host Content-Length Transfer-Encoding Connection Upgrade TE Via Forwarded X- X-A-- X_A X-A_B X-Forwarded-For x-forwarded-host X-Real-Ip X-Api-Key x-API-key X-Auth-Token X-Vault-Token " +
				"X-Amz-Security-Token X-Remote-User X-Http-Method-Override X-Method-Override X-Original-Url X-Rewrite-Url X-User X-Authorization Accept Idempotency-Key X-Ä X-Csrf-Token X-A:b",
		},
		"path":      {"id contact_id a1", "Id 1a a-b a.b é ../x {id}"},
		"dn":        {"uid", "uid=x UID"},
		"filter":    {"uid", "uid) UID"},
		"query":     {"q $filter page.size A-b", "a&b a=b a#b é a%20 a+b"},
		"attribute": {"cn givenName x-1", "1a a;b é a_b"},
	} {
		for i, list := range []string{names.right, names.wrong} {
			for _, name := range strings.Fields(list) {
				_, err := mapping.ParseSchema([]byte(`{"title": "s", "type": "object", "additionalProperties": false, "required": ["` + name + `"], "properties": {"` + name + `": {"type": "string", "maxLength": 9, "in": "` + in + `"}}}`))
				if wrong := i == 1; wrong != (err != nil) {
					t.Errorf("%s in %s: %v", name, in, err)
				}
			}
		}
	}
	_, err := mapping.ParseSchema([]byte(`{"title": "s", "type": "object", "additionalProperties": false, "properties": {"a": {"type": "string", "maxLength": 9, "in": "attribute"}, "b": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 9}, "in": "attribute"}}}`))
	if err != nil {
		t.Error(err)
	}
}

func TestNamesOfProperties(t *testing.T) {
	for _, name := range []string{"a", "national_id", "@type", "naïve", "a b", "名", "*x", "a.b", "na\u0308ive"} {
		if _, err := mapping.ParseSchema([]byte(strings.Replace(withProperty(`{"type": "boolean"}`), `"a"`, fmt.Sprintf("%q", name), 1))); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "*", "a/b", "a~b", `a\"b`, `a\\b`, `a\u0000b`, `a\nb`, `a\u202eb`, strings.Repeat("a", 129)} {
		if _, err := mapping.ParseSchema([]byte(strings.Replace(withProperty(`{"type": "boolean"}`), `"a"`, `"`+name+`"`, 1))); codes(err) != "M106" && !strings.HasPrefix(codes(err), "M105 M106") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestAFieldThatNobodyLabelledIsUnlabelled, and so is the whole that it is in.
func TestAFieldThatNobodyLabelledIsUnlabelled(t *testing.T) {
	for _, tt := range []struct {
		schema string
		want   mapping.Label
	}{
		{withProperty(`{"type": "boolean"}`), mapping.Label{}},
		{withProperty(`{"type": "boolean", "residency": ["*"], "purposes": ["*"]}`), mapping.Label{}},
		{withProperty(`{"type": "boolean", "classification": "internal"}`), mapping.Label{Class: mapping.Internal}},
		{withProperty(`{"type": "object", "classification": "public", "additionalProperties": false, "properties": {"b": {"type": "boolean"}}}`), mapping.Label{}},
		{withProperty(`{"type": "object", "additionalProperties": false, "properties": {"b": {"type": "boolean", "classification": "public"}}}`), mapping.Label{}},
		{withProperty(`{"type": "array", "maxItems": 1, "classification": "public", "residency": ["*"], "items": {"type": "object", "additionalProperties": false, "properties": {"b": {"type": "boolean", "classification": "restricted", "categories": ["b", "a"], "residency": ["eu", "us"]}}}}`),
			mapping.Label{Class: mapping.Restricted, Categories: []string{"a", "b"}, Residency: []string{"eu", "us"}}},
	} {
		if got := schema(t, tt.schema).Label(); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: %v, want %v", tt.schema, got, tt.want)
		}
	}
	got := schema(t, file(t, "employee.jsonc")).Label()
	want := mapping.Label{Class: mapping.Restricted, Categories: []string{"pii.contact", "pii.national-id", "pii.pay"}, Residency: []string{"eu"}, Purposes: []string{"hr"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	s := schema(t, withProperty(`{"type": "boolean", "classification": "internal", "categories": ["a"]}`))
	s.Label().Categories[0] = "b"
	if s.Label().Categories[0] != "a" {
		t.Error("a caller changes a schema")
	}
}

// TestSchemaHash: it is of what a schema means.
func TestSchemaHash(t *testing.T) {
	base := `{"title": "s", "type": "object", "additionalProperties": false, "required": ["a", "b"], "defaults": {"classification": "internal", "residency": ["eu", "us"]},
		"properties": {"a": {"type": "string", "maxLength": 9, "enum": ["x", "y"]}, "b": {"type": "integer", "in": "query"}, "c": {"type": "boolean", "in": "query"}}}`
	hash := schema(t, base).Hash()
	if len(hash) != 64 {
		t.Fatal(hash)
	}
	for name, same := range map[string]string{
		"comments":         "// hello\n" + base,
		"description":      strings.Replace(base, `"title"`, `"description": "text", "$id": "x", "$schema": "y", "title"`, 1),
		"order of members": `{"properties": {"b": {"in": "query", "type": "integer"}, "c": {"type": "boolean", "in": "query"}, "a": {"enum": ["y", "x"], "maxLength": 9, "type": "string"}}, "defaults": {"residency": ["us", "eu"], "classification": "internal"}, "required": ["b", "a"], "additionalProperties": false, "type": "object", "title": "s",}`,
		"defaults said":    strings.Replace(base, `"maxLength": 9`, `"maxLength": 9, "classification": "internal", "residency": ["us", "eu"]`, 1),
		"default place":    strings.Replace(base, `"maxLength": 9`, `"maxLength": 9, "in": "body"`, 1),
	} {
		if got := schema(t, same).Hash(); got != hash {
			t.Errorf("%s changes the hash", name)
		}
	}
	for name, other := range map[string]string{
		"title":                   strings.Replace(base, `"s"`, `"t"`, 1),
		"class":                   strings.Replace(base, `"internal"`, `"public"`, 1),
		"residency":               strings.Replace(base, `, "us"`, ``, 1),
		"a choice":                strings.Replace(base, `"x"`, `"z"`, 1),
		"type":                    strings.Replace(base, `"type": "integer"`, `"type": "boolean"`, 1),
		"null":                    strings.Replace(base, `"type": "string"`, `"type": ["string", "null"]`, 1),
		"required":                strings.Replace(base, `["a", "b"]`, `["a"]`, 1),
		"range":                   strings.Replace(base, `"type": "integer"`, `"type": "integer", "minimum": 0`, 1),
		"place":                   strings.Replace(base, `"in": "query"`, `"in": "body"`, 1),
		"order of query":          strings.Replace(strings.Replace(strings.Replace(base, `"b":`, `"d":`, 1), `"c":`, `"b":`, 1), `"d":`, `"c":`, 1),
		"order of the same query": strings.Replace(base, `"b": {"type": "integer", "in": "query"}, "c": {"type": "boolean", "in": "query"}`, `"c": {"type": "boolean", "in": "query"}, "b": {"type": "integer", "in": "query"}`, 1),
	} {
		if other == base {
			t.Fatalf("%s: nothing replaced", name)
		}
		other = strings.Replace(other, `"required": ["a", "b"]`, `"required": ["a", "b"]`, 1)
		if got := schema(t, other).Hash(); got == hash {
			t.Errorf("%s does not change the hash", name)
		}
	}
	released := func(release string) string {
		return schema(t, withProperty(`{"type": "boolean", "classification": "confidential", "release": [`+release+`]}`)).Hash()
	}
	const first = `{"via": "redact", "to": "internal", "approved": "DPO", "until": "2099-01-01"}`
	for name, other := range map[string]string{
		"no release": "", "class": strings.Replace(first, "internal", "public", 1), "approval": strings.Replace(first, "DPO", "CISO", 1), "end": strings.Replace(first, "2099", "2098", 1),
	} {
		if released(first) == released(other) {
			t.Errorf("release: %s does not change the hash", name)
		}
	}
}

func TestNilAndZeroSchemas(t *testing.T) {
	for _, s := range []*mapping.Schema{nil, {}} {
		if s.Title() != "" || s.Hash() != "" || !reflect.DeepEqual(s.Label(), mapping.Label{}) {
			t.Error("describes something")
		}
		if d := s.Document([]byte(`{}`)); !d.IsZero() || d.Schema() != nil || d.Check() != mapping.ErrInvalid {
			t.Error("makes a document")
		}
		if d, err := s.Encode(map[string]any{}); err != mapping.ErrInvalid || !d.IsZero() {
			t.Error("encodes", err)
		}
		if _, err := mapping.Compile(s, s, []byte(`{}`), crm()); codes(err) != "M201" {
			t.Error(err)
		}
	}
}

func TestSchemaIsNoJSON(t *testing.T) {
	for raw, want := range map[string]string{"": "D102", "{": "D102", "\xff": "D101", "[]": "D108", strings.Repeat("[", 50): "D103"} {
		s, err := mapping.ParseSchema([]byte(raw))
		if got, _, _ := strings.Cut(codes(err), " "); got != want || s != nil {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// TestLabelsFitIntoALog: what cannot be recorded must not cross, and is found before.
func TestLabelsFitIntoALog(t *testing.T) {
	for n, sound := range map[int]bool{32: true, 33: false} {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("%q", fmt.Sprintf("j%d", i)))
		}
		_, err := mapping.ParseSchema([]byte(fmt.Sprintf(`{"title": "s", "type": "object", "additionalProperties": false,
			"properties": {"a": {"type": "boolean", "classification": "public", "residency": [%s], "purposes": ["hr"]}}}`, strings.Join(all, ","))))
		if found := err != nil && strings.Contains(err.Error(), "M116"); found == sound {
			t.Errorf("%d jurisdictions: %v", n, err)
		}
	}
}
