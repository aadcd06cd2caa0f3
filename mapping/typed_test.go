package mapping_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/mapping"
)

type place struct {
	City string `json:"city" mapping:"maxLength=100; categories=pii.address"`
	Code string `json:"code,omitempty" mapping:"maxLength=5;pattern=^[0-9]{5}$"`
}

type person struct {
	ID      int64           `json:"id" mapping:"minimum=1; classification=internal"`
	Name    string          `json:"name" mapping:"maxLength=100;minLength=1;categories=pii.contact|pii.name;residency=eu"`
	Mail    *string         `json:"mail,omitempty" mapping:"format=email"`
	Boss    *uint32         `json:"boss"`
	Level   int8            `json:"level" mapping:"enum=1|2|3"`
	Wage    json.Number     `json:"wage" mapping:"scale=2;minimum=0;unit=eur;classification=restricted"`
	Seen    time.Time       `json:"seen"`
	Tags    []string        `json:"tags,omitempty" mapping:"maxItems=3;maxLength=5;enum=a|b"`
	Home    place           `json:"home"`
	Old     *place          `json:"old,omitzero"`
	Status  string          `json:"status" mapping:"enum=on|off"`
	Remote  bool            `json:"remote"`
	Skipped map[string]bool `json:"-"`
	private func()
}

var ofPersons = mapping.Label{Class: mapping.Confidential, Residency: []string{"*"}, Purposes: []string{"hr"}}

// asFile is the schema that says the same.
const asFile = `{"title": "person", "type": "object", "additionalProperties": false, "required": ["id", "name", "boss", "level", "wage", "seen", "home", "status", "remote"],
	"defaults": {"classification": "confidential", "residency": ["*"], "purposes": ["hr"], "categories": []},
	"properties": {
		"id": {"type": "integer", "minimum": 1, "maximum": 9223372036854775807, "classification": "internal"},
		"name": {"type": "string", "maxLength": 100, "minLength": 1, "categories": ["pii.contact", "pii.name"], "residency": ["eu"]},
		"mail": {"type": "string", "format": "email"}, "boss": {"type": ["integer", "null"], "minimum": 0, "maximum": 4294967295}, "level": {"type": "integer", "enum": [1, 2, 3]},
		"wage": {"type": "number", "scale": 2, "minimum": 0, "unit": "eur", "classification": "restricted"}, "seen": {"type": "string", "format": "date-time"},
		"tags": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 5, "enum": ["a", "b"]}},
		"home": {"type": "object", "additionalProperties": false, "required": ["city"], "properties": {"city": {"type": "string", "maxLength": 100, "categories": ["pii.address"]}, "code": {"type": "string", "maxLength": 5, "pattern": "^[0-9]{5}$"}}},
		"old": {"type": "object", "additionalProperties": false, "required": ["city"], "properties": {"city": {"type": "string", "maxLength": 100, "categories": ["pii.address"]}, "code": {"type": "string", "maxLength": 5, "pattern": "^[0-9]{5}$"}}},
		"status": {"type": "string", "enum": ["on", "off"]}, "remote": {"type": "boolean"}
	}}`

// TestSchemaOf: a type says what a file says, and what is written of it is a document.
func TestSchemaOf(t *testing.T) {
	s, err := mapping.SchemaOf[person]("person", ofPersons)
	if err != nil {
		t.Fatal(err)
	}
	if want := schema(t, asFile); s.Hash() != want.Hash() {
		t.Errorf("another schema:\n%s", s.JSONSchema())
	}
	mail := "a@acme.example"
	one := person{ID: 1, Name: "A", Mail: &mail, Level: 2, Wage: "12.50", Seen: time.Now().UTC().Truncate(time.Second), Tags: []string{"b"}, Home: place{"Rome", "80331"}, Status: "on", private: func() {}}
	d, err := s.Encode(one)
	if err != nil {
		t.Fatal(err)
	}
	var back person
	if err := d.Decode(&back); err != nil || back.Name != "A" || *back.Mail != mail || back.Home != one.Home || !back.Seen.Equal(one.Seen) {
		t.Errorf("%+v, %v", back, err)
	}
	one.Level = 9
	if _, err := s.Encode(one); !errors.Is(err, mapping.ErrInvalid) {
		t.Errorf("a level of nine: %v", err)
	}
}

