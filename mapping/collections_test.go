package mapping_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

const ledger = `{"title": "ledger", "type": "object", "additionalProperties": false, "required": ["id"],
	"defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
	"properties": {
		"id": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615},
		"parts": {"type": ["object", "null"], "patternProperties": {"^[a-z.\"é]*$": {"type": ["number", "null"], "scale": 2, "minimum": 0, "maximum": 9999}}, "additionalProperties": false, "maxProperties": 12, "propertyNames": {"maxLength": 20},
			"classification": "confidential", "release": [{"via": "token.hmac", "to": "internal", "approved": "DPO-1", "until": "2999-12-31"}, {"via": "enum", "args": {"map": {"a": "x", "b": "y"}, "else": "z"}, "to": "internal", "approved": "DPO-1", "until": "2999-12-31"}]},
		"people": {"type": "object", "patternProperties": {"^[a-z]+$": {"type": ["object", "null"], "additionalProperties": false, "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 9}, "born": {"type": "string", "format": "date"}}}}, "additionalProperties": false, "maxProperties": 3, "propertyNames": {"minLength": 1, "maxLength": 5}},
		"grid": {"type": "array", "maxItems": 3, "items": {"type": "array", "maxItems": 2, "items": {"type": "integer", "minimum": 0, "maximum": 9}}},
		"deep": {"type": "object", "patternProperties": {"^[a-z]$": {"type": "object", "patternProperties": {"^[a-z]$": {"type": "array", "maxItems": 2, "items": {"type": "object", "additionalProperties": false, "properties": {"x": {"type": "boolean"}}}}}, "additionalProperties": false, "maxProperties": 2, "propertyNames": {"maxLength": 1}}}, "additionalProperties": false, "maxProperties": 2, "propertyNames": {"maxLength": 1}}
	}}`

// entries is a destination that takes what ledger has.
var entries = strings.NewReplacer(`"title": "ledger"`, `"title": "entries"`, `"name": {"type": "string", "maxLength": 9}, "born": {"type": "string", "format": "date"}`, `"name": {"type": "string", "maxLength": 20}, "year": {"type": "integer"}`, `["name"], "prop`, `["name"], "prop`).Replace(ledger)

const ledgerToEntries = `{"mapping": "m", "from": "ledger", "to": "entries", "set": {
	"/id": {"from": "/id"},
	"/parts": {"from": "/parts"}, "/parts/*": {"from": "/parts/*"},
	"/people": {"from": "/people"}, "/people/*/name": {"from": "/people/*/name"}, "/people/*/year": {"from": "/people/*/born", "do": [{"date.year": {}}]},
	"/grid": {"from": "/grid"}, "/grid/*": {"from": "/grid/*"},
	"/deep": {"from": "/deep"}, "/deep/*": {"from": "/deep/*"}, "/deep/*/*": {"from": "/deep/*/*"}, "/deep/*/*/*/x": {"from": "/deep/*/*/*/x"}}}`

func confidential() mapping.Destination {
	to := anywhereAPI()
	to.Clearance.Class = mapping.Confidential
	return to
}

