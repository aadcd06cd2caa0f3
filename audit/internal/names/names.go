// Package names has the alphabets of what an event says.
//
//	ok := names.Name("crm.contact.read")
//
// # Guarantees
//
// Nothing that is accepted has a quote, a backslash, a space, a control character or a byte
// beyond ASCII: it stands in JSON, in a line and in a terminal as it is.
//
// # Limits
//
// What somebody means by a name is not judged.
//
// # Errors
//
// There are none: an answer is yes or no.
//
// # Concurrency
//
// All functions are safe for concurrent use.
package names

const (
	maxName = 64
	maxText = 255
	minHex  = 8
	maxHex  = 128
)

// Name is [a-z0-9][a-z0-9._-]{0,63}.
func Name(s string) bool {
	if s == "" || len(s) > maxName || s[0] == '.' || s[0] == '_' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if b := s[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '.' && b != '_' && b != '-' {
			return false
		}
	}
	return true
}

// Place is a jurisdiction, or all of them.
func Place(s string) bool { return s == "*" || Name(s) }

// Text is printable ASCII without what JSON or a shell would escape, up to 255 bytes.
func Text(s string) bool {
	if s == "" || len(s) > maxText {
		return false
	}
	for i := range len(s) {
		if b := s[i]; b <= ' ' || b > '~' || b == '"' || b == '\'' || b == '`' || b == '\\' {
			return false
		}
	}
	return true
}

// Hex is a hash, a fingerprint or an id, in lower case, 8 to 128 digits.
func Hex(s string) bool {
	if len(s) < minHex || len(s) > maxHex || len(s)%2 != 0 {
		return false
	}
	for i := range len(s) {
		if b := s[i]; (b < 'a' || b > 'f') && (b < '0' || b > '9') {
			return false
		}
	}
	return true
}

// Position is file:line, of a file below the boundary's folder.
func Position(s string) bool {
	if !Text(s) {
		return false
	}
	i := len(s)
	for i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
		i--
	}
	return i < len(s) && i > 1 && s[i-1] == ':' && isPath(s[:i-1])
}

func isPath(s string) bool {
	for i := range len(s) {
		b := s[i]
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !letter && (i == 0 || b != '.' && b != '_' && b != '-' && b != '/') {
			return false
		}
	}
	return s != ""
}

// Origin is names, joined by slashes, 255 bytes in all.
func Origin(s string) bool {
	start := 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '/' {
			if !Name(s[start:i]) {
				return false
			}
			start = i + 1
		}
	}
	return len(s) <= maxText
}
