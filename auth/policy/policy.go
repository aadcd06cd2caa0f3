// Package policy decides by plain data: permits say who may do what, rules say
// under which conditions.
//
//	p, err := policy.New(catalogue, policy.Declaration{
//		Permits: []policy.Permit{{Name: "hr-reads", Who: hr, Operations: []string{"crm.contact.read"}, Until: june}},
//		Rules:   []policy.Rule{{Name: "recent-login", MaxAge: 15 * time.Minute}},
//	})
//
// # Guarantees
//
// Permits are a union, rules an intersection: without a permit nothing is allowed,
// and every rule that is about the operation must hold. Adding a rule or removing a
// permit never widens. There is no negation, no wildcard and no expression, so a
// fact that is missing can only deny.
//
// The same code answers at plan time, when nobody is known yet, and at run time.
// What is missing and can still be had becomes an obligation ([auth.Needs]); what
// cannot be had denies: no permit, a scope outside the ceiling, an unprotected
// origin, an issuer none of whose acr values proves the level.
//
// The order of permits and rules never changes the verdict. Of several permits the
// one that ends last decides, the first declared where they end together. A denial
// names the first rule that nothing cures, and where all can be cured the first
// that does not hold.
//
// [Policy.Hash] covers what is declared, in the order of the declaration, and no
// positions: the same content gives the same hash from Go and from a file.
//
// # Limits
//
// Assurance is what the issuer says in acr, mapped for each issuer by Levels; an acr
// that is not mapped proves nothing. A clock that is off by up to a minute is borne
// with: an auth_time later than that is not fresh. That an identity has ended, the
// Gate checks.
//
// # Errors
//
// [New] fails with mapping.Findings, up to 1000 at once; their paths are JSON pointers into
// {levels, permits, rules}, in which a level is its number in alphabetical order.
//
//	P100  no catalogue
//	P101  name of a permit or rule         P109  wildcard
//	P102  name declared twice              P110  name or scope listed twice
//	P103  nobody                           P111  key of a level
//	P104  contradictory who                P112  rule on nothing
//	P105  issuer                           P113  unknown operation or system
//	P106  subject, claim or value          P114  rule that sets nothing
//	P107  permit for nothing               P115  max_age
//	P108  unknown operation                P116  transport
//	P118  SPIFFE id                        P117  scope
//	P119  until
//
// # Concurrency
//
// A [Policy] is immutable and safe for concurrent use.
package policy

import (
	"time"

	"github.com/carnet-go/carnet/auth"
)

// ScopeClaim is the claim under which a permit sees the scopes of the presented
// token, one value each.
const ScopeClaim = "scope"

// Declaration is a policy as it is written. The zero Declaration denies everything.
type Declaration struct {
	Levels  map[string]uint8 // issuer and acr, separated by a space, to level of assurance; others: 0
	Permits []Permit         // nil: nobody may do anything
	Rules   []Rule           // nil: no conditions
}

// Permit says who may do what.
type Permit struct {
	Name       string    // in the log; unlike every other permit's and rule's
	Who        Who       // the zero Who is refused
	Operations []string  // exact names; none are refused
	Unattended bool      // the service may go forward with it for somebody who has gone
	Until      time.Time // zero: no end, which every review lists
	At         string    `json:"-"` // its file:line; empty: declared in Go
}

// Who is a set of principals. What is set must match exactly.
type Who struct {
	Issuer  string // required, except with SPIFFE
	Subject string // the one principal
	Claim   string // or all whose verified claim, or scope,
	Value   string // has this value
	SPIFFE  string // or one SPIFFE id: the subject of an identity whose issuer is its trust domain, spiffe://example.org
}

// Rule restricts. Each condition that is set must hold, or it denies.
type Rule struct {
	Name      string        // in the log and in errors; unlike every other permit's and rule's
	On        []string      // exact names of operations or systems; nil: all; empty but not nil is refused
	Level     uint8         // assurance, as Declaration.Levels maps it; zero: any
	MaxAge    time.Duration // of the login, in whole seconds; zero: any
	Scopes    []string      // the ceiling: neither presented token nor operation has another; nil: any; empty but not nil: none at all
	Transport string        // auth.TransportTLS; empty: any
	At        string        `json:"-"` // its file:line; empty: declared in Go
}

// Policy is checked permits and rules: an [auth.Decider] and [auth.Entitler]. A nil
// or zero Policy denies.
type Policy struct {
	tenant       string
	operations   map[string]*operation
	levels       levels
	entitlements []auth.Entitlement
	hash         string
}

// New checks a declaration against a catalogue. The error is mapping.Findings.
// Without a catalogue everything but the names in it is checked.
func New(c *auth.Catalogue, d Declaration) (*Policy, error) {
	d = d.clone()
	if err := check(c, d).Err(); err != nil {
		return nil, err
	}
	return compile(c, d), nil
}

// Hash is hexadecimal SHA-256 of the declaration; empty: a zero Policy.
func (p *Policy) Hash() string {
	if p == nil {
		return ""
	}
	return p.hash
}