// TestCollections holds that maps, and arrays of arrays, are made of such, element by element, with
// null, absent and empty apart.
func TestCollections(t *testing.T) {
	m := compile(t, ledger, entries, ledgerToEntries, confidential())
	for document, want := range map[string]string{
		`{"id": 18446744073709551615}`:                                                                      `{"id":18446744073709551615}`,
		`{"id": 0, "parts": null, "people": {}, "grid": []}`:                                                `{"id":0,"parts":null,"people":{},"grid":[]}`,
		`{"id": 1, "parts": {}}`:                                                                            `{"id":1,"parts":{}}`,
		`{"id": 1, "parts": {"a": 1.50, "b": null, "": 0}}`:                                                 `{"id":1,"parts":{"a":1.50,"b":null,"":0}}`,
		`{"id": 1, "parts": { "\u0061" : 1 , "\"" : 2, "\u00e9": 3 } }`:                                     `{"id":1,"parts":{"a":1,"\"":2,"é":3}}`,
		`{"id": 1, "people": {"eve": {"name": "Eve", "born": "2001-02-03"}, "b": null, "c": {"name": ""}}}`: `{"id":1,"people":{"eve":{"name":"Eve","year":2001},"b":null,"c":{"name":""}}}`,
		`{"id": 1, "grid": [[1, 2], [], [9]]}`:                                                              `{"id":1,"grid":[[1,2],[],[9]]}`,
		`{"id": 1, "deep": {"a": {"b": [{"x": true}, {}], "c": []}, "d": {}}}`:                              `{"id":1,"deep":{"a":{"b":[{"x":true},{}],"c":[]},"d":{}}}`,
	} {
		r, err := m.Map(t.Context(), m.Source().Document([]byte(document)), nil)
		if got := body(t, r); err != nil || got != want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", document, got, err, want)
		}
	}
	for document, want := range map[string]string{
		`{"id": 18446744073709551616}`: "M308 data does not fit at /id",
		`{"id": -1}`:                   "M308 data does not fit at /id",
		`{"id": -0}`:                   "M308 data does not fit at /id",
		`{"id": 1e3}`:                  "M308 data does not fit at /id",
		`{"id": 1.0}`:                  "M308 data does not fit at /id",
		`{"id": 01}`:                   "M301 data does not fit at /id",
		`{"id": -}`:                    "M301 data does not fit at /id",
		`{"id": "1"}`:                  "M307 data does not fit at /id",
		`{"id": 1, "parts": []}`:       "M307 data does not fit at /parts",
		`{"id": 1, "parts": {"a": 1, "\u0061": 2}}`:                         "M305 data does not fit at /parts",
		`{"id": 1, "parts": {"a" 1}}`:                                       "M301 data does not fit at /parts",
		`{"id": 1, "parts": {a: 1}}`:                                        "M301 data does not fit at /parts",
		`{"id": 1, "parts": {"a": 1,}}`:                                     "M301 data does not fit at /parts",
		`{"id": 1, "parts": {"a": 1]}`:                                      "M301 data does not fit at /parts",
		`{"id": 1, "parts": {"a": 1.505}}`:                                  "M308 data does not fit at /parts/*",
		`{"id": 1, "parts": {"A": 1}}`:                                      "M312 data does not fit at /parts",
		`{"id": 1, "parts": {"aaaaaaaaaaaaaaaaaaaaa": 1}}`:                  "M309 data does not fit at /parts",
		`{"id": 1, "parts": {"\u0000": 1}}`:                                 "M303 data does not fit at /parts",
		`{"id": 1, "parts": {"\ud800": 1}}`:                                 "M303 data does not fit at /parts",
		`{"id": 1, "people": {"": {"name": "x"}}}`:                          "M309 data does not fit at /people",
		`{"id": 1, "people": {"a": {"name": "x", "cAnArY": 1}}}`:            "M304 data does not fit at /people/*",
		`{"id": 1, "people": {"a": {}}}`:                                    "M306 data does not fit at /people/*/name",
		`{"id": 1, "people": {"a": null, "b": null, "c": null, "d": null}}`: "M310 data does not fit at /people",
		`{"id": 1, "grid": [[1], [1, 2, 3]]}`:                               "M310 data does not fit at /grid/*",
		`{"id": 1, "grid": [[1], null]}`:                                    "M307 data does not fit at /grid/*",
		`{"id": 1, "grid": [[1], [10]]}`:                                    "M308 data does not fit at /grid/*/*",
		`{"id": 1, "deep": {"a": {"b": [], "b": []}}}`:                      "M305 data does not fit at /deep/*",
		`{"id": 1, "deep": {"a": {"b": [{"x": true, "x": true}]}}}`:         "M305 data does not fit at /deep/*/*/*/x",
		`{"id": 1, "parts": {` + many(11) + `, "\u0062\u0062": 1}}`:         "M305 data does not fit at /parts",
		`{"id": 1, "parts": {` + many(11) + `, "k": 1, "l": 1}}`:            "M310 data does not fit at /parts",
	} {
		if _, err := m.Map(t.Context(), m.Source().Document([]byte(document)), nil); fmt.Sprint(err) != "mapping: "+want {
			t.Errorf("%s: %v, want %s", document, err, want)
		}
	}
}

