package scan

import (
	"bytes"
	"math/bits"
	"unicode/utf8"
)

// Source copies a document, without the white space around it. The zero byte behind it ends every
// loop.
func Source(raw []byte) []byte { return Into(nil, raw) }

// Into is Source in that memory, or in new one where it has not enough.
func Into(memory, raw []byte) []byte {
	if raw = bytes.Trim(raw, blank); len(raw) > MaxSize {
		raw = raw[:MaxSize+1] // too large, however much it is
	}
	if cap(memory) <= len(raw) {
		memory = make([]byte, 0, len(raw)+1)
	}
	return append(append(memory[:0], raw...), 0)
}

// blank is what JSON may have between two values.
const blank = " \t\r\n"

// Walk reads a whole source, and puts what has a slot into values, which must be zero.
// They mean nothing where there is a fault.
func Walk(root *Node, source []byte, values []Value) (Fault, bool) {
	size := len(source) - 1
	switch {
	case size > MaxSize:
		return Fault{TooLarge, root.Path}, false
	case !utf8.Valid(source):
		return Fault{NotText, root.Path}, false
	}
	w := walk{source: source, values: values}
	end := w.read(root, w.slot(root), space(source, 0))
	if end == 0 {
		return w.fault, false
	}
	if space(source, end) != size {
		return Fault{NotJSON, root.Path}, false
	}
	return Fault{}, true
}

// Each reads the elements of an array that Walk has found.
func Each(array *Node, source []byte, v Value, yield func(Value) bool) {
	w := walk{source: source}
	at := int(v.Start) + 1
	for range v.N {
		var element Value
		end := w.read(array.Items, &element, space(source, at))
		if end == 0 || !yield(element) {
			return
		}
		at = space(source, end) + 1 // behind the comma, or the bracket
	}
}

// Elements reads those of a collection that Walk has found, each into its slots. The name is
// that of an entry of a map.
func Elements(n *Node, source []byte, v Value, values []Value, yield func(name Value, null bool) bool) {
	w := walk{source: source, values: values}
	at := int(v.Start) + 1
	for range v.N {
		clear(values[n.First:n.End])
		var name Value
		if at = space(source, at); n.Kind == Map {
			at = w.entry(n, &name, at)
		}
		null := source[at] == 'n' // what it holds may share its place, if it has no slot
		end := w.read(n.Items, w.slot(n.Items), at)
		if end == 0 || !yield(name, null) {
			return
		}
		at = space(source, end) + 1
	}
}

// walk reads. What reads something takes the place where that begins, and returns the place
// behind it; 0: there is a fault.
type walk struct {
	source []byte
	values []Value
	nobody Value // of what has no slot
	fault  Fault
}

func (w *walk) fail(code string, n *Node) int {
	w.fault = Fault{code, n.Path}
	return 0
}

const blanks uint64 = 1<<' ' | 1<<'\n' | 1<<'\r' | 1<<'\t'

// space steps over white space, if there is any.
func space(source []byte, at int) int {
	for source[at] <= ' ' && blanks>>source[at]&1 != 0 {
		at++
	}
	return at
}

// slot is where the value of n goes.
func (w *walk) slot(n *Node) *Value {
	if n.Slot < 0 {
		return &w.nobody
	}
	return &w.values[n.Slot]
}

func (w *walk) read(n *Node, v *Value, at int) int {
	switch c := w.source[at]; {
	case n.Kind == String && c == '"':
		return w.string(n, v, at)
	case (n.Kind == Integer || n.Kind == Number) && (c == '-' || digit(c)):
		return w.number(n, v, at)
	case n.Kind == Object && c == '{':
		v.Kind = Object
		return w.object(n, at)
	case n.Kind == Array && c == '[':
		return w.array(n, v, at)
	case n.Kind == Map && c == '{':
		return w.entries(n, v, at)
	case n.Kind == Natural && (c == '-' || digit(c)):
		return w.natural(n, v, at)
	case n.Kind == Bool && c == 't':
		v.Kind, v.N = Bool, 1
		return w.word("true", n, at)
	case n.Kind == Bool && c == 'f':
		v.Kind, v.N = Bool, 0
		return w.word("false", n, at)
	case c == 'n':
		return w.null(n, v, at)
	default:
		return w.wrong(n, c)
	}
}

