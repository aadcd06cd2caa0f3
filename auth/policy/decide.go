package policy

import (
	"context"
	"slices"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
)

// skew is how far the clocks of an issuer and of this host may be apart.
const skew = 60 * time.Second

// Decide answers at plan time, when nobody is known, and at run time, with the same
// code. It reads no clock and waits for nothing.
func (p *Policy) Decide(ctx context.Context, f auth.Facts) auth.Decision {
	if p == nil || ctx.Err() != nil || !p.established(&f) {
		return auth.Decision{}
	}
	op := p.operations[f.Operation.Name]
	if op == nil || op.system != f.System.Name {
		return auth.Decision{}
	}
	permit, attended := op.permit(&f)
	if permit == nil {
		return auth.Decision{}
	}
	v := verdict{identity: f.Who == nil, unattended: !attended}
	if f.Who != nil {
		v.level = p.levels[assertion{f.Who.Issuer, f.Who.Assurance.ACR}]
	}
	if !attended {
		v.open, v.openAt = permit.Name, permit.At
	}
	for _, rule := range op.rules {
		v.weigh(p, &f, rule)
	}
	if v.closed {
		return auth.Decision{Verdict: auth.Denied, Rule: v.shut, RuleAt: v.shutAt, Level: v.level}
	}
	if needs := v.needs(p, f.Who); needs != nil {
		return auth.Decision{Verdict: auth.Needs, Rule: v.open, RuleAt: v.openAt, Needs: needs, Level: v.level}
	}
	return auth.Decision{Verdict: auth.Allowed, Rule: permit.Name, RuleAt: permit.At, Level: v.level, NotAfter: permit.Until}
}

// established says whether the facts that every decision needs are there.
func (p *Policy) established(f *auth.Facts) bool {
	if f.Tenant == "" || f.Tenant != p.tenant || f.System == nil || f.Operation == nil || f.At.IsZero() {
		return false
	}
	who := f.Who
	return who == nil || who.Issuer != "" && who.Subject != "" && (who.Tenant == "" || who.Tenant == f.Tenant)
}

// permit is the one that decides, and whether it is enough to go forward. Where
// nobody is known it is one that somebody could have.
func (o *operation) permit(f *auth.Facts) (found *Permit, attended bool) {
	gone := forOther(f)
	for _, permit := range o.permits {
		if !permit.Until.IsZero() && !f.At.Before(permit.Until) || f.Who != nil && !permit.Who.is(f.Who) {
			continue
		}
		if !gone || permit.Unattended {
			return permit, true
		}
		if found == nil {
			found = permit
		}
	}
	return found, false
}

// forOther says whether somebody goes forward on behalf of somebody else. Only
// taking back and asking are exempt, so that a new phase is not. Whether the service
// itself asks does not matter: the Gate lets nobody else go.
func forOther(f *auth.Facts) bool {
	if f.Errand == nil || f.Errand.For == nil {
		return false
	}
	whose := f.Errand.For
	same := f.Who != nil && whose.Issuer == f.Who.Issuer && whose.Subject == f.Who.Subject && (whose.Tenant == "" || whose.Tenant == f.Tenant)
	return !same && f.Errand.Phase != audit.PhaseUndo && f.Errand.Phase != audit.PhaseAsk
}

// is says whether the set contains the identity.
func (w *Who) is(id *auth.Identity) bool {
	switch {
	case w.SPIFFE != "":
		return id.Subject == w.SPIFFE && id.Issuer == trustDomain(w.SPIFFE)
	case w.Issuer != id.Issuer:
		return false
	case w.Subject != "":
		return w.Subject == id.Subject
	case w.Claim == ScopeClaim:
		return slices.Contains(id.Scopes, w.Value)
	default:
		return slices.Contains(id.Claims[w.Claim], w.Value)
	}
}

// verdict collects what rules say. All are asked, so that one answer names
// everything that is missing. It holds no pointer to the facts, so that those stay
// off the heap.
type verdict struct {
	level uint8

	identity, unattended, transport bool // what is needed besides assurance
	wantLevel                       uint8
	stale                           bool
	age                             time.Duration // the least that any rule asks for; zero: none does

	open, openAt string // the first that does not hold
	shut, shutAt string // the first that nothing cures
	closed       bool
}

