package ldapauth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/ldapauth"
)

func TestCheck(t *testing.T) {
	var none *ldapauth.Bind
	for name, b := range map[string]*ldapauth.Bind{"nil": none, "zero": {}} {
		if err := b.Check(); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if made, err := b.Translate(t.Context(), auth.Need{}); err != auth.ErrInvalid || made != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&ldapauth.Bind{Login: serviceLogin()}).Check(); err != nil {
		t.Error(err)
	}
}

func TestFits(t *testing.T) {
	b := &ldapauth.Bind{}
	good := auth.System{Kind: auth.KindDirectory, Origin: "ldaps://directory.example", Operations: append(operations(), mapped()...)}
	if err := b.Fits(good); err != nil {
		t.Fatal(err)
	}
	good.Origin = "ldap://directory.example:389"
	if err := b.Fits(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*auth.System){
		"zero":      func(s *auth.System) { *s = auth.System{} },
		"api":       func(s *auth.System) { s.Kind = auth.KindAPI },
		"https":     func(s *auth.System) { s.Origin = "https://directory.example" },
		"ldapi":     func(s *auth.System) { s.Origin = "ldapi://directory.example" },
		"no scheme": func(s *auth.System) { s.Origin = "ldaps" },
	} {
		bad := good
		if spoil(&bad); !errors.Is(b.Fits(bad), auth.ErrInvalid) {
			t.Errorf("%s: %v", name, b.Fits(bad))
		}
	}
	search, remove := mapped()[4], mapped()[2]
	for name, op := range map[string]auth.Operation{
		"no method":                with(remove, func(o *auth.Operation) { o.Method = "" }),
		"HTTP method":              with(remove, func(o *auth.Operation) { o.Method = "DELETE" }),
		"compare":                  with(remove, func(o *auth.Operation) { o.Method = "compare" }),
		"write that only reads":    with(remove, func(o *auth.Operation) { o.Effect = auth.ReadOnly }),
		"search that writes":       with(search, func(o *auth.Operation) { o.Effect = auth.Idempotent }),
		"no base":                  with(remove, func(o *auth.Operation) { o.Base = "" }),
		"base is no DN":            with(remove, func(o *auth.Operation) { o.Base = "people" }),
		"place in a type":          with(remove, func(o *auth.Operation) { o.Base = "{person}=x" }),
		"place is an RDN":          with(remove, func(o *auth.Operation) { o.Base = "{person},dc=example" }),
		"place is part of a value": with(remove, func(o *auth.Operation) { o.Base = "uid=x{person}" }),
		"filter of a delete":       with(remove, func(o *auth.Operation) { o.Filter = "(uid=*)" }),
		"filter does not compile":  with(search, func(o *auth.Operation) { o.Filter = "(uid={uid}" }),
		"place is a filter":        with(search, func(o *auth.Operation) { o.Filter = "(&(uid={uid}){name})" }),
		"place is an attribute":    with(search, func(o *auth.Operation) { o.Filter = "({uid}=x)" }),
		"attributes of a delete":   with(remove, func(o *auth.Operation) { o.Attributes = []string{"uid"} }),
		"reads nothing":            with(search, func(o *auth.Operation) { o.Attributes = nil }),
		"reads everything":         with(search, func(o *auth.Operation) { o.Attributes = []string{"*"} }),
		"reads what is internal":   with(search, func(o *auth.Operation) { o.Attributes = []string{"+"} }),
		"reads dn":                 with(search, func(o *auth.Operation) { o.Attributes = []string{"DN"} }),
		"reads twice":              with(search, func(o *auth.Operation) { o.Attributes = []string{"mail", "Mail"} }),
		"reads with an option":     with(search, func(o *auth.Operation) { o.Attributes = []string{"cn;lang-de"} }),
	} {
		bad := good
		bad.Operations = []auth.Operation{op}
		if err := b.Fits(bad); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func with(op auth.Operation, change func(*auth.Operation)) auth.Operation {
	op.Attributes = slices.Clone(op.Attributes)
	change(&op)
	return op
}

// TestNothingPrintsThePassword: translators and material stand in configuration and
// logs.
func TestNothingPrintsThePassword(t *testing.T) {
	d := newDirectory(t)
	b := &ldapauth.Bind{Login: auth.Constant(map[string]auth.Secret{"name": auth.NewSecret([]byte(service)), "password": auth.NewSecret([]byte(password))})}
	n := d.need(t, d.dial(t), "directory.entry.drop")
	p := performer(t, b, n)
	forms := []string{password, fmt.Sprintf("%x", password), fmt.Sprintf("%X", password), strings.Trim(fmt.Sprint([]byte(password)), "[]"),
		base64.StdEncoding.EncodeToString([]byte(password))}
	d.passwordIs("another")
	d.drop()
	d.settle()
	_, refused := p.Perform(t.Context(), n.Grant, nothing) // and now its digest is kept
	if !errors.Is(refused, auth.ErrExpired) {
		t.Fatal(refused)
	}
	for _, v := range []any{b, p, refused, struct{ m auth.Material }{p}, struct{ t auth.Translator }{b}, auth.Translators{"directory": b}} {
		var out bytes.Buffer
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d") {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		encoded, err := json.Marshal(v)
		fmt.Fprintf(&out, "%s %v", encoded, err)
		for _, form := range forms {
			if strings.Contains(out.String(), form) {
				t.Errorf("%T shows the password", v)
			}
		}
	}
}

// BenchmarkPerform is a search over a session that is there.
func BenchmarkPerform(b *testing.B) {
	d := newDirectory(b)
	n := d.need(b, d.dial(b), "directory.entry.read")
	p := performer(b, &ldapauth.Bind{Login: serviceLogin()}, n)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Perform(b.Context(), n.Grant, nothing); err != nil {
			b.Fatal(err)
		}
	}
}

func Example() {
	login := auth.Constant(map[string]auth.Secret{
		"name": auth.NewSecret([]byte("cn=carnet,ou=services,dc=example")), "password": auth.NewSecret([]byte("s3cret")),
	})
	directory := &ldapauth.Bind{Login: login}
	system := auth.System{
		Name: "directory", Kind: auth.KindDirectory, Origin: "ldaps://directory.example",
		Operations: []auth.Operation{{
			Name: "directory.person.find", Method: "search", Base: "ou=people,dc=example", Filter: "(uid={uid})",
			Attributes: []string{"mail"}, Input: "person-to-query", Output: "found", Effect: auth.ReadOnly,
		}},
	}
	fmt.Println(directory.Fits(system))

	// A place is a value: nothing else can be filled in.
	system.Operations[0].Filter = "(&(objectClass=person){more})"
	fmt.Println(directory.Fits(system))

	// A Broker translates, under the grant of the call.
	_, err := directory.Translate(context.Background(), auth.Need{})
	fmt.Println(err)
	// Output:
	// <nil>
	// auth: invalid: a filter is not a search's, or its {places} are not whole values
	// auth: foreign
}
