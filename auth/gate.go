package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth/internal/build"
	"github.com/carnet-go/carnet/auth/internal/lifetime"
	"github.com/carnet-go/carnet/auth/internal/tally"
)

// startWithin is how long after it was granted a use may begin: long enough for a
// queue, too short for a Grant to be kept for later.
const startWithin = 30 * time.Second

// selfIssuer is the issuer of the service itself where nothing better vouches for
// it. No Verifier may find it.
const (
	selfIssuer  = "local"
	selfSubject = "self"
)

// defaultCeiling is System.Ceiling where nothing else is declared.
const defaultCeiling = 15 * time.Minute

// sumEvery is how often refusals before authentication reach the log.
const sumEvery = time.Minute

// Gate admits callers and grants operations, for one tenant, on one log. A nil or
// zero Gate refuses. Safe for concurrent use.
type Gate struct {
	log       *audit.Log
	boundary  *Boundary
	verifiers Verifiers
	self      Presenter
	logger    *slog.Logger
	build     string
	refusals  *tally.Tally    // before anybody is known: everyone with a socket can be refused, so it costs no disk
	brake     *lifetime.Brake // every crossing is under it
}

// GateOptions of NewGate. Nil means the documented defaults.
type GateOptions struct {
	Self   Presenter    // presents the service itself; nil: local, of the lowest assurance, issuer "local", subject "self"
	Logger *slog.Logger // operational notes without values; nil: none
}

