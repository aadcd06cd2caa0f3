package mapping

import (
	"encoding/json"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/shape"
)

// Schema is a closed description of a document: its fields, their labels, their
// releases, and where a destination's fields go. A nil or zero Schema describes nothing.
type Schema struct {
	title, hash string
	text        []byte // as ParseSchema took it
	root        *field
	fields      map[string]*field // by path, with those of elements
	leaves      []*field          // scalars and arrays, in their order
	slots       int
	label       Label
	combined    []combination
}

// Title is the schema's name.
func (s *Schema) Title() string {
	if s == nil {
		return ""
	}
	return s.title
}

// Hash is hexadecimal SHA-256 of the canonical schema: neither comments and descriptions nor the order of
// members change it, but that of fields outside the body does, because it is that of a request. Empty: it
// describes nothing.
func (s *Schema) Hash() string {
	if s == nil {
		return ""
	}
	return s.hash
}

// Label joins the labels of all that a document may hold, also of what only its presence
// tells. It is the zero Label if one field has none.
func (s *Schema) Label() Label {
	if s == nil || s.hash == "" {
		return Label{}
	}
	return s.label.Join(harmless())
}

// JSONSchema is the description of a document as plain JSON Schema 2020-12, for editors, other
// validators and those on the far side: closed, and without labels, releases and places, so that
// what goes into a path, query or header stands beside the body. It takes more than Check: it
// does not say that integers are written as such, how many digits and no exponent a number has,
// and that text is Unicode; formats are for who asserts them, and a pattern that RE2 and ECMA-262
// may read in two ways, as one with (?i), \s, a dot or [^a], is left out. Empty: it describes
// nothing.
func (s *Schema) JSONSchema() []byte {
	if s.Hash() == "" {
		return nil
	}
	return shape.Export(s.title, s.root.node)
}

// Document puts raw JSON under the schema. It copies raw, and is checked when it is read.
// A nil or zero Schema yields no data.
func (s *Schema) Document(raw []byte) Document {
	if s.Hash() == "" {
		return Document{}
	}
	held := &content{schema: s, source: scan.Source(raw)}
	return Document{func() *content { return held }}
}

// Encode puts a Go value under the schema, as encoding/json writes it, and checks it. The
// error is a *DataError, or ErrInvalid where the value cannot be written.
func (s *Schema) Encode(v any) (Document, error) {
	raw, err := json.Marshal(v)
	if err != nil || s.Hash() == "" {
		return Document{}, ErrInvalid
	}
	d := s.Document(raw)
	if err := d.Check(); err != nil {
		return Document{}, err
	}
	return d, nil
}

// check walks a source, and puts its values into their slots.
func (s *Schema) check(source []byte, values []scan.Value) error {
	if fault, ok := scan.Walk(s.root.node, source, values); !ok {
		return &DataError{Code: fault.Code, Path: fault.Path}
	}
	return nil
}
