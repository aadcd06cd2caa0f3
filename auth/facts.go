package auth

import (
	"context"
	"time"

	"github.com/carnet-go/carnet/mapping"
)

// Facts is what policy is asked: plain data that the Gate establishes. What is
// nil, empty or zero is unknown, and unknown is never allowed. Nobody who wants a
// Grant can bring a fact.
type Facts struct {
	Tenant    string         // of the gate
	Who       *Identity      // who asks; nil: nobody is known yet
	Self      bool           // who asks is the service itself
	From      *System        // the process itself, as declared; nil: nobody declared it
	System    *System        // as declared
	Operation *Operation     // as declared
	Data      *mapping.Label // of all that the declaration lets cross, either way; public where it is nothing; nil: opaque
	Errand    *Errand        // why; nil: outside any run
	Transport string         // TransportTLS, or what else the origin declares
	At        time.Time      // now
}

// TransportTLS is Facts.Transport of an https and of an ldaps origin: nothing else is
// spoken to it.
const TransportTLS = "tls"

// Decision is policy's answer. The zero Decision denies.
type Decision struct {
	Verdict  Verdict      // zero: Denied
	Rule     string       // the name of the rule or permit that decided; empty: no permit
	RuleAt   string       // its file:line; empty: declared in Go
	Needs    []Obligation // with Needs: what would make it Allowed
	Level    uint8        // of the caller's assurance, as the policy maps it
	NotAfter time.Time    // when the permit ends; zero: no end of its own
}

// Verdict is the decision in one word.
type Verdict uint8

// The verdicts.
const (
	Denied Verdict = iota
	Needs
	Allowed
)

// String is denied, needs or allowed.
func (v Verdict) String() string {
	if v > Allowed {
		v = Denied
	}
	return [...]string{"denied", "needs", "allowed"}[v]
}

// The kinds of Obligation.
const (
	NeedAssurance  = "assurance"  // a stronger or fresher login
	NeedTransport  = "transport"  // a protected connection
	NeedUnattended = "unattended" // a permit to go forward for somebody who has gone
	NeedIdentity   = "identity"   // somebody
)

// Obligation is what is still missing.
type Obligation struct {
	Kind   string        // one of the constants
	Level  uint8         // with NeedAssurance
	ACR    []string      // any of these proves Level at the caller's issuer
	MaxAge time.Duration // with NeedAssurance: since auth_time; zero: any
}

// Decider is a policy. It is asked concurrently, at plan time and at run time with
// the same code; a panic and an answer after ctx has ended deny. It ends with ctx, and
// does not change what the facts point to.
type Decider interface {
	Decide(ctx context.Context, f Facts) Decision
	Hash() string // hexadecimal SHA-256 of what was declared
}

// Entitlement is that somebody may ask for an operation at all: what a permit says,
// whether it is ever used or not.
type Entitlement struct {
	Permit    string    // its name
	PermitAt  string    // its file:line; empty: declared in Go
	Operation string    // exact name
	Until     time.Time // zero: no end
}

// Entitler is a Decider that lists what it permits. The Gate records the list when
// a boundary comes into force, so that a review can tell granted from used.
type Entitler interface {
	Entitlements() []Entitlement
}
