package auth

import "time"

// System is the far side of a boundary. The zero System is refused.
type System struct {
	Name          string        // [a-z0-9][a-z0-9._-]{0,63}
	Origin        string        // https, host and port; http only on loopback
	Private       []string      // CIDR ranges that may be dialled although not public; nil: none
	Zone          string        // such as production; recorded; empty: none
	Jurisdictions []string      // where it processes, stores and supports; recorded; nil: nowhere
	Secrets       []string      // vault paths that its grants open; nil: none
	Delegation    string        // carry or audit-only; empty: carry, so callers on whose behalf others act are refused where the protocol cannot say so
	Ceiling       time.Duration // longest life of anything made for it; zero: 15 minutes
	Operations    []Operation   // nil: nothing may be done
}

// Operation is one predetermined thing that may be done to a system.
type Operation struct {
	Name       string   // system.noun.verb
	Method     string   // HTTP method
	Path       string   // cleaned URL path; {places} only where Input is opaque
	Scopes     []string // that a token for it may have; nil: none
	Input      string   // none or opaque; empty: none
	Output     string   // none or opaque; empty: none
	Reason     string   // why Input or Output is opaque; required there
	Effect     Effect   // undeclared is refused
	Privileged bool     // one grant, one use, one attempt
}

// once says whether a call has one attempt.
func (o *Operation) once() bool { return o.Privileged || o.Effect == Once || o.Effect == Final }

// What an operation takes and answers.
const (
	None   = "none"   // no data: a body is refused
	Opaque = "opaque" // data that nobody described, with a reason; a finding in every review
)

// AuditOnly is the Delegation of a system whose protocol cannot carry on whose
// behalf somebody acts: the log alone does.
const AuditOnly = "audit-only"

// Effect is what a second transmission would do.
type Effect uint8

// The effects.
const (
	EffectUndeclared Effect = iota // refused
	ReadOnly                       // nothing
	Idempotent                     // the same
	Once                           // it again
	Final                          // it again, and nothing undoes it
)

var effects = [...]string{"", "read-only", "idempotent", "once", "final"}

// String is the name that declarations use; empty: undeclared.
func (e Effect) String() string {
	if int(e) < len(effects) {
		return effects[e]
	}
	return ""
}

// UnmarshalText reads the name that declarations use.
func (e *Effect) UnmarshalText(text []byte) error {
	for i, name := range effects {
		if i > 0 && name == string(text) {
			*e = Effect(i)
			return nil
		}
	}
	return ErrUndeclared
}

// MarshalText writes the name that declarations use.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }
