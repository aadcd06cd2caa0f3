package auth

import (
	"maps"
	"slices"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth/internal/lifetime"
	"github.com/carnet-go/carnet/auth/internal/names"
)

// Identity is what a Verifier found: plain data, no evidence.
type Identity struct {
	Tenant    string              // empty: the gate's own; another tenant than the gate's is refused
	Issuer    string              // iss
	Subject   string              // sub
	Assurance audit.Assurance     // acr, amr and auth_time as verified; Level is policy's
	Scopes    []string            // of the presented token; nil: none
	Claims    map[string][]string // verified claims that permits may name; nil: none
	Actors    []audit.Actor       // who acts for it, outermost first; RFC 8693 act
	Issued    time.Time           // iat; zero: unknown
	Expires   time.Time           // zero: already
}

func (id Identity) clone() Identity {
	id.Assurance.AMR = slices.Clone(id.Assurance.AMR)
	id.Scopes = slices.Clone(id.Scopes)
	id.Actors = slices.Clone(id.Actors)
	claims := maps.Clone(id.Claims)
	for name, values := range claims {
		claims[name] = slices.Clone(values)
	}
	id.Claims = claims
	return id
}

// Principal is a verified caller. Only a Gate makes one; the zero Principal is
// refused everywhere.
type Principal struct{ p *principal }

type principal struct {
	gate     *Gate
	identity Identity
	token    Secret // as presented; empty: of the local self
	self     bool
	key      string // for material: see Identity.key
	end      lifetime.End
	errand   *Errand
}

// Identity is who it is: a copy.
func (p Principal) Identity() Identity {
	if p.p == nil {
		return Identity{}
	}
	return p.p.identity.clone()
}

// On is the same principal on an errand.
func (p Principal) On(e Errand) Principal {
	if p.p == nil {
		return p
	}
	on := *p.p
	if e.For != nil {
		whose := e.For.clone()
		e.For = &whose
	}
	on.errand = &e
	return Principal{&on}
}

// Errand says why a crossing happens. It is recorded and asked of policy: it may
// add requirements, never authority. Names are [a-z0-9][a-z0-9._-]{0,63}; Authorize
// refuses others.
type Errand struct {
	Workflow string      // hexadecimal SHA-256
	Run      string      // id
	Step     string      // name
	Phase    audit.Phase // zero: outside any run
	Attempt  int         // from 1
	Key      string      // Idempotency-Key, the same for each attempt, for operations that are Keyed; empty: none
	For      *Identity   // on whose behalf; nil: the principal's own
}

// canary says whether it tries a workflow: that takes twins, and nothing else does.
func (e *Errand) canary() bool { return e != nil && e.Phase == audit.PhaseCanary }

// valid says whether the errand may be recorded. Only the service itself tries workflows,
// and goes on errands for others: anybody else would sign with somebody's name.
func (e *Errand) valid(p *principal) bool {
	return e == nil || names.Errand(e.Workflow, e.Run, e.Step, e.Key) && e.Phase <= audit.PhaseCanary && e.Attempt >= 0 && (p.self || !e.canary()) &&
		(e.For == nil || p.self && e.For.Issuer != "" && e.For.Subject != "")
}
