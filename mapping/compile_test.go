package mapping_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/mapping"
)

// change replaces one piece of the mapping in testdata, which must be there.
func change(t *testing.T, text, from, to string) string {
	t.Helper()
	if strings.Count(text, from) != 1 {
		t.Fatalf("%q stands there %d times", from, strings.Count(text, from))
	}
	return strings.Replace(text, from, to, 1)
}

func TestCompileFindings(t *testing.T) {
	const name, skills, note, drops = `"/name/first": {"from": "/name/given"},`, `"/skills": {"from": "/skills"},`, `"/note": {"absent": "people write it there"},`, `"/children": "no business of sales",`
	with := func(rule string) [2]string { return [2]string{name, `"/name/first": ` + rule + `,`} }
	for _, tt := range []struct {
		name   string
		change [2]string
		want   []string
	}{
		{"no name", [2]string{`"employee-to-contact",`, `"Employee",`}, []string{"3:14 M201 /mapping "}},
		{"another source", [2]string{`"from": "employee"`, `"from": "person"`}, []string{"3:45 M201 /from "}},
		{"another destination", [2]string{`"to": "contact"`, `"to": "customer"`}, []string{"3:63 M201 /to "}},
		{"unknown destination", [2]string{`"/skills": {`, `"/skils": {`}, []string{"4:10 M204 /set ", "16:15 M202 /set /skills", "22:11 M205 /drop "}},
		{"unknown source", with(`{"from": "/name/givn"}`), []string{"8:29 M203 /set/~1name~1first/from /name/given", "22:11 M205 /drop "}},
		{"not set", [2]string{skills, ``}, []string{"4:10 M204 /set ", "22:11 M205 /drop "}},
		{"not used", [2]string{drops, ``}, []string{"22:11 M205 /drop "}},
		{"used and dropped", [2]string{drops, drops + `"/skills": "x",`}, []string{"26:52 M206 /drop/~1skills "}},
		{"dropped twice", [2]string{drops, drops + `"/address": "x",`}, []string{"25:24 M206 /drop/~1address~1street ", "26:53 M206 /drop/~1address "}},
		{"unknown drop", [2]string{drops, drops + `"/childen": "x",`}, []string{"26:53 M203 /drop /children"}},
		{"no reason", [2]string{`"no business of sales"`, `""`}, []string{"26:18 M217 /drop/~1children "}},
		{"reason in two lines", [2]string{`"no business of sales"`, `"a\nset /all"`}, []string{"26:18 M217 /drop/~1children "}},
		{"no reason to be absent", [2]string{note, `"/note": {"absent": " "},`}, []string{"20:25 M217 /set/~1note/absent "}},
		{"nothing said", with(`{}`), []string{"8:20 M207 /set/~1name~1first ", "22:11 M205 /drop "}},
		{"two things said", with(`{"from": "/name/given", "const": "x"}`), []string{"8:20 M207 /set/~1name~1first ", "22:11 M205 /drop "}},
		{"a constant is transformed", [2]string{`{"const": "hr"}`, `{"const": "hr", "do": []}`}, []string{"19:16 M207 /set/~1source "}},
		{"an object is set", [2]string{name, name + `"/name": {"from": "/name/given"},`}, []string{"8:53 M208 /set/~1name "}},
		{"rows are used", [2]string{`{"from": "/skills"}`, `{"from": "/children"}`}, []string{"16:25 M208 /set/~1skills/from ", "22:11 M205 /drop ", "26:18 M206 /drop/~1children "}},
		{"unknown transform", with(`{"from": "/name/given", "do": [{"mask.keeplast": {"n": 4}}]}`), []string{"8:51 M209 /set/~1name~1first/do/0 mask.keep_last"}},
		{"two transforms in one", with(`{"from": "/name/given", "do": [{"redact": {}, "mask.email": {}}]}`), []string{"8:51 M209 /set/~1name~1first/do/0 "}},
		{"no such argument", with(`{"from": "/name/given", "do": [{"mask.keep_last": {"m": 4}}]}`), []string{"8:51 M210 /set/~1name~1first/do/0 n"}},
		{"argument of another type", with(`{"from": "/name/given", "do": [{"mask.keep_last": {"n": "4"}}]}`), []string{"8:51 M210 /set/~1name~1first/do/0 "}},
		{"arguments where there are none", with(`{"from": "/name/given", "do": [{"redact": {"n": 4}}]}`), []string{"8:51 M210 /set/~1name~1first/do/0 "}},
		{"transform of another type", with(`{"from": "/name/given", "do": [{"int.to_string": {}}]}`), []string{"8:51 M211 /set/~1name~1first/do/0 "}},
		{"second transform of another type", with(`{"from": "/name/given", "do": [{"redact": {}}, {"date.year": {}}]}`), []string{"8:67 M211 /set/~1name~1first/do/1 "}},
		{"another type", with(`{"from": "/number"}`), []string{"8:20 M212 /set/~1name~1first ", "22:11 M205 /drop "}},
		{"can fail", with(`{"from": "/name/given", "do": [{"string.to_int": {}}, {"int.to_string": {}}]}`), []string{"8:20 M215 /set/~1name~1first "}},
		{"unknown on_error", with(`{"from": "/name/given", "on_error": "ignore"}`), []string{"8:56 M215 /set/~1name~1first/on_error "}},
		{"null where none may be", with(`{"from": "/name/given", "on_error": "null"}`), []string{"8:20 M214 /set/~1name~1first "}},
		{"drop what is required", with(`{"from": "/name/given", "on_error": "drop"}`), []string{"8:20 M214 /set/~1name~1first "}},
		{"an array drops", [2]string{`{"from": "/skills"}`, `{"from": "/skills", "on_error": "drop"}`}, []string{"16:48 M215 /set/~1skills/on_error "}},
		{"may be null", with(`{"from": "/phone", "do": [{"mask.keep_last": {"n": 4}}]}`), []string{"8:20 M214 /set/~1name~1first ", "22:11 M205 /drop "}},
		{"may be absent", with(`{"from": "/email", "do": [{"mask.email": {"domains": ["acme.example"]}}]}`), []string{"8:20 M214 /set/~1name~1first ", "22:11 M205 /drop "}},
		{"absent and required", [2]string{`{"const": "hr"}`, `{"absent": "x"}`}, []string{"19:16 M214 /set/~1source "}},
		{"constant is too long", [2]string{`{"const": "hr"}`, `{"const": "human resources"}`}, []string{"19:26 M216 /set/~1source/const "}},
		{"constant is null", [2]string{`{"const": "hr"}`, `{"const": null}`}, []string{"19:16 M207 /set/~1source ", "19:26 D109 /set/const "}},
		{"other release arguments", [2]string{`"n": 4`, `"n": 5`}, []string{"11:24 M219 /set/~1phone/from ", "11:24 M221 /set/~1phone/from ", "11:24 M222 /set/~1phone/from "}},
		{"release after another transform", [2]string{`{"mask.keep_last": {"n": 4}}`, `{"mask.keep_last": {"n": 3}}, {"mask.keep_last": {"n": 4}}`}, []string{"11:24 M219 /set/~1phone/from ", "11:24 M221 /set/~1phone/from ", "11:24 M222 /set/~1phone/from "}},
		{"typing error in a member", [2]string{`"/skills": {"from"`, `"/skills": {"form"`}, []string{"16:16 M207 /set/~1skills ", "16:17 D105 /set from", "22:11 M205 /drop "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := change(t, file(t, "employee-to-contact.jsonc"), tt.change[0], tt.change[1])
			m, err := mapping.Compile(schema(t, file(t, "employee.jsonc")), schema(t, file(t, "contact.jsonc")), []byte(text), crm())
			if got := lines(err); !reflect.DeepEqual(got, tt.want) || m != nil {
				t.Errorf("%q\n%v", got, err)
			}
		})
	}
}

