package subject_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth/internal/subject"
)

const us, them = "https://login.acme.example", "https://login.guest.example"

func TestName(t *testing.T) {
	mail := subject.Rule{Issuer: us, Claim: "email", Template: "{claim}", Domains: map[string][]string{us: {"acme.example"}}}
	anyMail := subject.Rule{Claim: "email", Table: map[string]string{us + " cfo@acme.example": "cfo", them + " cfo@acme.example": "cfo"}, Domains: map[string][]string{us: {"acme.example"}}}
	verified := func(address string) map[string][]string {
		return map[string][]string{"email": {address}, "email_verified": {"true"}}
	}
	for name, c := range map[string]struct {
		rule   subject.Rule
		issuer string
		claims map[string][]string
		want   string
	}{
		"nothing declared":      {subject.Rule{}, us, nil, ""},
		"table":                 {subject.Rule{Table: map[string]string{us + " u-1": "anna"}}, us, nil, "anna"},
		"equal sub elsewhere":   {subject.Rule{Table: map[string]string{us + " u-1": "anna"}}, them, nil, ""},
		"template":              {subject.Rule{Issuer: us, Template: "hr-{claim}"}, us, nil, "hr-u-1"},
		"another's template":    {subject.Rule{Issuer: us, Template: "hr-{claim}"}, them, nil, ""},
		"reserved":              {subject.Rule{Issuer: us, Template: "{claim}", Reserved: []string{"U-1"}}, us, nil, ""},
		"claim":                 {subject.Rule{Issuer: us, Claim: "oid", Template: "{claim}"}, us, map[string][]string{"oid": {"o-7"}}, "o-7"},
		"no claim":              {subject.Rule{Issuer: us, Claim: "oid", Template: "{claim}"}, us, nil, ""},
		"two values":            {subject.Rule{Issuer: us, Claim: "oid", Template: "{claim}"}, us, map[string][]string{"oid": {"a", "b"}}, ""},
		"separator in a value":  {subject.Rule{Issuer: us, Claim: "oid", Template: "cn={claim},o=x"}, us, map[string][]string{"oid": {"a,cn=root"}}, ""},
		"control in a value":    {subject.Rule{Issuer: us, Claim: "oid", Template: "{claim}"}, us, map[string][]string{"oid": {"a\n"}}, ""},
		"mutable":               {subject.Rule{Issuer: us, Claim: "UPN", Template: "{claim}"}, us, map[string][]string{"UPN": {"cfo"}}, ""},
		"email in capitals":     {subject.Rule{Issuer: us, Claim: "Email", Template: "{claim}"}, us, map[string][]string{"Email": {"cfo"}}, ""},
		"mutable in a URI":      {subject.Rule{Issuer: us, Claim: "http://schemas.example/claims/emailaddress", Template: "{claim}"}, us, map[string][]string{"http://schemas.example/claims/emailaddress": {"cfo"}}, ""},
		"account name":          {subject.Rule{Issuer: us, Claim: "sAMAccountName", Template: "{claim}"}, us, map[string][]string{"sAMAccountName": {"cfo"}}, ""},
		"e-mail":                {mail, us, verified("anna@acme.example"), "anna@acme.example"},
		"e-mail not verified":   {mail, us, map[string][]string{"email": {"anna@acme.example"}}, ""},
		"e-mail said false":     {mail, us, map[string][]string{"email": {"anna@acme.example"}, "email_verified": {"false"}}, ""},
		"other domain":          {mail, us, verified("anna@evil.example"), ""},
		"domain in other case":  {mail, us, verified("anna@ACME.example"), ""},
		"two at signs":          {mail, us, verified("anna@evil.example@acme.example"), ""},
		"quoted local part":     {mail, us, verified(`"a b"@acme.example`), ""},
		"guest with our e-mail": {anyMail, them, verified("cfo@acme.example"), ""},
		"ours with our e-mail":  {anyMail, us, verified("cfo@acme.example"), "cfo"},
	} {
		got, ok := c.rule.Name(c.issuer, "u-1", c.claims)
		if ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
		if c.rule.Named(c.issuer, "u-1", c.claims) != (ok || !c.rule.Declared()) {
			t.Errorf("%s: Named says otherwise", name)
		}
	}
}

type keys struct{ err error }

func (k keys) UseKey(_ context.Context, name string, use func(string, []byte) error) error {
	if k.err != nil || name != "erp/pairs" {
		return errors.Join(k.err, errors.New("no such key"))
	}
	return use("1", []byte(strings.Repeat("k", 32)))
}

func TestPairwise(t *testing.T) {
	r := subject.Rule{Issuer: us, Pairwise: "erp/pairs"}
	seen := map[string]bool{}
	for _, who := range [][3]string{{"acme", "erp", "u-1"}, {"globex", "erp", "u-1"}, {"acme", "crm", "u-1"}, {"acme", "erp", "u-2"}} {
		id, err := r.Resolve(t.Context(), keys{}, who[0], who[1], us, who[2], nil)
		if err != nil || len(id) != 32 || seen[id] {
			t.Errorf("%v: %q, %v", who, id, err)
		}
		seen[id] = true
	}
	if id, err := r.Resolve(t.Context(), keys{}, "acme", "erp", them, "u-1", nil); id != "" || err != nil {
		t.Errorf("another issuer's: %q, %v", id, err)
	}
	if id, err := r.Resolve(t.Context(), nil, "acme", "erp", us, "u-1", nil); id != "" || err != nil {
		t.Errorf("without keys: %q, %v", id, err)
	}
	if id, err := r.Resolve(t.Context(), keys{errors.New("x")}, "acme", "erp", us, "u-1", nil); id != "" || err == nil {
		t.Errorf("with a key that fails: %q, %v", id, err)
	}
	if !r.Named(us, "u-1", nil) || r.Named(them, "u-1", nil) {
		t.Error("Named says otherwise")
	}
	if name, err := (subject.Rule{Issuer: us, Template: "{claim}"}).Resolve(t.Context(), nil, "acme", "erp", us, "u-1", nil); name != "u-1" || err != nil {
		t.Errorf("template: %q, %v", name, err)
	}
}

// FuzzName: whoever comes, a name can be printed and is not reserved.
func FuzzName(f *testing.F) {
	f.Add("u-1", "a@acme.example")
	f.Add("root", "ROOT")
	f.Fuzz(func(t *testing.T, sub, value string) {
		for _, r := range []subject.Rule{
			{Issuer: us, Template: "x{claim}", Reserved: []string{"xroot"}},
			{Issuer: us, Claim: "oid", Template: "{claim}", Reserved: []string{"root"}},
			{Issuer: us, Claim: "email", Template: "{claim}", Domains: map[string][]string{us: {"acme.example"}}, Reserved: []string{"root@acme.example"}},
		} {
			name, ok := r.Name(us, sub, map[string][]string{"oid": {value}, "email": {value}, "email_verified": {"true"}})
			if ok && (!subject.Printable(name) || strings.EqualFold(name, r.Reserved[0])) {
				t.Errorf("%q", name)
			}
		}
	})
}

func TestDomain(t *testing.T) {
	for s, want := range map[string]bool{"acme.example": true, "Acme.example": false, "acme": false, "*.example": false, "": false, "a..b": false} {
		if subject.Domain(s) != want {
			t.Errorf("%q", s)
		}
	}
}
