package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/carnet-go/carnet/mapping/internal/program"
	"github.com/carnet-go/carnet/mapping/internal/scan"
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
type Record struct {
	reveal func() *record
	turn   uint64 // of the record's: later ones have its memory
}

type record struct {
	mapper *Mapper
	run    program.Run
	values []scan.Value
	raw    content // of MapJSON, its memory
	self   func() *record
	turn   uint64
}

// nothing is what a Record holds that is no data. Nobody writes into it.
var nothing = &record{mapper: &Mapper{}}

// held is what it holds, if it still does.
func (r Record) held() *record {
	if r.reveal == nil || r.reveal().turn != r.turn {
		return nothing
	}
	return r.reveal()
}

var errStored = errors.New("mapping: a record cannot be marshalled")

// Fields are the values outside the body, in the destination schema's order. An array's
// come one by one. They end when the record's memory is another's.
func (r Record) Fields() iter.Seq2[Place, string] {
	return func(yield func(Place, string) bool) {
		held := r.held()
		for i := 0; r.held() == held && i < len(held.run.Fields); i++ {
			f := held.run.Fields[i]
			if !yield(held.mapper.rules[f.Rule].into.place(), f.Text) {
				return
			}
		}
	}
}

// Body is the JSON of the fields in the body; empty if there are none.
func (r Record) Body() *bytes.Reader {
	return bytes.NewReader(slices.Clone(r.held().run.Out))
}

// AppendBody appends what Body reads.
func (r Record) AppendBody(dst []byte) []byte {
	return append(dst, r.held().run.Out...)
}

// Len is how many fields it holds: null is one, and one of elements is where these are.
func (r Record) Len() int {
	held := r.held()
	return len(held.mapper.rules) - len(held.run.Absent)
}

// Tokens is how many keyed tokens were made for it. Each tells whoever sees two of them whether
// their values are equal, and whoever asks for many has an oracle: it is for who counts that.
func (r Record) Tokens() int { return r.held().run.Tokens }

// Label joins the labels of what it holds.
func (r Record) Label() Label {
	held := r.held()
	if len(held.run.Absent) == 0 {
		return held.mapper.Label()
	}
	label := harmless()
	for _, rule := range held.mapper.rules {
		if !slices.Contains(held.run.Absent, rule.number) {
			label = label.Join(rule.label)
		}
	}
	return label
}

// Mapping is the Hash of the Mapper that made it; empty: no data.
func (r Record) Mapping() string { return r.held().mapper.hash }

// NotAfter is when it must not be sent any more; zero: never.
func (r Record) NotAfter() time.Time { return r.held().mapper.notAfter }

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