// TestFlows: every way in which a label does not fit.
func TestFlows(t *testing.T) {
	right := mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Confidential, Categories: []string{"pii.contact"}, Purposes: []string{"crm"}}}
	with := func(edit func(*mapping.Destination)) mapping.Destination {
		d := right
		edit(&d)
		return d
	}
	const all = `"residency": ["*"], "purposes": ["*"]`
	for _, tt := range []struct {
		name, label, in string
		to              mapping.Destination
		want            string
	}{
		{"fits", `"classification": "confidential", "categories": ["pii.contact"], "residency": ["us", "eu"], "purposes": ["crm", "hr"]`, "body", right, ""},
		{"anywhere", `"classification": "public", ` + all, "body", right, ""},
		{"unlabelled", all, "body", right, "M218"},
		{"sealed", `"classification": "sealed", ` + all, "body", with(func(d *mapping.Destination) { d.Clearance.Class = mapping.Sealed }), "M218"},
		{"class", `"classification": "restricted", ` + all, "body", right, "M219"},
		{"category", `"classification": "public", "categories": ["phi"], ` + all, "body", right, "M220"},
		{"two categories", `"classification": "public", "categories": ["phi", "pci"], ` + all, "body", right, "M220 M220"},
		{"residency", `"classification": "public", "residency": ["eu"], "purposes": ["*"]`, "body", right, "M221"},
		{"no residency", `"classification": "public", "purposes": ["*"]`, "body", right, "M221"},
		{"in two places, one is not allowed", `"classification": "public", "residency": ["us"], "purposes": ["*"]`, "body", with(func(d *mapping.Destination) { d.Jurisdictions = []string{"us", "in"} }), "M221"},
		{"nowhere", `"classification": "public", ` + all, "body", with(func(d *mapping.Destination) { d.Jurisdictions = nil }), "M221"},
		{"somewhere unknown", `"classification": "public", "residency": ["us"], "purposes": ["*"]`, "body", with(func(d *mapping.Destination) { d.Jurisdictions = []string{"*"} }), "M221"},
		{"purpose", `"classification": "public", "residency": ["*"], "purposes": ["hr"]`, "body", right, "M222"},
		{"no purpose", `"classification": "public", "residency": ["*"]`, "body", right, "M222"},
		{"for nothing", `"classification": "public", ` + all, "body", with(func(d *mapping.Destination) { d.Clearance.Purposes = nil }), "M222"},
		{"serves two purposes", `"classification": "public", "residency": ["*"], "purposes": ["crm"]`, "body", with(func(d *mapping.Destination) { d.Clearance.Purposes = []string{"ads", "crm"} }), "M222"},
		{"path", `"classification": "confidential", ` + all, "path", right, "M223"},
		{"query", `"classification": "confidential", ` + all, "query", right, "M223"},
		{"header", `"classification": "confidential", ` + all, "header", right, "M223"},
		{"dn", `"classification": "confidential", ` + all, "dn", right, "M223"},
		{"filter", `"classification": "confidential", ` + all, "filter", right, "M223"},
		{"attribute", `"classification": "confidential", ` + all, "attribute", right, ""},
		{"internal path", `"classification": "internal", ` + all, "path", right, ""},
		{"nobody's destination", `"classification": "public", ` + all, "body", with(func(d *mapping.Destination) { d.System = "" }), "M225 M225"},
		{"unknown kind", `"classification": "public", ` + all, "body", with(func(d *mapping.Destination) { d.Kind = "printer" }), "M225 M225"},
		{"zero destination", `"classification": "public", ` + all, "body", mapping.Destination{}, "M225 M225 M219 M221 M222"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := map[string]string{"header": "X-V"}[tt.in]
			if name == "" {
				name = "v"
			}
			src := `{"title": "src", "type": "object", "additionalProperties": false, "required": ["v"], "properties": {"v": {"type": "string", "maxLength": 9, ` + tt.label + `}}}`
			dst := `{"title": "dst", "type": "object", "additionalProperties": false, "required": ["` + name + `"], "properties": {"` + name + `": {"type": "string", "maxLength": 9, "in": "` + tt.in + `"}}}`
			text := `{"mapping": "one", "from": "src", "to": "dst", "set": {"/` + name + `": {"from": "/v"}}}`
			s := schema(t, src)
			_, err := mapping.Compile(s, schema(t, dst), []byte(text), tt.to)
			if got := codes(err); got != tt.want && (tt.want != "" || err != nil) {
				t.Errorf("%s\n%v", got, err)
			}
			if fits := s.Label().Fits(tt.to); fits != (err == nil) && tt.want != "M223" {
				t.Errorf("Fits says %v", fits)
			}
		})
	}
}

