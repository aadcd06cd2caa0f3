package declare

import (
	"bytes"
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"time"
)

// Keywords are of JSON Schema 2020-12.
type Keywords map[string]any

// Form is what a format says besides what the types of a declaration say. Its maps are by TYPE
// and by TYPE.member, by the name of a Go type and that of a member in files; TYPE.member.* are
// the elements of a list or map.
type Form struct {
	Title string
	Texts map[string]string   // what each is, for people; all but elements have one
	Rules map[string]Keywords // beside those of the type, or in their place
}

// Value refers to any value in which null stands nowhere, in the format of a type that holds a
// [json.RawMessage].
const Value = "#/$defs/value"

// RequireFormat is the JSON Schema of the declarations that [Read] reads into a value of a
// struct's type: it takes what Read takes and what the Rules let pass, for an editor that
// completes, explains and checks them. It is for forms that stand in code: it panics where a
// text is missing, where a text or a rule is of nothing, and where the type cannot be declared.
func RequireFormat(t reflect.Type, form Form) []byte {
	f := formatter{Form: form, types: map[string]reflect.Type{}, said: map[string]bool{}, defs: Keywords{}}
	root := f.object(t)
	for at := range maps.Keys(f.Rules) {
		f.hold(f.said[at], at, "has a rule, and is nothing")
	}
	for at := range maps.Keys(f.Texts) {
		f.hold(f.said[at], at, "has a text, and is nothing")
	}
	maps.Copy(root, Keywords{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f.Title,
		"allowComments": true, "allowTrailingCommas": true, // read by VS Code; others read no further than JSON, or ignore them
	})
	if len(f.defs) > 0 {
		root["$defs"] = f.defs
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	f.hold(encoder.Encode(root) == nil, f.Title, "has a rule that cannot be written")
	return out.Bytes()
}

type formatter struct {
	Form
	types map[string]reflect.Type
	said  map[string]bool
	defs  Keywords
}

func (f *formatter) hold(ok bool, at, problem string) {
	if !ok {
		panic("declare: " + at + " " + problem)
	}
}

// object is the closed description of a struct.
func (f *formatter) object(t reflect.Type) Keywords {
	name, _, _ := strings.Cut(t.Name(), "[") // without what a generic one is of
	f.hold(f.types[name] == nil, name, "is two types")
	f.types[name] = t
	fields, properties := new(reader).fields(t), Keywords{}
	for _, member := range fields.names {
		properties[member] = f.value(t.Field(fields.byName[member]).Type, name+"."+member)
	}
	return f.say(Keywords{"type": "object", "properties": properties, "additionalProperties": false}, name)
}

// say adds what the form says.
func (f *formatter) say(k Keywords, at string) Keywords {
	text, rules := f.Texts[at], f.Rules[at]
	f.hold(text != "" || strings.HasSuffix(at, ".*"), at, "has no text")
	if text != "" {
		k["description"] = text
	}
	maps.Copy(k, rules)
	f.said[at] = true
	return k
}

func (f *formatter) value(t reflect.Type, at string) Keywords { return f.say(f.of(t, at), at) }

// of is what follows from a type: the same cases, in the same order, as those of a reader.
func (f *formatter) of(t reflect.Type, at string) Keywords {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return f.raw()
	case t == reflect.TypeFor[time.Duration]():
		return Keywords{"type": "string", "pattern": `^[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`, "not": Keywords{"pattern": "^[^1-9]*$"}}
	case t == reflect.TypeFor[time.Time]():
		return Keywords{"type": "string", "format": "date-time"}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		if all := names(t); all != nil {
			return Keywords{"type": "string", "enum": all}
		}
		return Keywords{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return f.of(t.Elem(), at)
	case reflect.Struct:
		return f.refer(t)
	case reflect.Map:
		f.hold(t.Key().Kind() == reflect.String, at, "cannot be declared")
		return Keywords{"type": "object", "additionalProperties": f.value(t.Elem(), at+".*")}
	case reflect.Slice:
		return Keywords{"type": "array", "items": f.value(t.Elem(), at+".*")}
	default:
		return f.scalar(t, at)
	}
}

// refer describes a struct once, also where it holds itself.
func (f *formatter) refer(t reflect.Type) Keywords {
	name, _, _ := strings.Cut(t.Name(), "[")
	if f.types[name] != t {
		f.defs[name] = f.object(t)
	}
	return Keywords{"$ref": "#/$defs/" + name}
}

func (f *formatter) raw() Keywords {
	self := Keywords{"$ref": Value}
	f.defs["value"] = Keywords{
		"description": "Any value but null.", "type": []string{"array", "boolean", "number", "object", "string"},
		"items": self, "additionalProperties": self,
	}
	return Keywords{"$ref": Value}
}

func (f *formatter) scalar(t reflect.Type, at string) Keywords {
	one := reflect.New(t).Elem()
	switch {
	case t.Kind() == reflect.String:
		return Keywords{"type": "string"}
	case t.Kind() == reflect.Bool:
		return Keywords{"type": "boolean"}
	case one.CanFloat():
		return Keywords{"type": "number"}
	}
	f.hold(one.CanInt() || one.CanUint(), at, "cannot be declared")
	k, bits := Keywords{"type": "integer"}, t.Bits()
	switch {
	case one.CanUint():
		k["minimum"] = 0
		if bits < 32 { // how many an int has, depends on the machine
			k["maximum"] = 1<<bits - 1
		}
	case bits < 32:
		k["minimum"], k["maximum"] = -1<<(bits-1), 1<<(bits-1)-1
	}
	return k
}
