package netguard

import (
	"strings"
	"unicode/utf8"
)

// CleanPath says whether p, the escaped path of a URL, can be understood in one way
// only. It is absolute, made of the characters of RFC 3986, section 3.3, without
// empty, "." and ".." segments (one slash at the end is a segment of its own), and
// without ";", which some servers cut off. Escaped characters are UTF-8, and none of
// them is a slash, backslash, dot, ";", "%" or a control character, which the next
// server might take for what they stand for.
func CleanPath(p string) bool {
	if !strings.HasPrefix(p, "/") {
		return false
	}
	for rest, more := p[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if !cleanSegment(segment) || (segment == "" && more) {
			return false
		}
	}
	return true
}

func cleanSegment(s string) bool {
	if s == "." || s == ".." {
		return false
	}
	escaped := false
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			if !pathChar(s[i]) {
				return false
			}
			continue
		}
		if !cleanEscape(s[i:]) {
			return false
		}
		escaped = true
		i += 2
	}
	// An overlong encoding of a slash or a dot is not UTF-8.
	return !escaped || utf8.Valid(unescape(s))
}

// pathChar is pchar of RFC 3986 without ";" and "%".
func pathChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-._~!$&'()*+,=:@", c) >= 0
}

// cleanEscape looks at the escape that s begins with.
func cleanEscape(s string) bool {
	if len(s) < 3 {
		return false
	}
	high, low := unhex(s[1]), unhex(s[2])
	if high > 15 || low > 15 {
		return false
	}
	c := high<<4 | low
	return c >= ' ' && c != 0x7f && strings.IndexByte(`/\.;%`, c) < 0
}

func unescape(s string) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return b
}

// unhex is more than 15 for what is no digit.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	default:
		return 0xff
	}
}

// Places are the names of the {places} in a path template, in order. A template is a
// clean path in which whole segments may be {name}, each name once, of the form
// [a-z][a-z0-9_]*. ok is false where it is not one.
func Places(template string) (names []string, ok bool) {
	if !strings.HasPrefix(template, "/") {
		return nil, false
	}
	seen := map[string]bool{}
	for rest, more := template[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		name, isPlace := place(segment)
		if !isPlace {
			if !cleanSegment(segment) || (segment == "" && more) {
				return nil, false
			}
			continue
		}
		if seen[name] {
			return nil, false
		}
		seen[name] = true
		names = append(names, name)
	}
	return names, true
}

func place(segment string) (name string, ok bool) {
	if len(segment) < 2 || segment[0] != '{' || segment[len(segment)-1] != '}' {
		return "", false
	}
	name = segment[1 : len(segment)-1]
	return name, placeName(name)
}

func placeName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (i == 0 || (c != '_' && (c < '0' || c > '9'))) {
			return false
		}
	}
	return s != ""
}

// MatchPath says whether path, the escaped path of a URL, is clean and is what the
// template declares: segment by segment and byte by byte the same, a {place} standing
// for one segment that is not empty.
func MatchPath(template, path string) bool {
	if !CleanPath(path) || !strings.HasPrefix(template, "/") {
		return false
	}
	for {
		want, moreTemplate, ok := strings.Cut(template, "/")
		got, morePath, more := strings.Cut(path, "/")
		if _, isPlace := place(want); isPlace && got == "" || !isPlace && want != got {
			return false
		}
		if ok != more {
			return false
		}
		if !ok {
			return true
		}
		template, path = moreTemplate, morePath
	}
}

// Overlap says whether some path could be taken by a server for what both templates
// declare, and which of them stands for more in one segment or another: the wider one
// reaches into the other. Escapes and the case of letters are set aside, as some servers
// do.
func Overlap(a, b string) (overlap, aWider, bWider bool) {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	if len(as) != len(bs) {
		return false, false, false
	}
	for i := range as {
		_, aPlace := place(as[i])
		_, bPlace := place(bs[i])
		switch {
		case aPlace && bPlace:
		case aPlace && bs[i] != "": // no place stands for nothing
			aWider = true
		case bPlace && as[i] != "":
			bWider = true
		case aPlace || bPlace || !strings.EqualFold(string(unescape(as[i])), string(unescape(bs[i]))):
			return false, false, false
		}
	}
	return true, aWider, bWider
}

// Reaches says whether a server could take path, which is clean, for what the template
// declares.
func Reaches(template, path string) bool {
	overlap, _, _ := Overlap(template, path)
	return overlap
}
