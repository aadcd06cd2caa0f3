package names_test

import (
	"strings"
	"testing"

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
