package failsafe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/core"
	"github.com/carnet-go/carnet/mapping"
)

var (
	namePattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	versionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// plan is a workflow without its functions: what is hashed, and what the core runs.
type plan struct {
	Name    string
	Version string
	Steps   []planned
	core    core.Plan
	hash    string
	older   []string // hashes of Continues
}

// planned is one step of it.
type planned struct {
	Name      string
	Operation operation
	Undo, Ask operation
	limits    Limits
}

// operation is what matters of a declared one; the zero operation is local.
type operation struct {
	Name, System string
	Effect       auth.Effect
	Privileged   bool
	Keyed        bool
}

// repeatable says whether a second time does no harm.
func (o operation) repeatable() bool {
	return o.Effect == auth.ReadOnly || o.Effect == auth.Idempotent || o.Keyed
}

// Compile checks a workflow before anything runs. The error is mapping.Findings, with
// JSON pointers into the workflow:
//
//	W101 name                          W108 way back: nothing undoes it, or Undo without a
//	W102 version                            declared one, or a declared one without Undo
//	W103 number of steps               W109 Ask without a declared one, or the reverse
//	W104 step's name                   W110 what nothing undoes comes before the last step
//	W105 duplicate step                W111 limits
//	W106 unknown operation             W112 privileged with more than one attempt
//	W107 no Do                         W113 nobody may do it
//	W114 state that encoding/json cannot keep
func Compile[S any](r *Runner, w Workflow[S]) (*Flow[S], error) {
	if r == nil || r.gate == nil {
		return nil, errZero
	}
	c := compiler{runner: r, operations: r.operations()}
	p := c.workflow(w.Name, w.Version, w.Continues, len(w.Steps))
	for i, s := range w.Steps {
		c.step(p, i, s.Name, s.Operation, s.Do != nil, s.Undo != nil, s.Ask != nil, s.Limits)
	}
	c.last(p)
	var zero S
	text, err := json.Marshal(zero)
	if err == nil {
		err = json.Unmarshal(text, new(S))
	}
	c.find(err != nil, "W114", "", "has a state that encoding/json cannot keep")
	if err := c.findings.Err(); err != nil {
		return nil, err
	}
	p.seal(w.Continues)
	return &Flow[S]{runner: r, plan: p, steps: slices.Clone(w.Steps)}, nil
}

type compiler struct {
	runner     *Runner
	operations map[string]auth.Operation
	findings   mapping.Findings
}

func (c *compiler) find(bad bool, code, path, problem string) {
	if bad {
		c.findings = append(c.findings, mapping.Finding{Code: code, Path: path, Problem: problem})
	}
}

func (c *compiler) workflow(name, version string, continues []string, steps int) *plan {
	c.find(!namePattern.MatchString(name), "W101", "/name", "is not a name: [a-z0-9][a-z0-9._-]{0,63}")
	c.find(!versionPattern.MatchString(version), "W102", "/version", "is not a version: [A-Za-z0-9][A-Za-z0-9._-]{0,63}")
	for i, older := range continues {
		c.find(!versionPattern.MatchString(older) || older == version, "W102", fmt.Sprintf("/continues/%d", i), "is not another version")
	}
	c.find(steps == 0 || steps > mostSteps, "W103", "/steps", "are not 1 to 64")
	return &plan{Name: name, Version: version}
}

func (c *compiler) step(p *plan, i int, name, operation string, do, undo, ask bool, limits Limits) {
	at := fmt.Sprintf("/steps/%d", i)
	c.find(!namePattern.MatchString(name), "W104", at+"/name", "is not a name: [a-z0-9][a-z0-9._-]{0,63}")
	c.find(slices.ContainsFunc(p.Steps, func(s planned) bool { return s.Name == name }), "W105", at+"/name", "is another step's too")
	c.find(!do, "W107", at+"/do", "is missing")
	step := planned{Name: name, limits: limits}
	op, known := c.operations[operation]
	switch {
	case operation == "":
		step.Undo.Effect = auth.Idempotent
	case !known:
		c.findings = append(c.findings, mapping.Finding{Code: "W106", Path: at + "/operation", Problem: "is not an operation that a system has", Nearest: c.runner.nearest(operation)})
	default:
		step.Operation = c.operation(at, operation)
		step.Undo, step.Ask = c.operation(at, op.Undo), c.operation(at, op.Ask)
		c.find(undo != (op.Undo != ""), "W108", at+"/undo", "is there without a declared undo, or is missing although one is declared")
		c.find(ask != (op.Ask != ""), "W109", at+"/ask", "is there without a declared ask, or is missing although one is declared")
	}
	c.limits(at, &step)
	p.Steps = append(p.Steps, step)
	p.core = append(p.core, step.core(undo, ask))
}

// operation is a declared one that somebody may do.
func (c *compiler) operation(at, name string) operation {
	op, known := c.operations[name]
	if !known {
		return operation{}
	}
	d := c.runner.gate.Plan(c.runner.under, name)
	c.find(d.Verdict == auth.Denied, "W113", at, "takes an operation that nobody may do")
	return operation{name, systemOf(name), op.Effect, op.Privileged, op.Keyed}
}

func (c *compiler) limits(at string, s *planned) {
	l := &s.limits
	c.find(l.Attempts < 0 || l.Attempts > mostAttempts, "W111", at+"/limits/attempts", "are not 0 to 10")
	c.find(l.Attempt < 0 || l.Total < 0 || l.Total > longestTotal || l.Attempt > longestTotal, "W111", at+"/limits", "are not between 0 and 24h")
	for _, op := range []operation{s.Operation, s.Undo, s.Ask} {
		c.find(op.Privileged && l.Attempts > 1, "W112", at+"/limits/attempts", "are more than one of a privileged operation")
	}
	if l.Attempt == 0 {
		l.Attempt = defaultAttempt
	}
	if l.Total == 0 {
		l.Total = max(defaultTotal, l.Attempt)
	}
}

// last checks that nothing comes after what cannot be undone.
func (c *compiler) last(p *plan) {
	for i, s := range p.core {
		final := !s.Undo && !s.Harmless
		c.find(final && i < len(p.core)-1, "W110", fmt.Sprintf("/steps/%d", i), "changes something, and nothing undoes it: it must be the last step")
	}
}

// core is the step as the core knows it.
func (s *planned) core(undo, ask bool) core.Step {
	step := core.Step{
		Harmless: s.Operation.Effect == auth.ReadOnly, Repeatable: s.Operation.repeatable(), Undo: undo, Ask: ask,
		Single: s.Operation.Privileged, UndoSingle: s.Undo.Privileged, UndoAgain: s.Undo.repeatable(),
	}
	if s.Operation.Name == "" {
		step.Repeatable = s.limits.Attempts > 1
	}
	often := func(repeatable bool) int {
		switch {
		case s.limits.Attempts > 0:
			return s.limits.Attempts
		case repeatable:
			return defaultAttempts
		}
		return 1
	}
	step.Attempts, step.UndoAttempts, step.AskAttempts = often(step.Repeatable), often(step.UndoAgain), often(true)
	return step
}

// seal hashes what the plan is, and what older versions of it would be.
func (p *plan) seal(continues []string) {
	p.hash = p.hashAs(p.Version)
	for _, version := range continues {
		p.older = append(p.older, p.hashAs(version))
	}
}

func (p *plan) hashAs(version string) string {
	as := *p
	as.Version = version
	text, _ := json.Marshal(as) // an effect that there is not, the catalogue has refused
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// may says whether this code may finish a run that was begun under a hash.
func (p *plan) may(hash string) bool { return hash == p.hash || slices.Contains(p.older, hash) }

// of is what a step does in a phase.
func (s *planned) of(phase core.Phase) operation {
	return [...]operation{s.Operation, s.Undo, s.Ask}[phase]
}