// TestLogsStayInternal whatever a clearance says.
func TestLogsStayInternal(t *testing.T) {
	for _, kind := range []string{"log", "metric"} {
		to := mapping.Destination{System: "siem", Kind: kind, Jurisdictions: []string{"eu"}, Clearance: mapping.Clearance{Class: mapping.Restricted, Purposes: []string{"hr"}}}
		for class, want := range map[string]string{"internal": "", "confidential": "M223", "restricted": "M223"} {
			label := `"classification": "` + class + `", "residency": ["*"], "purposes": ["*"]`
			s := schema(t, `{"title": "src", "type": "object", "additionalProperties": false, "required": ["v"], "properties": {"v": {"type": "boolean", `+label+`}}}`)
			d := schema(t, `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"v": {"type": "boolean"}}}`)
			_, err := mapping.Compile(s, d, []byte(`{"mapping": "m", "from": "src", "to": "dst", "set": {"/v": {"from": "/v"}}}`), to)
			if got := codes(err); got != want && (want != "" || err != nil) {
				t.Errorf("%s to a %s: %v", class, kind, err)
			}
			if s.Label().Fits(to) != (want == "") {
				t.Errorf("%s fits a %s", class, kind)
			}
		}
	}
}

// TestLimitsOfBothSides: whatever the source's field may hold, the destination's must take.
func TestLimitsOfBothSides(t *testing.T) {
	for _, tt := range []struct{ from, into, want string }{
		{`"type": "string", "maxLength": 9`, `"type": "string", "maxLength": 9`, ""},
		{`"type": "string", "maxLength": 9`, `"type": "string", "maxLength": 8`, "M213"},
		{`"type": "string", "maxLength": 9`, `"type": "string", "maxLength": 9, "minLength": 1`, "M213"},
		{`"type": "string", "maxLength": 9, "minLength": 1`, `"type": "string", "maxLength": 9, "minLength": 1`, ""},
		{`"type": "string", "maxLength": 9`, `"type": "string", "maxLength": 9, "pattern": "^a$"`, "M213"},
		{`"type": "string", "maxLength": 9, "pattern": "^b$"`, `"type": "string", "maxLength": 9, "pattern": "^a$"`, "M213"},
		{`"type": "string", "maxLength": 9, "pattern": "^a$"`, `"type": "string", "maxLength": 9, "pattern": "^a$"`, ""},
		{`"type": "string", "maxLength": 10`, `"type": "string", "format": "date"`, "M213"},
		{`"type": "string", "format": "date"`, `"type": "string", "format": "date"`, ""},
		{`"type": "string", "format": "date"`, `"type": "string", "maxLength": 10`, ""},
		{`"type": "string", "format": "date-time"`, `"type": "string", "format": "date"`, "M213"},
		{`"type": "string", "enum": ["a", "b"]`, `"type": "string", "enum": ["b", "a", "c"]`, ""},
		{`"type": "string", "enum": ["a", "b"]`, `"type": "string", "enum": ["a"]`, "M213"},
		{`"type": "string", "enum": ["a", "<\"\u2028é"]`, `"type": "string", "maxLength": 4`, ""},
		{`"type": "string", "enum": ["a", "b"]`, `"type": "string", "maxLength": 1, "pattern": "^[ab]$"`, ""},
		{`"type": "string", "enum": ["a", "bb"]`, `"type": "string", "maxLength": 1`, "M213"},
		{`"type": "string", "maxLength": 1`, `"type": "string", "enum": ["a"]`, "M213"},
		{`"type": "integer"`, `"type": "integer"`, ""},
		{`"type": "integer"`, `"type": "integer", "minimum": 0`, "M213"},
		{`"type": "integer", "minimum": 1, "maximum": 9`, `"type": "integer", "minimum": 0, "maximum": 9`, ""},
		{`"type": "integer", "minimum": 1, "maximum": 9`, `"type": "integer", "maximum": 8`, "M213"},
		{`"type": "integer", "minimum": 1, "maximum": 9`, `"type": "integer", "enum": [1, 9]`, "M213"},
		{`"type": "integer", "enum": [1, 9]`, `"type": "integer", "enum": [1, 5, 9]`, ""},
		{`"type": "integer", "enum": [1, 9]`, `"type": "integer", "enum": [1, 5]`, "M213"},
		{`"type": "integer", "enum": [1, 9]`, `"type": "integer", "maximum": 8`, "M213"},
		{`"type": "integer"`, `"type": "number", "scale": 0`, "M212"},
		{`"type": "number", "scale": 2, "minimum": 0, "maximum": 10`, `"type": "number", "scale": 2, "minimum": 0, "maximum": 10`, ""},
		{`"type": "number", "scale": 2, "minimum": 0, "maximum": 10`, `"type": "number", "scale": 4, "minimum": 0, "maximum": 10.0001`, ""},
		{`"type": "number", "scale": 2, "minimum": 0, "maximum": 10`, `"type": "number", "scale": 1, "minimum": 0, "maximum": 10`, "M213"},
		{`"type": "number", "scale": 2, "minimum": 0, "maximum": 10`, `"type": "number", "scale": 2, "minimum": 0, "maximum": 9.99`, "M213"},
		{`"type": "number", "scale": 0`, `"type": "number", "scale": 1`, "M213"},
		{`"type": "boolean"`, `"type": "boolean"`, ""},
		{`"type": "boolean"`, `"type": "string", "maxLength": 5`, "M212"},
		{`"type": ["boolean", "null"]`, `"type": ["boolean", "null"]`, ""},
		{`"type": ["boolean", "null"]`, `"type": "boolean"`, "M214"},
		{`"type": "array", "maxItems": 2, "items": {"type": "boolean"}`, `"type": "array", "maxItems": 2, "items": {"type": ["boolean", "null"]}`, ""},
		{`"type": "array", "maxItems": 3, "items": {"type": "boolean"}`, `"type": "array", "maxItems": 2, "items": {"type": "boolean"}`, "M213"},
		{`"type": "array", "maxItems": 2, "items": {"type": ["boolean", "null"]}`, `"type": "array", "maxItems": 2, "items": {"type": "boolean"}`, "M213"},
		{`"type": "array", "maxItems": 2, "items": {"type": "boolean"}`, `"type": "array", "maxItems": 2, "items": {"type": "integer"}`, "M213"},
		{`"type": "array", "maxItems": 2, "items": {"type": "boolean"}`, `"type": "array", "maxItems": 2, "items": {"type": "object", "additionalProperties": false, "properties": {"a": {"type": "boolean"}}}`, "M204 M208"},
	} {
		src := `{"title": "src", "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "required": ["v"], "properties": {"v": {` + tt.from + `}}}`
		dst := `{"title": "dst", "type": "object", "additionalProperties": false, "required": ["v"], "properties": {"v": {` + tt.into + `}}}`
		_, err := mapping.Compile(schema(t, src), schema(t, dst), []byte(`{"mapping": "one", "from": "src", "to": "dst", "set": {"/v": {"from": "/v"}}}`), anywhereAPI())
		if got := strings.TrimPrefix(codes(err), "M205 "); got != tt.want && (tt.want != "" || err != nil) {
			t.Errorf("%s to %s: %v", tt.from, tt.into, err)
		}
	}
}

