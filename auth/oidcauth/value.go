package oidcauth

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

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

// value is a JSON value (RFC 8259) as it was written: names are exact, none stands
// twice, and a number stays text. encoding/json takes the last of two members and
// any case of a name, so that two readers of one token can see two subjects.
type value struct {
	kind kind
	text string   // of a string, its characters; of a number, what was written
	of   []member // of an object, or of a list, whose members have no names
}

type member struct {
	name  string
	value value
}

// read takes one JSON value and nothing after it.
func read(s string) (value, bool) {
	if !utf8.ValidString(s) {
		return value{}, false
	}
	r := reader{s: s}
	v, ok := r.value(0)
	r.space()
	return v, ok && r.s == ""
}

// get is the member of that very name.
func (v value) get(name string) (value, bool) {
	for i := range v.of {
		if v.of[i].name == name {
			return v.of[i].value, true
		}
	}
	return value{}, false
}

// has says whether one of the members is there, whatever it holds.
func (v value) has(names ...string) bool {
	for _, name := range names {
		if _, ok := v.get(name); ok {
			return true
		}
	}
	return false
}

// distinct says that v is an object in which no two names, and no name and one that
// is looked for (in lower case), differ only in case: others who read it may not see
// a difference.
func (v value) distinct(known ...string) bool {
	for _, m := range v.of {
		name := fold(m.name)
		if name == m.name {
			continue
		}
		same := func(other member) bool { return other.name != m.name && fold(other.name) == name }
		if slices.Contains(known, name) || slices.ContainsFunc(v.of, same) {
			return false
		}
	}
	return v.kind == object
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

func (r *reader) value(depth int) (value, bool) {
	r.space()
	r.values++
	if r.s == "" || depth > maxDepth || r.values > maxValues {
		return value{}, false
	}
	switch c := r.s[0]; c {
	case '{':
		return r.object(depth)
	case '[':
		return r.list(depth)
	case '"':
		s, ok := r.string()
		return value{kind: text, text: s}, ok
	case 't':
		return value{kind: boolean, text: "true"}, r.word("true")
	case 'f':
		return value{kind: boolean, text: "false"}, r.word("false")
	case 'n':
		return value{}, r.word("null")
	default:
		return r.number()
	}
}

func (r *reader) word(w string) (ok bool) {
	r.s, ok = strings.CutPrefix(r.s, w)
	return ok
}

func (r *reader) object(depth int) (value, bool) {
	v := value{kind: object}
	r.take('{')
	if r.take('}') {
		return v, true
	}
	v.of = make([]member, 0, 8)
	for {
		r.space()
		name, ok := r.string()
		if !ok || v.has(name) || !r.take(':') {
			return v, false
		}
		if more, ok := r.member(&v, name, depth, '}'); !more {
			return v, ok
		}
	}
}

func (r *reader) list(depth int) (value, bool) {
	v := value{kind: list}
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
func (r *reader) member(v *value, name string, depth int, end byte) (more, ok bool) {
	item, ok := r.value(depth + 1)
	if !ok || len(v.of) == maxMembers {
		return false, false
	}
	v.of = append(v.of, member{name, item})
	if r.take(end) {
		return false, true
	}
	return r.take(','), false
}

// number follows the grammar of RFC 8259, section 6.
func (r *reader) number() (value, bool) {
	all := r.s
	r.s = strings.TrimPrefix(r.s, "-")
	whole := r.digits()
	if whole == 0 || whole > 1 && all[len(all)-len(r.s)-whole] == '0' {
		return value{}, false
	}
	if strings.HasPrefix(r.s, ".") {
		r.s = r.s[1:]
		if r.digits() == 0 {
			return value{}, false
		}
	}
	if r.s != "" && (r.s[0] == 'e' || r.s[0] == 'E') {
		r.s = r.s[1:]
		if r.s != "" && (r.s[0] == '+' || r.s[0] == '-') {
			r.s = r.s[1:]
		}
		if r.digits() == 0 {
			return value{}, false
		}
	}
	return value{kind: number, text: all[:len(all)-len(r.s)]}, true
}

func (r *reader) digits() int {
	n := 0
	for n < len(r.s) && '0' <= r.s[n] && r.s[n] <= '9' {
		n++
	}
	r.s = r.s[n:]
	return n
}
