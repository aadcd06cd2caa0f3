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
	"github.com/carnet-go/carnet/mapping"
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
	for name, c := range map[string]struct {
		spoil func(*auth.System)
		want  string
	}{
		"zero":      {func(s *auth.System) { *s = auth.System{} }, "L101 /kind L102 /origin"},
		"api":       {func(s *auth.System) { s.Kind = auth.KindAPI }, "L101 /kind"},
		"https":     {func(s *auth.System) { s.Origin = "https://directory.example" }, "L102 /origin"},
		"ldapi":     {func(s *auth.System) { s.Origin = "ldapi://directory.example" }, "L102 /origin"},
		"no scheme": {func(s *auth.System) { s.Origin = "ldaps" }, "L102 /origin"},
	} {
		bad := good
		if c.spoil(&bad); found(b.Fits(bad)) != c.want {
			t.Errorf("%s: %v, want %s", name, b.Fits(bad), c.want)
		}
	}
	search, remove := mapped()[4], mapped()[2]
	for name, c := range map[string]struct {
		op   auth.Operation
		want string
	}{
		"no method":                {with(remove, func(o *auth.Operation) { o.Method = "" }), "L110 /method"},
		"HTTP method":              {with(remove, func(o *auth.Operation) { o.Method = "DELETE" }), "L110 /method"},
		"compare":                  {with(remove, func(o *auth.Operation) { o.Method = "compare" }), "L110 /method"},
		"write that only reads":    {with(remove, func(o *auth.Operation) { o.Effect = auth.ReadOnly }), "L111 /effect"},
		"search that writes":       {with(search, func(o *auth.Operation) { o.Effect = auth.Idempotent }), "L111 /effect"},
		"no base":                  {with(remove, func(o *auth.Operation) { o.Base = "" }), "L112 /base"},
		"base is no DN":            {with(remove, func(o *auth.Operation) { o.Base = "people" }), "L112 /base"},
		"place in a type":          {with(remove, func(o *auth.Operation) { o.Base = "{person}=x" }), "L112 /base"},
		"place is an RDN":          {with(remove, func(o *auth.Operation) { o.Base = "{person},dc=example" }), "L112 /base"},
		"place is part of a value": {with(remove, func(o *auth.Operation) { o.Base = "uid=x{person}" }), "L112 /base"},
		"filter of a delete":       {with(remove, func(o *auth.Operation) { o.Filter = "(uid=*)" }), "L113 /filter"},
		"filter does not compile":  {with(search, func(o *auth.Operation) { o.Filter = "(uid={uid}" }), "L113 /filter"},
		"place is a filter":        {with(search, func(o *auth.Operation) { o.Filter = "(&(uid={uid}){name})" }), "L113 /filter"},
		"place is an attribute":    {with(search, func(o *auth.Operation) { o.Filter = "({uid}=x)" }), "L113 /filter"},
		"attributes of a delete":   {with(remove, func(o *auth.Operation) { o.Attributes = []string{"uid"} }), "L114 /attributes"},
		"reads nothing":            {with(search, func(o *auth.Operation) { o.Attributes = nil }), "L114 /attributes"},
		"reads everything":         {with(search, func(o *auth.Operation) { o.Attributes = []string{"*"} }), "L114 /attributes"},
		"reads what is internal":   {with(search, func(o *auth.Operation) { o.Attributes = []string{"+"} }), "L114 /attributes"},
		"reads dn":                 {with(search, func(o *auth.Operation) { o.Attributes = []string{"DN"} }), "L114 /attributes"},
		"reads twice":              {with(search, func(o *auth.Operation) { o.Attributes = []string{"mail", "Mail"} }), "L114 /attributes"},
		"reads with an option":     {with(search, func(o *auth.Operation) { o.Attributes = []string{"cn;lang-de"} }), "L114 /attributes"},
	} {
		bad := good
		bad.Operations = []auth.Operation{remove, c.op}
		if got, want := found(b.Fits(bad)), strings.ReplaceAll(c.want, " /", " /operations/1/"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// found are the codes and paths of findings.
func found(err error) string {
	all, _ := errors.AsType[mapping.Findings](err)
	var parts []string
	for _, f := range all {
		parts = append(parts, f.Code, f.Path)
	}
	return strings.Join(parts, " ")
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
	// L113 is not a search's filter whose {places} are whole values at /operations/0/filter
	// auth: foreign
}