// presenceSource has what may be there and what may not, at two levels.
const presenceSource = `{"title": "src", "type": "object", "additionalProperties": false, "required": ["r", "o", "n"],
  "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]},
  "properties": {
    "r": {"type": "boolean"}, "m": {"type": "boolean"},
    "o": {"type": "object", "additionalProperties": false, "required": ["r"], "properties": {"r": {"type": "boolean"}, "m": {"type": "boolean"}}},
    "p": {"type": "object", "additionalProperties": false, "required": ["r"], "classification": "internal", "properties": {"r": {"type": "boolean"}, "m": {"type": "boolean"}}},
    "n": {"type": ["object", "null"], "additionalProperties": false, "required": ["r"], "properties": {"r": {"type": "boolean"}}}
  }}`

// TestPresence: what is required is there whenever the object around it is.
func TestPresence(t *testing.T) {
	const dst = `{"title": "dst", "type": "object", "additionalProperties": false, "required": ["top"],
	  "properties": {"top": {"type": "boolean"}, "in": {"type": "object", "additionalProperties": false, "required": ["must", "deep"], "properties": {
	    "must": {"type": "boolean"}, "may": {"type": "boolean"}, "deep": {"type": "object", "additionalProperties": false, "properties": {"may": {"type": "boolean"}}}}}}}`
	for _, tt := range []struct{ top, must, may, deep, want string }{
		{"/r", "/o/r", "/o/m", "/m", ""},
		{"/m", "/o/r", "", "", "M214"},
		{"/p/r", "/o/r", "", "", "M214"},
		{"/n/r", "/o/r", "", "", "M214"},
		{"/o/m", "/o/r", "", "", "M214"},
		{"/r", "/p/r", "/p/m", "/p/r", ""},
		{"/r", "/p/r", "/m", "", "M214"},
		{"/r", "/p/r", "", "/m", "M214"},
		{"/r", "/p/m", "/p/r", "", "M214"},
		{"/r", "/p/m", "/p/m", "", ""},
		{"/r", "", "", "", ""},
		{"/r", "", "/m", "", "M214"},
		{"/r", "", "", "/r", "M214"},
	} {
		rule := func(from string) string {
			if from == "" {
				return `{"absent": "not there"}`
			}
			return `{"from": "` + from + `"}`
		}
		used := strings.Join([]string{tt.top, tt.must, tt.may, tt.deep, ""}, " ")
		var drops []string
		for _, path := range []string{"/r", "/m", "/o/r", "/o/m", "/p/r", "/p/m", "/n/r"} {
			if !strings.Contains(" "+used, " "+path+" ") {
				drops = append(drops, `"`+path+`": "not used"`)
			}
		}
		text := fmt.Sprintf(`{"mapping": "m", "from": "src", "to": "dst", "set": {"/top": %s, "/in/must": %s, "/in/may": %s, "/in/deep/may": %s}, "drop": {%s}}`,
			rule(tt.top), rule(tt.must), rule(tt.may), rule(tt.deep), strings.Join(drops, ","))
		m, err := mapping.Compile(schema(t, presenceSource), schema(t, dst), []byte(text), anywhereAPI())
		if got, _, _ := strings.Cut(codes(err), " "); got != tt.want && (tt.want != "" || err != nil) {
			t.Errorf("%+v: %v", tt, err)
		}
		if err != nil {
			continue
		}
		held := schema(t, dst)
		for _, raw := range []string{`{"r":true,"o":{"r":true},"n":null}`, `{"r":true,"m":true,"o":{"r":true,"m":false},"p":{"r":true},"n":{"r":false}}`, `{"r":true,"o":{"r":true},"p":{"r":true,"m":true},"n":null}`} {
			record, err := m.Map(t.Context(), m.Source().Document([]byte(raw)), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := held.Document([]byte(body(t, record))).Check(); err != nil {
				t.Errorf("%+v: %s is no document of the destination: %v", tt, body(t, record), err)
			}
		}
	}
}

// TestPresenceIsAFlow: that an object is there tells something, and the object's label is
// about that. A release of a field covers that the field is there, not the object.
func TestPresenceIsAFlow(t *testing.T) {
	src := func(object string) string {
		return `{"title": "src", "type": "object", "additionalProperties": false, "defaults": {"residency": ["*"], "purposes": ["*"]}, ` + object
	}
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"v": {"type": "string", "maxLength": 20}}}`
	const member = `"additionalProperties": false, "required": ["v"], "properties": {"v": {"type": "string", "maxLength": 9, "classification": "restricted", "release": [{"via": "redact", "to": "public", "approved": "DPO", "until": "2099-01-01"}]}}`
	to := anywhereAPI()
	to.Clearance.Class = mapping.Internal
	for name, tt := range map[string]struct{ object, want string }{
		"always there":          {`"required": ["o"], "properties": {"o": {"type": "object", "classification": "restricted", ` + member + `}}}`, ""},
		"may be absent":         {`"properties": {"o": {"type": "object", "classification": "restricted", ` + member + `}}}`, "M219"},
		"may be null":           {`"required": ["o"], "properties": {"o": {"type": ["object", "null"], "classification": "restricted", ` + member + `}}}`, "M219"},
		"may be absent, public": {`"properties": {"o": {"type": "object", "classification": "public", ` + member + `}}}`, ""},
		"absent, nobody's":      {`"properties": {"o": {"type": "object", ` + member + `}}}`, "M218"},
	} {
		_, err := mapping.Compile(schema(t, src(tt.object)), schema(t, dst), []byte(`{"mapping": "m", "from": "src", "to": "dst", "set": {"/v": {"from": "/o/v", "do": [{"redact": {}}]}}}`), to)
		if got := codes(err); got != tt.want && (tt.want != "" || err != nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReleasesEnd at Compile, at Map, and in every Record.
func TestReleasesEnd(t *testing.T) {
	src := `{"title": "src", "type": "object", "additionalProperties": false, "required": ["a", "b"], "defaults": {"classification": "restricted", "residency": ["*"], "purposes": ["*"]}, "properties": {
	  "a": {"type": "string", "maxLength": 9, "release": [{"via": "redact", "to": "public", "approved": "DPO-1", "until": "1999-12-31"}, {"via": "redact", "to": "internal", "approved": "DPO-2", "until": "2000-02-29"}]},
	  "b": {"type": "string", "maxLength": 9, "release": [{"via": "redact", "to": "internal", "approved": "DPO-3", "until": "2000-03-31"}]}}}`
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"a": {"type": "string", "maxLength": 20}, "b": {"type": "string", "maxLength": 20}}}`
	text := `{"mapping": "m", "from": "src", "to": "dst", "set": {"/a": {"from": "/a", "do": [{"redact": {}}]}, "/b": {"from": "/b", "do": [{"redact": {}}]}}}`
	to := anywhereAPI()
	to.Clearance.Class = mapping.Internal
	synctest.Test(t, func(t *testing.T) { // begins at 2000-01-01
		s, d := schema(t, src), schema(t, dst)
		m, err := mapping.Compile(s, d, []byte(text), to)
		if err != nil {
			t.Fatal(err)
		}
		end := time.Date(2000, 3, 1, 0, 0, 0, 0, time.UTC)
		if !m.NotAfter().Equal(end) || m.Label().Class != mapping.Internal || strings.Contains(m.Report(), "DPO-1") {
			t.Errorf("%v\n%s", m.NotAfter(), m.Report())
		}
		document := s.Document([]byte(`{"a":"x","b":"y"}`))
		time.Sleep(time.Until(end) - time.Nanosecond)
		record, err := m.Map(t.Context(), document, nil)
		if err != nil || !record.NotAfter().Equal(end) {
			t.Errorf("a nanosecond before its end: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if _, err = m.Map(t.Context(), document, nil); err != mapping.ErrExpired {
			t.Errorf("at its end: %v", err)
		}
		_, err = mapping.Compile(s, d, []byte(text), to)
		if got := codes(err); got != "M219 M224" {
			t.Errorf("compiled after the first end: %v", err)
		}
		_, err = mapping.Compile(s, d, []byte(text), mapping.Destination{System: "x", Kind: "api", Clearance: to.Clearance})
		if got := codes(err); got != "M219 M221 M224 M221" {
			t.Errorf("what else is wrong is not told: %v", err)
		}
		to.Clearance.Class = mapping.Restricted
		if m, err = mapping.Compile(s, d, []byte(text), to); err != nil || m.Label().Class != mapping.Restricted {
			t.Errorf("where none is needed: %v", err)
		}
	})
}

