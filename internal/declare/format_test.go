package declare_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/carnet-go/carnet/internal/declare"
)

// formed has a member of every kind that can be declared.
type formed struct {
	MaxAge  time.Duration
	Until   time.Time
	Colour  colour
	Word    *word
	On      bool
	Small   int8
	Byte    uint8
	Count   int64
	Ratio   float64
	Names   []string
	Scores  map[string]uint
	Raw     json.RawMessage
	Inner   many[string]
	Hidden  string `json:"-"`
	Renamed string `json:"$renamed"`
}

// many holds itself, and has a type of its own for each element.
type many[T any] struct {
	All   []*many[T]
	Least T
}

func form() declare.Form {
	texts := map[string]string{"formed": "All kinds.", "many": "More.", "many.all": "All.", "many.least": "One."}
	for _, member := range []string{"max_age", "until", "colour", "word", "on", "small", "byte", "count", "ratio", "names", "scores", "raw", "inner", "$renamed"} {
		texts["formed."+member] = "T."
	}
	return declare.Form{Title: "a <form>", Texts: texts, Rules: map[string]declare.Keywords{
		"formed": {"required": []string{"names"}}, "formed.names": {"minItems": 1}, "formed.names.*": {"pattern": "^x"},
		"formed.colour": {"enum": []string{"crimson"}}, "formed.inner": {"minProperties": 1},
	}}
}

func TestRequireFormat(t *testing.T) {
	const want = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "a <form>", "description": "All kinds.",
  "allowComments": true, "allowTrailingCommas": true,
  "type": "object", "additionalProperties": false, "required": ["names"],
  "properties": {
    "max_age": {"description": "T.", "type": "string", "pattern": "^[-+]?(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$", "not": {"pattern": "^[^1-9]*$"}},
    "until": {"description": "T.", "type": "string", "format": "date-time"},
    "colour": {"description": "T.", "type": "string", "enum": ["crimson"]},
    "word": {"description": "T.", "type": "string"},
    "on": {"description": "T.", "type": "boolean"},
    "small": {"description": "T.", "type": "integer", "minimum": -128, "maximum": 127},
    "byte": {"description": "T.", "type": "integer", "minimum": 0, "maximum": 255},
    "count": {"description": "T.", "type": "integer"},
    "ratio": {"description": "T.", "type": "number"},
    "names": {"description": "T.", "type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^x"}},
    "scores": {"description": "T.", "type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
    "raw": {"description": "T.", "$ref": "#/$defs/value"},
    "inner": {"description": "T.", "$ref": "#/$defs/many", "minProperties": 1},
    "$renamed": {"description": "T.", "type": "string"}
  },
  "$defs": {
    "value": {"description": "Any value but null.", "type": ["array", "boolean", "number", "object", "string"], "items": {"$ref": "#/$defs/value"}, "additionalProperties": {"$ref": "#/$defs/value"}},
    "many": {
      "description": "More.", "type": "object", "additionalProperties": false,
      "properties": {
        "all": {"description": "All.", "type": "array", "items": {"$ref": "#/$defs/many"}},
        "least": {"description": "One.", "type": "string"}
      }
    }
  }
}`
	got := declare.RequireFormat(reflect.TypeFor[formed](), form())
	var gotten, wanted any
	if err := json.Unmarshal(got, &gotten); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(gotten, wanted) {
		t.Errorf("got\n%s", got)
	}
	plain := form()
	delete(plain.Rules, "formed.colour")
	var all struct {
		Properties struct{ Colour struct{ Enum []string } }
	}
	if err := json.Unmarshal(declare.RequireFormat(reflect.TypeFor[formed](), plain), &all); err != nil || !reflect.DeepEqual(all.Properties.Colour.Enum, []string{"crimson", "emerald"}) {
		t.Errorf("%v %v", all, err)
	}
}

// TestFormsLeaveNothingOut: who adds a member says what it is, and who removes one takes what
// was said with it.
func TestFormsLeaveNothingOut(t *testing.T) {
	type (
		channel struct{ Bad chan int }
		numbers struct{ Bad map[int]string }
		two     struct {
			One many[string]
			Two many[bool]
		}
	)
	for name, test := range map[string]struct {
		of     reflect.Type
		change func(*declare.Form)
		want   string
	}{
		"a member without a text":   {nil, func(f *declare.Form) { delete(f.Texts, "many.least") }, "declare: many.least has no text"},
		"a type without a text":     {nil, func(f *declare.Form) { delete(f.Texts, "formed") }, "declare: formed has no text"},
		"an empty text":             {nil, func(f *declare.Form) { f.Texts["formed.on"] = "" }, "declare: formed.on has no text"},
		"a text of nothing":         {nil, func(f *declare.Form) { f.Texts["formed.off"] = "T." }, "declare: formed.off has a text, and is nothing"},
		"a text of a hidden member": {nil, func(f *declare.Form) { f.Texts["formed.hidden"] = "T." }, "declare: formed.hidden has a text, and is nothing"},
		"a rule of nothing":         {nil, func(f *declare.Form) { f.Rules["formed.on.*"] = declare.Keywords{} }, "declare: formed.on.* has a rule, and is nothing"},
		"a rule of no JSON":         {nil, func(f *declare.Form) { f.Rules["formed.on"] = declare.Keywords{"const": 1i} }, "declare: a <form> has a rule that cannot be written"},
		"a channel":                 {reflect.TypeFor[channel](), func(f *declare.Form) { f.Texts["channel.bad"] = "T." }, "declare: channel.bad cannot be declared"},
		"numbers as names":          {reflect.TypeFor[numbers](), func(f *declare.Form) { f.Texts["numbers.bad"] = "T." }, "declare: numbers.bad cannot be declared"},
		"two types of one name":     {reflect.TypeFor[two](), func(f *declare.Form) { f.Texts["two.one"], f.Texts["two.two"] = "T.", "T." }, "declare: many is two types"},
	} {
		t.Run(name, func(t *testing.T) {
			f := form()
			f.Texts, f.Rules = maps.Clone(f.Texts), maps.Clone(f.Rules)
			test.change(&f)
			of := test.of
			if of == nil {
				of = reflect.TypeFor[formed]()
			}
			defer func() {
				if got := recover(); got != test.want {
					t.Errorf("got %v, want %s", got, test.want)
				}
			}()
			declare.RequireFormat(of, f)
		})
	}
}