func (w *walk) null(n *Node, v *Value, at int) int {
	v.Kind = Null
	end := w.word("null", n, at)
	if end > 0 && !n.Nullable {
		return w.fail(WrongType, n)
	}
	return end
}

func (w *walk) word(word string, n *Node, at int) int {
	end := at + len(word)
	if end >= len(w.source) || string(w.source[at:end]) != word {
		return w.fail(NotJSON, n)
	}
	return end
}

// wrong tells a value of another type from what is none.
func (w *walk) wrong(n *Node, first byte) int {
	switch first {
	case '"', '{', '[', 't', 'f', '-':
		return w.fail(WrongType, n)
	default:
		if digit(first) {
			return w.fail(WrongType, n)
		}
		return w.fail(NotJSON, n)
	}
}

func (w *walk) object(n *Node, at int) int {
	source := w.source
	var seen [MaxMembers / 64]uint64
	if at = space(source, at+1); source[at] == '}' {
		return w.whole(n, &seen, at+1)
	}
	for i := 0; ; i++ {
		if i, at = w.name(n, i, at); at == 0 {
			return 0
		}
		bit := uint64(1) << (i % 64)
		if seen[i/64]&bit != 0 {
			return w.fail(Twice, n.Members[i].Node)
		}
		seen[i/64] |= bit
		if at = space(source, at); source[at] != ':' {
			return w.fail(NotJSON, n)
		}
		member := n.Members[i].Node
		if at = w.read(member, w.slot(member), space(source, at+1)); at == 0 {
			return 0
		}
		switch at = space(source, at); source[at] {
		case ',':
			at = space(source, at+1)
		case '}':
			return w.whole(n, &seen, at+1)
		default:
			return w.fail(NotJSON, n)
		}
	}
}

// whole says whether no required member is missing: an object ends here.
func (w *walk) whole(n *Node, seen *[MaxMembers / 64]uint64, at int) int {
	for i, need := range n.required {
		if missing := need &^ seen[i]; missing != 0 {
			return w.fail(Missing, n.Members[64*i+bits.TrailingZeros64(missing)].Node)
		}
	}
	return at
}

// name reads the name of a member: mostly it is the next one in the declared order.
func (w *walk) name(n *Node, next, at int) (member, end int) {
	if next < len(n.keys) && n.keys[next].stands(w.source, at) {
		return next, at + len(n.keys[next].text)
	}
	return w.anyName(n, at)
}

func (w *walk) anyName(n *Node, at int) (member, end int) {
	if w.source[at] != '"' {
		return 0, w.fail(NotJSON, n)
	}
	v := Value{Start: int32(at + 1)}
	if end, _ = w.text(n, &v, plains(w.source, at+1)); end == 0 {
		return 0, 0
	}
	name := w.source[at+1 : end]
	if v.Escaped && len(name) <= 6*MaxName { // a longer one is not declared, however it is escaped
		var buffer [6 * MaxName]byte
		v.End = int32(end)
		name = AppendText(buffer[:0], w.source, v)
	}
	member, ok := n.index[string(name)]
	if !ok {
		return 0, w.fail(Unknown, n)
	}
	return member, end + 1
}

func (w *walk) array(n *Node, v *Value, start int) int {
	source, count := w.source, 0
	at := space(source, start+1)
	for more := source[at] != ']'; more; count++ {
		if count == n.MaxItems {
			return w.fail(TooMany, n)
		}
		if at = w.read(n.Items, w.slot(n.Items), at); at == 0 {
			return 0
		}
		switch at = space(source, at); source[at] {
		case ',':
			at = space(source, at+1)
		case ']':
			more = false
		default:
			return w.fail(NotJSON, n)
		}
	}
	v.Kind, v.N, v.Start, v.End = Array, int64(count), int32(start), int32(at+1)
	return at + 1
}
