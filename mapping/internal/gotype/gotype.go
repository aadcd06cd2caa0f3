// Package gotype reads a schema from a Go type, as encoding/json writes that.
//
//	raw, problem := gotype.Schema(reflect.TypeFor[Employee](), "employee", defaults)
//
// # Guarantees
//
// What a type says is a property of the same schema that a file would be: it goes through the
// same reader, and each field needs what a property there needs. A type that encoding/json
// could write in two ways is refused.
//
// # Limits
//
// Floats, maps, interfaces, 64-bit unsigned numbers and types with a MarshalJSON of their own
// but [time.Time] are no fields. Releases are no business of the code that holds the data.
//
// # Errors
//
// A [Problem] names the field by its path.
//
// # Concurrency
//
// Schema may be called concurrently.
package gotype

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Property is one as a schema file has it.
type Property map[string]any

// Properties are those of a struct, in its order: documents mostly come in it.
type Properties []Named

// Named is one of them.
type Named struct {
	Name string
	Property
}

// MarshalJSON is one object.
func (all Properties) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, one := range all {
		member, err := json.Marshal(map[string]any{one.Name: one.Property})
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, member[1:len(member)-1]...)
	}
	return append(out, '}'), nil
}

// Problem is why a field is none; its zero value is none.
type Problem struct{ Path, Text string }

const (
	tag     = "mapping"
	deepest = 32
)

// Schema is the file that says the same as a struct.
func Schema(t reflect.Type, title string, defaults map[string]any) ([]byte, Problem) {
	r := reader{}
	if t.Kind() != reflect.Struct || special(t) {
		return nil, Problem{"", "is no struct"}
	}
	properties, required := r.object(t, "", 0)
	raw, err := json.Marshal(map[string]any{
		"title": title, "type": "object", "additionalProperties": false, "properties": properties, "required": required, "defaults": defaults,
	})
	if err != nil {
		r.fail("", "cannot be written")
	}
	return raw, r.problem
}

type reader struct{ problem Problem }

// fail keeps the first problem.
func (r *reader) fail(path, text string) {
	if r.problem.Text == "" {
		r.problem = Problem{path, text}
	}
}

func (r *reader) object(t reflect.Type, at string, depth int) (properties Properties, required []string) {
	properties, required = Properties{}, []string{}
	if depth > deepest {
		r.fail(at, "is too deep, or holds itself")
		return properties, required
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Tag.Get("json") == "-", !f.IsExported() && !f.Anonymous:
			continue
		case f.Anonymous && name == "":
			r.fail(at+"/"+f.Name, "is embedded without a name")
			continue
		case options != "" && options != "omitempty" && options != "omitzero":
			r.fail(at+"/"+f.Name, "has options of encoding/json other than omitempty and omitzero")
			continue
		case name == "":
			name = f.Name
		}
		if slices.ContainsFunc(properties, func(p Named) bool { return p.Name == name }) {
			r.fail(at+"/"+name, "is two fields")
		}
		properties = append(properties, Named{name, r.property(f.Type, f.Tag.Get(tag), at+"/"+name, options == "", depth)})
		if options == "" {
			required = append(required, name)
		}
	}
	return properties, required
}

// property is a field, or what an array holds.
func (r *reader) property(t reflect.Type, said, at string, always bool, depth int) Property {
	p, nullable := Property{}, false
	if t.Kind() == reflect.Pointer {
		t, nullable = t.Elem(), always // nil is left out, or null
	}
	kind := r.kind(p, t, at, depth)
	if t.Kind() == reflect.Slice && always {
		r.fail(at, "is a slice, and null where it is nil: it has omitempty")
	}
	p["type"] = kind
	if nullable {
		p["type"] = []string{kind, "null"}
	}
	r.words(p, said, at)
	return p
}

// kind is the type's name in a schema; what it says besides goes into p.
func (r *reader) kind(p Property, t reflect.Type, at string, depth int) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		p["format"] = "date-time"
		return "string"
	case t == reflect.TypeFor[json.Number]():
		return "number"
	case special(t):
		r.fail(at, "is a type that writes itself")
		return "string"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := t.Bits()
		p["minimum"], p["maximum"] = -1<<(bits-1), 1<<(bits-1)-1
		return "integer"
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		p["minimum"], p["maximum"] = 0, 1<<t.Bits()-1
		return "integer"
	case reflect.Struct:
		p["properties"], p["required"] = r.object(t, at, depth+1)
		p["additionalProperties"] = false
		return "object"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			r.fail(at, "is bytes, which encoding/json writes as base64")
		}
		p["items"] = r.property(t.Elem(), "", at+"/*", true, depth+1)
		return "array"
	}
	r.fail(at, "is of a type that no document has: "+t.Kind().String())
	return "string"
}

// special types write themselves.
func special(t reflect.Type) bool {
	for _, i := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if t.Implements(i) || reflect.PointerTo(t).Implements(i) {
			return true
		}
	}
	return false
}

// numbers and lists are the keywords whose value is not text.
var (
	numbers = []string{"minLength", "maxLength", "maxItems", "scale", "minimum", "maximum"}
	lists   = []string{"enum", "categories", "residency", "purposes"}
	texts   = []string{"classification", "pattern", "format", "unit", "description"}
)

// words reads a tag: keyword=value, separated by ";", the values of lists by "|". What is meant
// for the items of an array is the array's.
func (r *reader) words(p Property, said, at string) {
	for word := range strings.SplitSeq(said, ";") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		name, value, ok := strings.Cut(word, "=")
		into, number := p, json.Number(value)
		if items, is := p["items"].(Property); is && slices.Contains([]string{"minLength", "maxLength", "scale", "minimum", "maximum", "pattern", "format", "unit", "enum"}, name) {
			into = items
		}
		switch {
		case !ok || value == "":
			r.fail(at, "has a word without a value in its tag")
		case slices.Contains(numbers, name):
			if _, err := strconv.ParseFloat(value, 64); err != nil {
				r.fail(at, fmt.Sprintf("has no number as %s in its tag", name))
				continue
			}
			into[name] = number
		case name == "enum" && into["type"] == "integer":
			into[name] = json.RawMessage("[" + strings.ReplaceAll(value, "|", ",") + "]")
			if !json.Valid(into[name].(json.RawMessage)) {
				r.fail(at, "has no integers as enum in its tag")
			}
		case slices.Contains(lists, name):
			into[name] = strings.Split(value, "|")
		case slices.Contains(texts, name):
			into[name] = value
		default:
			r.fail(at, "has an unknown word in its tag")
		}
	}
}
