package names_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping/internal/names"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		name         string
		holds        func(string) bool
		right, wrong []string
	}{
		{"header", names.Header, []string{"X-A", "x-contact-year-2"}, []string{"", "A", "X-", "X_A", "X-A-", "X-A b", "X-Api-Key", "x-auth-x", "X-FORWARDED-FOR", "X-Http-Method", "X-Original-Url", "X-Session-Token", "X-Ä"}},
		{"property", names.Property, []string{"a", "naïve", "@type", "a b", strings.Repeat("a", 128)}, []string{"", "*", "a/b", "a~", `"`, `\`, "\n", "\u202e", "\ufffd", "\xff", strings.Repeat("a", 129)}},
		{"line", names.Line, []string{"a", "no use, for “anybody”"}, []string{"", " a", "a ", "a\nb", "\u2028", "\x00", "\u202e", strings.Repeat("a", 201)}},
		{"name", names.Name.MatchString, []string{"a", "pii.contact", "0-a_b"}, []string{"", "A", "*", ".a", "a b", "a\n", strings.Repeat("a", 65)}},
		{"place", names.Place.MatchString, []string{"a", "a_1"}, []string{"", "1", "a-b", "a\n"}},
		{"query", names.Query.MatchString, []string{"$filter", "a.b-c~"}, []string{"", "a&b", "a=b", "é"}},
		{"entry", names.Entry.MatchString, []string{"cn", "x-1"}, []string{"", "1", "a;b", "a b"}},
	} {
		for i, list := range [][]string{tt.right, tt.wrong} {
			for _, text := range list {
				if tt.holds(text) == (i == 1) {
					t.Errorf("%s %q", tt.name, text)
				}
			}
		}
	}
}

func TestPrintable(t *testing.T) {
	for line, want := range map[string]string{
		"": "", "naïve 日 “x” \u0301": "naïve 日 “x” \u0301", "a\nb\x1b[2J\x7f": `a\u000ab\u001b[2J\u007f`, "\u0085\u009b\u2028\u202e\u00a0\ufeff": `\u0085\u009b\u2028\u202e\u00a0\ufeff`, "\U000e0001😀": `\udb40\udc01😀`, "\xff": "\ufffd",
	} {
		if got := names.Printable(line); got != want {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func Example() {
	fmt.Println(names.Header("X-Contact-Year"), names.Header("X-Forwarded-For"))
	// Output: true false
}
