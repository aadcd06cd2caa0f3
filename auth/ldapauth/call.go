package ldapauth

import (
	"iter"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/names"
	"github.com/carnet-go/carnet/mapping"
	"github.com/go-ldap/ldap/v3"
)

// What a directory does, as operations call it.
const (
	methodAdd    = "add"
	methodModify = "modify"
	methodDelete = "delete"
	methodSearch = "search"
)

const (
	mostEntries = 1000
	anything    = "(objectClass=*)" // is true of every entry (RFC 4512, section 3.3)
)

// declared says what keeps an operation from being performed as it stands.
func declared(op auth.Operation) (found mapping.Findings) {
	search := op.Method == methodSearch
	for _, f := range []struct {
		bad                 bool
		code, path, problem string
	}{
		{!slices.Contains([]string{methodAdd, methodModify, methodDelete, methodSearch}, op.Method),
			"L110", "/method", "is not add, modify, delete or search"},
		{search != (op.Effect == auth.ReadOnly), "L111", "/effect", "is read-only for a search, and for nothing else"},
		{!checked(op.Base, parseDN), "L112", "/base", "is not a DN whose {places} are whole values"},
		{op.Filter != "" && !(search && checked(op.Filter, parseFilter)),
			"L113", "/filter", "is not a search's filter whose {places} are whole values"},
		{search != (len(op.Attributes) > 0) || !distinct(op.Attributes),
			"L114", "/attributes", "are what a search reads, each once, and none is called dn"},
	} {
		if f.bad {
			found = append(found, mapping.Finding{Code: f.code, Path: f.path, Problem: f.problem})
		}
	}
	return found
}

// distinct says whether they are attributes, each once in any case of letters, and can
// stand beside dn.
func distinct(attributes []string) bool {
	seen := map[string]bool{"dn": true}
	for _, name := range attributes {
		lower := strings.ToLower(name)
		if seen[lower] || !names.Attribute.MatchString(name) {
			return false
		}
		seen[lower] = true
	}
	return true
}

// call is what is sent: a declared operation with its values.
type call struct {
	method string
	effect auth.Effect
	dn     string
	filter string           // empty: the entry alone
	write  []ldap.Attribute // of add and modify
	read   []string         // of search
}

// newCall fills an operation of all with a record's fields. A value that has no place is
// an error, and so is a place that has no value, and one that makes another operation's
// entry of it.
func newCall(op auth.Operation, all []auth.Operation, fields iter.Seq2[mapping.Place, string]) (*call, error) {
	if declared(op) != nil {
		return nil, auth.ErrInvalid
	}
	c := &call{method: op.Method, effect: op.Effect, read: op.Attributes}
	places := map[string]map[string]string{mapping.InDN: {}, mapping.InFilter: {}}
	for p, value := range fields {
		of := places[p.In]
		switch _, twice := of[p.Name]; {
		case p.In == mapping.InAttribute && c.add(p.Name, value):
		case of == nil || twice:
			return nil, auth.ErrInvalid
		default:
			of[p.Name] = value
		}
	}
	if err := c.fill(op, places[mapping.InDN], places[mapping.InFilter]); err != nil {
		return nil, err
	}
	for _, other := range all {
		if other.Method == op.Method && spells(other.Base, op.Base, c.dn) {
			return nil, auth.ErrInvalid
		}
	}
	return c, nil
}

// fill makes DN and filter.
func (c *call) fill(op auth.Operation, dn, filter map[string]string) (err error) {
	writes := c.method == methodAdd || c.method == methodModify
	if writes != (len(c.write) > 0) {
		return auth.ErrInvalid
	}
	if c.dn, err = fill(op.Base, dn, parseDN); err != nil {
		return err
	}
	switch {
	case op.Filter != "":
		c.filter, err = fill(op.Filter, filter, parseFilter)
	case len(filter) > 0:
		err = auth.ErrInvalid
	}
	return err
}

// add puts a value to those of its attribute; false: it cannot be one.
func (c *call) add(name, value string) bool {
	if !names.Attribute.MatchString(name) || !text(value) {
		return false
	}
	for i := range c.write {
		if a := &c.write[i]; strings.EqualFold(a.Type, name) {
			a.Vals = append(a.Vals, value)
			return a.Type == name // two spellings are two fields, and one of them would win
		}
	}
	c.write = append(c.write, ldap.Attribute{Type: name, Vals: []string{value}})
	return true
}

// send makes the call in a session, once.
func (c *call) send(in *ldap.Conn) (answer []byte, err error) {
	switch c.method {
	case methodSearch:
		found, err := in.Search(c.search())
		if err != nil {
			return nil, err
		}
		return c.answer(found)
	case methodAdd:
		return nil, in.Add(&ldap.AddRequest{DN: c.dn, Attributes: c.write})
	case methodModify:
		request := &ldap.ModifyRequest{DN: c.dn}
		for _, a := range c.write {
			request.Replace(a.Type, a.Vals)
		}
		return nil, in.Modify(request)
	default:
		err := in.Del(&ldap.DelRequest{DN: c.dn})
		if code, ok := result(err); ok && code == ldap.LDAPResultNoSuchObject && c.effect == auth.Idempotent {
			return nil, nil // it is gone, which is what was asked for
		}
		return nil, err
	}
}

// search has a limit that the directory reports, and that is kept where it does not.
func (c *call) search() *ldap.SearchRequest {
	scope, filter := ldap.ScopeWholeSubtree, c.filter
	if filter == "" {
		scope, filter = ldap.ScopeBaseObject, anything
	}
	return &ldap.SearchRequest{
		BaseDN: c.dn, Scope: scope, Filter: filter, Attributes: c.read,
		DerefAliases: ldap.NeverDerefAliases, SizeLimit: mostEntries, EnforceSizeLimit: true,
	}
}
