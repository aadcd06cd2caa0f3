package auth

import (
	"time"

	"github.com/carnet-go/carnet/auth/internal/names"
	"github.com/carnet-go/carnet/mapping"
)

// System is the far side of a boundary. The zero System is refused. The one that is
// called self is this process: it has a zone, jurisdictions and a clearance, and no
// origin; data may be held here only as it says, and its operations, of which there is
// but name, effect and privileged, are what somebody may do to the service, such as
// self.run.halt, self.gate.thaw and self.secret.accept.
type System struct {
	Name          string            // [a-z0-9][a-z0-9._-]{0,63}
	Kind          string            // api or directory, or store for self; empty: api
	Origin        string            // https, host and port; http only on loopback; of a directory ldaps, or ldap for StartTLS
	Endpoints     map[string]string // https URLs that its translator calls besides, such as token and acs; nil: none
	Audience      string            // as which it expects to be addressed; empty: Origin
	Private       []string          // CIDR ranges that may be dialled although not public; nil: none
	TwinOf        string            // the system that it stands in for in a canary, and nowhere else: Kind, Delegation, Ceiling and Operations are that one's; empty: none
	Zone          string            // such as production; empty: crosses no zone rule
	Jurisdictions []string          // where it processes, stores and supports; nil: nowhere
	Clearance     mapping.Clearance // zero: accepts no data
	Secrets       []string          // vault paths that its grants open; nil: none
	Subject       Subject           // zero: nobody has a name there
	Delegation    string            // Carry or AuditOnly; empty: callers on whose behalf others act are denied
	Ceiling       time.Duration     // longest life of anything made for it; zero: 15 minutes
	Operations    []Operation       // nil: nothing may be done
}

// Operation is one predetermined thing that may be done to a system.
type Operation struct {
	Name       string   // system.noun.verb
	Method     string   // HTTP method; of a directory add, modify, delete or search
	Path       string   // cleaned URL path; {places} are filled by the mapping's fields in path, or by whoever brings opaque input
	Base       string   // directory: DN of the entry, or below which to search; {places} are filled by fields in dn
	Filter     string   // directory, search only: filter; {places} are filled by fields in filter
	Attributes []string // directory, search only: what is read
	Scopes     []string // that a token for it may have; nil: none
	Input      string   // none, the name of a mapping, or opaque; empty: none
	Output     string   // none, the name of a schema, or opaque; empty: none
	Reason     string   // why Input or Output is opaque; required there
	Effect     Effect   // undeclared is refused
	Privileged bool     // one grant, one use, one attempt
	Undo       string   // operation that undoes it; empty: none
	Ask        string   // read-only operation that tells whether it has happened; empty: none
	Keyed      bool     // the far side takes Idempotency-Key: twice with one key is once
}

// What stands in declarations.
const (
	Self          = "self"       // Name of the system that is this process
	KindAPI       = "api"        // Kind: HTTP
	KindDirectory = "directory"  // Kind: LDAP
	KindStore     = "store"      // Kind: self
	Carry         = "carry"      // Delegation: the protocol says on whose behalf somebody acts; NewBroker asks the Translator whether it does
	AuditOnly     = "audit-only" // Delegation: the protocol cannot say so, the log alone does
	None          = "none"       // Input and Output: no data, a body is refused
	Opaque        = "opaque"     // Input and Output: data that nobody described, with a reason; a finding in every review
)

// Subject says what a principal is called in a system: by Table, by Template, or by a
// pairwise id, from a claim that does not change. No match denies. The zero Subject
// names nobody.
type Subject struct {
	Issuer   string              // whose subjects they are; required with Template and Pairwise
	Claim    string              // one that does not change, such as oid; empty: sub; email only with Domains, and no other that has mail, name, upn or the like in its name
	Table    map[string]string   // issuer and claim value, separated by a space, to name
	Template string              // around {claim}; a value that is not [A-Za-z0-9._-]{1,64}, or @ and a domain of Domains, matches nothing
	Pairwise string              // path of the key of pairwise ids
	Domains  map[string][]string // issuer to the domains that its e-mail addresses may have; they must be verified
	Reserved []string            // whole names that nobody gets, in any case of letters; names that differ in that alone are two here; nil: none
	Undated  bool                // also callers whose login has no time; what is made for them says of the login only when the token was issued
}

// once says whether a call has one attempt.
func (o *Operation) once() bool { return o.Privileged || o.Effect == Once || o.Effect == Final }

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

// String is the name that declarations use; empty: undeclared.
func (e Effect) String() string { return names.Effect(uint8(e)) }

// UnmarshalText reads the name that declarations use.
func (e *Effect) UnmarshalText(text []byte) error {
	n := names.EffectOf(string(text))
	if n == 0 {
		return ErrUndeclared
	}
	*e = Effect(n)
	return nil
}

// MarshalText writes the name that declarations use.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }
