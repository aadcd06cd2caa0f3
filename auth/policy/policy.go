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
// origin, an issuer none of whose acr values proves the level. What rules ask of
// the catalogue (jurisdictions, class, zones) is known before anybody comes, so it
// denies at once, and so does what nobody declared.
//
// A rule on a system or an operation holds for the twin too: a canary is let off nothing.
// A permit does not: who may try a workflow is said for the twin.
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
// Gate checks. Where a system is, and in which zone, is what its owner declared.
//
// # Errors
//
// [New] fails with mapping.Findings, up to 1000 at once; their paths are JSON pointers into
// {issuers, levels, permits, rules}, in which a level, and a zone to come from, is its
// number in alphabetical order.
//
//	P100  no catalogue
//	P101  name of a permit or rule         P113  unknown operation or system
//	P102  name declared twice              P114  rule that sets nothing
//	P103  nobody                           P115  max_age
//	P104  contradictory who                P116  transport
//	P105  issuer                           P117  scope
//	P106  subject, claim or value          P118  SPIFFE id
//	P107  permit for nothing               P119  until
//	P108  unknown operation                P120  issuer that is not listed
//	P109  wildcard                         P121  residency in no jurisdiction, or in
//	P110  listed twice                           one of no system
//	P111  key of a level                   P122  no way between zones, or a zone of
//	P112  rule on nothing                        no system
//	                                       P123  class
//
// # Concurrency
//
// A [Policy] is immutable and safe for concurrent use.
package policy

import (
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
)

// ScopeClaim is the claim under which a permit sees the scopes of the presented
// token, one value each.
const ScopeClaim = "scope"

// Declaration is a policy as it is written. The zero Declaration denies everything.
type Declaration struct {
	Issuers []string         // whose identities count, besides the service's own; nil: those that permits name; empty but not nil: nobody's
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
	Name      string            // in the log and in errors; unlike every other permit's and rule's
	On        []string          // exact names of operations or systems, with those of their twins; nil: all; empty but not nil is refused
	Level     uint8             // assurance, as Declaration.Levels maps it; zero: any
	MaxAge    time.Duration     // of the login, in whole seconds; zero: any
	Scopes    []string          // the ceiling: neither presented token nor operation has another; nil: any; empty but not nil: none at all
	Transport string            // auth.TransportTLS; empty: any
	Residency []string          // jurisdictions: neither this process nor the system is in another, and each is in one; nil: any; empty but not nil is refused
	Class     mapping.Class     // the highest of the data that may cross, either way; opaque data has none; zero: any
	Zones     map[string]string // ways from the zone of this process to that of the system; nil: any; empty but not nil is refused
	At        string            `json:"-"` // its file:line; empty: declared in Go
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
