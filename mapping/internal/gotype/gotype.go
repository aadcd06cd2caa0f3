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
// Floats, interfaces, maps whose keys are no strings, types with a MarshalJSON of their own but
// [time.Time], and types that hold themselves are no fields. An int has the range that it has
// where the program runs. Releases are no business of the code that holds the data.
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
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
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
	tag      = "mapping"
	patterns = "patternProperties"
	deepest  = 32
	most     = 1 << 16 // fields: the largest file has no place for more
)

// Schema is the file that says the same as a struct.
func Schema(t reflect.Type, title string, defaults map[string]any) ([]byte, Problem) {
	r := reader{}
	if t.Kind() != reflect.Struct || special(t) {
		return nil, Problem{"", "is no struct"}
	}
	properties, required := r.object(t, "")
	raw, err := json.Marshal(map[string]any{
		"title": title, "type": "object", "additionalProperties": false, "properties": properties, "required": required, "defaults": defaults,
	})
	if err != nil {
		r.fail("", "cannot be written")
	}
	return raw, r.problem
}

type reader struct {
	problem Problem
	path    []reflect.Type // the structs, slices and maps around a field
	fields  int
}

// fail keeps the first problem.
func (r *reader) fail(path, text string) {
	if r.problem.Text == "" {
		r.problem = Problem{path, text}
	}
}

// failed ends the walk: types that hold others twice have fields beyond all counting.
func (r *reader) failed() bool { return r.problem.Text != "" }

// within reads what a struct, a slice or a map holds, unless it stands in itself.
func (r *reader) within(t reflect.Type, at string, read func()) {
	switch {
	case slices.Contains(r.path, t):
		r.fail(at, "holds itself")
	case len(r.path) > deepest:
		r.fail(at, "is too deep")
	}
	if r.failed() {
		return
	}
	r.path = append(r.path, t)
	read()
	r.path = r.path[:len(r.path)-1]
}

func (r *reader) object(t reflect.Type, at string) (properties Properties, required []string) {
	properties, required = Properties{}, []string{}
	r.within(t, at, func() {
		for i := 0; i < t.NumField() && !r.failed(); i++ {
			f := t.Field(i)
			name, always, ok := r.name(f, at+"/"+f.Name)
			if !ok {
				continue
			}
			if slices.ContainsFunc(properties, func(p Named) bool { return p.Name == name }) {
				r.fail(at+"/"+name, "is two fields")
			}
			properties = append(properties, Named{name, r.property(f.Type, f.Tag.Get(tag), at+"/"+name, always)})
			if always {
				required = append(required, name)
			}
		}
	})
	return properties, required
}

// name is what encoding/json calls a field, and whether it always writes it; false: it is none,
// or one of which that is not certain.
func (r *reader) name(f reflect.StructField, at string) (name string, always, ok bool) {
	said := f.Tag.Get("json")
	name, options, _ := strings.Cut(said, ",")
	switch {
	case said == "-", !f.IsExported() && !f.Anonymous:
		return "", false, false
	case f.Anonymous && name == "":
		r.fail(at, "is embedded without a name")
	case f.Anonymous && !f.IsExported() && !holds(f.Type):
		r.fail(at, "is embedded, of a type that is not exported and no struct: encoding/json leaves it out")
	case strings.ContainsFunc(name, ignored):
		r.fail(at, "has a name that encoding/json ignores")
	case options != "" && options != "omitempty" && options != "omitzero":
		r.fail(at, "has options of encoding/json other than omitempty and omitzero")
	case name == "":
		name = f.Name
	}
	return name, options == "", !r.failed()
}

// holds says whether a type is a struct, or points at one.
func holds(t reflect.Type) bool {
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}

// ignored are the characters for which encoding/json drops a tag's name without a word.
func ignored(c rune) bool {
	return !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c)
}

// property is a field, or what an array holds.
func (r *reader) property(t reflect.Type, said, at string, always bool) Property {
	p, nullable := Property{}, false
	if r.fields++; r.fields > most {
		r.fail(at, "is one field too many")
		return p
	}
	if t.Kind() == reflect.Pointer {
		t, nullable = t.Elem(), always // nil is left out, or null
		if t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			r.fail(at, "points at a slice or a map, and is null where that is nil")
		}
	}
	kind := r.kind(p, t, at)
	if (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && always {
		r.fail(at, "is a slice or a map, and null where it is nil: it has omitempty")
	}
	p["type"] = kind
	if nullable {
		p["type"] = []string{kind, "null"}
	}
	r.words(p, said, at)
	return p
}

// kind is the type's name in a schema; what it says besides goes into p.
func (r *reader) kind(p Property, t reflect.Type, at string) string {
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
		last := int64(math.MaxInt64) >> (64 - t.Bits()) // an int has no place for it everywhere
		p["minimum"], p["maximum"] = -last-1, last
		return "integer"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p["minimum"], p["maximum"] = 0, uint64(math.MaxUint64)>>(64-t.Bits())
		return "integer"
	case reflect.Struct:
		p["properties"], p["required"] = r.object(t, at)
		p["additionalProperties"] = false
		return "object"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			r.fail(at, "is bytes, which encoding/json writes as base64")
		}
		r.within(t, at, func() { p[items] = r.property(t.Elem(), "", at+"/*", true) })
		return "array"
	case reflect.Map:
		if t.Key().Kind() != reflect.String || special(t.Key()) {
			r.fail(at, "is a map whose keys are no strings")
		}
		r.within(t, at, func() { p[entries] = r.property(t.Elem(), "", at+"/*", true) })
		return "object"
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
	numbers = []string{"minLength", "maxLength", "maxItems", "maxProperties", "scale", "minimum", "maximum"}
	lists   = []string{"enum", "categories", "residency", "purposes"}
	texts   = []string{"classification", "pattern", "format", "unit", "description"}

	ofValues = []string{"minLength", "maxLength", "scale", "minimum", "maximum", "pattern", "format", "unit", "enum"}
	ofNames  = []string{"minLength", "maxLength", "format"}
	ofLabels = []string{"classification", "categories", "residency", "purposes"}
)

// What a collection holds, until its tag is read.
const (
	items   = "items"
	entries = "entries"
)

// words reads a tag: keyword=value, separated by ";", the values of lists by "|". What is meant
// for the items of an array is the array's, and what is meant for the values of a map is the map's.
func (r *reader) words(p Property, said, at string) {
	seen, pattern := map[string]bool{}, ""
	for word := range strings.SplitSeq(said, ";") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		name, value, ok := strings.Cut(word, "=")
		switch {
		case seen[name]:
			r.fail(at, "has a word twice in its tag")
		case !ok || value == "":
			r.fail(at, "has a word without a value in its tag")
		case name == patterns && p[entries] != nil:
			pattern = value
		default:
			r.word(p, name, value, at)
		}
		seen[name] = true
	}
	if values, is := p[entries]; is {
		delete(p, entries)
		p[patterns], p["additionalProperties"] = map[string]any{pattern: values}, false
	}
}

func (r *reader) word(p Property, name, value, at string) {
	into := p
	if values := held(p); values != nil && slices.Contains(ofValues, name) {
		into = values
	}
	if keyword, is := strings.CutPrefix(name, "propertyNames."); is && p[entries] != nil && slices.Contains(ofNames, keyword) {
		into, name = names(p), keyword
	}
	switch {
	case slices.Contains(numbers, name):
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			r.fail(at, fmt.Sprintf("has no number as %s in its tag", name))
			return
		}
		into[name] = json.Number(value)
	case name == "enum" && into["type"] == "integer":
		into[name] = json.RawMessage("[" + strings.ReplaceAll(value, "|", ",") + "]")
		if into["maximum"] == uint64(math.MaxUint64) {
			delete(into, "maximum") // choices have 63 bits
		}
		if !json.Valid(into[name].(json.RawMessage)) {
			r.fail(at, "has no integers as enum in its tag")
		}
	case slices.Contains(lists, name):
		into[name] = strings.Split(value, "|")
		also(p, name, into[name])
	case slices.Contains(texts, name):
		into[name] = value
		also(p, name, value)
	default:
		r.fail(at, "has an unknown word in its tag")
	}
}

// also says of the values of a map what is said of it: its label is theirs, unless they are
// structs, whose fields have their own.
func also(p Property, name string, value any) {
	if values, is := p[entries].(Property); is && slices.Contains(ofLabels, name) && values["properties"] == nil {
		values[name] = value
	}
}

// held is what describes the elements of a collection; nil: it is none.
func held(p Property) Property {
	if values, is := p[entries].(Property); is {
		return values
	}
	values, _ := p[items].(Property)
	return values
}

// names are those of a map.
func names(p Property) Property {
	if p["propertyNames"] == nil {
		p["propertyNames"] = Property{}
	}
	return p["propertyNames"].(Property)
}