// weigh asks one rule.
func (v *verdict) weigh(p *Policy, f *auth.Facts, r *Rule) {
	holds, hopeless := true, false
	if r.Level > v.level {
		holds = false
		v.wantLevel = max(v.wantLevel, r.Level)
		hopeless = f.Who != nil && len(p.levels.prove(f.Who.Issuer, r.Level)) == 0
	}
	if r.MaxAge > 0 && (v.age == 0 || r.MaxAge < v.age) {
		v.age = r.MaxAge
	}
	if r.MaxAge > 0 && !fresh(f, r.MaxAge) {
		holds, v.stale = false, true
	}
	if r.Scopes != nil && !within(f, r.Scopes) || !r.declared(f) {
		holds, hopeless = false, true
	}
	if r.Transport != "" && r.Transport != f.Transport {
		holds = false
		if f.Transport == "" && f.Who == nil {
			v.transport = true
		} else {
			hopeless = true
		}
	}
	v.note(r, holds, hopeless)
}

func (v *verdict) note(r *Rule, holds, hopeless bool) {
	if !holds && v.open == "" {
		v.open, v.openAt = r.Name, r.At
	}
	if hopeless && !v.closed {
		v.closed, v.shut, v.shutAt = true, r.Name, r.At
	}
}

// fresh says whether the login is known to be no older than age.
func fresh(f *auth.Facts, age time.Duration) bool {
	if f.Who == nil || f.Who.Assurance.AuthTime.IsZero() {
		return false
	}
	since := f.At.Sub(f.Who.Assurance.AuthTime)
	return since <= age && since >= -skew
}

// declared says whether the conditions hold that are about declarations alone: who
// asks, and when, makes no difference to them.
func (r *Rule) declared(f *auth.Facts) bool {
	if r.Residency != nil && (f.From == nil || !resides(f.From, r.Residency) || !resides(f.System, r.Residency)) {
		return false
	}
	if r.Class != mapping.Unlabelled && (f.Data == nil || f.Data.Class == mapping.Unlabelled || f.Data.Class > r.Class) {
		return false
	}
	if r.Zones == nil {
		return true
	}
	return f.From != nil && f.System.Zone != "" && r.Zones[f.From.Zone] == f.System.Zone
}

// resides says whether a system is somewhere, and nowhere else than in the
// jurisdictions given.
func resides(s *auth.System, in []string) bool {
	for _, jurisdiction := range s.Jurisdictions {
		if !slices.Contains(in, jurisdiction) {
			return false
		}
	}
	return len(s.Jurisdictions) > 0
}

// within says whether neither token nor operation has a scope outside the ceiling.
func within(f *auth.Facts, ceiling []string) bool {
	for _, scope := range f.Operation.Scopes {
		if !slices.Contains(ceiling, scope) {
			return false
		}
	}
	if f.Who == nil {
		return true
	}
	for _, scope := range f.Who.Scopes {
		if !slices.Contains(ceiling, scope) {
			return false
		}
	}
	return true
}

// needs are the obligations; what all rules want of the login is one of them,
// because one login is to satisfy all.
func (v *verdict) needs(p *Policy, who *auth.Identity) []auth.Obligation {
	var needs []auth.Obligation
	for _, need := range [...]struct {
		open bool
		kind string
	}{{v.identity, auth.NeedIdentity}, {v.unattended, auth.NeedUnattended}, {v.transport, auth.NeedTransport}} {
		if need.open {
			needs = append(needs, auth.Obligation{Kind: need.kind})
		}
	}
	if v.wantLevel == 0 && !v.stale {
		return needs
	}
	login := auth.Obligation{Kind: auth.NeedAssurance, Level: v.wantLevel, MaxAge: v.age}
	if v.wantLevel > 0 && who != nil {
		login.ACR = p.levels.prove(who.Issuer, v.wantLevel)
	}
	return append(needs, login)
}
