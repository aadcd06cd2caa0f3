package hashivault

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// string stands at the opening quote. What it returns is never longer than what was written.
func (r *reader) string() ([]byte, bool) {
	end := 1
	for ; end < len(r.b) && r.b[end] != '"'; end++ {
		if r.b[end] == '\\' {
			end++
		}
	}
	if end >= len(r.b) {
		return nil, false
	}
	written := r.b[1:end]
	r.b = r.b[end+1:]
	s := make([]byte, 0, len(written)) // it never grows: nothing is left behind
	for len(written) > 0 {
		c := written[0]
		if c < ' ' {
			return s, false
		}
		if c != '\\' {
			s, written = append(s, c), written[1:]
			continue
		}
		char, size := escape(written)
		if size == 0 {
			return s, false
		}
		s, written = utf8.AppendRune(s, char), written[size:]
	}
	return s, true
}

// escape is the character that b begins with, and how long it was written; 0: it is none.
func escape(b []byte) (char rune, size int) {
	if len(b) < 2 {
		return 0, 0
	}
	if b[1] != 'u' {
		if i := slices.Index([]byte(`"\/bfnrt`), b[1]); i >= 0 {
			return rune("\"\\/\b\f\n\r\t"[i]), 2
		}
		return 0, 0
	}
	c, ok := hex(b)
	if !ok || !utf16.IsSurrogate(c) {
		return c, map[bool]int{true: 6}[ok]
	}
	low, ok := hex(b[6:])
	if c = utf16.DecodeRune(c, low); !ok || c == utf8.RuneError {
		return 0, 0
	}
	return c, 12
}

func hex(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var n rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | rune(c)
	}
	return n, true
}
