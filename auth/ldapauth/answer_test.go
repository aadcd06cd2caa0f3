package ldapauth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/ldapauth"
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

func values(name string, of ...string) ldap.Attribute { return ldap.Attribute{Type: name, Vals: of} }

func TestSearch(t *testing.T) {
	for _, tt := range []struct {
		name      string
		operation string
		entries   []entry
		asked     string
		want      string
	}{
		{"the entry", "directory.entry.read", []entry{{ada, []ldap.Attribute{values("uid", "ada"), values("mail", "a@x.example", "b@x.example")}}},
			"search " + ada + " (objectClass=*)", `{"entries":[{"dn":"` + ada + `","uid":["ada"],"mail":["a@x.example","b@x.example"]}]}`},
		{"below the base", "directory.entry.find", nil,
			"search " + people + " (&(objectClass=person)(uid=ada))", `{"entries":[]}`},
		{"no attributes", "directory.entry.find", []entry{{dn: ada}}, "", `{"entries":[{"dn":"` + ada + `","uid":[],"mail":[]}]}`},
		{"as declared", "directory.entry.find", []entry{{ada, []ldap.Attribute{values("MAIL", "x"), values("UID", "y")}}}, "",
			`{"entries":[{"dn":"` + ada + `","uid":["y"],"mail":["x"]}]}`},
		{"several", "directory.entry.find", []entry{{dn: "uid=a"}, {"uid=b", []ldap.Attribute{values("uid", "b")}}}, "",
			`{"entries":[{"dn":"uid=a","uid":[],"mail":[]},{"dn":"uid=b","uid":["b"],"mail":[]}]}`},
		{"options are others", "directory.entry.find", []entry{{ada, []ldap.Attribute{values("uid;lang-de", "x"), values("uid", "ada")}}}, "",
			`{"entries":[{"dn":"` + ada + `","uid":["ada"],"mail":[]}]}`},
		{"quotes", "directory.entry.find", []entry{{`uid=a\22"`, []ldap.Attribute{values("uid", `","mail":["x`), values("mail", "Zoë\n\u2028")}}}, "",
			`{"entries":[{"dn":"uid=a\\22\"","uid":["\",\"mail\":[\"x"],"mail":["Zoë\n\u2028"]}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDirectory(t)
			d.entries = tt.entries
			n := d.need(t, d.dial(t), tt.operation)
			p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
			answer, err := p.Perform(t.Context(), n.Grant, nothing)
			if err != nil || string(answer) != tt.want {
				t.Errorf("%s\n%v", answer, err)
			}
			if got := d.asked("search"); len(got) != 1 || !strings.HasPrefix(got[0], tt.asked) {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestSearchAsks for what is declared and no more.
func TestSearchAsks(t *testing.T) {
	for operation, scope := range map[string]int64{"directory.entry.read": ldap.ScopeBaseObject, "directory.entry.find": ldap.ScopeWholeSubtree} {
		d := newDirectory(t)
		asked := make(chan string, 1)
		d.hook = func(_ *served, _ int64, op *ber.Packet) bool {
			if op.Tag == ldap.ApplicationSearchRequest {
				var attributes []string
				for _, a := range op.Children[7].Children {
					attributes = append(attributes, a.Data.String())
				}
				asked <- fmt.Sprint(op.Children[1].Value, op.Children[2].Value, op.Children[3].Value, attributes)
			}
			return false
		}
		n := d.need(t, d.dial(t), operation)
		p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
		if _, err := p.Perform(t.Context(), n.Grant, nothing); err != nil {
			t.Fatal(err)
		}
		if got, want := <-asked, fmt.Sprint(scope, int64(ldap.NeverDerefAliases), int64(1000), []string{"uid", "mail"}); got != want {
			t.Errorf("%s: asked for %s, want %s", operation, got, want)
		}
	}
}

// TestRefusedAnswers: what is not whole, not text, or not what was asked for.
func TestRefusedAnswers(t *testing.T) {
	many := func(n int) []entry {
		all := make([]entry, n)
		for i := range all {
			all[i] = entry{dn: fmt.Sprintf("uid=%d,%s", i, people)}
		}
		return all
	}
	for _, tt := range []struct {
		name    string
		entries []entry
		wantErr error
	}{
		{"1,000 entries", many(1000), nil},
		{"1,001 entries", many(1001), auth.ErrInvalid},
		{"5 MiB", []entry{{ada, []ldap.Attribute{values("mail", strings.Repeat("x", 5<<20))}}}, auth.ErrInvalid},
		{"5 MiB in parts", []entry{
			{ada, []ldap.Attribute{values("mail", strings.Repeat("x", 2<<20))}}, {ada, []ldap.Attribute{values("mail", strings.Repeat("x", 3<<20))}},
		}, auth.ErrInvalid},
		{"not UTF-8", []entry{{ada, []ldap.Attribute{values("mail", "a\xff")}}}, auth.ErrInvalid},
		{"NUL", []entry{{ada, []ldap.Attribute{values("mail", "a\x00")}}}, auth.ErrInvalid},
		{"DN not UTF-8", []entry{{dn: "uid=\xff"}}, auth.ErrInvalid},
		{"undeclared", []entry{{ada, []ldap.Attribute{values("userPassword", "x")}}}, auth.ErrInvalid},
		{"in part", []entry{{ada, []ldap.Attribute{values("mail"), values("mail;range=0-1499", "x")}}}, auth.ErrInvalid},
		{"in part, another way", []entry{{ada, []ldap.Attribute{values("mail;x-a;RANGE=0-*", "x")}}}, auth.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDirectory(t)
			d.entries = tt.entries
			n := d.need(t, d.dial(t), "directory.entry.find")
			p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
			answer, err := p.Perform(t.Context(), n.Grant, nothing)
			if err != tt.wantErr || (answer == nil) != (err != nil) {
				t.Errorf("%d bytes, %v", len(answer), err)
			}
		})
	}
}

// TestAllowance: how much is read is for one call, not for a session.
func TestAllowance(t *testing.T) {
	d := newDirectory(t)
	d.entries = []entry{{ada, []ldap.Attribute{values("mail", strings.Repeat("x", 3<<20))}}}
	n := d.need(t, d.dial(t), "directory.entry.find")
	p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
	for range 3 {
		if answer, err := p.Perform(t.Context(), n.Grant, nothing); err != nil || len(answer) < 3<<20 {
			t.Errorf("%d bytes, %v", len(answer), err)
		}
	}
	if d.dialled() != 1 {
		t.Errorf("%d dials", d.dialled())
	}
}

// TestReferral: a place that nobody declared is not asked, and what is there is missed
// by nobody.
func TestReferral(t *testing.T) {
	for _, tt := range []struct {
		name, operation string
		hook            hook
		status          int
	}{
		{"of a search", "directory.entry.find", answering(ldap.ApplicationSearchRequest, ldap.ApplicationSearchResultDone, 10), 10},
		{"of a write", "directory.entry.drop", answering(ldap.ApplicationDelRequest, ldap.ApplicationDelResponse, 10), 10},
		{"in an answer", "directory.entry.find", func(c *served, id int64, op *ber.Packet) bool {
			if op.Tag == ldap.ApplicationSearchRequest {
				c.d.note("answered", c.bound)
				c.entry(id, entry{dn: ada})
				c.reference(id, "ldap://evil.invalid/dc=example")
			}
			return false
		}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDirectory(t)
			d.hook = tt.hook
			n := d.need(t, d.dial(t), tt.operation)
			p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
			answer, err := p.Perform(t.Context(), n.Grant, nothing)
			if !errors.Is(err, auth.ErrUndeclared) || status(err) != tt.status || answer != nil || leaks(err) {
				t.Errorf("%q, %v", answer, err)
			}
			if d.dialled() != 1 || len(d.asked("bind")) != 1 || len(d.asked("answered")) != 1 {
				t.Errorf("%d dials, %q", d.dialled(), d.asked(""))
			}
		})
	}
}

// TestResults: on which side each result is, for what would happen a second time.
func TestResults(t *testing.T) {
	const search, drop, end = "directory.entry.read", "directory.entry.drop", "directory.entry.end"
	for _, tt := range []struct {
		code               uint16
		search, drop, ends error
	}{
		{0, nil, nil, nil},
		{1, auth.ErrInvalid, auth.ErrInvalid, auth.ErrInvalid},
		{3, auth.ErrInvalid, auth.ErrInvalid, auth.ErrInvalid},
		{4, auth.ErrInvalid, auth.ErrInvalid, auth.ErrInvalid},
		{8, auth.ErrInvalid, auth.ErrInvalid, auth.ErrInvalid},
		{11, auth.ErrInvalid, auth.ErrInvalid, auth.ErrInvalid},
		{13, auth.ErrInvalid, auth.ErrInvalid, auth.ErrInvalid},
		{32, auth.ErrInvalid, nil, auth.ErrInvalid},
		{49, auth.ErrDenied, auth.ErrDenied, auth.ErrDenied},
		{50, auth.ErrDenied, auth.ErrDenied, auth.ErrDenied},
		{51, auth.ErrUnavailable, auth.ErrUnavailable, auth.ErrUnavailable},
		{52, auth.ErrUnavailable, auth.ErrUnavailable, auth.ErrUnknown},
		{53, auth.ErrInvalid, auth.ErrInvalid, auth.ErrInvalid},
		{68, auth.ErrInvalid, auth.ErrInvalid, auth.ErrInvalid},
		{80, auth.ErrUnavailable, auth.ErrUnknown, auth.ErrUnknown},
		{118, auth.ErrInvalid, auth.ErrInvalid, auth.ErrInvalid},
	} {
		d := newDirectory(t)
		d.hook = func(c *served, id int64, op *ber.Packet) bool {
			return answering(ldap.ApplicationSearchRequest, ldap.ApplicationSearchResultDone, tt.code)(c, id, op) ||
				answering(ldap.ApplicationDelRequest, ldap.ApplicationDelResponse, tt.code)(c, id, op)
		}
		dial := d.dial(t)
		for operation, wantErr := range map[string]error{search: tt.search, drop: tt.drop, end: tt.ends} {
			n := d.need(t, dial, operation)
			p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
			for range 2 { // a result leaves the session as it was
				_, err := p.Perform(t.Context(), n.Grant, nothing)
				if !errors.Is(err, wantErr) || leaks(err) {
					t.Errorf("%d of %s: %v", tt.code, operation, err)
				}
				if failed, ok := errors.AsType[*auth.FailedError](err); err != nil && (!ok || failed.Status != int(tt.code) || failed.System != "directory" || failed.Credential != "l-1") {
					t.Errorf("%d of %s: %+v", tt.code, operation, failed)
				}
			}
		}
		if d.dialled() != 3 {
			t.Errorf("%d: %d dials", tt.code, d.dialled())
		}
	}
}

// TestGarbledAnswers: an answer to something else, or none, is no success.
func TestGarbledAnswers(t *testing.T) {
	for name, answer := range map[string]hook{
		"of another kind": answering(ldap.ApplicationDelRequest, ldap.ApplicationAddResponse, 0),
		"without a result": func(c *served, id int64, op *ber.Packet) bool {
			if op.Tag == ldap.ApplicationDelRequest {
				c.send(id, ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationDelResponse, nil, ""))
			}
			return op.Tag == ldap.ApplicationDelRequest
		},
		"no BER": func(c *served, id int64, op *ber.Packet) bool {
			if op.Tag == ldap.ApplicationDelRequest {
				_, _ = c.Write([]byte{0x30, 0x80, 0xff, 0xff, 0xff})
				_ = c.raw.Close()
			}
			return op.Tag == ldap.ApplicationDelRequest
		},
		"a result of the library's own": answering(ldap.ApplicationDelRequest, ldap.ApplicationDelResponse, ldap.ErrorNetwork),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDirectory(t)
			d.hook = answer
			n := d.need(t, d.dial(t), "directory.entry.drop")
			p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
			if _, err := p.Perform(t.Context(), n.Grant, nothing); err != auth.ErrUnknown {
				t.Errorf("%v", err)
			}
		})
	}
}
