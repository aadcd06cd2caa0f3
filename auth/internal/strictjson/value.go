// Package strictjson reads the JSON of tokens, keys and token endpoints, in one way only.
//
//	v, ok := strictjson.Read(payload)
//	ok = ok && v.Distinct("iss", "sub")
//
// # Guarantees
//
// A [Value] is what was written: names are exact, none stands twice, a number stays text,
// half of a surrogate pair and what is no UTF-8 are refused. encoding/json takes the last
// of two members and any case of a name, so that two readers of one token can see two
// subjects.
//
// # Limits
//
// A document nests 8 levels, has 128 members in one list or object, and 4096 values.
//
// # Errors
//
// There are none: what cannot be read is not told apart.
//
// # Concurrency
//
// Functions share nothing; a Value is not changed.
package strictjson

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// What one document may hold, beyond the sizes that readers of it are given.
const (
	maxDepth   = 8    // of nested lists and objects
	maxMembers = 128  // of one list or object
	maxValues  = 4096 // of all
)

// Kind is the type of a Value.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Boolean
	Number
	Text
	List
	Object
)

// Value is a JSON value (RFC 8259).
type Value struct {
	Kind Kind
	Text string   // of a string, its characters; of a number, what was written; of a boolean, its word
	Of   []Member // of an object, or of a list, whose members have no names
}

// Member is one of an object or a list.
type Member struct {
	Name  string
	Value Value
}

// Read takes one JSON value and nothing after it.
func Read(s string) (Value, bool) {
	if !utf8.ValidString(s) {
		return Value{}, false
	}
	r := reader{s: s}
	v, ok := r.value(0)
	r.space()
	return v, ok && r.s == ""
}

// Get is the member of that very name.
func (v Value) Get(name string) (Value, bool) {
	for i := range v.Of {
		if v.Of[i].Name == name {
			return v.Of[i].Value, true
		}
	}
	return Value{}, false
}

// Has says whether one of the members is there, whatever it holds.
func (v Value) Has(names ...string) bool {
	for _, name := range names {
		if _, ok := v.Get(name); ok {
			return true
		}
	}
	return false
}

// Distinct says that v is an object in which no two names, and no name and one that
// is looked for (in lower case), differ only in case: others who read it may not see
// a difference.
func (v Value) Distinct(known ...string) bool {
	for _, m := range v.Of {
		name := fold(m.Name)
		if name == m.Name {
			continue
		}
		same := func(other Member) bool { return other.Name != m.Name && fold(other.Name) == name }
		if slices.Contains(known, name) || slices.ContainsFunc(v.Of, same) {
			return false
		}
	}
	return v.Kind == Object
}

// fold makes one of all that encoding/json takes for the same name: it knows a long
// s and the sign for kelvin, too.
func fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.ToLower(strings.ToUpper(s))
		}
	}
	return s
}

type reader struct {
	s      string // what is left
	values int
}

func (r *reader) space() { r.s = strings.TrimLeft(r.s, " \t\r\n") }

func (r *reader) take(b byte) bool {
	r.space()
	if r.s == "" || r.s[0] != b {
		return false
	}
	r.s = r.s[1:]
	return true
}

func (r *reader) value(depth int) (Value, bool) {
	r.space()
	r.values++
	if r.s == "" || depth > maxDepth || r.values > maxValues {
		return Value{}, false
	}
	switch c := r.s[0]; c {
	case '{':
		return r.object(depth)
	case '[':
		return r.list(depth)
	case '"':
		s, ok := r.string()
		return Value{Kind: Text, Text: s}, ok
	case 't':
		return Value{Kind: Boolean, Text: "true"}, r.word("true")
	case 'f':
		return Value{Kind: Boolean, Text: "false"}, r.word("false")
	case 'n':
		return Value{}, r.word("null")
	default:
		return r.number()
	}
}

func (r *reader) word(w string) (ok bool) {
	r.s, ok = strings.CutPrefix(r.s, w)
	return ok
}

func (r *reader) object(depth int) (Value, bool) {
	v := Value{Kind: Object}
	r.take('{')
	if r.take('}') {
		return v, true
	}
	v.Of = make([]Member, 0, 8)
	for {
		r.space()
		name, ok := r.string()
		if !ok || v.Has(name) || !r.take(':') {
			return v, false
		}
		if more, ok := r.member(&v, name, depth, '}'); !more {
			return v, ok
		}
	}
}

func (r *reader) list(depth int) (Value, bool) {
	v := Value{Kind: List}
	r.take('[')
	if r.take(']') {
		return v, true
	}
	for {
		if more, ok := r.member(&v, "", depth, ']'); !more {
			return v, ok
		}
	}
}

// member adds one, and says whether another follows, or else whether v is whole.
func (r *reader) member(v *Value, name string, depth int, end byte) (more, ok bool) {
	item, ok := r.value(depth + 1)
	if !ok || len(v.Of) == maxMembers {
		return false, false
	}
	v.Of = append(v.Of, Member{name, item})
	if r.take(end) {
		return false, true
	}
	return r.take(','), false
}

// number follows the grammar of RFC 8259, section 6.
func (r *reader) number() (Value, bool) {
	all := r.s
	r.s = strings.TrimPrefix(r.s, "-")
	whole := r.digits()
	if whole == 0 || whole > 1 && all[len(all)-len(r.s)-whole] == '0' {
		return Value{}, false
	}
	if strings.HasPrefix(r.s, ".") {
		r.s = r.s[1:]
		if r.digits() == 0 {
			return Value{}, false
		}
	}
	if r.s != "" && (r.s[0] == 'e' || r.s[0] == 'E') {
		r.s = r.s[1:]
		if r.s != "" && (r.s[0] == '+' || r.s[0] == '-') {
			r.s = r.s[1:]
		}
		if r.digits() == 0 {
			return Value{}, false
		}
	}
	return Value{Kind: Number, Text: all[:len(all)-len(r.s)]}, true
}

func (r *reader) digits() int {
	n := 0
	for n < len(r.s) && '0' <= r.s[n] && r.s[n] <= '9' {
		n++
	}
	r.s = r.s[n:]
	return n
}
