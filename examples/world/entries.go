package world

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"github.com/jimlambrt/gldap"
)

// entry of the directory: attributes by name in lower case, "dn" apart.
type entry struct {
	dn         string
	attributes map[string][]string
}

// tree is the directory's entries, by DN.
type tree struct {
	mu      sync.Mutex
	entries map[string]entry
}

func newTree() *tree {
	t := &tree{entries: map[string]entry{}}
	for _, dn := range []string{suffix, people, serviceDN} {
		t.entries[key(dn)] = entry{dn, map[string][]string{"objectclass": {"top"}}}
	}
	return t
}

// key is a DN as it is compared: spelling does not matter. Empty: it is none.
func key(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return ""
	}
	return strings.ToLower(parsed.String())
}

// parent is the key of the entry above; empty: there is none.
func parent(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil || len(parsed.RDNs) < 2 {
		return ""
	}
	return strings.ToLower((&ldap.DN{RDNs: parsed.RDNs[1:]}).String())
}

// accounts are the uids below people.
func (t *tree) accounts() (all []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for dn := range t.entries {
		if name, ok := strings.CutSuffix(dn, ","+people); ok {
			all = append(all, strings.TrimPrefix(name, "uid="))
		}
	}
	slices.Sort(all)
	return all
}

func (t *tree) add(dn string, attributes map[string][]string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, above := t.entries[parent(dn)]
	_, there := t.entries[key(dn)]
	switch {
	case key(dn) == "":
		return gldap.ResultInvalidDNSyntax
	case there:
		return gldap.ResultEntryAlreadyExists
	case !above:
		return gldap.ResultNoSuchObject
	case len(attributes["objectclass"]) == 0:
		return gldap.ResultObjectClassViolation
	}
	t.entries[key(dn)] = entry{dn, named(dn, attributes)}
	return gldap.ResultSuccess
}

// named adds to an entry what its name says of it (RFC 4511, section 4.7).
func named(dn string, attributes map[string][]string) map[string][]string {
	attributes = maps.Clone(attributes)
	parsed, err := ldap.ParseDN(dn)
	if err != nil || len(parsed.RDNs) == 0 {
		return attributes
	}
	for _, a := range parsed.RDNs[0].Attributes {
		name := strings.ToLower(a.Type)
		if !slices.ContainsFunc(attributes[name], func(v string) bool { return strings.EqualFold(v, a.Value) }) {
			attributes[name] = append(slices.Clone(attributes[name]), a.Value)
		}
	}
	return attributes
}

func (t *tree) modify(dn string, changes []gldap.Change) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.entries[key(dn)]
	if !ok {
		return gldap.ResultNoSuchObject
	}
	attributes := maps.Clone(e.attributes)
	for _, c := range changes {
		name := strings.ToLower(c.Modification.Type)
		values, err := gldap.ConvertString(c.Modification.Vals...) // they come as they were encoded
		if err != nil {
			return gldap.ResultInvalidAttributeSyntax
		}
		switch c.Operation {
		case gldap.AddAttribute:
			attributes[name] = slices.Concat(attributes[name], values)
		case gldap.ReplaceAttribute:
			attributes[name] = values
		case gldap.DeleteAttribute:
			attributes[name] = slices.DeleteFunc(slices.Clone(attributes[name]), func(v string) bool {
				return len(values) == 0 || slices.Contains(values, v)
			})
		default:
			return gldap.ResultProtocolError
		}
		if len(attributes[name]) == 0 {
			delete(attributes, name)
		}
	}
	t.entries[key(dn)] = entry{e.dn, attributes}
	return gldap.ResultSuccess
}

func (t *tree) remove(dn string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.entries[key(dn)]; !ok {
		return gldap.ResultNoSuchObject
	}
	for _, e := range t.entries {
		if parent(e.dn) == key(dn) {
			return gldap.ResultNotAllowedOnNonLeaf
		}
	}
	delete(t.entries, key(dn))
	return gldap.ResultSuccess
}

// search finds what is at or below base, as far as scope reaches.
func (t *tree) search(base string, scope gldap.Scope, filter *ber.Packet) ([]entry, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	base = key(base)
	if _, ok := t.entries[base]; !ok {
		return nil, gldap.ResultNoSuchObject
	}
	var found []entry
	for dn, e := range t.entries {
		below := strings.HasSuffix(dn, ","+base)
		reached := dn == base && scope != gldap.SingleLevel ||
			below && (scope == gldap.WholeSubtree || scope == gldap.SingleLevel && parent(e.dn) == base)
		if reached && e.matches(filter) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b entry) int { return cmp.Compare(a.dn, b.dn) })
	return found, gldap.ResultSuccess
}

// matches knows and, or, not, equality and presence; what it does not know, no entry
// matches.
func (e entry) matches(f *ber.Packet) bool {
	switch f.Tag {
	case ldap.FilterAnd:
		return !slices.ContainsFunc(f.Children, func(c *ber.Packet) bool { return !e.matches(c) })
	case ldap.FilterOr:
		return slices.ContainsFunc(f.Children, e.matches)
	case ldap.FilterNot:
		return len(f.Children) == 1 && !e.matches(f.Children[0])
	case ldap.FilterPresent:
		return len(e.attributes[strings.ToLower(f.Data.String())]) > 0
	case ldap.FilterEqualityMatch:
		values := e.attributes[strings.ToLower(f.Children[0].Data.String())]
		want := f.Children[1].Data.String()
		return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, want) })
	default:
		return false
	}
}
