package hashivault

import (
	"slices"
	"unicode/utf8"
)

// What one answer may hold, beyond its size.
const (
	maxDepth   = 16
	maxMembers = 1024 // of one list or object
	maxValues  = 8192 // of all
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

// node is a JSON value (RFC 8259), read in one way only: names are exact and stand once,
// a number stays text, half of a surrogate pair and what is no UTF-8 are refused. Text is
// bytes of its own, so that it can be overwritten; no secret becomes a string here.
type node struct {
	kind  kind
	text  []byte   // of a string, its characters; of a number or boolean, what was written
	names []string // of an object
	of    []node   // of an object or a list
}

// get is the member of that very name; a null where there is none.
func (n node) get(name string) node {
	if i := slices.Index(n.names, name); i >= 0 {
		return n.of[i]
	}
	return node{}
}

// string is a text that is no secret.
func (n node) string() (string, bool) { return string(n.text), n.kind == text }

// absent says that a member is null or not there.
func (n node) absent() bool { return n.kind == null }

// wipe overwrites all text.
func (n node) wipe() {
	clear(n.text)
	for i := range n.of {
		n.of[i].wipe()
	}
}

// parse takes one JSON value and nothing after it.
func parse(b []byte) (node, bool) {
	if !utf8.Valid(b) {
		return node{}, false
	}
	r := reader{b: b}
	n, ok := r.value(0)
	r.space()
	if !ok || len(r.b) != 0 {
		n.wipe()
		return node{}, false
	}
	return n, true
}

type reader struct {
	b      []byte // what is left
	values int
}

func (r *reader) space() {
	for len(r.b) > 0 && (r.b[0] == ' ' || r.b[0] == '\t' || r.b[0] == '\r' || r.b[0] == '\n') {
		r.b = r.b[1:]
	}
}

func (r *reader) take(c byte) bool {
	r.space()
	if len(r.b) == 0 || r.b[0] != c {
		return false
	}
	r.b = r.b[1:]
	return true
}

func (r *reader) value(depth int) (node, bool) {
	r.space()
	r.values++
	if len(r.b) == 0 || depth > maxDepth || r.values > maxValues {
		return node{}, false
	}
	switch r.b[0] {
	case '{':
		return r.many(object, '}', depth)
	case '[':
		return r.many(list, ']', depth)
	case '"':
		s, ok := r.string()
		return node{kind: text, text: s}, ok
	case 't':
		return r.word(boolean, "true")
	case 'f':
		return r.word(boolean, "false")
	case 'n':
		return r.word(null, "null")
	}
	return r.number()
}

func (r *reader) word(k kind, w string) (node, bool) {
	if len(r.b) < len(w) || string(r.b[:len(w)]) != w {
		return node{}, false
	}
	r.b = r.b[len(w):]
	if k == null {
		return node{}, true
	}
	return node{kind: k, text: []byte(w)}, true
}

// many is a list or an object.
func (r *reader) many(k kind, end byte, depth int) (node, bool) {
	n := node{kind: k}
	r.b = r.b[1:]
	if r.take(end) {
		return n, true
	}
	for len(n.of) < maxMembers {
		if k == object && !r.name(&n) {
			return n, false
		}
		member, ok := r.value(depth + 1)
		n.of = append(n.of, member)
		if !ok {
			return n, false
		}
		if r.take(end) {
			return n, true
		}
		if !r.take(',') {
			return n, false
		}
	}
	return n, false
}

// name reads the name of a member that has none of that name before it.
func (r *reader) name(n *node) bool {
	r.space()
	if len(r.b) == 0 || r.b[0] != '"' {
		return false
	}
	name, ok := r.string()
	if !ok || slices.Contains(n.names, string(name)) {
		return false
	}
	n.names = append(n.names, string(name))
	return r.take(':')
}

// number follows the grammar of RFC 8259, section 6.
func (r *reader) number() (node, bool) {
	all := r.b
	if r.b[0] == '-' {
		r.b = r.b[1:]
	}
	first, ok := r.digits()
	if !ok || len(first) > 1 && first[0] == '0' {
		return node{}, false
	}
	if len(r.b) > 0 && r.b[0] == '.' {
		r.b = r.b[1:]
		if _, ok := r.digits(); !ok {
			return node{}, false
		}
	}
	if len(r.b) > 0 && (r.b[0] == 'e' || r.b[0] == 'E') {
		r.b = r.b[1:]
		if len(r.b) > 0 && (r.b[0] == '+' || r.b[0] == '-') {
			r.b = r.b[1:]
		}
		if _, ok := r.digits(); !ok {
			return node{}, false
		}
	}
	return node{kind: number, text: slices.Clone(all[:len(all)-len(r.b)])}, true
}

func (r *reader) digits() ([]byte, bool) {
	n := 0
	for n < len(r.b) && '0' <= r.b[n] && r.b[n] <= '9' {
		n++
	}
	read := r.b[:n]
	r.b = r.b[n:]
	return read, n > 0
}
