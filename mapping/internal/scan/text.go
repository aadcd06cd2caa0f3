package scan

import (
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// stops has a 1 for each byte that is not plain: quotes, backslashes and control characters,
// and what a page would read: <, >, & and what may begin U+2028 or U+2029.
var stops = [256]uint8{
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	'"': 1, '\\': 1, '<': 1, '>': 1, '&': 1, 0xe2: 1,
}

// plains is where the plain bytes end that begin at a place; the zero byte behind the source
// is not one. Eight bytes make a mask of those that are none, because a processor foresees
// badly at which byte a text ends.
func plains(source []byte, at int) int {
	for ; at+8 < len(source); at += 8 {
		b := (*[8]byte)(source[at:])
		mask := stops[b[0]] | stops[b[1]]<<1 | stops[b[2]]<<2 | stops[b[3]]<<3 | stops[b[4]]<<4 | stops[b[5]]<<5 | stops[b[6]]<<6 | stops[b[7]]<<7
		if mask != 0 {
			return at + bits.TrailingZeros8(mask)
		}
	}
	for stops[source[at]] == 0 {
		at++
	}
	return at
}

// text goes on with a string behind its plain bytes, up to the closing quote, and counts the
// bytes of all of it, but an escape as one.
func (w *walk) text(n *Node, v *Value, at int) (end, size int) {
	source, over := w.source, 0
	for v.Plain = false; source[at] != '"'; at = plains(source, at) {
		switch source[at] {
		case '<', '>', '&', 0xe2:
			at++
		case '\\':
			code, size := escape(source[at:])
			switch {
			case size == 0:
				return w.fail(NotJSON, n), 0
			case code <= 0:
				return w.fail(NotText, n), 0
			}
			v.Escaped = true
			over += size - 1
			at += size
		default:
			return w.fail(NotJSON, n), 0
		}
	}
	return at, at - int(v.Start) - over
}

const (
	simple  = `"\/bfnrt`
	meaning = "\"\\/\b\f\n\r\t"
)

// escape reads an escape. Its size is 0 where it is none; its character is not above 0
// where it is none, or NUL.
func escape(text []byte) (code rune, size int) {
	if text[1] != 'u' {
		for i := range len(simple) {
			if text[1] == simple[i] {
				return rune(meaning[i]), 2
			}
		}
		return 0, 0
	}
	first, ok := hex(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, 6
	}
	if text[6] != '\\' || text[7] != 'u' {
		return -1, 6
	}
	second, ok := hex(text[6:])
	code = utf16.DecodeRune(first, second)
	if !ok || code == utf8.RuneError {
		return -1, 6
	}
	return code, 12
}

// hex reads the digits of \uXXXX. The zero byte at the end of the source stops it.
func hex(text []byte) (code rune, ok bool) {
	for i := 2; i < 6; i++ {
		c := text[i]
		switch {
		case digit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		code = code<<4 | rune(c)
	}
	return code, true
}

// string reads text, and holds it against its description.
func (w *walk) string(n *Node, v *Value, at int) int {
	end := plains(w.source, at+1)
	size := end - at - 1
	*v = Value{Kind: String, Start: int32(at + 1), Plain: true}
	if w.source[end] != '"' {
		if end, size = w.text(n, v, end); end == 0 {
			return 0
		}
	}
	v.End = int32(end)
	// A character has a byte at least, and an escape is one.
	if size > n.MaxLength || n.MinLength > 0 {
		text := w.source[v.Start:v.End]
		if size -= len(text) - utf8.RuneCount(text); size > n.MaxLength || size < n.MinLength {
			return w.fail(WrongSize, n)
		}
	}
	if n.Texts == nil && n.Pattern == nil && n.Format == 0 {
		return end + 1
	}
	text := w.source[v.Start:v.End]
	if v.Escaped {
		text = AppendText(nil, w.source, *v)
	}
	if code := n.judge(text); code != "" {
		return w.fail(code, n)
	}
	return end + 1
}

// judge holds text against what is declared besides its length.
func (n *Node) judge(text []byte) string {
	switch {
	case n.Texts != nil && !slices.ContainsFunc(n.Texts, func(s string) bool { return s == string(text) }):
		return NoChoice
	case n.Pattern != nil && !n.Pattern.Match(text):
		return NoMatch
	case n.Format != 0 && !n.Format.Holds(text):
		return BadFormat
	default:
		return ""
	}
}

// AppendText appends the characters of a String.
func AppendText(dst, source []byte, v Value) []byte {
	text := source[v.Start:v.End]
	if !v.Escaped {
		return append(dst, text...)
	}
	for at := 0; at < len(text); {
		if text[at] != '\\' {
			dst = append(dst, text[at])
			at++
			continue
		}
		code, size := escape(source[int(v.Start)+at:])
		dst = utf8.AppendRune(dst, code)
		at += size
	}
	return dst
}

const digits16 = "0123456789abcdef"

// AppendJSON appends text as a JSON string that can also stand in a page.
func AppendJSON(dst, text []byte) []byte {
	dst = append(dst, '"')
	done := 0
	for at, c := range text {
		if stops[c] == 0 {
			continue
		}
		escaped := c < 0x80
		if !escaped {
			code, _ := utf8.DecodeRune(text[at:])
			escaped = code == '\u2028' || code == '\u2029'
		}
		if !escaped || at < done {
			continue
		}
		dst = append(dst, text[done:at]...)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
			done = at + 1
		case c < 0x80:
			dst = append(dst, '\\', 'u', '0', '0', digits16[c>>4], digits16[c&15])
			done = at + 1
		default:
			dst = append(dst, '\\', 'u', '2', '0', '2', digits16[text[at+2]&15])
			done = at + 3
		}
	}
	dst = append(dst, text[done:]...)
	return append(dst, '"')
}
