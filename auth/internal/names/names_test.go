package names_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth/internal/names"
)

func TestAlphabets(t *testing.T) {
	for name, c := range map[string]struct {
		of        *regexp.Regexp
		yes, noes []string
	}{
		"name":      {names.Name, []string{"a", "crm.contact-1_x", strings.Repeat("a", 64)}, []string{"", "A", ".a", "-a", "a\n", "a b", "é", strings.Repeat("a", 65)}},
		"hash":      {names.Hash, []string{strings.Repeat("0f", 32)}, []string{"", strings.Repeat("0F", 32), strings.Repeat("0", 63), strings.Repeat("0", 64) + "\n"}},
		"word":      {names.Word, []string{"a", "contact-1_x"}, []string{"", "a.b", "A", "a\n"}},
		"scope":     {names.Scope, []string{"a", "contacts.read", "urn:x:y"}, []string{"", "a b", `a"`, `a\`, "é"}},
		"attribute": {names.Attribute, []string{"uid", "objectClass", "x-1"}, []string{"", "1a", "cn;lang-de", "u id", "cn=x", "é"}},
		"audience":  {names.Audience, []string{"https://crm.example/saml", "urn:x"}, []string{"", "a b", "a\n", "é", strings.Repeat("a", 256)}},
		"issuer":    {names.Issuer, []string{"https://login.example/a?b=c", "spiffe://acme.example"}, []string{"", "a b", `a"b`, "a'b", "a`b", `a\b`, "é"}},
	} {
		for _, s := range c.yes {
			if !c.of.MatchString(s) {
				t.Errorf("%q is no %s", s, name)
			}
		}
		for _, s := range c.noes {
			if c.of.MatchString(s) {
				t.Errorf("%q is a %s", s, name)
			}
		}
	}
}

func TestPath(t *testing.T) {
	for s, want := range map[string]bool{
		"crm/api": true, "a": true, "": false, "/a": false, "a/": false, "a//b": false, "../a": false, "a/../b": false, "A": false, "a\n": false,
		strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		if names.Path(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestPlaces(t *testing.T) {
	for template, want := range map[string][]string{
		"": nil, "o=acme": nil, "uid={uid},ou={unit_2},o=acme": {"uid", "unit_2"}, "(&(a={a})(b={b}))": {"a", "b"},
	} {
		if got, ok := names.Places(template); !ok || !slices.Equal(got, want) {
			t.Errorf("%q: %q %v", template, got, ok)
		}
	}
	for _, template := range []string{"{", "}", "{}", "{A}", "{1}", "{a b}", "{{a}}", "{a}{a}", "{a", "a}"} {
		if _, ok := names.Places(template); ok {
			t.Errorf("%q is a template", template)
		}
	}
}

func TestEffects(t *testing.T) {
	for n, name := range map[uint8]string{1: "read-only", 2: "idempotent", 3: "once", 4: "final"} {
		if names.Effect(n) != name || names.EffectOf(name) != n {
			t.Errorf("%d is %q, and %q is %d", n, names.Effect(n), name, names.EffectOf(name))
		}
	}
	if names.Effect(0) != "" || names.Effect(5) != "" || names.EffectOf("") != 0 || names.EffectOf("Once") != 0 {
		t.Error("what is none has a name, or a number")
	}
}
