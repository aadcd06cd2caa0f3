package verify

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth is far beyond what an event nests.
const maxDepth = 32

// scanner walks over strict JSON (RFC 8259) once and without allocating. Its methods report
// false at the first error; the position is then of no use. What it has accepted is UTF-8 if
// utf8 says so: only strings have bytes beyond ASCII, and high tells whether any was seen.
type scanner struct {
	b    []byte
	i    int
	high uint64 // all words of all strings, one over the other

	values []value // those that were skipped
}

// done reports whether nothing but white space is left.
func (s *scanner) done() bool {
	s.space()
	return s.i == len(s.b)
}

// peek is the next byte after white space, or 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) && s.b[s.i] > ' ' {
		return s.b[s.i]
	}
	return s.peekLater()
}

// peekLater is apart so that peek is small: writers write no white space.
func (s *scanner) peekLater() byte {
	s.space()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// take consumes one given byte, after white space.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\t' || s.b[s.i] == '\r' || s.b[s.i] == '\n') {
		s.i++
	}
}

// next moves behind the comma before another member or element, or behind the end.
func (s *scanner) next(end byte) (more, ok bool) {
	c := s.peek()
	s.i++
	return c == ',', c == ',' || c == end
}

// value skips one value of any kind.
func (s *scanner) value(depth int) bool {
	switch c := s.peek(); {
	case c == '"':
		_, _, ok := s.textValue()
		return ok
	case c >= '0' && c <= '9' || c == '-':
		start := s.i
		ok := s.number()
		s.values = append(s.values, value{start: start, end: s.i})
		return ok
	case depth > maxDepth:
		return false
	case c == '{':
		return s.object(depth)
	case c == '[':
		return s.array(depth)
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	}
	return s.word("null")
}

func (s *scanner) object(depth int) bool {
	s.i++
	if s.take('}') {
		return true
	}
	for {
		if _, _, ok := s.text(); !ok || !s.take(':') || !s.value(depth+1) {
			return false
		}
		if more, ok := s.next('}'); !more {
			return ok
		}
	}
}

func (s *scanner) array(depth int) bool {
	s.i++
	if s.take(']') {
		return true
	}
	for s.value(depth + 1) {
		if more, ok := s.next(']'); !more {
			return ok
		}
	}
	return false
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

func (s *scanner) number() bool {
	if s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
	} else if !s.digits() {
		return false
	}
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		if !s.digits() {
			return false
		}
	}
	if s.i < len(s.b) && s.b[s.i]|0x20 == 'e' {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.i
	for len(s.b)-s.i >= 8 && allDigits(binary.LittleEndian.Uint64(s.b[s.i:])) {
		s.i += 8
	}
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}

// allDigits reports whether eight bytes are digits: of each the upper half is 3, and stays so
// when 6 is added.
func allDigits(w uint64) bool {
	return w&(ones*0xf0) == ones*0x30 && (w+ones*6)&(ones*0xf0) == ones*0x30
}

// text consumes a string and returns what stands between its quotes, as it stands.
func (s *scanner) text() (raw []byte, escaped, ok bool) {
	if !s.take('"') {
		return nil, false, false
	}
	for start := s.i; ; escaped = true {
		s.i = s.plain(s.i)
		if s.i < len(s.b) && s.b[s.i] == '"' {
			s.i++
			return s.b[start : s.i-1], escaped, true
		}
		if s.i >= len(s.b) || s.b[s.i] != '\\' || !s.escape() {
			return nil, false, false
		}
	}
}

func (s *scanner) textValue() (raw []byte, escaped, ok bool) {
	raw, escaped, ok = s.text()
	s.values = append(s.values, value{start: s.i - 1 - len(raw), end: s.i - 1, text: true})
	return raw, escaped, ok
}

const ones, tops = 0x0101010101010101, 0x8080808080808080

// plain is the position of the next quote, backslash or control character, or the end. It
// looks at eight bytes at a time.
func (s *scanner) plain(i int) int {
	b := s.b
	for ; len(b)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		s.high |= w
		quote, slash := w^ones*'"', w^ones*'\\'
		// The lowest top bit that is set stands at the first byte that is zero, or below 0x20.
		stop := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & tops
		if stop != 0 {
			return i + bits.TrailingZeros64(stop)/8
		}
	}
	for ; i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20; i++ {
		s.high |= uint64(b[i])
	}
	return i
}

// escape refuses half of a surrogate pair: readers differ in what they make of it.
func (s *scanner) escape() bool {
	if s.i += 2; s.i > len(s.b) {
		return false
	}
	switch s.b[s.i-1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		r, ok := s.hex()
		if !ok || r < 0xd800 || r > 0xdfff {
			return ok
		}
		if r > 0xdbff || len(s.b)-s.i < 2 || s.b[s.i] != '\\' || s.b[s.i+1] != 'u' {
			return false
		}
		s.i += 2
		r, ok = s.hex()
		return ok && r >= 0xdc00 && r <= 0xdfff
	}
	return false
}

func (s *scanner) hex() (r rune, ok bool) {
	if len(s.b)-s.i < 4 {
		return 0, false
	}
	for _, c := range s.b[s.i : s.i+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	s.i += 4
	return r, true
}
