package ldapauth

import (
	"iter"
	"reflect"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
	"github.com/go-ldap/ldap/v3"
)

// fields are what a record would yield: in, name and value of each.
func fields(all ...string) iter.Seq2[mapping.Place, string] {
	return func(yield func(mapping.Place, string) bool) {
		for i := 0; i < len(all); i += 3 {
			if !yield(mapping.Place{In: all[i], Name: all[i+1]}, all[i+2]) {
				return
			}
		}
	}
}

const entry = "uid={person},dc=example"

func TestCalls(t *testing.T) {
	add := auth.Operation{Method: "add", Base: entry, Effect: auth.Idempotent}
	modify := auth.Operation{Method: "modify", Base: entry, Effect: auth.Idempotent}
	remove := auth.Operation{Method: "delete", Base: entry, Effect: auth.Once}
	search := auth.Operation{Method: "search", Base: "ou={unit},dc=example", Filter: "(mail={mail})", Attributes: []string{"uid"}, Effect: auth.ReadOnly}
	look := auth.Operation{Method: "search", Base: entry, Attributes: []string{"uid"}, Effect: auth.ReadOnly}
	for _, tt := range []struct {
		name string
		op   auth.Operation
		from iter.Seq2[mapping.Place, string]
		want *call // nil: ErrInvalid
	}{
		{"add", add, fields("dn", "person", "ada", "attribute", "objectClass", "top", "attribute", "objectClass", "person", "attribute", "sn", "L"),
			&call{method: "add", effect: auth.Idempotent, dn: "uid=ada,dc=example", write: []ldap.Attribute{{Type: "objectClass", Vals: []string{"top", "person"}}, {Type: "sn", Vals: []string{"L"}}}}},
		{"modify", modify, fields("dn", "person", "a,b", "attribute", "sn", "L"),
			&call{method: "modify", effect: auth.Idempotent, dn: `uid=a\2cb,dc=example`, write: []ldap.Attribute{{Type: "sn", Vals: []string{"L"}}}}},
		{"delete", remove, fields("dn", "person", "ada"), &call{method: "delete", effect: auth.Once, dn: "uid=ada,dc=example"}},
		{"search", search, fields("filter", "mail", "*", "dn", "unit", "x"),
			&call{method: "search", effect: auth.ReadOnly, dn: "ou=x,dc=example", filter: `(mail=\2a)`, read: []string{"uid"}}},
		{"the entry", look, fields("dn", "person", "ada"), &call{method: "search", effect: auth.ReadOnly, dn: "uid=ada,dc=example", read: []string{"uid"}}},
		{"add nothing", add, fields("dn", "person", "ada"), nil},
		{"modify nothing", modify, fields("dn", "person", "ada"), nil},
		{"delete with an attribute", remove, fields("dn", "person", "ada", "attribute", "sn", "L"), nil},
		{"search with an attribute", look, fields("dn", "person", "ada", "attribute", "sn", "L"), nil},
		{"no place for a filter", look, fields("dn", "person", "ada", "filter", "mail", "x"), nil},
		{"no value for a place", look, fields(), nil},
		{"two values for a place", look, fields("dn", "person", "ada", "dn", "person", "bob"), nil},
		{"the other's place", search, fields("dn", "mail", "x", "filter", "unit", "x"), nil},
		{"in path", look, fields("dn", "person", "ada", "path", "x", "y"), nil},
		{"in query", look, fields("dn", "person", "ada", "query", "x", "y"), nil},
		{"in header", look, fields("dn", "person", "ada", "header", "x", "y"), nil},
		{"in nothing", look, fields("dn", "person", "ada", "", "x", "y"), nil},
		{"two spellings", add, fields("dn", "person", "ada", "attribute", "sn", "L", "attribute", "SN", "M"), nil},
		{"no attribute's name", add, fields("dn", "person", "ada", "attribute", "sn: x\nuserPassword", "L"), nil},
		{"an option", add, fields("dn", "person", "ada", "attribute", "sn;binary", "L"), nil},
		{"NUL in an attribute", add, fields("dn", "person", "ada", "attribute", "sn", "a\x00"), nil},
		{"no UTF-8 in an attribute", add, fields("dn", "person", "ada", "attribute", "sn", "a\xff"), nil},
		{"an operation that does not fit", auth.Operation{Method: "compare", Base: entry, Effect: auth.ReadOnly}, fields("dn", "person", "ada"), nil},
	} {
		got, err := newCall(tt.op, nil, tt.from)
		if tt.want == nil {
			if err != auth.ErrInvalid {
				t.Errorf("%s: %+v, %v", tt.name, got, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

// TestValuesNeverMakeAnotherEntry that another operation names, as directories compare:
// policy may deny that one.
func TestValuesNeverMakeAnotherEntry(t *testing.T) {
	op := func(method, base string) auth.Operation {
		return auth.Operation{Method: method, Base: base, Effect: auth.Once}
	}
	remove := op("delete", "uid={person},ou=people,dc=example")
	all := []auth.Operation{
		remove, op("delete", "uid=admin,ou=people,dc=example"), op("delete", "uid=Super  User,ou=people,dc=example"),
		op("modify", "uid=bob,ou=people,dc=example"), op("delete", "uid={other},ou=people,dc=example"), op("delete", "uid=eve,dc=example"),
	}
	for person, ok := range map[string]bool{
		"admin": false, "ADMIN": false, " admin ": false, "super user": false, "bob": true, "eve": true, "admins": true, "admin,ou=people": true,
	} {
		c, err := newCall(remove, all, fields("dn", "person", person))
		if (err == nil) != ok {
			t.Errorf("%q: %+v, %v", person, c, err)
		}
	}
}

// TestRefusalsAreForgotten when there are too many, and not before.
func TestRefusalsAreForgotten(t *testing.T) {
	var r refusals
	first := login{"cn=a", "x"}
	r.remember(first)
	for i := range mostRefusals - 1 {
		r.remember(login{"cn=a", string(rune(0x4e00 + i))})
	}
	if !r.refused(first) || r.refused(login{"cn=ax", ""}) {
		t.Error("forgotten, or another")
	}
	r.remember(login{"cn=b", "x"})
	if r.refused(first) || !r.refused(login{"cn=b", "x"}) || len(r.memo.until) != 1 {
		t.Error("kept for ever")
	}
}
