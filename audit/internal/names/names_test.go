package names_test

import (
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit/internal/names"
)

func TestAlphabets(t *testing.T) {
	for _, c := range []struct {
		name     string
		is       func(string) bool
		yes, not []string
	}{
		{"Name", names.Name, []string{"a", "0", "a.b-c_d", strings.Repeat("a", 64)}, []string{"", ".a", "-a", "_a", "A", "a b", "é", "a/b", "*", strings.Repeat("a", 65)}},
		{"Place", names.Place, []string{"eu", "*"}, []string{"", "**", "EU"}},
		{"Text", names.Text, []string{"https://a.example/x?y=z", "A+B", "*", strings.Repeat("~", 255)}, []string{"", " ", "a b", `"`, "'", "`", `\`, "\n", "\x7f", "é", "\xff", strings.Repeat("a", 256)}},
		{"Hex", names.Hex, []string{"abcdef01", strings.Repeat("0", 128)}, []string{"", "abcdef0", "abcdef", "ABCDEF01", "abcdefgh", strings.Repeat("0", 130)}},
		{"Position", names.Position, []string{"policy.json:1", "a/B-c_d.e:99"}, []string{"", "policy.json", ":1", "a:", "../a:1", "/a:1", "-a:1", "a$:1", "a b:1", "a:1x"}},
		{"Origin", names.Origin, []string{"a", "acme.example/hr/a"}, []string{"", "/", "a/", "/a", "a//b", "A", strings.Repeat("a/", 127) + "aa"}},
	} {
		for _, s := range c.yes {
			if !c.is(s) {
				t.Errorf("%q is no %s", s, c.name)
			}
		}
		for _, s := range c.not {
			if c.is(s) {
				t.Errorf("%q is a %s", s, c.name)
			}
		}
	}
}

// TestACheckerRemembersTheFirst field that is wrong.
func TestACheckerRemembersTheFirst(t *testing.T) {
	long := make([]string, names.MaxList+1)
	for i := range long {
		long[i] = "a"
	}
	for want, check := range map[string]func(c *names.Checker){
		"": func(c *names.Checker) {
			c.Name("n", "")
			c.Text("t", "")
			c.Hex("h", "0123456789")
			c.Count("c", 1<<53-1)
			c.List("l", long[1:], names.Name)
			c.Time("z", time.Time{})
			c.Time("s", time.UnixMilli(1))
		},
		"first":  func(c *names.Checker) { c.OK("first", false); c.OK("second", false); c.OK("third", true) },
		"name":   func(c *names.Checker) { c.Name("name", "A") },
		"text":   func(c *names.Checker) { c.Text("text", " ") },
		"hex":    func(c *names.Checker) { c.Hex("hex", "x") },
		"many":   func(c *names.Checker) { c.Count("many", 1<<53) },
		"few":    func(c *names.Checker) { c.Count("few", -1) },
		"long":   func(c *names.Checker) { c.List("long", long, names.Name) },
		"odd":    func(c *names.Checker) { c.List("odd", []string{"a", ""}, names.Name) },
		"before": func(c *names.Checker) { c.Time("before", time.UnixMilli(0)) },
		"after":  func(c *names.Checker) { c.Time("after", time.UnixMilli(253_402_300_800_000)) },
	} {
		var c names.Checker
		if check(&c); c.Field != want {
			t.Errorf("%q, want %q", c.Field, want)
		}
	}
}