// NewGate puts a boundary in force on a log, which gets the boundary's hash and
// what it permits. Nil Verifiers admit nobody but the service itself. A log has one
// gate: a vault knows a grant by the log that witnessed it. A nil or zero log or
// boundary, and a log that has a gate, are ErrInvalid; a log that does not record is
// ErrUnavailable.
func NewGate(ctx context.Context, log *audit.Log, b *Boundary, v Verifiers, o *GateOptions) (*Gate, error) {
	if log.Key() == "" || b.Hash() == "" {
		return nil, fmt.Errorf("%w: a gate needs an open log and a boundary", ErrInvalid)
	}
	for scheme, verifier := range v {
		if scheme == SchemeNone || verifier == nil {
			return nil, fmt.Errorf("%w: a scheme without a verifier", ErrInvalid)
		}
	}
	if !log.Claim() {
		return nil, fmt.Errorf("%w: the log has a gate", ErrInvalid)
	}
	o = cmp.Or(o, &GateOptions{})
	g := &Gate{log: log, boundary: b, verifiers: maps.Clone(v), self: o.Self, logger: o.Logger, build: build.Hash(), brake: lifetime.NewBrake()}
	if g.logger == nil {
		g.logger = slog.New(slog.DiscardHandler)
	}
	g.refusals = tally.New(sumEvery, g.recordRefusals)
	if log.Newest(actionFreeze) > log.Newest(actionThaw) { // by the process before
		g.brake.Pull()
		g.brake.Known()
		g.logger.Warn("auth: frozen since before this process")
	}
	if err := g.recordBoundary(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// Authorize grants one operation, and returns when the log has it durably. Denials
// are *DeniedError; an undeclared operation is ErrUndeclared, a principal of another
// gate ErrForeign, one that has ended ErrExpired, and an errand that is none
// ErrInvalid. ErrUnavailable means that the gate is frozen, the log did not record, or,
// with the context's error, that the caller left.
func (g *Gate) Authorize(ctx context.Context, p Principal, operation string) (Grant, error) {
	f, op, err := g.facts(p, operation)
	if err != nil {
		g.refuse(ctx, p, err)
		return Grant{}, err
	}
	d := g.boundary.decide(ctx, f)
	if ctx.Err() != nil { // decide has denied, but nobody is denied for being late
		err := side(ctx, ctx.Err())
		g.refuse(ctx, p, err)
		return Grant{}, err
	}
	made := &grant{
		gate: g, principal: p.p, declared: op, decision: d,
		id: strings.ToLower(rand.Text()), freezes: g.brake.Times(),
	}
	end := ends(f, op, d)
	made.end = lifetime.Until(end, f.At)
	if p.p.end.Running.Before(made.end.Running) { // the wall clock was set back since Admit
		made.end.Running = p.p.end.Running
	}
	if d.Verdict != Allowed {
		return Grant{}, g.deny(ctx, made)
	}
	if !end.After(f.At) { // a release that the mapping uses has ended
		g.refuse(ctx, p, ErrExpired)
		return Grant{}, ErrExpired
	}
	made.startBy = lifetime.Until(lifetime.Earliest(end, f.At.Add(startWithin)), f.At)
	if err := g.record(ctx, made.decided()); err != nil {
		return Grant{}, err
	}
	return Grant{made}, nil
}

// Explain answers as Authorize would, and grants and records nothing. Whoever is
// refused before policy is asked gets the zero Decision.
func (g *Gate) Explain(ctx context.Context, p Principal, operation string) Decision {
	f, op, err := g.facts(p, operation)
	if err != nil {
		return Decision{}
	}
	d := g.boundary.decide(ctx, f)
	if d.Verdict == Allowed && !ends(f, op, d).After(f.At) {
		return Decision{}
	}
	return d
}

// ends is when everything made under a grant ends.
func ends(f Facts, op declared, d Decision) time.Time {
	return lifetime.Earliest(f.Who.Expires, f.At.Add(cmp.Or(op.system.Ceiling, defaultCeiling)), d.NotAfter, op.mapper.NotAfter())
}

// Plan answers before anybody is known: what is unknown becomes an obligation. An
// undeclared operation is denied.
func (g *Gate) Plan(ctx context.Context, operation string) Decision {
	op, ok := some(g.Boundary()).operations[operation]
	if !ok { // of a frozen gate too: what starts then is checked as ever
		return Decision{}
	}
	return g.boundary.decide(ctx, g.about(op, time.Now()))
}

// What the log says of freezes.
const (
	actionFreeze = "gate.freeze"
	actionThaw   = "gate.thaw"
)

// Freeze stops everything, also what is under way, until Thaw: the next gate on this log
// is frozen too. It does not wait for the log and holds where the log fails: the error only
// says that the log does not know, and so that it ends with the process.
func (g *Gate) Freeze(ctx context.Context) error {
	if g == nil || g.log == nil {
		return ErrForeign
	}
	if g.brake.Pull() {
		g.logger.Warn("auth: frozen")
	}
	if err := g.brake.Tell(ctx, g.recordFreeze); err != nil {
		return side(ctx, err)
	}
	return nil
}

func (g *Gate) recordFreeze(ctx context.Context) error {
	e := g.event(actionFreeze)
	e.Outcome = audit.OutcomeSuccess
	return g.record(ctx, e)
}

// opThaw is the operation of self that Thaw takes, and the only one that a frozen gate
// grants.
const opThaw = "self.gate.thaw"

// Thaw lifts a freeze, once the log knows who did. What was granted before has ended.
// Policy decides who may: the operation self.gate.thaw. A Freeze meanwhile holds:
// ErrUnavailable.
func (g *Gate) Thaw(ctx context.Context, p Principal) error {
	if err := g.ready(opThaw); err != nil {
		return err
	}
	times := g.brake.Times()
	made, err := g.Authorize(ctx, p, opThaw)
	if err != nil {
		return err
	}
	e := made.Event(actionThaw)
	e.Outcome = audit.OutcomeSuccess
	lifted, err := g.brake.Lift(ctx, times, func(ctx context.Context) error { return g.record(ctx, e) }, g.recordFreeze)
	switch {
	case err != nil:
		return side(ctx, err)
	case !lifted:
		return fmt.Errorf("%w: frozen again", ErrUnavailable)
	}
	return nil
}

// Frozen says whether Freeze was called, and Thaw was not.
func (g *Gate) Frozen() bool { return some(g).log != nil && g.brake.Pulled() }

// Under ends with Freeze, for good: after Thaw there is another. Nil: of a zero Gate.
func (g *Gate) Under() context.Context {
	if some(g).brake == nil {
		return nil
	}
	return g.brake.Under()
}

// Boundary is what is in force; nil, which declares nothing: of a zero Gate.
func (g *Gate) Boundary() *Boundary { return some(g).boundary }

// Log is where the gate records.
func (g *Gate) Log() *audit.Log { return some(g).log }

// ready says whether the gate may grant the operation at all.
func (g *Gate) ready(operation string) error {
	if g == nil || g.log == nil {
		return ErrForeign
	}
	if g.brake.Pulled() && operation != opThaw {
		return fmt.Errorf("%w: frozen", ErrUnavailable)
	}
	return nil
}

// Knows is nil for whoever it has admitted and who has not ended; otherwise ErrForeign or
// ErrExpired. Whether he may do anything, it does not say.
func (g *Gate) Knows(p Principal) error {
	switch {
	case p.p == nil || p.p.gate != g:
		return ErrForeign
	case p.p.end.Over(time.Now()):
		return ErrExpired
	}
	return nil
}

// facts establishes what policy is asked about. Nothing in it comes from the
// caller but the errand, which only adds requirements.
func (g *Gate) facts(p Principal, operation string) (Facts, declared, error) {
	op, ok := some(g.Boundary()).operations[operation]
	switch err := cmp.Or(g.ready(operation), g.Knows(p)); {
	case err != nil:
		return Facts{}, declared{}, err
	case !p.p.errand.valid(p.p):
		return Facts{}, declared{}, fmt.Errorf("%w: errand", ErrInvalid)
	case !ok || (op.system.TwinOf != "") != p.p.errand.canary():
		return Facts{}, declared{}, ErrUndeclared
	}
	f := g.about(op, time.Now())
	f.Who, f.Self, f.Errand = &p.p.identity, p.p.self, p.p.errand
	return f, op, nil
}

func (g *Gate) about(op declared, now time.Time) Facts {
	f := Facts{
		Tenant: g.boundary.catalogue.tenant, From: g.boundary.self, System: op.system, Operation: op.operation, Data: op.data, At: now,
	}
	if op.origin.Scheme == "https" || op.origin.Scheme == "ldaps" {
		f.Transport = TransportTLS
	}
	return f
}

// deny records a denial and says it. A log that fails does not turn it into
// anything else.
func (g *Gate) deny(ctx context.Context, made *grant) error {
	e := made.decided()
	e.Grant, e.StartBy, e.NotAfter = "", time.Time{}, time.Time{}
	e.Outcome = audit.OutcomeFailure
	_ = g.recordAnyway(ctx, e)
	return &DeniedError{Rule: made.decision.Rule, Needs: made.decision.Needs}
}