// many are the names aa, bb and so on, with a value each.
func many(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"%[1]c%[1]c": 1`, 'a'+i))
	}
	return strings.Join(all, ", ")
}

// TestNamesOfMaps holds that the names of a map have its label, whatever its values have, until a
// release lowers it; and that two that become the same fail.
func TestNamesOfMaps(t *testing.T) {
	text := change(t, ledgerToEntries, `"/parts": {"from": "/parts"}`, `"/parts": {"from": "/parts", "do": [%s]%s}`)
	dst := change(t, strings.Replace(entries, `^[a-z.\"é]*$`, `^[\\s\\S]*$`, 1), `"propertyNames": {"maxLength": 20}`, `"propertyNames": {"maxLength": 63}`)
	internal := anywhereAPI()
	internal.Clearance.Class = mapping.Internal

	_, err := mapping.Compile(schema(t, ledger), schema(t, dst), fmt.Appendf(nil, text, "", ""), internal)
	if codes(err) != "M219 M219" { // the names, and the values: how many there are
		t.Errorf("names that nothing releases: %v", err)
	}
	_, err = mapping.Compile(schema(t, ledger), schema(t, dst), fmt.Appendf(nil, text, `{"text.nfc": {}}`, `, "on_error": "fail"`), internal)
	if codes(err) != "M219 M219" {
		t.Errorf("a transform that releases nothing: %v", err)
	}
	for onError, want := range map[string]string{"drop": "M215 M219", "null": "M215 M219", "fail": "no findings"} {
		_, err := mapping.Compile(schema(t, ledger), schema(t, dst), fmt.Appendf(nil, text, `{"token.hmac": {"key": "k"}}`, `, "on_error": "`+onError+`"`), internal)
		if got := codes(err); got != want {
			t.Errorf("on_error %s: %v", onError, err)
		}
	}
	m := compile(t, ledger, dst, fmt.Sprintf(text, `{"token.hmac": {"key": "k"}}`, `, "on_error": "fail"`), internal)
	r, err := m.Map(t.Context(), m.Source().Document([]byte(`{"id": 1, "parts": {"alice": 1, "bob": null}}`)), testKeys("1"))
	var made struct{ Parts map[string]*json.Number }
	if err != nil || json.Unmarshal(r.AppendBody(nil), &made) != nil || len(made.Parts) != 2 || r.Tokens() != 2 || r.Label().Class != mapping.Internal {
		t.Fatalf("%v %v %d %v", made, err, r.Tokens(), r.Label())
	}
	for name := range made.Parts {
		if !strings.HasPrefix(name, "tk1.1.") {
			t.Error(name)
		}
	}

	// Of other fields, the same text has other tokens.
	values := strings.NewReplacer(`{"type": ["number", "null"], "scale": 2, "minimum": 0, "maximum": 9999}`, `{"type": "string", "maxLength": 63, "classification": "internal", "release": [{"via": "token.hmac", "to": "internal", "approved": "DPO-1", "until": "2999-12-31"}]}`)
	text = fmt.Sprintf(text, `{"token.hmac": {"key": "k"}}`, `, "on_error": "fail"`)
	m = compile(t, values.Replace(ledger), values.Replace(dst), change(t, text, `"/parts/*": {"from": "/parts/*"}`, `"/parts/*": {"from": "/parts/*", "do": [{"token.hmac": {"key": "k"}}], "on_error": "fail"}`), internal)
	r, err = m.Map(t.Context(), m.Source().Document([]byte(`{"id": 1, "parts": {"alice": "alice"}}`)), testKeys("1"))
	var twice struct{ Parts map[string]string }
	if err != nil || json.Unmarshal(r.AppendBody(nil), &twice) != nil || len(twice.Parts) != 1 || r.Tokens() != 2 {
		t.Fatalf("%v %v", twice, err)
	}
	for name, value := range twice.Parts {
		if !strings.HasPrefix(value, "tk1.1.") || name == value {
			t.Errorf("%s %s", name, value)
		}
	}
	if _, err := m.Map(t.Context(), m.Source().Document([]byte(`{"id": 1, "parts": {"": "alice"}}`)), testKeys("1")); fmt.Sprint(err) != "mapping: M315 data does not fit at /parts" {
		t.Error(err)
	}
}

// TestNamesStayApart holds that no entry takes the place of another.
func TestNamesStayApart(t *testing.T) {
	m := compile(t, ledger, entries, change(t, ledgerToEntries, `"/parts": {"from": "/parts"}`, `"/parts": {"from": "/parts", "do": [{"enum": {"map": {"a": "x", "b": "y"}, "else": "z"}}]}`), anywhereAPI())
	r, err := m.Map(t.Context(), m.Source().Document([]byte(`{"id": 1, "parts": {"b": 1, "\u0061": 2, "c": 3}}`)), nil)
	if got := body(t, r); err != nil || got != `{"id":1,"parts":{"y":1,"x":2,"z":3}}` {
		t.Error(got, err)
	}
	if r, err := m.Map(t.Context(), m.Source().Document([]byte(`{"id": 1, "parts": {"c": 1, "d": 2}}`)), nil); r.Len() != 0 || fmt.Sprint(err) != "mapping: M315 data does not fit at /parts" {
		t.Error(err)
	}
}

// TestValuesOfMaps holds that a value may have a label of its own, above that of its map.
func TestValuesOfMaps(t *testing.T) {
	src := change(t, ledger, `"scale": 2, "minimum": 0, "maximum": 9999}}, "additionalProperties": false, "maxProperties": 12`, `"scale": 2, "minimum": 0, "maximum": 9999, "classification": "restricted", "categories": ["pii.pay"]}}, "additionalProperties": false, "maxProperties": 12`)
	_, err := mapping.Compile(schema(t, src), schema(t, entries), []byte(ledgerToEntries), confidential())
	if codes(err) != "M219 M220" {
		t.Error(err)
	}
	const without = `{"mapping": "m", "from": "ledger", "to": "x", "set": {"/names": {"from": "/parts"}, "/names/*": {"const": true}}, "drop": {"/id": "no", "/parts/*": "no", "/people": "no", "/grid": "no", "/deep": "no"}}`
	const x = `{"title": "x", "type": "object", "additionalProperties": false, "properties": {"names": {"type": ["object", "null"], "patternProperties": {"^[a-z.\"é]*$": {"type": "boolean"}}, "additionalProperties": false, "maxProperties": 12, "propertyNames": {"maxLength": 20}}}}`
	m := compile(t, src, x, without, confidential())
	r, err := m.Map(t.Context(), m.Source().Document([]byte(`{"id": 1, "parts": {"a": 1, "b": 2}}`)), nil)
	if got := body(t, r); err != nil || got != `{"names":{"a":true,"b":true}}` || r.Label().Class != mapping.Confidential {
		t.Error(got, err, r.Label())
	}
	if report := m.Report(); !strings.Contains(report, "drop /parts/*: no [restricted pii.pay") {
		t.Error(report)
	}
}

// TestCollectionFindings holds what a mapping of them may not be.
func TestCollectionFindings(t *testing.T) {
	for name, c := range map[string]struct{ before, after, want string }{
		"values are not set":      {`, "/parts/*": {"from": "/parts/*"}`, ``, "M205 M204"},
		"values may be absent":    {`"/parts/*": {"from": "/parts/*"}`, `"/parts/*": {"absent": "no"}`, "M205 M214"},
		"values may be dropped":   {`"/parts/*": {"from": "/parts/*"}`, `"/parts/*": {"from": "/parts/*", "do": [{"number.scale": {"scale": 1}}], "on_error": "drop"}`, "M214"},
		"a constant map":          {`"/parts": {"from": "/parts"}`, `"/parts": {"const": {}}`, "M205 M208"},
		"a map from an array":     {`"/parts": {"from": "/parts"}`, `"/parts": {"from": "/grid"}`, "M205 M212 M229"},
		"values of another map":   {`"/parts/*": {"from": "/parts/*"}`, `"/parts/*": {"from": "/deep/*"}`, "M205 M208 M229"},
		"a row from a row's cell": {`"/grid/*": {"from": "/grid/*"}`, `"/grid/*": {"from": "/grid/*/*"}`, "M205 M203"},
		"a map cannot fail":       {`"/parts": {"from": "/parts"}`, `"/parts": {"from": "/parts", "on_error": "fail"}`, "M215"},
		"rows cannot be hidden":   {`"/grid": {"from": "/grid"}`, `"/grid": {"from": "/grid", "do": [{"redact": {}}]}`, "M211"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mapping.Compile(schema(t, ledger), schema(t, entries), []byte(change(t, ledgerToEntries, c.before, c.after)), confidential())
			if got := codes(err); got != c.want {
				t.Errorf("got %s, want %s\n%v", got, c.want, err)
			}
		})
	}
	for name, c := range map[string]struct{ before, after, want string }{
		"more entries":     {`"maxProperties": 12`, `"maxProperties": 11`, "M213"},
		"longer names":     {`"propertyNames": {"maxLength": 20}`, `"propertyNames": {"maxLength": 19}`, "M213"},
		"other names":      {`^[a-z.\"é]*$`, `^[a-z]*$`, "M213"},
		"null values":      {`["number", "null"], "scale": 2`, `"number", "scale": 2`, "M214"},
		"null objects":     {`["object", "null"], "additionalProperties": false, "required": ["name"]`, `"object", "additionalProperties": false, "required": ["name"]`, "M213"},
		"null":             {`["object", "null"], "patternProperties": {"^[a-z.`, `"object", "patternProperties": {"^[a-z.`, "M214"},
		"longer rows":      {`"maxItems": 2, "items": {"type": "integer"`, `"maxItems": 1, "items": {"type": "integer"`, "M213"},
		"rows of text":     {`{"type": "integer", "minimum": 0, "maximum": 9}`, `{"type": "string", "maxLength": 9}`, "M213"},
		"an integer less":  {`18446744073709551615`, `18446744073709551614`, "M213"},
		"a signed integer": {`, "maximum": 18446744073709551615`, ``, "M213"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mapping.Compile(schema(t, ledger), schema(t, change(t, entries, c.before, c.after)), []byte(ledgerToEntries), confidential())
			if got := codes(err); got != c.want {
				t.Errorf("got %s, want %s\n%v", got, c.want, err)
			}
		})
	}
}

