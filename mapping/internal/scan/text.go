package scan

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// What a byte of text is.
const (
	plain   = iota
	soft    // something a page would read: <, >, & and what may begin U+2028 or U+2029
	special // quote, backslash, control character
)

var class = [256]uint8{
	special, special, special, special, special, special, special, special, special, special, special, special, special, special, special, special,
	special, special, special, special, special, special, special, special, special, special, special, special, special, special, special, special,
	'"': special, '\\': special, '<': soft, '>': soft, '&': soft, 0xe2: soft,
}

// text reads a string, and counts the bytes that its escapes take beyond one character
// each.
func (w *walk) text(n *Node, v *Value) (over int, ok bool) {
	source, at := w.source, w.at+1
	start, isPlain, escaped := at, true, false
	for {
		for class[source[at]] == plain {
			at++
		}
		switch source[at] {
		case '"':
			v.Kind, v.Start, v.End, v.Escaped, v.Plain = String, int32(start), int32(at), escaped, isPlain
			w.at = at + 1
			return over, true
		case '\\':
			code, size := escape(source[at:])
			switch {
			case size == 0:
				return 0, w.fail(NotJSON, n)
			case code <= 0:
				return 0, w.fail(NotText, n)
			}
			escaped, isPlain = true, false
			over += size - 1
			at += size
		default:
			if class[source[at]] != soft {
				return 0, w.fail(NotJSON, n)
			}
			isPlain = false
			at++
		}
	}
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
func (w *walk) string(n *Node, v *Value) bool {
	over, ok := w.text(n, v)
	if !ok {
		return false
	}
	// A character has a byte at least, and an escape is one.
	if size := int(v.End-v.Start) - over; size > n.MaxLength || n.MinLength > 0 {
		if size = utf8.RuneCount(w.source[v.Start:v.End]) - over; size > n.MaxLength || size < n.MinLength {
			return w.fail(WrongSize, n)
		}
	}
	if n.Texts == nil && n.Pattern == nil && n.Format == 0 {
		return true
	}
	text := w.source[v.Start:v.End]
	if v.Escaped {
		text = AppendText(nil, w.source, *v)
	}
	code := n.judge(text)
	return code == "" || w.fail(code, n)
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
		if class[c] == plain {
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
