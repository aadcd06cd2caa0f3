// Package plan is a workflow without its functions: what is hashed, what the core runs,
// and what it is on the twins of its systems.
//
//	p, findings := plan.Compile(outline, catalogue, nobody)
//	p.Seal(continues)
//	if !p.May(hash) { … }
//	twin, missing := p.Twin(catalogue)
//
// # Guarantees
//
// The hash covers names, order, operations, effects and version. Plans that differ in one
// of them have another, a plan and its twin too.
//
// # Concurrency
//
// A sealed Plan does not change.
package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/core"
)

// Plan is the steps in their order.
type Plan struct {
	Name    string
	Version string
	Canary  bool `json:",omitempty"` // it is a twin
	Steps   []Step
	Core    core.Plan `json:"-"` // as long as Steps; of a twin one step longer
	Hash    string    `json:"-"`
	older   []string  // hashes of the versions whose runs it may finish
}

// Step is one of them.
type Step struct {
	Name      string
	Operation Operation
	Undo, Ask Operation
	Limits    Limits `json:"-"`
}

// Operation is what matters of a declared one; the zero Operation is local.
type Operation struct {
	Name, System string
	Effect       auth.Effect
	Privileged   bool
	Keyed        bool
}

// Limits of a step, and of its Undo and Ask. A zero Attempts is the default.
type Limits struct {
	Attempts int
	Attempt  time.Duration
	Total    time.Duration
}

// The defaults.
const (
	defaultAttempts = 3
	defaultAttempt  = 10 * time.Second
	defaultTotal    = time.Minute
)

// filled are limits with the default times.
func (l Limits) filled() Limits {
	l.Attempt = cmp.Or(l.Attempt, defaultAttempt)
	l.Total = cmp.Or(l.Total, max(defaultTotal, l.Attempt))
	return l
}

// again says whether a second time does no harm.
func (o *Operation) again() bool {
	return o.Effect == auth.ReadOnly || o.Effect == auth.Idempotent || o.Keyed
}

// add puts a step behind the others, which has an undo and an ask or not.
func (p *Plan) add(s Step, undo, ask bool) {
	if s.Operation.Name == "" {
		s.Undo.Effect = auth.Idempotent
	}
	p.Steps, p.Core = append(p.Steps, s), append(p.Core, s.core(undo, ask))
}

// core is the step as the core knows it.
func (s *Step) core(undo, ask bool) core.Step {
	step := core.Step{
		Harmless: s.Operation.Effect == auth.ReadOnly, Repeatable: s.Operation.again(), Undo: undo, Ask: ask,
		Single: s.Operation.Privileged, UndoSingle: s.Undo.Privileged, UndoAgain: s.Undo.again(),
	}
	if s.Operation.Name == "" {
		step.Repeatable = s.Limits.Attempts > 1
	}
	often := func(again bool) int {
		switch {
		case s.Limits.Attempts > 0:
			return s.Limits.Attempts
		case again:
			return defaultAttempts
		}
		return 1
	}
	step.Attempts, step.UndoAttempts, step.AskAttempts = often(step.Repeatable), often(step.UndoAgain), often(true)
	return step
}

// Seal hashes what the plan is, and what older versions of it would be.
func (p *Plan) Seal(continues []string) {
	p.Hash = p.as(p.Version)
	for _, version := range continues {
		p.older = append(p.older, p.as(version))
	}
}

func (p *Plan) as(version string) string {
	as := *p
	as.Version = version
	text, _ := json.Marshal(as) // an effect that there is not, the catalogue has refused
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// May says whether this code may finish a run that was begun under a hash.
func (p *Plan) May(hash string) bool { return hash == p.Hash || slices.Contains(p.older, hash) }

// Does is what a step does in a phase.
func (s *Step) Does(phase core.Phase) Operation {
	return [...]Operation{s.Operation, s.Undo, s.Ask}[phase]
}

// At is the step with a number, or the last.
func (p *Plan) At(step int) *Step { return &p.Steps[min(step, len(p.Steps)-1)] }
