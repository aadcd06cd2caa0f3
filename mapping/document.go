package mapping

import (
	"errors"
	"fmt"
	"log/slog"
)

// ErrInvalid is what Decode says of data that does not fit its target. Which data
// it was, the error does not tell.
var ErrInvalid = errors.New("mapping: data does not fit")

var errMarshalled = errors.New("mapping: a document cannot be marshalled")

// redacted is what every printed Document looks like.
const redacted = "[document]"

// Document is data that nobody described. The zero Document is no data, for
// operations whose input is none. It holds a closure, because fmt calls no method
// of a value in an unexported field, and prints what a pointer there points at.
type Document struct{ reveal func() []byte }

// Opaque puts raw JSON into a Document. It copies raw. The data carries no label,
// so nothing that asks for one takes it.
func Opaque(raw []byte) Document {
	raw = append([]byte(nil), raw...)
	return Document{func() []byte { return raw }}
}

// IsZero says whether it is no data.
func (d Document) IsZero() bool { return d.reveal == nil }

// Decode replaces what v points at by the data: all of it, or nothing where the
// data does not fit. It reads as encoding/json does, and refuses what that package
// lets pass: members that the target does not have in exactly that case, members
// that occur twice or differ only in case, null where the target has no nil, arrays
// of another length, integers that a float would round, text that is not Unicode,
// more than 64 levels, and data after the end. Numbers in an any are json.Number.
// A type with its own UnmarshalJSON reads its part by its own rules.
func (d Document) Decode(v any) error {
	if d.reveal == nil {
		return ErrInvalid
	}
	return decode(d.reveal(), v)
}

// Format prints a fixed text and no content, whatever the verb.
func (d Document) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue logs what Format prints.
func (d Document) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON fails: keep the raw data.
func (d Document) MarshalJSON() ([]byte, error) { return nil, errMarshalled }

// MarshalText fails. It also stops encoding/xml.
func (d Document) MarshalText() ([]byte, error) { return nil, errMarshalled }

// MarshalBinary fails. It also stops encoding/gob.
func (d Document) MarshalBinary() ([]byte, error) { return nil, errMarshalled }