// TestMapFindings holds what a schema says of a map.
func TestMapFindings(t *testing.T) {
	const is = `"type": "object", "patternProperties": {"^a*$": {"type": "boolean"}}, "additionalProperties": false, "maxProperties": 3, "propertyNames": {"maxLength": 3}`
	for name, c := range map[string]struct{ before, after, want string }{
		"as it is":         {``, ``, "no findings"},
		"open":             {`"additionalProperties": false, `, ``, "M104"},
		"no pattern":       {`"^a*$": {"type": "boolean"}`, ``, "M126"},
		"two patterns":     {`"^a*$":`, `"^b$": {"type": "boolean"}, "^a*$":`, "M126"},
		"a part":           {`"^a*$"`, `"a*"`, "M113"},
		"no most":          {`"maxProperties": 3, `, ``, "M109"},
		"negative":         {`"maxProperties": 3`, `"maxProperties": -3`, "M109"},
		"names of any":     {`, "propertyNames": {"maxLength": 3}`, ``, "M110"},
		"names without":    {`"maxLength": 3`, ``, "M110"},
		"names by format":  {`"maxLength": 3`, `"format": "uuid"`, "no findings"},
		"names of nothing": {`"maxLength": 3`, `"maxLength": 3, "pattern": "^a$"`, "D105"},
		"both":             {`"maxProperties": 3`, `"maxProperties": 3, "properties": {"a": {"type": "boolean"}}, "required": ["a"]`, "M103 M103"},
		"a place":          {`"maxProperties": 3`, `"maxProperties": 3, "in": "query"`, "M120"},
		"an attribute":     {`"maxProperties": 3`, `"maxProperties": 3, "in": "attribute"`, "M120"},
		"items":            {`"maxProperties": 3`, `"maxProperties": 3, "maxItems": 3`, "M103"},
		"of an array":      {`"type": "object"`, `"type": "array"`, "M109 M109 M103 M103 M103 M103"},
		"text":             {`"type": "object"`, `"type": "string", "maxLength": 3`, "M103 M103 M103 M103"},
		"values in a path": {`{"type": "boolean"}`, `{"type": "boolean", "in": "path"}`, "M120 M121"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mapping.ParseSchema([]byte(withProperty(`{` + strings.Replace(is, c.before, c.after, 1) + `}`)))
			if got := codes(err); got != c.want {
				t.Errorf("got %s, want %s\n%v", got, c.want, err)
			}
		})
	}
	for limits, want := range map[string]string{
		`"minimum": 0, "maximum": 18446744073709551615`:                      "no findings",
		`"minimum": 18446744073709551615, "maximum": 18446744073709551615`:   "no findings",
		`"maximum": 18446744073709551615`:                                    "M111",
		`"minimum": -1, "maximum": 18446744073709551615`:                     "M111",
		`"minimum": 0, "maximum": 18446744073709551616`:                      "M111",
		`"minimum": 18446744073709551615, "maximum": 9223372036854775808`:    "M111",
		`"minimum": 0, "maximum": 18446744073709551615, "enum": [1]`:         "M111 M112",
		`"minimum": 0, "maximum": 18446744073709551615, "scale": 2`:          "M103",
		`"minimum": 0, "maximum": 18446744073709551615, "unit": "byte"`:      "no findings",
		`"minimum": 0, "maximum": 9223372036854775808, "unit": "not a name"`: "M123",
	} {
		if _, err := mapping.ParseSchema([]byte(withProperty(`{"type": "integer", ` + limits + `}`))); codes(err) != want {
			t.Errorf("%s: %v, want %s", limits, err, want)
		}
	}
}

