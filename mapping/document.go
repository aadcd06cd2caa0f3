package mapping

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/strict"
)

// ErrInvalid is said of data that does not fit its target or its schema. Which data
// it was, the error does not tell.
var ErrInvalid = errors.New("mapping: data does not fit")

// What Map says of evidence that is none for it.
var (
	ErrForeign = errors.New("mapping: a document of another schema")
	ErrExpired = errors.New("mapping: a release has ended")
	ErrNoKey   = errors.New("mapping: a token's key cannot be had")
)

// DataError says where data does not fit its schema: it is ErrInvalid. Its path is
// one that the schema declares, or of the object around what it does not declare;
// what stood there it does not tell. Its codes:
//
//	M301  not JSON, or data after the end
//	M302  larger than 4 MiB, without the white space around it
//	M303  text that is not Unicode: bad UTF-8, half of a surrogate pair, or NUL
//	M304  member that nobody declared
//	M305  member occurs twice
//	M306  required member is missing
//	M307  value of another type, or null
//	M308  number out of range, with too many digits, or not written as declared
//	M309  text too long or too short
//	M310  too many elements
//	M311  none of the choices
//	M312  text does not match its pattern
//	M313  text is not in its format
//	M314  text cannot stand where its field goes
//	M315  transform has no result
//	M316  record larger than 16 MiB
type DataError struct {
	Code string // stable, such as M301
	Path string // JSON pointer into the schema's fields; * is any element; empty: the document
}

// Error names code and path.
func (e *DataError) Error() string {
	if e.Path == "" {
		return "mapping: " + e.Code + " data does not fit"
	}
	return "mapping: " + e.Code + " data does not fit at " + e.Path
}

// Unwrap is ErrInvalid.
func (e *DataError) Unwrap() error { return ErrInvalid }

var errMarshalled = errors.New("mapping: a document cannot be marshalled")

// redacted is what every printed Document looks like.
const redacted = "[document]"

// Document is data that nobody described. The zero Document is no data, for operations whose input is
// none. It holds a closure, because fmt calls no method of a value in an unexported field, and prints
// what a pointer there points at.
type Document struct{ reveal func() *content }

// content is what a Document holds. It does not change.
type content struct {
	schema *Schema // nil: nothing describes it
	source []byte
	values []scan.Value // where its values stand; nil: it was not checked
}

// Opaque puts raw JSON into a Document. It copies raw. The data carries no label,
// so nothing that asks for one takes it.
func Opaque(raw []byte) Document {
	held := &content{source: append(append(make([]byte, 0, len(raw)+1), raw...), 0)}
	return Document{func() *content { return held }}
}

// held is what it holds; nil: nothing.
func (d Document) held() *content {
	if d.reveal == nil {
		return nil
	}
	return d.reveal()
}

// Schema is what describes it; nil: nothing does.
func (d Document) Schema() *Schema {
	if held := d.held(); held != nil {
		return held.schema
	}
	return nil
}

// Check says whether it is what its schema describes: a *DataError, where it is not.
// An opaque one is ErrInvalid.
func (d Document) Check() error {
	s := d.Schema()
	if s == nil {
		return ErrInvalid
	}
	_, err := d.reveal().read(s, new([]scan.Value))
	return err
}

// IsZero says whether it is no data.
func (d Document) IsZero() bool { return d.reveal == nil }

// Decode replaces what v points at by the data: all of it, or nothing where the data does not fit. It
// reads as encoding/json does, and refuses what that package lets pass: members that the target does not
// have in exactly that case, members that occur twice or, but in a map, differ only in case, or that the key of a map
// reads as one, null where the target has no nil, arrays of another length, integers that a float would
// round, text that is not Unicode, more than 64 levels, and data after the end. Numbers in an any are
// json.Number. A type with its own UnmarshalJSON reads its part by its own rules.
func (d Document) Decode(v any) error {
	if d.reveal == nil {
		return ErrInvalid
	}
	held := d.reveal()
	if held.schema != nil {
		if err := d.Check(); err != nil {
			return err
		}
	}
	if !strict.Decode(held.source[:len(held.source)-1], v) {
		return ErrInvalid
	}
	return nil
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
