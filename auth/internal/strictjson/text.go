package strictjson

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// string copies only where there is an escape.
func (r *reader) string() (string, bool) {
	if r.s == "" || r.s[0] != '"' {
		return "", false
	}
	for i := 1; i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c == '"':
			s := r.s[1:i]
			r.s = r.s[i+1:]
			return s, true
		case c < ' ':
			return "", false
		case c == '\\':
			return r.escaped(i)
		}
	}
	return "", false
}

// escaped reads on from the first escape of a string.
func (r *reader) escaped(first int) (string, bool) {
	var b strings.Builder
	b.WriteString(r.s[1:first])
	r.s = r.s[first:]
	for r.s != "" {
		c := r.s[0]
		switch {
		case c == '"':
			r.s = r.s[1:]
			return b.String(), true
		case c < ' ':
			return "", false
		case c != '\\':
			b.WriteByte(c)
			r.s = r.s[1:]
			continue
		}
		char, ok := r.escape()
		if !ok {
			return "", false
		}
		b.WriteRune(char)
	}
	return "", false
}

func (r *reader) escape() (rune, bool) {
	if len(r.s) < 2 {
		return 0, false
	}
	c := r.s[1]
	if c == 'u' {
		return r.unicode()
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return 0, false
	}
	r.s = r.s[2:]
	return rune("\"\\/\b\f\n\r\t"[i]), true
}

// unicode refuses half of a surrogate pair: encoding/json makes U+FFFD of it, so
// that different strings become one.
func (r *reader) unicode() (rune, bool) {
	c, ok := r.hex()
	if !ok || !utf16.IsSurrogate(c) {
		return c, ok
	}
	low, ok := r.hex()
	c = utf16.DecodeRune(c, low)
	return c, ok && c != utf8.RuneError
}

func (r *reader) hex() (rune, bool) {
	if len(r.s) < 6 || r.s[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(r.s[2:6], 16, 16)
	r.s = r.s[6:]
	return rune(n), err == nil
}
