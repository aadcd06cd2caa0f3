// Package member writes objects of JSON, member by member, in ASCII.
//
//	var t member.Text = []byte("{")
//	t.Str("operation", "crm.contact.read")
//	t.Open("carnet")
//	t.Num("count", 3)
//	t.Shut()
//	t.Shut()
//
// # Guarantees
//
// What is zero is left out. A Text that has room is appended to without an allocation.
//
// # Limits
//
// Nothing is escaped but by Note: whoever calls has made sure that there is nothing to escape.
//
// # Errors
//
// There are none.
//
// # Concurrency
//
// A Text has one user.
package member

import (
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf16"
)

// Text is what was written so far.
type Text []byte

// Raw writes what is JSON already, without a name.
func (t *Text) Raw(s string) { *t = append(*t, s...) }

// Num writes a number.
func (t *Text) Num(name string, n int64) {
	if n != 0 {
		t.Name(name)
		*t = strconv.AppendInt(*t, n, 10)
	}
}

// Str writes a string.
func (t *Text) Str(name, s string) {
	if s != "" {
		t.Name(name)
		t.Quote(s)
	}
}

// Yes writes true.
func (t *Text) Yes(name string, is bool) {
	if is {
		t.Name(name)
		t.Raw("true")
	}
}

// At writes a time as milliseconds.
func (t *Text) At(name string, at time.Time) {
	if !at.IsZero() {
		t.Num(name, at.UnixMilli())
	}
}

// Strs writes a list of strings.
func (t *Text) Strs(name string, list []string) {
	if len(list) == 0 {
		return
	}
	t.Name(name)
	for i, s := range list {
		*t = append(*t, "[,"[min(i, 1)])
		t.Quote(s)
	}
	t.Raw("]")
}

// Name begins a member; the comma is there unless an object was just opened.
func (t *Text) Name(s string) {
	if (*t)[len(*t)-1] != '{' {
		t.Raw(",")
	}
	t.Quote(s)
	t.Raw(":")
}

// JSON writes what is JSON already.
func (t *Text) JSON(name, s string) {
	if s != "" {
		t.Name(name)
		t.Raw(s)
	}
}

// Open begins an object.
func (t *Text) Open(name string) { t.Name(name); t.Raw("{") }

// Shut ends one.
func (t *Text) Shut() { t.Raw("}") }

// Quote writes a string without a name.
func (t *Text) Quote(s string) {
	t.Raw(`"`)
	t.Raw(s)
	t.Raw(`"`)
}

// Note writes a signed note, the only text that others may have had a hand in: what is not
// printable ASCII is escaped, and so a line stays one line to whoever looks at it.
func (t *Text) Note(name, s string) {
	if s == "" {
		return
	}
	t.Name(name)
	t.Raw(`"`)
	for _, r := range s {
		switch {
		case r == '\n':
			t.Raw(`\n`)
		case r < ' ' || r > '~' || r == '"' || r == '\\':
			for _, u := range utf16.AppendRune(nil, r) {
				t.Raw(`\u`)
				*t = hex.AppendEncode(*t, []byte{byte(u >> 8), byte(u)})
			}
		default:
			*t = append(*t, byte(r))
		}
	}
	t.Raw(`"`)
}
