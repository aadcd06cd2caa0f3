package netguard_test

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carnet-go/carnet/internal/netguard"
)

var cleanPaths = []string{
	"/", "/a", "/a/", "/a/b", "/contacts/17", "/a.b", "/a..b", "/...", "/.well-known", "/a:b@c", "/~x/$a&b'(c)*+,=!",
	"/J%C3%BCrgen", "/a%20b", "/C%23", "/what%3F", "/%e2%82%ac", "/%41",
}

var trickPaths = []string{
	"", "a", "*", "a/b", "//", "//evil.example/x", "/a//b", "/a//", "/.", "/..", "/./a", "/a/.", "/a/..", "/a/../b", "/a/./b",
	"/reports/../admin", "/reports/..%2fadmin", "/reports/%2e%2e/admin", "/reports/%2E%2E/admin", "/reports/.%2e/admin", "/reports/..;/admin",
	"/reports/..%3b/admin", "/a;b", "/a;jsessionid=1", "/a%3Bb", "/a%2Fb", "/a%2fb", "/a%5cb", "/a%5Cb", `/a\b`, `/a\..\b`,
	"/%252e%252e/a", "/a%25", "/%2e", "/a%2eb", "/a?b", "/a#b", "/a b", "/a\tb", "/a\nb", "/a\x00b", "/a%00b", "/a%0ab", "/a%0D%0Ab", "/a%1fb", "/a\x7fb", "/a%7fb",
	"/%", "/%4", "/%zz", "/%4g", "/a%", "/%c0%ae%c0%ae/a", "/%c0%af", "/%e0%80%ae", "/%ff", "/%ed%a0%80", "/ü", "/。。/a", "/\xff",
	"/{id}", "/a\"b", "/<a>", "/a^b", "/a`b", "/a|b", "/[a]",
}

// TestPathTricks: a rule for /reports must not be met by what ends in /admin.
func TestPathTricks(t *testing.T) {
	for _, p := range trickPaths {
		if netguard.CleanPath(p) {
			t.Errorf("CleanPath(%q)", p)
		}
		if netguard.MatchPath(p, p) || netguard.MatchPath("/reports/{id}", p) || netguard.MatchPath("/{a}/{b}", p) {
			t.Errorf("%q matches", p)
		}
	}
	for _, p := range cleanPaths {
		if !netguard.CleanPath(p) || !netguard.MatchPath(p, p) {
			t.Errorf("%q is refused", p)
		}
	}
}

func TestMatchPath(t *testing.T) {
	for _, tt := range []struct {
		template, path string
		want           bool
	}{
		{"/contacts/{id}", "/contacts/17", true},
		{"/contacts/{id}", "/contacts/J%C3%BCrgen", true},
		{"/contacts/{id}", "/contacts/", false},
		{"/contacts/{id}", "/contacts", false},
		{"/contacts/{id}", "/contacts/17/", false},
		{"/contacts/{id}", "/contacts/17/notes", false},
		{"/contacts/{id}", "/contacts/17%2Fnotes", false},
		{"/contacts/{id}", "/Contacts/17", false},
		{"/contacts/{id}/", "/contacts/17/", true},
		{"/{a}/{b}", "/x/y", true},
		{"/{a}/{b}", "/x", false},
		{"/{a}", "/", false},
		{"/", "/", true},
		{"/", "/a", false},
		{"/a", "/%61", false},
		{"/{}", "/a", false},
		{"/{A}", "/a", false},
		{"/x{id}", "/x1", false},
		{"/{id}x", "/1x", false},
		{"/{a}{b}", "/x", false},
		{"", "", false},
		{"", "/", false},
		{"{a}", "/a", false},
	} {
		if got := netguard.MatchPath(tt.template, tt.path); got != tt.want {
			t.Errorf("MatchPath(%q, %q) = %v", tt.template, tt.path, got)
		}
	}
}

func TestPlaces(t *testing.T) {
	for template, want := range map[string][]string{
		"/": nil, "/a/b": nil, "/a/": nil, "/contacts/{id}": {"id"}, "/{a}/x/{b_2}/": {"a", "b_2"},
	} {
		if got, ok := netguard.Places(template); !ok || !slices.Equal(got, want) {
			t.Errorf("Places(%q) = %q, %v", template, got, ok)
		}
	}
	for _, template := range append([]string{"/{}", "/{A}", "/{1}", "/{_}", "/{a-b}", "/{a}/{a}", "/x{a}", "/{a}x", "/{a}{b}", "/{a", "/a}", "{a}", "/{a}/../x", "/{{a}}", "/{a}//"}, slices.DeleteFunc(slices.Clone(trickPaths), func(p string) bool { return p == "/{id}" })...) {
		if got, ok := netguard.Places(template); ok || got != nil {
			t.Errorf("Places(%q) = %q, %v", template, got, ok)
		}
	}
}

// FuzzCleanPath: what is clean stays what it is, however often it is decoded and cleaned.
func FuzzCleanPath(f *testing.F) {
	for _, p := range append(cleanPaths, trickPaths...) {
		f.Add("/contacts/{id}", p)
	}
	f.Fuzz(func(t *testing.T, template, p string) {
		if !netguard.CleanPath(p) {
			if netguard.MatchPath(template, p) {
				t.Fatalf("%q is not clean and matches %q", p, template)
			}
			return
		}
		u, err := url.Parse(p)
		if err != nil || u.EscapedPath() != p || u.Host != "" || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("net/url reads %q as %+v, %v", p, u, err)
		}
		if len(u.Path) > 1 && strings.TrimSuffix(u.Path, "/") != path.Clean(u.Path) {
			t.Fatalf("%q decodes to %q, which cleans to %q", p, u.Path, path.Clean(u.Path))
		}
		if strings.Count(u.Path, "/") != strings.Count(p, "/") || strings.ContainsAny(u.Path, "\\;%\x00\r\n") || !utf8.ValidString(u.Path) {
			t.Fatalf("%q decodes to %q", p, u.Path)
		}
		names, ok := netguard.Places(template)
		if netguard.MatchPath(template, p) {
			if len(names) == 0 && template != p {
				t.Fatalf("%q matches %q", p, template)
			}
			if strings.Count(template, "/") != strings.Count(p, "/") {
				t.Fatalf("%q has not the segments of %q", p, template)
			}
		} else if ok && template == p {
			t.Fatalf("%q does not match itself", p)
		}
	})
}

func BenchmarkMatchPath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		netguard.MatchPath("/v2/contacts/{id}/notes", "/v2/contacts/4711/notes")
	}
}
