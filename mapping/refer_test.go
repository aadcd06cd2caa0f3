package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// referring is a schema whose properties are %s, with definitions %s behind it on lines of their own.
const referring = `{"title": "s", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["eu"], "purposes": ["hr"]},
"properties": {%s}, "required": ["home"],
"$defs": {
%s}}`

const addresses = `"address": {"type": "object", "additionalProperties": false, "required": ["city"], "properties": {
	"city": {"$ref": "#/$defs/line"}, "code": {"type": "string", "maxLength": 9, "classification": "confidential"}}},
"line": {"type": "string", "maxLength": 40, "categories": ["pii.contact"]}`

// TestDefinitions holds that a property which names a definition is what that says, wherever it
// stands.
func TestDefinitions(t *testing.T) {
	s := schema(t, fmt.Sprintf(referring, `"home": {"$ref": "#/$defs/address"}, "work": {"$ref": "#/$defs/address", "description": "where to reach"}, "names": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 5}}`, addresses))
	city := `{"type": "string", "maxLength": 40, "categories": ["pii.contact"]}`
	written := `{"type": "object", "additionalProperties": false, "required": ["city"], "properties": {"city": ` + city + `, "code": {"type": "string", "maxLength": 9, "classification": "confidential"}}}`
	same := schema(t, `{"title": "s", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["eu"], "purposes": ["hr"]}, "required": ["home"],
		"properties": {"home": `+written+`, "work": `+written+`, "names": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 5}}}}`)
	if s.Hash() != same.Hash() || s.Label().String() != same.Label().String() || string(s.JSONSchema()) != string(same.JSONSchema()) {
		t.Errorf("%s\n%s", s.JSONSchema(), same.JSONSchema())
	}
	for document, want := range map[string]string{
		`{"home": {"city": "Ulm"}, "work": {"city": "Rom", "code": "1"}}`: "<nil>",
		`{"home": {"city": "Ulm"}, "work": {"code": "1"}}`:                "mapping: M306 data does not fit at /work/city",
		`{"home": {"city": "Ulm", "street": "x"}}`:                        "mapping: M304 data does not fit at /home",
	} {
		if got := fmt.Sprint(s.Document([]byte(document)).Check()); got != want {
			t.Errorf("%s: %s", document, got)
		}
	}
}

// TestDefinitionFindings holds what a definition may not be. Where two properties are the same
// definition, that is wrong once.
func TestDefinitionFindings(t *testing.T) {
	home := `"home": {"$ref": "#/$defs/address"}`
	twelve := func(of string) string {
		var all []string
		for i := range 12 {
			all = append(all, fmt.Sprintf(`"p%d": {"$ref": "#/$defs/%s"}`, i, of))
		}
		return `{"type": "object", "additionalProperties": false, "properties": {` + strings.Join(all, ", ") + `}}`
	}
	for name, c := range map[string]struct{ properties, defs, want string }{
		"misspelt":           {`"home": {"$ref": "#/$defs/adress"}, "b": {"$ref": "#/$defs/address"}`, addresses, `2:33 M125 /properties/home/$ref address`},
		"another file":       {home + `, "b": {"$ref": "https://h.example/s.json#/$defs/address"}`, addresses, `2:67 M125 /properties/b/$ref `},
		"a property":         {home + `, "b": {"$ref": "#/properties/home"}`, addresses, `2:67 M125 /properties/b/$ref `},
		"something besides":  {home + `, "b": {"$ref": "#/$defs/line", "classification": "public"}`, addresses, `2:67 M125 /properties/b/$ref `},
		"nothing uses it":    {home, addresses + `, "more": {"type": "boolean"}`, `6:85 M125 /$defs `},
		"holds itself":       {home, `"address": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/address"}}`, `4:63 M125 /$defs/address/items/$ref `},
		"holds itself apart": {home, `"address": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/address"}`, `4:92 M125 /$defs/b/$ref `},
		"wrong, used twice":  {home + `, "b": {"$ref": "#/$defs/address"}`, `"address": {"type": "string"}`, `4:12 M110 /$defs/address/maxLength `},
		"items with a label": {home + `, "b": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/line"}}`, addresses, `6:9 M103 /$defs/line `},
		"items with a place": {home + `, "b": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/n"}}`, addresses + `, "n": {"type": "integer", "in": "query"}`, `6:82 M103 /$defs/n `},
		"named oddly":        {`"home": {"$ref": "#/$defs/a/b"}`, `"a/b": {"type": "boolean"}`, `2:33 M125 /properties/home/$ref |4:8 M125 /$defs `},
		"as many as there may be": {`"home": {"$ref": "#/$defs/a"}`, `"a": ` + twelve("b") + `, "b": ` + twelve("c") + `, "c": ` + twelve("d") + `, "d": {"type": "object", "additionalProperties": false, "properties": {"x": {"type": "boolean"}, "y": {"type": "boolean"}, "z": {"type": "boolean"}}}`,
			"M105"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mapping.ParseSchema(fmt.Appendf(nil, referring, c.properties, c.defs))
			if c.want == "M105" {
				if got := codes(err); !strings.HasPrefix(got, "M105") {
					t.Error(got)
				}
				return
			}
			var got []string
			found, _ := err.(mapping.Findings)
			for _, f := range found {
				got = append(got, fmt.Sprintf("%d:%d %s %s %s", f.Line, f.Column, f.Code, f.Path, f.Nearest))
			}
			if strings.Join(got, "|") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
