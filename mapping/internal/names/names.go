// Package names says which names and texts can stand where.
//
//	names.Header("X-Contact-Year")
//
// # Guarantees
//
// What passes holds nothing that its place reads as more than a name.
//
// # Limits
//
// That a header means nothing to anybody on the way, no list can promise.
//
// # Errors
//
// There are none.
//
// # Concurrency
//
// Everything is safe for concurrent use.
package names

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// The forms of names.
var (
	Name  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)  // of schemas, mappings, categories, jurisdictions and purposes
	Place = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)       // in a path, DN or filter
	Query = regexp.MustCompile(`^[A-Za-z0-9_.$~-]{1,64}$`)     // of a query's value
	Entry = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`) // of a directory's attribute
)

// Header lets pass headers that only an application reads: what authenticates, routes,
// or means something to a proxy is none of them, however it is written.
func Header(name string) bool {
	lower := strings.ToLower(name)
	for _, taken := range []string{"x-forwarded", "x-http-", "x-original-", "x-rewrite-", "x-amz-", "x-auth", "x-vault-", "x-remote-", "x-real-", "x-envoy-", "x-goog-", "x-ms-"} {
		if strings.HasPrefix(lower, taken) {
			return false
		}
	}
	for _, part := range strings.Split(lower, "-")[1:] {
		if slices.Contains([]string{"", "key", "token", "secret", "password", "authorization", "cookie", "method", "host", "user", "csrf", "xsrf"}, part) {
			return false
		}
	}
	return strings.HasPrefix(lower, "x-") && Entry.MatchString(name)
}

// Property says whether a name can stand in a pointer, in a report, and in JSON as it is.
func Property(name string) bool {
	return name != "" && name != "*" && len(name) <= 128 && !strings.ContainsAny(name, `/~"\`) && !strings.ContainsFunc(name, unprintable)
}

// Line says whether text can stand in a line of a report.
func Line(text string) bool {
	return text != "" && len(text) <= 200 && strings.TrimSpace(text) == text && !strings.ContainsFunc(text, unprintable)
}

// Printable is a line of a report in which nothing moves a cursor or turns text around:
// constants and arguments may hold any character, and are shown as JSON writes them.
func Printable(line string) string {
	var b strings.Builder
	for _, char := range line {
		if unicode.IsPrint(char) {
			b.WriteRune(char)
			continue
		}
		for _, unit := range utf16.Encode([]rune{char}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }
