package ldapauth

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/go-ldap/ldap/v3"
)

// answer is what a search found, as JSON.
func (c *call) answer(found *ldap.SearchResult) ([]byte, error) {
	if len(found.Referrals) > 0 {
		return nil, auth.ErrUndeclared // part of the answer is elsewhere
	}
	var out bytes.Buffer
	out.WriteString(`{"entries":[`)
	for i, e := range found.Entries {
		if i > 0 {
			out.WriteByte(',')
		}
		values, ok := c.values(e)
		if !ok || !text(e.DN) {
			return nil, auth.ErrInvalid
		}
		out.WriteString(`{"dn":`)
		quote(&out, e.DN)
		for j, name := range c.read {
			out.WriteString(`,"` + name + `":[`)
			for k, value := range values[j] {
				if k > 0 {
					out.WriteByte(',')
				}
				quote(&out, value)
			}
			out.WriteByte(']')
		}
		out.WriteByte('}')
	}
	out.WriteString(`]}`)
	return out.Bytes(), nil
}

// values are those of the declared attributes, in their order; false: the entry has one
// that was not asked for, that is not text, or that is not whole.
func (c *call) values(e *ldap.Entry) (values [][]string, ok bool) {
	values = make([][]string, len(c.read))
	for _, a := range e.Attributes {
		name, options, _ := strings.Cut(a.Name, ";")
		at := c.declares(name)
		if at < 0 || strings.Contains(";"+strings.ToLower(options), ";range=") {
			return nil, false
		}
		if options != "" {
			continue
		}
		for _, value := range a.Values {
			if !text(value) {
				return nil, false
			}
			values[at] = append(values[at], value)
		}
	}
	return values, true
}

// declares is where the attribute stands among those that are read; -1: nowhere.
func (c *call) declares(name string) int {
	for i, declared := range c.read {
		if strings.EqualFold(declared, name) {
			return i
		}
	}
	return -1
}

// quote writes valid UTF-8 as a JSON string.
func quote(out *bytes.Buffer, s string) {
	encoded, _ := json.Marshal(s)
	out.Write(encoded)
}
