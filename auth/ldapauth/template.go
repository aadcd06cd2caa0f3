package ldapauth

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/names"
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// kind is a description of an attribute in a DN or a filter: a name or an OID, there with
// options (RFC 4512, section 2.5).
var kind = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)*)(;[A-Za-z0-9-]+)*$`)

// part is a piece of a parsed DN or filter: what it is, and its text. In a template the
// text of a value may be a {place}.
type part struct {
	shape string
	text  string
	value bool
}

// parser takes a text apart, completely: two texts with the same parts mean the same.
type parser func(text string) (parts []part, ok bool)

// checked says whether a template parses, and has its places where values stand, each a
// whole value.
func checked(template string, parse parser) bool {
	places, ok := names.Places(template)
	parts, parsed := parse(template)
	if !ok || !parsed || !utf8.ValidString(template) || strings.ContainsFunc(template, control) {
		return false
	}
	found := 0
	for _, p := range parts {
		if !strings.ContainsAny(p.text, "{}") {
			continue
		}
		if !p.value || !slices.Contains(places, placeIn(p.text)) {
			return false
		}
		found++
	}
	return found == len(places)
}

// fill puts values into the places of a template, all of them and each in a place. What
// comes out has the template's parts, or is refused.
func fill(template string, values map[string]string, parse parser) (string, error) {
	places, _ := names.Places(template)
	if len(places) != len(values) || !checked(template, parse) {
		return "", auth.ErrInvalid
	}
	var pairs []string
	for _, place := range places {
		value, ok := values[place]
		if !ok || value == "" || !text(value) {
			return "", auth.ErrInvalid
		}
		pairs = append(pairs, "{"+place+"}", escape(value))
	}
	filled := strings.NewReplacer(pairs...).Replace(template)
	want, _ := parse(template)
	got, ok := parse(filled)
	if !ok || len(got) != len(want) {
		return "", auth.ErrInvalid
	}
	for i, p := range want {
		if value, ok := values[placeIn(p.text)]; ok {
			p.text = value
		}
		if got[i] != p {
			return "", auth.ErrInvalid
		}
	}
	return filled, nil
}

// spells says whether a template spells out what is a {place} in another, which became
// the DN: as directories compare, without the case of letters and spaces beside them.
func spells(template, other, dn string) (narrower bool) {
	want, ok := parseDN(template)
	from, whole := parseDN(other)
	got, parsed := parseDN(dn)
	if !ok || !whole || !parsed || len(want) != len(got) || len(from) != len(got) {
		return false
	}
	for i, p := range want {
		if !strings.EqualFold(p.shape, got[i].shape) || placeIn(p.text) == "" && !alike(p.text, got[i].text) {
			return false
		}
		narrower = narrower || placeIn(p.text) == "" && placeIn(from[i].text) != ""
	}
	return narrower
}

func alike(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

// placeIn is the name of the place that a text is; empty: it is none.
func placeIn(text string) string {
	name, open := strings.CutPrefix(text, "{")
	name, closed := strings.CutSuffix(name, "}")
	if !open || !closed {
		return ""
	}
	return name
}

// text says whether a value can be text of a directory.
func text(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// escape leaves letters and digits, and writes every other byte as two hexadecimal
// digits: what DNs (RFC 4514, section 2.4) and filters (RFC 4515, section 3) both take
// for a byte of a value, whatever else it might be.
func escape(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'\\', digits[c>>4], digits[c&15]})
	}
	return b.String()
}

// parseDN takes a DN apart. The empty one is none: it is above everything.
func parseDN(dn string) (parts []part, ok bool) {
	parsed, err := ldap.ParseDN(dn)
	if err != nil || len(parsed.RDNs) == 0 {
		return nil, false
	}
	for _, rdn := range parsed.RDNs {
		for i, a := range rdn.Attributes {
			if !kind.MatchString(a.Type) || a.Value == "" {
				return nil, false
			}
			shape := "," + a.Type
			if i > 0 {
				shape = "+" + a.Type
			}
			parts = append(parts, part{shape, a.Value, true})
		}
	}
	return parts, true
}

// parseFilter takes a filter apart.
func parseFilter(filter string) (parts []part, ok bool) {
	if filter == "" {
		return nil, false
	}
	compiled, err := ldap.CompileFilter(filter)
	if err != nil || compiled == nil {
		return nil, false
	}
	return walk(nil, compiled)
}

// walk lists a compiled filter (RFC 4511, section 4.5.1.7). Each node says how many
// there are below it.
func walk(parts []part, p *ber.Packet) (_ []part, ok bool) {
	shape := fmt.Sprint(p.ClassType, p.Tag, len(p.Children))
	switch {
	case p.ClassType == ber.ClassContext && p.Tag == ldap.FilterPresent:
		return append(parts, part{shape: shape, text: p.Data.String()}), kind.MatchString(p.Data.String())
	case p.ClassType == ber.ClassContext && p.Tag <= ldap.FilterNot && p.TagType == ber.TypeConstructed:
		parts = append(parts, part{shape: shape})
		for _, child := range p.Children {
			if parts, ok = walk(parts, child); !ok {
				return nil, false
			}
		}
		return parts, true
	case p.Tag == ldap.FilterExtensibleMatch:
		return extensible(append(parts, part{shape: shape}), p.Children), true
	case len(p.Children) != 2 || !kind.MatchString(p.Children[0].Data.String()):
		return nil, false
	}
	parts = append(parts, part{shape: shape}, part{shape: "=", text: p.Children[0].Data.String()})
	values := p.Children[1:]
	if p.Tag == ldap.FilterSubstrings {
		values = p.Children[1].Children
	}
	for _, v := range values {
		parts = append(parts, part{shape: fmt.Sprint("of ", len(values), v.Tag), text: v.Data.String(), value: true})
	}
	return parts, true
}

// extensible lists a matching rule assertion.
func extensible(parts []part, children []*ber.Packet) []part {
	for _, c := range children {
		parts = append(parts, part{shape: fmt.Sprint("rule ", c.Tag), text: c.Data.String(), value: c.Tag == ldap.MatchingRuleAssertionMatchValue})
	}
	return parts
}
