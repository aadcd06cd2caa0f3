// Package subject says what somebody is called in a system.
//
//	ok := rule.Named(issuer, sub, claims)
//	name, err := rule.Resolve(ctx, keys, tenant, system, issuer, sub, claims)
//
// # Guarantees
//
// A name comes from a claim that its issuer vouches for and that does not change, or
// from an e-mail address that the issuer has verified, of a domain that was declared for
// this issuer. A claim with several values, a value of other characters than declared,
// another issuer, and a reserved name match nothing.
//
// # Errors
//
// Those of the keys alone: whoever has no name is refused.
//
// # Concurrency
//
// A Rule is plain data and is not changed.
package subject

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carnet-go/carnet/mapping"
)

// Email is the one claim that may change and still names somebody, with Domains.
const Email = "email"

// Place stands in a template for the claim's value.
const Place = "{claim}"

// mutable are parts of the names of claims that a user, or his administrator, may set to
// somebody else's. A claim that has one of them and does not change has to be called
// otherwise.
var mutable = []string{"mail", "name", "upn", "login", "phone", "address", "alias", "profile", "picture", "website"}

var (
	partPattern   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	domainPattern = regexp.MustCompile(`^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$`)
)

// Rule is what a system declares; see auth.Subject.
type Rule struct {
	Issuer   string
	Claim    string
	Table    map[string]string
	Template string
	Pairwise string
	Domains  map[string][]string
	Reserved []string
	Undated  bool
}

// Declared says whether there is a rule at all.
func (r Rule) Declared() bool {
	return r.Issuer != "" || r.Claim != "" || r.Table != nil || r.Template != "" || r.Pairwise != "" || r.Domains != nil || r.Reserved != nil || r.Undated
}

// Changes says whether the claim may change under somebody. Of email, its verification
// and its domain say enough.
func (r Rule) Changes() bool {
	claim := strings.ToLower(r.Claim)
	return r.Claim != Email && slices.ContainsFunc(mutable, func(part string) bool { return strings.Contains(claim, part) })
}

// Printable says whether a name can stand in a protocol and in nothing else.
func Printable(name string) bool {
	if name == "" || len(name) > 255 || !utf8.ValidString(name) || strings.TrimSpace(name) != name {
		return false
	}
	return !strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) })
}

// Domain says whether it is a domain in the one spelling that is compared.
func Domain(s string) bool { return len(s) <= 253 && domainPattern.MatchString(s) }

// Matches is the claim's value where it is one that the rule is about.
func (r Rule) Matches(issuer, sub string, claims map[string][]string) (value string, ok bool) {
	if r.Issuer != "" && r.Issuer != issuer {
		return "", false
	}
	if r.Claim == "" || r.Claim == "sub" {
		return sub, sub != ""
	}
	values := claims[r.Claim]
	if len(values) != 1 || values[0] == "" || r.Changes() {
		return "", false
	}
	if r.Claim == Email && !r.verified(issuer, values[0], claims) {
		return "", false
	}
	return values[0], true
}

func (r Rule) verified(issuer, address string, claims map[string][]string) bool {
	_, domain, ok := strings.Cut(address, "@")
	said := claims["email_verified"]
	return ok && len(said) == 1 && said[0] == "true" && slices.Contains(r.Domains[issuer], domain)
}

// Name is by table or template.
func (r Rule) Name(issuer, sub string, claims map[string][]string) (string, bool) {
	value, ok := r.Matches(issuer, sub, claims)
	if !ok {
		return "", false
	}
	var name string
	switch {
	case r.Table != nil:
		name = r.Table[issuer+" "+value]
	case r.Template != "" && r.part(value):
		name = strings.Replace(r.Template, Place, value, 1)
	}
	return name, Printable(name) && !r.reserved(name)
}

// part says whether a value stands in a template as one part: what it is not, is not
// escaped but refused.
func (r Rule) part(value string) bool {
	if r.Claim == Email {
		value, _, _ = strings.Cut(value, "@") // the domain is one that was declared
	}
	return partPattern.MatchString(value)
}

func (r Rule) reserved(name string) bool {
	return slices.ContainsFunc(r.Reserved, func(s string) bool { return strings.EqualFold(s, name) })
}

// Named says whether somebody has a name, or needs none.
func (r Rule) Named(issuer, sub string, claims map[string][]string) (ok bool) {
	switch {
	case !r.Declared():
		return true
	case r.Pairwise != "":
		_, ok = r.Matches(issuer, sub, claims)
	default:
		_, ok = r.Name(issuer, sub, claims)
	}
	return ok
}

// Resolve is the name, also one that takes a key; empty: none is declared, or he has none.
func (r Rule) Resolve(ctx context.Context, keys mapping.KeySource, tenant, system, issuer, sub string, claims map[string][]string) (name string, err error) {
	if r.Pairwise == "" {
		name, _ = r.Name(issuer, sub, claims)
		return name, nil
	}
	value, ok := r.Matches(issuer, sub, claims)
	if !ok || keys == nil {
		return "", nil
	}
	err = keys.UseKey(ctx, r.Pairwise, func(_ string, key []byte) error {
		name = pair(key, tenant, system, issuer, value)
		return nil
	})
	return name, err
}

// pair is the pairwise id of a value: 160 bits of HMAC-SHA-256 that tell nobody who it
// is, and differ in each system.
func pair(key []byte, tenant, system, issuer, value string) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range []string{"carnet pairwise id", tenant, system, issuer, value} {
		mac.Write(binary.AppendUvarint(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)[:20]))
}
