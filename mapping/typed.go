package mapping

import (
	"errors"
	"reflect"

	"github.com/carnet-go/carnet/mapping/internal/gotype"
)

// SchemaOf is the schema of what encoding/json writes of a struct, with the same rules as
// ParseSchema. A field is called as there, and required unless it has omitempty or omitzero; a
// pointer without these may be null. The tag mapping says the rest, with the keywords of a
// property, and lists by |:
//
//	type Contact struct {
//		Name  string    `json:"name" mapping:"maxLength=100; classification=internal; categories=pii.contact"`
//		Email *string   `json:"email,omitempty" mapping:"format=email"`
//		Seen  time.Time `json:"seen"`
//		Tags  []string  `json:"tags,omitempty" mapping:"maxItems=20; maxLength=30"`
//		Marks map[string]uint8 `json:"marks,omitempty" mapping:"maxProperties=9; patternProperties=^[a-z]+$; propertyNames.maxLength=9"`
//	}
//
// The defaults are for what a field does not say. Integers have the range of their type, the values of a map its label,
// [json.Number] is a number with a scale, time.Time a date-time. Releases, places and
// combinations are not for code to say: a schema with these is a file. Findings have no lines.
func SchemaOf[T any](title string, defaults Label) (*Schema, error) {
	words := map[string]any{}
	for name, given := range map[string][]string{"categories": defaults.Categories, "residency": defaults.Residency, "purposes": defaults.Purposes} {
		words[name] = append([]string{}, given...)
	}
	if defaults.Class != Unlabelled {
		words["classification"] = defaults.Class.String()
	}
	raw, problem := gotype.Schema(reflect.TypeFor[T](), title, words)
	if problem.Text != "" {
		return nil, Findings{{Code: "M102", Problem: problem.Text, Path: problem.Path}}
	}
	s, err := ParseSchema(raw)
	found, _ := errors.AsType[Findings](err)
	for i := range found {
		found[i].Line, found[i].Column = 0, 0
	}
	return s, found.Err()
}