// TestConstantsDependOnNothing: they have the label of what tells nothing, and that is all
// that they need.
func TestConstantsDependOnNothing(t *testing.T) {
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "required": ["id", "on", "n", "list"], "properties": {
	  "id": {"type": "integer", "in": "path"}, "on": {"type": "boolean", "in": "query"}, "cn": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 5}, "in": "attribute"},
	  "n": {"type": "number", "scale": 1}, "list": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 5}}, "t": {"type": ["string", "null"], "maxLength": 5}}}`
	text := `{"mapping": "m", "from": "src", "to": "dst", "set": {"/id": {"const": 7}, "/on": {"const": true}, "/cn": {"const": ["a\u0041", /* */ "b"]}, "/n": {"const": -1.5}, "/list": {"const": ["<", "\u0041",]}, "/t": {"const": "é"}}, "drop": {"/secret": "no use"}}`
	src := `{"title": "src", "type": "object", "additionalProperties": false, "properties": {"secret": {"type": "boolean", "classification": "sealed"}}}`
	to := mapping.Destination{System: "crm", Kind: "log", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Public, Purposes: []string{"crm"}}}
	m := compile(t, src, dst, text, to)
	for _, raw := range []string{`{}`, `{"secret":true}`} {
		record, err := m.Map(t.Context(), m.Source().Document([]byte(raw)), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for place, value := range record.Fields() {
			got = append(got, place.In+" "+place.Name+" "+value)
		}
		if fmt.Sprint(got) != "[path id 7 query on true attribute cn aA attribute cn b]" || body(t, record) != `{"n":-1.5,"list":["\u003c","A"],"t":"é"}` || record.Label().Class != mapping.Public || record.Len() != 6 {
			t.Errorf("%v %s %v", got, body(t, record), record.Label())
		}
	}
}

// TestConstantsAreJudged: they tell nothing, and go nowhere but to what accepts that much.
func TestConstantsAreJudged(t *testing.T) {
	src, dst := `{"title": "src", "type": "object", "additionalProperties": false, "properties": {"a": {"type": "boolean"}}}`, `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"c": {"type": "boolean"}}}`
	text := `{"mapping": "m", "from": "src", "to": "dst", "set": {"/c": {"const": true}}, "drop": {"/a": "no use"}}`
	for want, to := range map[string]mapping.Destination{
		"M219 M221 M222":           {System: "x", Kind: "api"},
		"M221 M222":                {System: "x", Kind: "api", Clearance: mapping.Clearance{Class: mapping.Public}},
		"M222":                     {System: "x", Kind: "api", Clearance: mapping.Clearance{Class: mapping.Public}, Jurisdictions: []string{"eu"}},
		"M225 M225 M219 M221 M222": {},
	} {
		_, err := mapping.Compile(schema(t, src), schema(t, dst), []byte(text), to)
		if got := codes(err); got != want {
			t.Errorf("%+v: %v", to, err)
		}
	}
}

// TestConstantsInPlaces: one that can never stand in its place is found before any
// document is.
func TestConstantsInPlaces(t *testing.T) {
	src := `{"title": "src", "type": "object", "additionalProperties": false, "properties": {"a": {"type": "boolean"}}}`
	for in, tt := range map[string]struct{ name, right, wrong string }{
		"path":      {"v", `"a" "..." "a/b" 7`, `"" "." ".." "a\n" "\u0085" "\u007f"`},
		"dn":        {"v", `"a" ".." 7`, `"" "\t"`},
		"filter":    {"v", `"a" "." 7`, `"" "\u0001"`},
		"query":     {"v", `"" ".." 7`, `"\r"`},
		"header":    {"X-V", `"" ".." 7`, `"a\r\nX-B:c"`},
		"attribute": {"v", `"" "\n" ["",".."] [] 7`, ``},
		"body":      {"v", `"" "\n" 7`, ``},
	} {
		for i, list := range []string{tt.right, tt.wrong} {
			for _, value := range strings.Fields(list) {
				kind := anyText
				switch value[0] {
				case '7':
					kind = `"type": "integer"`
				case '[':
					kind = `"type": "array", "maxItems": 2, "items": {` + anyText + `}`
				}
				dst := `{"title": "dst", "type": "object", "additionalProperties": false, "required": ["` + tt.name + `"], "properties": {"` + tt.name + `": {` + kind + `, "in": "` + in + `"}}}`
				m, err := mapping.Compile(schema(t, src), schema(t, dst), []byte(`{"mapping": "m", "from": "src", "to": "dst", "set": {"/`+tt.name+`": {"const": `+value+`}}, "drop": {"/a": "no use"}}`), anywhereAPI())
				if i == 1 {
					if got := lines(err); len(got) != 1 || !strings.Contains(got[0], " M216 /set/~1"+tt.name+"/const ") {
						t.Errorf("%s in %s: %v", value, in, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s in %s: %v", value, in, err)
				} else if _, err := m.Map(t.Context(), m.Source().Document([]byte(`{}`)), nil); err != nil {
					t.Errorf("%s in %s: %v", value, in, err)
				}
			}
		}
	}
}

// TestACopyKeepsItsLabel under whatever name it leaves.
func TestACopyKeepsItsLabel(t *testing.T) {
	text := change(t, file(t, "employee-to-contact.jsonc"), `"/note": {"absent": "people write it there"},`, `"/note": {"from": "/address/street"},`)
	text = change(t, text, `"/address/street": "a city is enough",`, ``)
	_, err := mapping.Compile(schema(t, file(t, "employee.jsonc")), schema(t, strings.Replace(file(t, "contact.jsonc"), `"note": {"type": "string", "maxLength": 100}`, `"note": {"type": "string", "maxLength": 300}`, 1)), []byte(text), crm())
	if got := codes(err); got != "M219 M221 M222" {
		t.Error(err)
	}
}

// TestNothingPassesThrough: there is no way to say it, and a new field is no exception.
func TestNothingPassesThrough(t *testing.T) {
	source := file(t, "employee.jsonc")
	grown := change(t, source, `"remote": {"type": "boolean"`, `"religion": {"type": "string", "maxLength": 20}, "remote": {"type": "boolean"`)
	_, err := mapping.Compile(schema(t, grown), schema(t, file(t, "contact.jsonc")), []byte(file(t, "employee-to-contact.jsonc")), crm())
	if got := codes(err); got != "M205" || !strings.Contains(err.Error(), "/religion") {
		t.Errorf("a new source field: %v", err)
	}
	taller := change(t, file(t, "contact.jsonc"), `"note": {`, `"title": {"type": "string", "maxLength": 20}, "note": {`)
	_, err = mapping.Compile(schema(t, source), schema(t, taller), []byte(file(t, "employee-to-contact.jsonc")), crm())
	if got := codes(err); got != "M204" || !strings.Contains(err.Error(), "/title") {
		t.Errorf("a new destination field: %v", err)
	}
	m := employees(t)
	if _, err := m.Map(t.Context(), schema(t, grown).Document([]byte(file(t, "employee.json"))), testKeys("1")); err != mapping.ErrForeign {
		t.Errorf("a document of the grown schema: %v", err)
	}
	raw := change(t, file(t, "employee.json"), `"remote":true`, `"remote":true,"religion":"x"`)
	if _, err := m.Map(t.Context(), m.Source().Document([]byte(raw)), testKeys("1")); fmt.Sprint(err) != "mapping: M304 data does not fit" {
		t.Errorf("a document that has grown: %v", err)
	}
	for _, path := range []string{"", "/", "*", "/*", "/name/*", "/name", "/address", "/children/*/name"} {
		text := change(t, file(t, "employee-to-contact.jsonc"), `{"from": "/name/given"}`, `{"from": "`+path+`"}`)
		if _, err := mapping.Compile(m.Source(), schema(t, file(t, "contact.jsonc")), []byte(text), crm()); err == nil {
			t.Errorf("from %q", path)
		}
	}
}

// TestTwoRulesForOneField cannot be written, and no field of the source has two fates.
func TestTwoRulesForOneField(t *testing.T) {
	text := change(t, file(t, "employee-to-contact.jsonc"), `"/source": {"const": "hr"},`, `"/source": {"const": "hr"}, "\u002fsource": {"const": "it"},`)
	_, err := mapping.Compile(schema(t, file(t, "employee.jsonc")), schema(t, file(t, "contact.jsonc")), []byte(text), crm())
	if got := codes(err); got != "D106" {
		t.Error(err)
	}
	for _, more := range []string{`"/skills": "used, too"`, `"/address": "dropped in part, too"`} {
		text := change(t, file(t, "employee-to-contact.jsonc"), `"drop": {`, `"drop": {`+more+`, `)
		_, err := mapping.Compile(schema(t, file(t, "employee.jsonc")), schema(t, file(t, "contact.jsonc")), []byte(text), crm())
		if got := strings.ReplaceAll(codes(err), " M206", ""); got != "M206" {
			t.Errorf("%s: %v", more, err)
		}
	}
}
