package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/carnet-go/carnet/mapping"
)

// TestTheSameShipment: whoever maps the document makes the same of it, or nothing is
// compared. By hand these are the same bytes.
func TestTheSameShipment(t *testing.T) {
	document := orderDocument()
	if len(document) != 2078 {
		t.Errorf("a document of %d bytes", len(document))
	}
	ours := func(m *mapping.Mapper, err error, keys mapping.KeySource, fields int) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if n := len(m.Places()); n != fields {
			t.Errorf("%d fields, not %d", n, fields)
		}
		made := &mapped{mapper: m, keys: keys}
		if err := made.take(t.Context(), document); err != nil {
			t.Fatal(err)
		}
		return string(made.body)
	}
	m, err := orderMapper()
	plain := ours(m, err, nil, 20)
	m, err = tokensToo()
	tokens := ours(m, err, keyring{keyOfTokens()}, 22)
	for name, c := range map[string]struct {
		peer func([]byte) ([]byte, error)
		want string
	}{
		"encoding/json": {byHand, plain}, "json/v2": {byHandV2, plain},
		"tokens": {func(raw []byte) ([]byte, error) { return byHandWithTokens(raw, keyOfTokens()) }, tokens},
	} {
		if got, err := c.peer(document); err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s, and ours\n%s", name, err, got, c.want)
		}
	}
	run, err := query()
	if err != nil {
		t.Fatal(err)
	}
	// The query's members are sorted.
	if got, err := run(document); err != nil || !reflect.DeepEqual(tree(t, string(got)), tree(t, plain)) {
		t.Errorf("query: %v\n%s, and ours\n%s", err, got, plain)
	}
}

// tree is JSON with all digits of its numbers.
func tree(t *testing.T, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestTheSameRefused: the mapping and the validator refuse the same, so that neither looks
// at less than the other. What only the mapping refuses is said.
func TestTheSameRefused(t *testing.T) {
	m, err := orderMapper()
	if err != nil {
		t.Fatal(err)
	}
	validate, err := validator()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, other string
		both       bool
	}{
		"as it is":             {``, ``, false},
		"unknown member":       {`"gift":`, `"present":`, true},
		"unknown in an array":  {`"text":"Ruler`, `"test":"Ruler`, true},
		"missing member":       {`,"vip":true`, ``, true},
		"another type":         {`"vip":true`, `"vip":"yes"`, true},
		"out of range":         {`"count":12`, `"count":1200`, true},
		"too long":             {`"country":"SE"`, `"country":"SWE"`, true},
		"no choice":            {`"status":"paid"`, `"status":"lost"`, true},
		"no date":              {`1984-02-29`, `1983-02-29`, true},
		"no instant":           {`12:30:45Z`, `12:30:45`, true},
		"no address":           {`zoe@acme.example`, `zoe.acme.example`, true},
		"twice":                {`"gift":false`, `"gift":false,"gift":false`, false},
		"more digits":          {`1427.45`, `1427.455`, false},
		"half of a pair":       {`Zoë`, `Zo\ud800`, false},
		"no number to be made": {`23.125`, `23.1250`, false},
	} {
		raw := strings.Replace(string(orderDocument()), c.old, c.other, 1)
		refused := name != "as it is"
		if err := (&mapped{mapper: m}).take(t.Context(), []byte(raw)); errors.Is(err, mapping.ErrInvalid) != refused {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := validate([]byte(raw)); (err != nil) != c.both {
			t.Errorf("%s: the validator says %v", name, err)
		}
	}
}

// TestMapsForOthers: another validator takes the maps and unsigned integers that a schema takes,
// and refuses what it can know to be none.
func TestMapsForOthers(t *testing.T) {
	s, err := mapping.ParseSchema([]byte(`{"title": "maps", "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {
		"big": {"type": "integer", "minimum": 5, "maximum": 18446744073709551615},
		"closed": {"type": ["object", "null"], "patternProperties": {"^[a-z]{2}$": {"type": "boolean"}}, "additionalProperties": false, "maxProperties": 2, "propertyNames": {"maxLength": 2}},
		"open": {"type": "object", "patternProperties": {"^[\\s\\S]*$": {"type": "array", "maxItems": 1, "items": {"type": "array", "maxItems": 1, "items": {"type": "boolean"}}}}, "additionalProperties": false, "maxProperties": 2, "propertyNames": {"minLength": 1, "maxLength": 2}},
		"folded": {"type": "object", "patternProperties": {"^(?i)a$": {"type": "boolean"}}, "additionalProperties": false, "maxProperties": 2, "propertyNames": {"maxLength": 1}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("maps.json", plain); err != nil {
		t.Fatal(err)
	}
	others, err := c.Compile("maps.json")
	if err != nil {
		t.Fatal(err)
	}
	for document, want := range map[string][2]bool{ // what we take, and what others take
		`{}`: {true, true},
		`{"big": 18446744073709551615, "closed": null}`:    {true, true},
		`{"big": 18446744073709551616}`:                    {false, false},
		`{"big": 4}`:                                       {false, false},
		`{"closed": {"ab": true, "cd": false}}`:            {true, true},
		`{"closed": {"ab": 1}}`:                            {false, false},
		`{"closed": {"a": true}}`:                          {false, false},
		`{"closed": {"AB": true}}`:                         {false, false},
		`{"closed": {"ab": true, "cd": true, "ef": true}}`: {false, false},
		`{"open": {"\n": [[true]], "é<": [[]]}}`:           {true, true},
		`{"open": {"": []}}`:                               {false, false},
		`{"open": {"abc": []}}`:                            {false, false},
		`{"open": {"a": [[true, true]]}}`:                  {false, false},
		`{"open": {"a": [true]}}`:                          {false, false},
		`{"folded": {"A": true}}`:                          {true, true},
		`{"folded": {"b": true}}`:                          {false, true}, // how others read the pattern is not sure
		`{"folded": {"a": 1}}`:                             {false, false},
	} {
		document = strings.ReplaceAll(document, "\n", `\n`)
		read, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{s.Document([]byte(document)).Check() == nil, others.Validate(read) == nil}; got != want {
			t.Errorf("%s: %v, want %v", document, got, want)
		}
	}
}
