package ldapauth

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carnet-go/carnet/auth"
	"github.com/go-ldap/ldap/v3"
)

// attempts are values that somebody would send to be more than values.
var attempts = []string{
	"ada", "Zoë", "a b", " a", "a ", "#a", "a,b", "a+b", "a=b", `a\b`, `a\`, `a"b`, "a;b", "a<b>", "a\nb", "a\rb", "\u202e", "𝒜", "*", "a*", "**",
	"x,ou=admins", "x,dc=example", "x+cn=admin", `x\2cou=admins`, `x\`, `x\,`, "ada)(uid=*", "*)(|(uid=*", "ada))(&(uid=*", `\2a`, `\`, "(", ")", "()", "&", "|", "!", ":dn:=x",
	"{uid}", "{other}", "{", "}", "1.3.6.1", "#04024869", "=", ">=1", "~=", "a\u0000", "\x00", "\xff", "", strings.Repeat("(", 3000),
}

var bases = []string{
	"uid={uid},ou=people,dc=example", "cn={uid}+uid={other},dc=example", `cn=fixed\, with comma,uid={uid},dc=example`, "1.2.840={uid}", "uid = {uid} , dc = example", "dc=example",
}

var filters = []string{
	"(uid={uid})", "(&(objectClass=person)(|(uid={uid})(mail={other}))(!(uid=admin)))", "(cn={uid}*)", "(cn=*{uid}*{other})", "(uid>={uid})", "(uid<={uid})", "(uid~={uid})",
	"(cn:caseExactMatch:={uid})", "(cn:dn:={uid})", "(memberOf:1.2.840.113556.1.4.1941:={uid})", "(uid=*)", "(cn;lang-de={uid})", `(cn=fixed\28)`,
}

// FuzzDN: whatever a value is, the DN has the RDNs of its template, and the value in its
// place.
func FuzzDN(f *testing.F) { fuzz(f, bases, parseDN) }

// FuzzFilter: likewise, the filter.
func FuzzFilter(f *testing.F) { fuzz(f, filters, parseFilter) }

func fuzz(f *testing.F, templates []string, parse parser) {
	for _, a := range attempts {
		f.Add(a, "plain")
		f.Add("plain", a)
	}
	f.Fuzz(func(t *testing.T, uid, other string) {
		for _, template := range templates {
			given := map[string]string{}
			good := true
			for name, value := range map[string]string{"uid": uid, "other": other} {
				if strings.Contains(template, "{"+name+"}") {
					given[name] = value
					good = good && value != "" && utf8.ValidString(value) && !strings.Contains(value, "\x00")
				}
			}
			filled, err := fill(template, given, parse)
			if !good {
				if err != auth.ErrInvalid || filled != "" {
					t.Errorf("%q: %q, %v", template, filled, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%q refuses %q: %v", template, given, err)
				continue
			}
			holds(t, template, filled, given, parse)
		}
	})
}

// holds checks what came out by the text alone, not the way that fill does: what is
// between the constants of the template is letters, digits and pairs of hexadecimal
// digits, and means the value.
func holds(t *testing.T, template, filled string, given map[string]string, parse parser) {
	t.Helper()
	rest := filled
	for template != "" {
		before, after, more := strings.Cut(template, "{")
		if !strings.HasPrefix(rest, before) {
			t.Fatalf("%q: a constant has changed", filled)
		}
		rest = rest[len(before):]
		if !more {
			break
		}
		name, after, _ := strings.Cut(after, "}")
		template = after
		var value []byte
		for len(value) < len(given[name]) {
			if rest[0] != '\\' {
				value, rest = append(value, rest[0]), rest[1:]
				continue
			}
			value, rest = append(value, unhex(rest[1])<<4|unhex(rest[2])), rest[3:]
		}
		if string(value) != given[name] {
			t.Fatalf("%q: the value has changed", filled)
		}
	}
	parts, _ := parse(filled)
	for _, value := range given {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.value && p.text == value }) {
			t.Fatalf("%q does not hold %q", filled, value)
		}
	}
}

func unhex(c byte) byte { return byte(strings.IndexByte("0123456789abcdef", c)) }

// TestEscape: every byte is one byte of a value, for the library that reads it.
func TestEscape(t *testing.T) {
	for c := range 256 {
		value := "a" + string([]byte{byte(c)}) + "b"
		dn, err := ldap.ParseDN("uid=" + escape(value))
		if err != nil || len(dn.RDNs) != 1 || len(dn.RDNs[0].Attributes) != 1 || dn.RDNs[0].Attributes[0].Value != value {
			t.Errorf("%#x in a DN: %v", c, err)
		}
		filter, err := ldap.CompileFilter("(uid=" + escape(value) + ")")
		if err != nil || filter.Tag != ldap.FilterEqualityMatch || filter.Children[1].Data.String() != value {
			t.Errorf("%#x in a filter: %v", c, err)
		}
	}
}

func TestTemplates(t *testing.T) {
	for _, good := range bases {
		if !checked(good, parseDN) {
			t.Errorf("base %q is refused", good)
		}
	}
	for _, good := range filters {
		if !checked(good, parseFilter) {
			t.Errorf("filter %q is refused", good)
		}
	}
	for _, bad := range []string{
		"", " ", "people", "uid={uid", "uid=uid}", "uid={Uid}", "uid={}", "uid={uid}{other}", "uid=x{uid}", "uid={uid}x", "{uid}=x,dc=example", "{uid}", "uid={uid},{rest}",
		"uid={uid},cn={uid}", `uid=\7buid\7d`, `uid={uid},cn=\7buid\7d`, "uid=", "uid=x,,dc=y", "uid=x,", "=x", "uid=\xff", "uid=a\nb", "uid=a\x00", "u id=x", "uid={uid },dc=x", "uid=#{uid}",
	} {
		if checked(bad, parseDN) {
			t.Errorf("base %q is taken", bad)
		}
		if filled, err := fill(bad, map[string]string{"uid": "x"}, parseDN); err != auth.ErrInvalid || filled != "" {
			t.Errorf("base %q is filled: %q", bad, filled)
		}
	}
	for _, bad := range []string{
		"", "(", ")", "()", "uid={uid}", "(uid={uid}", "uid={uid})", "(uid=x)(uid={uid})", "({uid}=x)", "({uid}=*)", "(uid=x{uid})", "(uid={uid}{other})", "({uid})", "{uid}", "(&{uid})", "(cn:{uid}:=x)",
		"({uid}:caseExactMatch:=x)", "(uid={uid})(", "(!(uid={uid})(uid=y))", "(uid=\x00)", "(uid=\xff)", "(uid=\n)", `(uid=\7buid\7d)`, `(|(uid={uid})(cn=\7buid\7d))`, `(uid=\zz)`, "(u id=x)", "(=x)", "(u{uid}=x)",
	} {
		if checked(bad, parseFilter) {
			t.Errorf("filter %q is taken", bad)
		}
	}
}

// TestFill: every place has its value, and every value its place.
func TestFill(t *testing.T) {
	const base = "cn={uid}+uid={other},dc=example"
	for _, tt := range []struct {
		values  map[string]string
		want    string
		wantErr error
	}{
		{map[string]string{"uid": "a", "other": "b"}, "cn=a+uid=b,dc=example", nil},
		{map[string]string{"uid": "{other}", "other": "{uid}"}, `cn=\7bother\7d+uid=\7buid\7d,dc=example`, nil},
		{map[string]string{"uid": "a,b", "other": "Ö"}, `cn=a\2cb+uid=\c3\96,dc=example`, nil},
		{map[string]string{"uid": "a"}, "", auth.ErrInvalid},
		{map[string]string{"uid": "a", "other": ""}, "", auth.ErrInvalid},
		{map[string]string{"uid": "a", "others": "b"}, "", auth.ErrInvalid},
		{map[string]string{"uid": "a", "other": "b", "third": "c"}, "", auth.ErrInvalid},
		{nil, "", auth.ErrInvalid},
	} {
		if got, err := fill(base, tt.values, parseDN); got != tt.want || err != tt.wantErr {
			t.Errorf("%q: %q, %v", tt.values, got, err)
		}
	}
}
