package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"
)

// The places outside the body that a field may go to, and the body.
const (
	InBody      = "body"
	InPath      = "path"
	InQuery     = "query"
	InHeader    = "header"
	InDN        = "dn"        // directory: a place of the base
	InFilter    = "filter"    // directory: a place of the filter
	InAttribute = "attribute" // directory: an attribute of the entry
)

// Place says where a field goes.
type Place struct {
	In   string // one of the constants
	Name string // the destination field's name there; a body's are JSON pointers
}

// Record is evidence that a document passed a mapping. Only a Mapper makes one;
// the zero Record is no data. It holds a closure for the same reason as a Document.
type Record struct{ reveal func() *record }

type record struct {
	mapper *Mapper
	body   []byte
	fields []outside
	absent []*rule // what the document has no value for
}

// outside is a value outside the body.
type outside struct {
	rule *rule
	text string
}

var errStored = errors.New("mapping: a record cannot be marshalled")

func (r *record) without(rule *rule) { r.absent = append(r.absent, rule) }

// sealed is all or nothing.
func (r *record) sealed(err error) (Record, error) {
	if err != nil {
		return Record{}, err
	}
	return Record{func() *record { return r }}, nil
}

// Fields are the values outside the body, in the destination schema's order. An array's
// come one by one.
func (r Record) Fields() iter.Seq2[Place, string] {
	return func(yield func(Place, string) bool) {
		if r.reveal == nil {
			return
		}
		for _, f := range r.reveal().fields {
			if !yield(f.rule.into.place(), f.text) {
				return
			}
		}
	}
}

// Body is the JSON of the fields in the body; empty if there are none.
func (r Record) Body() *bytes.Reader {
	if r.reveal == nil {
		return bytes.NewReader(nil)
	}
	return bytes.NewReader(slices.Clone(r.reveal().body))
}

// Len is how many fields it holds. One that is null is one, an array too.
func (r Record) Len() int {
	if r.reveal == nil {
		return 0
	}
	return len(r.reveal().mapper.rules) - len(r.reveal().absent)
}

// Label joins the labels of what it holds.
func (r Record) Label() Label {
	if r.reveal == nil {
		return Label{}
	}
	held := r.reveal()
	if len(held.absent) == 0 {
		return held.mapper.Label()
	}
	label := harmless()
	for _, rule := range held.mapper.rules {
		if !slices.Contains(held.absent, rule) {
			label = label.Join(rule.label)
		}
	}
	return label
}

// Mapping is the Hash of the Mapper that made it; empty: no data.
func (r Record) Mapping() string {
	if r.reveal == nil {
		return ""
	}
	return r.reveal().mapper.hash
}

// NotAfter is when it must not be sent any more; zero: never.
func (r Record) NotAfter() time.Time {
	if r.reveal == nil {
		return time.Time{}
	}
	return r.reveal().mapper.notAfter
}

// Format prints a fixed text and no content, whatever the verb.
func (r Record) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[record]")) }

// LogValue logs what Format prints.
func (r Record) LogValue() slog.Value { return slog.StringValue("[record]") }

// MarshalJSON fails: evidence cannot be stored and read back.
func (r Record) MarshalJSON() ([]byte, error) { return nil, errStored }

// MarshalText fails. It also stops encoding/xml.
func (r Record) MarshalText() ([]byte, error) { return nil, errStored }

// MarshalBinary fails. It also stops encoding/gob.
func (r Record) MarshalBinary() ([]byte, error) { return nil, errStored }