// TestSchemaOfRanges: an integer has the range of its type, also where an int has 32 bits.
func TestSchemaOfRanges(t *testing.T) {
	s, err := mapping.SchemaOf[struct {
		A int64  `json:"a"`
		B uint32 `json:"b"`
		C int32  `json:"c"`
		D uint8  `json:"d"`
	}]("ranges", ofPersons)
	if err != nil {
		t.Fatal(err)
	}
	for doc, fits := range map[string]bool{
		`{"a": -9223372036854775808, "b": 0, "c": -2147483648, "d": 0}`:          true,
		`{"a": 9223372036854775807, "b": 4294967295, "c": 2147483647, "d": 255}`: true,
		`{"a": 0, "b": 4294967296, "c": 0, "d": 0}`:                              false, `{"a": 0, "b": 0, "c": 2147483648, "d": 0}`: false,
		`{"a": 0, "b": 0, "c": -2147483649, "d": 0}`: false, `{"a": 0, "b": 0, "c": 0, "d": 256}`: false,
	} {
		if err := s.Document([]byte(doc)).Check(); (err == nil) != fits {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

// TestSchemaOfEmbedded: a struct that is embedded under a name is a field of that name.
func TestSchemaOfEmbedded(t *testing.T) {
	type outer struct {
		base  `json:"inner"`
		Price bool `json:"a$ & ü"`
	}
	s, err := mapping.SchemaOf[outer]("outer", ofPersons)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Encode(outer{}); err != nil {
		t.Errorf("%v:\n%s", err, s.JSONSchema())
	}
}

// TestSchemaOfUnlabelled: what nobody labels crosses nothing.
func TestSchemaOfUnlabelled(t *testing.T) {
	s, err := mapping.SchemaOf[struct {
		A bool `json:"a"`
	}]("a", mapping.Label{})
	if err != nil || s.Label().Class != mapping.Unlabelled {
		t.Errorf("%v, %v", s.Label(), err)
	}
}

type loop struct {
	Next *loop `json:"next,omitempty"`
}

// tree is more than a loop: each level has twice the fields of the one above.
type tree struct {
	Left  *tree `json:"left,omitempty"`
	Right *tree `json:"right,omitempty"`
}

type forest struct {
	Trees []forest `json:"trees,omitempty" mapping:"maxItems=2"`
}

type lists []lists

type nested struct {
	Lists lists `json:"lists,omitempty" mapping:"maxItems=2"`
}

// The wide types hold none of themselves, and the outermost has 2^20 fields.
type (
	wide[T any]  struct{ A, B, C, D T }
	wide4[T any] wide[wide[wide[wide[T]]]]
	wider        = wide4[wide4[wide[wide[bool]]]]
)

type word string

type written string

func (written) MarshalText() ([]byte, error) { return []byte("cAnArY"), nil }

type thesaurus struct {
	Words map[string]thesaurus `json:"words,omitempty"`
}

type base struct {
	A bool `json:"a"`
}

// TestSchemaOfRefuses what a file could not say, or would have to guess.
func TestSchemaOfRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		of   func() (*mapping.Schema, error)
		want string
	}{
		"no struct": {of[int](), "M102 is no struct"},
		"a time":    {of[time.Time](), "M102 is no struct"},
		"float":     {of[struct{ A float64 }](), "M102 is of a type that no document has: float64 at /A"},
		"uintptr":   {of[struct{ A uintptr }](), "uintptr at /A"},
		"map":       {of[struct{ A map[string]string }](), "is a slice or a map, and null where it is nil: it has omitempty at /A"},
		"map of numbers": {of[struct {
			A map[int]bool `json:",omitempty"`
		}](), "is a map whose keys are no strings at /A"},
		"choices below zero": {of[struct {
			A uint64 `mapping:"enum=-1|1"`
		}](), "M112"},
		"map of itself": {of[thesaurus](), "M102 holds itself at /words/*"},
		"map of any names": {of[struct {
			A map[string]bool `json:",omitempty" mapping:"maxProperties=3; propertyNames.maxLength=3"`
		}](), "M113"},
		"map without a longest name": {of[struct {
			A map[string]bool `json:",omitempty" mapping:"maxProperties=3; patternProperties=^a$"`
		}](), "M110"},
		"names of no map": {of[struct {
			A bool `mapping:"propertyNames.maxLength=3"`
		}](), "has an unknown word in its tag at /A"},
		"pattern of no map": {of[struct {
			A bool `mapping:"patternProperties=^a$"`
		}](), "has an unknown word in its tag at /A"},
		"any": {of[struct{ A any }](), "interface at /A"},
		"bytes": {of[struct {
			A []byte `json:",omitempty"`
		}](), "is bytes, which encoding/json writes as base64 at /A"},
		"writes itself": {of[struct{ A written }](), "is a type that writes itself at /A"},
		"slice":         {of[struct{ A []bool }](), "is a slice or a map, and null where it is nil: it has omitempty at /A"},
		"no longest":    {of[struct{ A string }](), "M110 has no maxLength at /properties/A/maxLength"},
		"no count": {of[struct {
			A []bool `json:",omitempty"`
		}](), "M109"},
		"no scale": {of[struct{ A json.Number }](), "M115"},
		"embedded": {of[struct{ base }](), "is embedded without a name at /base"},
		"string option": {of[struct {
			A int `json:",string"`
		}](), "has options of encoding/json other than omitempty and omitzero at /A"},
		"holds itself":       {of[loop](), "M102 holds itself at /next"},
		"holds itself twice": {of[tree](), "M102 holds itself at /left"},
		"holds many":         {of[forest](), "M102 holds itself at /trees/*"},
		"list of itself":     {of[nested](), "M102 holds itself at /lists/*"},
		"too many":           {of[wider](), "is one field too many at /A/A/"},
		"embedded word": {of[struct {
			word `json:"w" mapping:"maxLength=3"`
		}](), "is embedded, of a type that is not exported and no struct: encoding/json leaves it out at /word"},
		"ignored name": {of[struct {
			A string `json:"€" mapping:"maxLength=3"`
		}](), "has a name that encoding/json ignores at /A"},
		"pointer at a slice": {of[struct {
			A *[]string `json:"a,omitempty" mapping:"maxItems=3;maxLength=3"`
		}](), "points at a slice or a map, and is null where that is nil at /a"},
		"said twice": {of[struct {
			A bool `mapping:"classification=restricted; classification=public"`
		}](), "has a word twice in its tag at /A"},
		"two of one name": {of[struct {
			A bool `json:"B"`
			B bool
		}](), "is two fields at /B"},
		"mistyped word": {of[struct {
			A string `mapping:"maxlength=3"`
		}](), "has an unknown word in its tag at /A"},
		"release": {of[struct {
			A string `mapping:"maxLength=3;release=redact"`
		}](), "has an unknown word in its tag at /A"},
		"no value": {of[struct {
			A string `mapping:"maxLength"`
		}](), "has a word without a value in its tag at /A"},
		"no number": {of[struct {
			A string `mapping:"maxLength=many"`
		}](), "has no number as maxLength in its tag at /A"},
		"no integers": {of[struct {
			A int `mapping:"enum=a"`
		}](), "has no integers as enum in its tag at /A"},
		"class": {of[struct {
			A bool `mapping:"classification=secret"`
		}](), "D113"},
	} {
		s, err := tt.of()
		if found, ok := errors.AsType[mapping.Findings](err); !ok || s != nil || !strings.Contains(err.Error(), tt.want) || found[0].Line != 0 {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

func of[T any]() func() (*mapping.Schema, error) {
	return func() (*mapping.Schema, error) { return mapping.SchemaOf[T]("t", ofPersons) }
}