// TestUnsigned holds that integers of 64 bits without a sign keep all of them, in each transform
// that takes them, and that no other one does.
func TestUnsigned(t *testing.T) {
	const u = `"type": "integer", "minimum": 0, "maximum": 18446744073709551615, "unit": "byte"`
	src := `{"title": "a", "type": "object", "additionalProperties": false, "required": ["v", "t"], "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {"v": {` + u + `, "release": [{"via": "token.hmac", "to": "public", "approved": "a", "until": "2999-12-31"}]}, "t": {"type": "string", "maxLength": 30}}}`
	dst := func(v string) string {
		return `{"title": "b", "type": "object", "additionalProperties": false, "properties": {"v": {` + v + `}}}`
	}
	text := func(from, do string) string {
		other := map[string]string{"v": "t", "t": "v"}[from]
		return `{"mapping": "m", "from": "a", "to": "b", "set": {"/v": {"from": "/` + from + `", "do": [` + do + `], "on_error": "drop"}}, "drop": {"/` + other + `": "no"}}`
	}
	for _, c := range []struct{ from, do, into, document, want string }{
		{"v", ``, u, `{"v": 18446744073709551615, "t": ""}`, `{"v":18446744073709551615}`},
		{"v", `{"int.to_string": {}}`, `"type": "string", "maxLength": 20`, `{"v": 18446744073709551615, "t": ""}`, `{"v":"18446744073709551615"}`},
		{"v", `{"int.to_string": {}}`, `"type": "string", "maxLength": 20`, `{"v": 9223372036854775808, "t": ""}`, `{"v":"9223372036854775808"}`},
		{"v", `{"mask.keep_last": {"n": 2}}`, `"type": "string", "maxLength": 20`, `{"v": 18446744073709551615, "t": ""}`, `{"v":"****15"}`},
		{"v", `{"redact": {}}`, `"type": "string", "maxLength": 20`, `{"v": 18446744073709551615, "t": ""}`, `{"v":"[redacted]"}`},
		{"t", `{"string.to_int": {"minimum": 5, "maximum": 18446744073709551615, "unit": "byte"}}`, u, `{"v": 0, "t": "18446744073709551615"}`, `{"v":18446744073709551615}`},
		{"t", `{"string.to_int": {"minimum": 5, "maximum": 18446744073709551615, "unit": "byte"}}`, u, `{"v": 0, "t": "4"}`, `{}`},
		{"t", `{"string.to_int": {"minimum": 5, "maximum": 18446744073709551614, "unit": "byte"}}`, u, `{"v": 0, "t": "18446744073709551615"}`, `{}`},
		{"t", `{"string.to_int": {"minimum": 0, "maximum": 18446744073709551615, "unit": "byte"}}`, u, `{"v": 0, "t": "05"}`, `{}`},
		{"t", `{"string.to_int": {"minimum": 0, "maximum": 18446744073709551615, "unit": "byte"}}`, u, `{"v": 0, "t": "0"}`, `{"v":0}`},
		{"t", `{"string.to_int": {"minimum": 0, "maximum": 18446744073709551615, "unit": "byte"}}`, u, `{"v": 0, "t": "+5"}`, `{}`},
		{"t", `{"string.to_int": {"minimum": 0, "maximum": 18446744073709551615, "unit": "byte"}}`, u, `{"v": 0, "t": ""}`, `{}`},
		{"t", `{"string.to_int": {"minimum": 0, "maximum": 18446744073709551615, "unit": "byte"}}`, u, `{"v": 0, "t": "18446744073709551616"}`, `{}`},
	} {
		m := compile(t, src, dst(c.into), text(c.from, c.do), anywhereAPI())
		r, err := m.Map(t.Context(), m.Source().Document([]byte(c.document)), nil)
		if got := body(t, r); err != nil || got != c.want {
			t.Errorf("%s: %s, %v", c.do, got, err)
		}
	}
	m := compile(t, src, dst(`"type": "string", "maxLength": 63`), text("v", `{"token.hmac": {"key": "k"}}`), anywhereAPI())
	tokens := map[string]bool{}
	for _, v := range []uint64{0, 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64 - 1, math.MaxUint64} {
		r, err := m.Map(t.Context(), m.Source().Document(fmt.Appendf(nil, `{"v": %d, "t": ""}`, v)), testKeys("1"))
		if err != nil {
			t.Fatal(err)
		}
		tokens[body(t, r)] = true
	}
	if len(tokens) != 6 {
		t.Errorf("%d tokens of 6 values", len(tokens))
	}
	for _, do := range []string{`{"int.bucket": {"width": 10}}`, `{"number.scale": {"scale": 1}}`, `{"minor.to_number": {"scale": 2}}`, `{"unit.convert": {"to": "kib"}}`, `{"unix.to_time": {}}`, `{"enum": {"map": {"1": "a"}, "else": "b"}}`, `{"number.to_string": {}}`} {
		_, err := mapping.Compile(schema(t, src), schema(t, dst(`"type": "string", "maxLength": 63`)), []byte(text("v", do)), anywhereAPI())
		if codes(err) != "M211" {
			t.Errorf("%s: %v", do, err)
		}
	}
	for _, args := range []string{`"maximum": 18446744073709551615`, `"minimum": -1, "maximum": 18446744073709551615`, `"minimum": 0, "maximum": 18446744073709551616`, `"minimum": 9223372036854775809, "maximum": 9223372036854775808`} {
		_, err := mapping.Compile(schema(t, src), schema(t, dst(u)), []byte(text("t", `{"string.to_int": {`+args+`}}`)), anywhereAPI())
		if codes(err) != "M210" {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// TestSchemaOfMaps holds that a map of Go is a map, and its unsigned integers keep their range.
func TestSchemaOfMaps(t *testing.T) {
	type account struct {
		ID     uint64            `json:"id"`
		Kind   uint64            `json:"kind" mapping:"enum=1|2"`
		Limits map[string]uint64 `json:"limits,omitempty" mapping:"maxProperties=2; patternProperties=^[a-z]{2}$; propertyNames.maxLength=2; classification=confidential; categories=pii.pay"`
		Words  map[string]string `json:"words,omitzero" mapping:"maxProperties=2; patternProperties=^.*$; propertyNames.format=uuid; maxLength=5"`
	}
	s, err := mapping.SchemaOf[account]("account", mapping.Label{Class: mapping.Internal, Residency: []string{"*"}, Purposes: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	same := schema(t, `{"title": "account", "type": "object", "additionalProperties": false, "required": ["id", "kind"], "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"], "categories": []}, "properties": {
		"id": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615}, "kind": {"type": "integer", "enum": [1, 2]},
		"limits": {"type": "object", "classification": "confidential", "categories": ["pii.pay"], "patternProperties": {"^[a-z]{2}$": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615, "classification": "confidential", "categories": ["pii.pay"]}}, "additionalProperties": false, "maxProperties": 2, "propertyNames": {"maxLength": 2}},
		"words": {"type": "object", "patternProperties": {"^.*$": {"type": "string", "maxLength": 5}}, "additionalProperties": false, "maxProperties": 2, "propertyNames": {"format": "uuid"}}}}`)
	if s.Hash() != same.Hash() {
		t.Errorf("another schema:\n%s\n%s", s.JSONSchema(), same.JSONSchema())
	}
	full := account{math.MaxUint64, 2, map[string]uint64{"eu": math.MaxUint64}, map[string]string{"123e4567-e89b-12d3-a456-426614174000": "x"}}
	d, err := s.Encode(full)
	var back account
	if err != nil || d.Decode(&back) != nil || fmt.Sprint(back) != fmt.Sprint(full) {
		t.Error(back, err)
	}
	for _, bad := range []account{{Kind: 3}, {Kind: 1, Limits: map[string]uint64{"EU": 1}}, {Kind: 1, Limits: map[string]uint64{"aa": 1, "bb": 2, "cc": 3}}, {Kind: 1, Words: map[string]string{"x": ""}}} {
		if _, err := s.Encode(bad); err == nil {
			t.Errorf("%v fits", bad)
		}
	}
}

// TestNullInAnElement holds that what is null in an element is not the element: it stays, and tells
// nothing of what was dropped.
func TestNullInAnElement(t *testing.T) {
	const people = `{"title": "%s", "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {"people": {"type": "array", "maxItems": 9, "items": {"type": "object", "additionalProperties": false, "required": ["n"], "properties": {"n": {"type": "integer"}, "parts": {"type": "array", "maxItems": 2, "items": {"type": ["object", "null"], "additionalProperties": false, "properties": {"x": {"type": "integer"}}}}%s}}}}}`
	src := fmt.Sprintf(people, "a", `, "diagnoses": {"type": "array", "maxItems": 9, "classification": "restricted", "items": {"type": ["string", "null"], "maxLength": 9}}`)
	to := anywhereAPI()
	to.Clearance.Class = mapping.Public
	m := compile(t, src, fmt.Sprintf(people, "b", ""), `{"mapping": "m", "from": "a", "to": "b", "set": {"/people": {"from": "/people"}, "/people/*/n": {"from": "/people/*/n"}, "/people/*/parts": {"from": "/people/*/parts"}, "/people/*/parts/*/x": {"from": "/people/*/parts/*/x"}}, "drop": {"/people/*/diagnoses": "no"}}`, to)
	for document, want := range map[string]string{
		`{"people": [{"n": 1, "diagnoses": ["flu"]}]}`:                `{"people":[{"n":1}]}`,
		`{"people": [{"n": 1, "diagnoses": [null]}]}`:                 `{"people":[{"n":1}]}`,
		`{"people": [{"n": 1, "parts": [null]}]}`:                     `{"people":[{"n":1,"parts":[null]}]}`,
		`{"people": [{"parts": [{"x": 1}, null], "n": 1}, {"n": 2}]}`: `{"people":[{"n":1,"parts":[{"x":1},null]},{"n":2}]}`,
	} {
		r, err := m.Map(t.Context(), m.Source().Document([]byte(document)), nil)
		if got := body(t, r); err != nil || got != want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", document, got, err, want)
		}
	}
}

// TestElementsEndWithTheirContext holds that many short arrays end with it as one long one does.
func TestElementsEndWithTheirContext(t *testing.T) {
	const rows = `{"title": "%s", "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {"rows": {"type": "array", "maxItems": 1000, "items": {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 9}}}}}`
	var end context.CancelFunc
	calls := 0
	own := mapping.Func{Name: "own", Version: "1", MaxLength: 9, Do: func(dst, text []byte) ([]byte, bool) {
		end()
		calls++
		return append(dst, text...), true
	}}
	m, err := mapping.Compile(schema(t, fmt.Sprintf(rows, "a")), schema(t, fmt.Sprintf(rows, "b")), []byte(`{"mapping": "m", "from": "a", "to": "b", "set": {"/rows": {"from": "/rows"}, "/rows/*": {"from": "/rows/*", "do": [{"custom.own": {"version": "1"}}], "on_error": "fail"}}}`), anywhereAPI(), own)
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range []int{1000, 1} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		end, calls = cancel, 0
		document := `{"rows": [` + strings.Repeat(`["a", "b"], `, rows-1) + `["a", "b"]]}`
		if r, err := m.Map(ctx, m.Source().Document([]byte(document)), nil); !errors.Is(err, context.Canceled) || calls > 256 || r.Len() != 0 {
			t.Errorf("%d calls, %v", calls, err)
		}
	}
}

// TestDepth holds that each array in another is one that is read once more, and no more than eight.
func TestDepth(t *testing.T) {
	nested := func(deep int, kind string) string {
		is := `{"type": "boolean"}`
		for range deep {
			is = strings.Replace(kind, "%s", is, 1)
		}
		return withProperty(is)
	}
	for _, kind := range []string{
		`{"type": "array", "maxItems": 2, "items": %s}`,
		`{"type": "object", "patternProperties": {"^a$": %s}, "additionalProperties": false, "maxProperties": 1, "propertyNames": {"maxLength": 1}}`,
	} {
		for deep, want := range map[int]string{8: "no findings", 9: "M127"} {
			if _, err := mapping.ParseSchema([]byte(nested(deep, kind))); codes(err) != want {
				t.Errorf("%d of %s: %v", deep, kind, err)
			}
		}
	}
	// Definitions that hold each other many times are counted, whatever they are.
	defs := ""
	for i := range 7 {
		defs += fmt.Sprintf(`"d%d": {"type": "array", "maxItems": 1, "items": {"$ref": "#/$defs/d%d"}}, `, i, i+1)
	}
	var all []string
	for i := range 256 {
		all = append(all, fmt.Sprintf(`"p%d": {"type": "object", "additionalProperties": false, "properties": {"a": {"$ref": "#/$defs/d0"}, "b": {"$ref": "#/$defs/d0"}}}`, i))
	}
	if _, err := mapping.ParseSchema(fmt.Appendf(nil, `{"title": "s", "type": "object", "additionalProperties": false, "properties": {%s}, "$defs": {%s"d7": {"type": "boolean"}}}`, strings.Join(all, ","), defs)); codes(err) != "M105" {
		t.Error(codes(err))
	}
}

// TestPatternsInPaths holds that a pattern of names is no way to write into a finding.
func TestPatternsInPaths(t *testing.T) {
	for _, pattern := range []string{`^cAnArY\u001b[2J$`, `^cAnArY\n$`, `^cAnArY\u202e$`, `^` + strings.Repeat("cAnArY", 40) + `$`} {
		_, err := mapping.ParseSchema([]byte(withProperty(`{"type": "object", "patternProperties": {"` + pattern + `": {}}, "additionalProperties": false, "maxProperties": 1, "propertyNames": {"maxLength": 1}}`)))
		if codes(err) != "M113" || strings.Contains(err.Error(), "cAnArY") {
			t.Errorf("%q", err)
		}
	}
}

// TestNamesOfMapsAreData: two that differ in case are two entries, also of a Go map.
func TestNamesOfMapsAreData(t *testing.T) {
	s := schema(t, withProperty(`{"type": "object", "patternProperties": {"^[aA]$": {"type": "integer"}}, "additionalProperties": false, "maxProperties": 2, "propertyNames": {"maxLength": 1}}`))
	var got struct {
		A map[string]int `json:"a"`
	}
	if err := s.Document([]byte(`{"a": {"a": 1, "A": 2}}`)).Decode(&got); err != nil || got.A["a"] != 1 || got.A["A"] != 2 {
		t.Error(got, err)
	}
	var loose any
	if err := s.Document([]byte(`{"a": {"a": 1, "A": 2}}`)).Decode(&loose); !errors.Is(err, mapping.ErrInvalid) {
		t.Error(loose, err)
	}
}

// TestSpelling holds that how a constant is written makes no other mapping.
func TestSpelling(t *testing.T) {
	hash := ""
	for _, constant := range []string{`"new"`, ` "n\u0065w" `} {
		m := compile(t, purchases, parcels, change(t, ordersToParcels, `"n\u0065w"`, constant), anywhereAPI())
		if hash == "" {
			hash = m.Hash()
		}
		if m.Hash() != hash || !strings.Contains(m.Report(), `constant "new"`) {
			t.Error(m.Hash(), hash)
		}
	}
}
