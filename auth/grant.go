package auth

import (
	"slices"
	"sync"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth/internal/deep"
	"github.com/carnet-go/carnet/auth/internal/lifetime"
)

// Grant is evidence that policy allowed one principal one operation. Only a Gate
// makes one; the zero Grant opens nothing. It is good in the gate and on the log
// that made it.
type Grant struct{ g *grant }

type grant struct {
	declared
	gate      *Gate
	principal *principal
	decision  Decision
	id        string
	freezes   uint64 // of the gate, when it was made
	startBy   lifetime.End
	end       lifetime.End

	mu     sync.Mutex
	uses   int
	opened map[string]bool // by a privileged grant
}

// of reads a grant; of the zero Grant there is nothing to read.
func of[T any](g Grant, read func(*grant) T) (value T) {
	if g.g != nil {
		value = read(g.g)
	}
	return value
}

// ID names it in the log; empty: it is the zero Grant.
func (g Grant) ID() string { return of(g, func(g *grant) string { return g.id }) }

// Identity is who it was granted to: a copy.
func (g Grant) Identity() Identity {
	return of(g, func(g *grant) Identity { return g.principal.identity.clone() })
}

// System is the far side: a copy.
func (g Grant) System() System { return of(g, func(g *grant) System { return deep.Copy(*g.system) }) }

// Operation is what it is for: a copy.
func (g Grant) Operation() Operation {
	return of(g, func(g *grant) Operation { return deep.Copy(*g.operation) })
}

// StartBy is until when a use may begin: 30 seconds after it was granted.
func (g Grant) StartBy() time.Time { return of(g, func(g *grant) time.Time { return g.startBy.Wall }) }

// NotAfter is when everything made under it ends: with the identity, the system's
// ceiling or the permit, whichever is first.
func (g Grant) NotAfter() time.Time { return of(g, func(g *grant) time.Time { return g.end.Wall }) }

// Live says, in nanoseconds, whether a transmission may go on now. Adapters ask
// before each one. The zero Grant is ErrForeign, one that has ended ErrExpired, and
// a frozen gate's ErrUnavailable.
func (g Grant) Live() error {
	if g.g == nil {
		return ErrForeign
	}
	freezes := g.g.gate.brake.Times()
	if freezes%2 == 1 {
		return ErrUnavailable
	}
	if freezes != g.g.freezes || g.g.end.Over(time.Now()) {
		return ErrExpired
	}
	return nil
}

// Opens says whether it is live, was witnessed by log, and covers the secret at
// path. A Grant of a privileged operation covers each path once: a second time is
// ErrExpired.
func (g Grant) Opens(log *audit.Log, path string) error {
	if g.g == nil || log == nil || g.g.gate.log != log {
		return ErrForeign
	}
	if err := g.underWay(); err != nil {
		return err
	}
	g.g.mu.Lock()
	defer g.g.mu.Unlock()
	if !slices.Contains(g.g.system.Secrets, path) {
		return ErrUndeclared
	}
	if !g.g.operation.Privileged {
		return nil
	}
	if g.g.opened[path] {
		return ErrExpired
	}
	if g.g.opened == nil {
		g.g.opened = map[string]bool{}
	}
	g.g.opened[path] = true
	return nil
}

// underWay says whether secrets may be had under it now: it is live, and a use has
// begun or may begin.
func (g Grant) underWay() error {
	if err := g.Live(); err != nil {
		return err
	}
	g.g.mu.Lock()
	defer g.g.mu.Unlock()
	if g.g.uses == 0 && g.g.startBy.Over(time.Now()) {
		return ErrExpired
	}
	return nil
}

// begin counts a use, if one may begin now, in the gate that is asked.
func (g Grant) begin(gate *Gate) (use int, err error) {
	if g.g == nil || g.g.gate != gate {
		return 0, ErrForeign
	}
	if err := g.Live(); err != nil {
		return 0, err
	}
	if g.g.startBy.Over(time.Now()) {
		return 0, ErrExpired
	}
	g.g.mu.Lock()
	defer g.g.mu.Unlock()
	if (g.g.operation.Privileged || g.g.system.TwinOf != "") && g.g.uses > 0 { // a canary counts its crossings
		return 0, ErrExpired
	}
	g.g.uses++
	return g.g.uses, nil
}

// Event is an event about it, with all that the gate knows; the zero Grant's says nothing.
func (g Grant) Event(action string) audit.Event {
	if g.g == nil {
		return audit.Event{Action: action}
	}
	return g.g.event(action)
}

func (g *grant) event(action string) audit.Event {
	e := g.gate.event(action)
	id := &g.principal.identity
	e.Actor, e.Chain = audit.Actor{Issuer: id.Issuer, Subject: id.Subject}, slices.Clone(id.Actors)
	e.Assurance, e.Scopes = id.Assurance, slices.Clone(id.Scopes)
	e.Assurance.Level = g.decision.Level
	e.System, e.Zone = g.system.Name, g.system.Zone
	e.Jurisdictions = slices.Clone(g.system.Jurisdictions)
	e.Effect, e.Privileged = g.operation.Effect.String(), g.operation.Privileged
	e.Grant, e.NotAfter = g.id, g.end.Wall
	if on := g.principal.errand; on != nil {
		e.Phase, e.Workflow, e.Run, e.Step, e.Attempt = on.Phase, on.Workflow, on.Run, on.Step, on.Attempt
		if on.For != nil {
			e.For = audit.Actor{Issuer: on.For.Issuer, Subject: on.For.Subject}
		}
	}
	return e
}

// key is the Idempotency-Key of its calls; empty: none.
func (g *grant) key() string {
	if g.operation.Keyed && g.principal.errand != nil {
		return g.principal.errand.Key
	}
	return ""
}

// decided is the event of the decision itself.
func (g *grant) decided() audit.Event {
	e := g.event(g.operation.Name)
	e.Decision, e.Rule, e.RuleAt = g.decision.Verdict.String(), g.decision.Rule, g.decision.RuleAt
	for _, need := range g.decision.Needs {
		e.Needs = append(e.Needs, need.Kind)
	}
	e.StartBy = g.startBy.Wall
	return e
}
