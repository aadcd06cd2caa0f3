// Package shape reads what a schema says of one value: its type, and the limits of that.
//
//	r := shape.Reader{Find: find, Unknown: unknown}
//	node.Kind, node.Nullable = r.Kind(keywords.Type, at)
//	r.Limits(node, keywords, at)
//
// # Guarantees
//
// A value is described to its end: text has a longest length, an array a largest count, a
// number a range and its digits. What has no meaning for a type is found, and so is what means
// nothing at all. Problems are fixed words: nothing of the schema stands in them.
//
// # Limits
//
// Names, labels, releases and places are no business of this package.
//
// # Errors
//
// They go to the Reader's functions, with the codes M102, M103, M109 to M116, M123, at the
// JSON pointer of the keyword.
//
// # Concurrency
//
// A Reader is as safe as its functions.
package shape

import (
	"encoding/json"
	"iter"
	"slices"

	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

const (
	maxText  = scan.MaxSize
	maxItems = scan.MaxSize / 2
)

// Reader reads, and finds what is wrong.
type Reader struct {
	Find    func(wrong bool, code, at, problem string)
	Unknown func(code, at, shown, problem, name string, among iter.Seq[string])
}

// Keywords are what a property says of its values. Nil is not said.
type Keywords struct {
	Type     json.RawMessage
	MaxItems *int

	MaxProperties *int
	Names         *Names

	MinLength *int
	MaxLength *int
	Minimum   json.RawMessage
	Maximum   json.RawMessage
	Scale     *int
	Unit      *string
	Enum      json.RawMessage
	Pattern   *string
	Format    *string

	Properties, Patterns, Required, Closed, Items, Release bool // that it says these
}

// Kind reads a type, alone or beside null.
func (r Reader) Kind(raw json.RawMessage, at string) (scan.Kind, bool) {
	var name string
	var pair []string
	nullable := false
	if json.Unmarshal(raw, &name) != nil && json.Unmarshal(raw, &pair) == nil && len(pair) == 2 && pair[1] == "null" {
		name, nullable = pair[0], true
	}
	types := []string{"boolean", "integer", "number", "string", "array", "object"}
	if i := slices.Index(types, name); i >= 0 {
		return scan.Bool + scan.Kind(i), nullable
	}
	r.Unknown("M102", at+"/type", at+"/type", `has no type: one, or [one, "null"]`, name, slices.Values(types))
	return scan.Absent, false
}

// Limits reads what there is of a value besides its type, and which form of that it is.
func (r Reader) Limits(n *scan.Node, s Keywords, at string) {
	switch {
	case n.Kind == scan.Object && s.Patterns:
		n.Kind = scan.Map
	case n.Kind == scan.Integer && s.Enum == nil && unsigned(s.Maximum):
		n.Kind = scan.Natural
	}
	r.keywords(n.Kind, s, at)
	switch n.Kind {
	case scan.Array:
		r.Find(s.MaxItems == nil || *s.MaxItems < 0 || *s.MaxItems > maxItems, "M109", at+"/maxItems", "has no maxItems between 0 and 2097152")
		if s.MaxItems != nil {
			n.MaxItems = *s.MaxItems
		}
	case scan.Map:
		r.names(n, s, at)
	case scan.String:
		r.text(n, s, at)
	case scan.Integer, scan.Number:
		r.number(n, s, at)
	case scan.Natural:
		r.natural(n, s, at)
	}
}

// keywords refuses what has no meaning for a type.
func (r Reader) keywords(kind scan.Kind, s Keywords, at string) {
	for _, k := range []struct {
		name  string
		given bool
		of    []scan.Kind
	}{
		{"properties", s.Properties, []scan.Kind{scan.Object}},
		{"required", s.Required, []scan.Kind{scan.Object}},
		{"patternProperties", s.Patterns, []scan.Kind{scan.Map}},
		{"propertyNames", s.Names != nil, []scan.Kind{scan.Map}},
		{"maxProperties", s.MaxProperties != nil, []scan.Kind{scan.Map}},
		{"additionalProperties", s.Closed, []scan.Kind{scan.Object, scan.Map}},
		{"items", s.Items, []scan.Kind{scan.Array}},
		{"maxItems", s.MaxItems != nil, []scan.Kind{scan.Array}},
		{"minLength", s.MinLength != nil, []scan.Kind{scan.String}},
		{"maxLength", s.MaxLength != nil, []scan.Kind{scan.String}},
		{"pattern", s.Pattern != nil, []scan.Kind{scan.String}},
		{"format", s.Format != nil, []scan.Kind{scan.String}},
		{"enum", s.Enum != nil, []scan.Kind{scan.String, scan.Integer}},
		{"minimum", s.Minimum != nil, []scan.Kind{scan.Integer, scan.Natural, scan.Number}},
		{"maximum", s.Maximum != nil, []scan.Kind{scan.Integer, scan.Natural, scan.Number}},
		{"scale", s.Scale != nil, []scan.Kind{scan.Number}},
		{"unit", s.Unit != nil, []scan.Kind{scan.Integer, scan.Natural, scan.Number}},
		{"release", s.Release, []scan.Kind{scan.Bool, scan.Integer, scan.Natural, scan.Number, scan.String, scan.Array, scan.Map}},
	} {
		if k.given && !slices.Contains(k.of, kind) {
			r.Find(true, "M103", at+"/"+k.name, "is no keyword of "+kind.String())
		}
	}
}

// unit is what a number counts.
func (r Reader) unit(s Keywords, at string) string {
	if s.Unit == nil {
		return ""
	}
	r.Find(!names.Name.MatchString(*s.Unit), "M123", at+"/unit", "is no name of a unit: [a-z0-9][a-z0-9._-]{0,63}")
	return *s.Unit
}
