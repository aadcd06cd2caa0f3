package scan

import (
	"math/bits"
	"unicode/utf8"
)

// Source copies a document. The zero byte behind it ends every loop.
func Source(raw []byte) []byte {
	if len(raw) > MaxSize {
		raw = raw[:MaxSize+1] // too large, however much it is
	}
	source := make([]byte, len(raw)+1)
	copy(source, raw)
	return source
}

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
	w.space()
	if !w.value(root) {
		return w.fault, false
	}
	w.space()
	if w.at != size {
		return Fault{NotJSON, root.Path}, false
	}
	return Fault{}, true
}

// Each reads the elements of an array that Walk has found.
func Each(array *Node, source []byte, v Value, yield func(Value) bool) {
	w := walk{source: source, at: int(v.Start) + 1}
	for range v.N {
		w.space()
		var element Value
		if !w.scalar(array.Items, &element) || !yield(element) {
			return
		}
		w.space()
		w.at++ // the comma, or the bracket
	}
}

type walk struct {
	source []byte
	at     int
	values []Value
	nobody Value // of what has no slot
	fault  Fault
}

func (w *walk) fail(code string, n *Node) bool {
	w.fault = Fault{code, n.Path}
	return false
}

func (w *walk) space() {
	for w.source[w.at] <= ' ' && (w.source[w.at] == ' ' || w.source[w.at] == '\n' || w.source[w.at] == '\r' || w.source[w.at] == '\t') {
		w.at++
	}
}

// value reads what begins here.
func (w *walk) value(n *Node) bool {
	v := &w.nobody
	if n.Slot >= 0 {
		v = &w.values[n.Slot]
	}
	switch {
	case w.source[w.at] == 'n':
		return w.null(n, v)
	case n.Kind == Object:
		v.Kind = Object
		return w.object(n)
	case n.Kind == Array:
		return w.array(n, v)
	default:
		return w.scalar(n, v)
	}
}

func (w *walk) scalar(n *Node, v *Value) bool {
	c := w.source[w.at]
	switch {
	case c == 'n':
		return w.null(n, v)
	case n.Kind == String && c == '"':
		return w.string(n, v)
	case n.Kind == Integer && (c == '-' || digit(c)):
		return w.integer(n, v)
	case n.Kind == Number && (c == '-' || digit(c)):
		return w.number(n, v)
	case n.Kind == Bool && c == 't':
		v.Kind, v.N = Bool, 1
		return w.word("true", n)
	case n.Kind == Bool && c == 'f':
		v.Kind, v.N = Bool, 0
		return w.word("false", n)
	default:
		return w.wrong(n)
	}
}

func (w *walk) null(n *Node, v *Value) bool {
	v.Kind = Null
	return w.word("null", n) && (n.Nullable || w.fail(WrongType, n))
}

func (w *walk) word(word string, n *Node) bool {
	end := w.at + len(word)
	if end >= len(w.source) || string(w.source[w.at:end]) != word {
		return w.fail(NotJSON, n)
	}
	w.at = end
	return true
}

// wrong tells a value of another type from what is none.
func (w *walk) wrong(n *Node) bool {
	switch c := w.source[w.at]; c {
	case '"', '{', '[', 't', 'f', '-':
		return w.fail(WrongType, n)
	default:
		if digit(c) {
			return w.fail(WrongType, n)
		}
		return w.fail(NotJSON, n)
	}
}

func (w *walk) object(n *Node) bool {
	if w.source[w.at] != '{' {
		return w.wrong(n)
	}
	w.at++
	w.space()
	var seen [MaxMembers / 64]uint64
	if w.source[w.at] == '}' {
		w.at++
		return w.whole(n, &seen)
	}
	for next := 0; ; {
		i, ok := w.name(n, next)
		if !ok {
			return false
		}
		bit := uint64(1) << (i % 64)
		if seen[i/64]&bit != 0 {
			return w.fail(Twice, n.Members[i].Node)
		}
		seen[i/64] |= bit
		next = i + 1
		if w.space(); w.source[w.at] != ':' {
			return w.fail(NotJSON, n)
		}
		w.at++
		w.space()
		if !w.value(n.Members[i].Node) {
			return false
		}
		if more, ok := w.next('}', n); !ok {
			return false
		} else if !more {
			return w.whole(n, &seen)
		}
	}
}

// next steps over the comma, with the space around it, or over the bracket at the end.
func (w *walk) next(end byte, n *Node) (more, ok bool) {
	w.space()
	switch w.source[w.at] {
	case ',':
		w.at++
		w.space()
		return true, true
	case end:
		w.at++
		return false, true
	default:
		return false, w.fail(NotJSON, n)
	}
}

// whole says whether no required member is missing.
func (w *walk) whole(n *Node, seen *[MaxMembers / 64]uint64) bool {
	for i, need := range n.required {
		if missing := need &^ seen[i]; missing != 0 {
			return w.fail(Missing, n.Members[64*i+bits.TrailingZeros64(missing)].Node)
		}
	}
	return true
}

// name reads the name of a member: mostly it is the next one in the declared order.
func (w *walk) name(n *Node, next int) (int, bool) {
	if w.source[w.at] != '"' {
		return 0, w.fail(NotJSON, n)
	}
	if next < len(n.Members) {
		name := n.Members[next].Name
		end := w.at + 1 + len(name)
		if end < len(w.source) && w.source[end] == '"' && string(w.source[w.at+1:end]) == name {
			w.at = end + 1
			return next, true
		}
	}
	var v Value
	if _, ok := w.text(n, &v); !ok {
		return 0, false
	}
	name := w.source[v.Start:v.End]
	if v.Escaped && len(name) <= 6*MaxName { // a longer one is not declared, however it is escaped
		var buffer [6 * MaxName]byte
		name = AppendText(buffer[:0], w.source, v)
	}
	i, ok := n.index[string(name)]
	if !ok {
		return 0, w.fail(Unknown, n)
	}
	return i, true
}

func (w *walk) array(n *Node, v *Value) bool {
	if w.source[w.at] != '[' {
		return w.wrong(n)
	}
	start, count := w.at, 0
	w.at++
	w.space()
	more, ok := w.source[w.at] != ']', true
	if !more {
		w.at++
	}
	for more {
		if count == n.MaxItems {
			return w.fail(TooMany, n)
		}
		if !w.value(n.Items) {
			return false
		}
		count++
		if more, ok = w.next(']', n); !ok {
			return false
		}
	}
	v.Kind, v.N, v.Start, v.End = Array, int64(count), int32(start), int32(w.at)
	return true
}
