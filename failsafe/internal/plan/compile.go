package plan

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

const mostSteps = 64

// The limits of limits.
const (
	MostAttempts = 10
	Longest      = 24 * time.Hour
)

// Name is what runs, steps and workflows are called.
var Name = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

var version = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Outline is a workflow as it is written, without its functions.
type Outline struct {
	Name, Version string
	Continues     []string
	Steps         []Part
}

// Part is one step of it; Do, Undo and Ask say whether they are there.
type Part struct {
	Name, Operation string
	Do, Undo, Ask   bool
	Limits          Limits
}

// Compile checks an outline against the operations that there are, and whether nobody may
// do them. The plan is not yet sealed. The codes are listed with failsafe.Compile.
func Compile(o Outline, c Catalogue, nobody func(operation string) bool) (*Plan, mapping.Findings) {
	k := compiler{catalogue: c, nobody: nobody, plan: &Plan{Name: o.Name, Version: o.Version}}
	k.find(!Name.MatchString(o.Name), "W101", "/name", "is not a name: [a-z0-9][a-z0-9._-]{0,63}")
	k.find(!version.MatchString(o.Version), "W102", "/version", "is not a version: [A-Za-z0-9][A-Za-z0-9._-]{0,63}")
	for i, older := range o.Continues {
		k.find(!version.MatchString(older) || older == o.Version, "W102", fmt.Sprintf("/continues/%d", i), "is not another version")
	}
	k.find(len(o.Steps) == 0 || len(o.Steps) > mostSteps, "W103", "/steps", "are not 1 to 64")
	for i := range o.Steps {
		k.step(fmt.Sprintf("/steps/%d", i), &o.Steps[i])
	}
	for i, s := range k.plan.Core {
		final := !s.Undo && !s.Harmless
		k.find(final && i < len(k.plan.Core)-1, "W110", fmt.Sprintf("/steps/%d", i), "changes something, and nothing undoes it: it must be the last step")
	}
	return k.plan, k.findings
}

type compiler struct {
	catalogue Catalogue
	nobody    func(operation string) bool
	plan      *Plan
	findings  mapping.Findings
}

func (k *compiler) find(bad bool, code, path, problem string) {
	if bad {
		k.findings = append(k.findings, mapping.Finding{Code: code, Path: path, Problem: problem})
	}
}

func (k *compiler) step(at string, part *Part) {
	k.find(!Name.MatchString(part.Name), "W104", at+"/name", "is not a name: [a-z0-9][a-z0-9._-]{0,63}")
	k.find(slices.ContainsFunc(k.plan.Steps, func(s Step) bool { return s.Name == part.Name }), "W105", at+"/name", "is another step's too")
	k.find(!part.Do, "W107", at+"/do", "is missing")
	step := Step{Name: part.Name, Limits: part.Limits}
	op, known := k.catalogue[part.Operation]
	switch {
	case part.Operation == "":
	case !known:
		k.findings = append(k.findings, mapping.Finding{
			Code: "W106", Path: at + "/operation", Problem: "is not an operation that a system has",
			Nearest: declare.Nearest(part.Operation, slices.Collect(maps.Keys(k.catalogue))),
		})
	default:
		step.Operation = k.operation(at, part.Operation)
		step.Undo, step.Ask = k.operation(at, op.undo), k.operation(at, op.ask)
		k.find(part.Undo != (op.undo != ""), "W108", at+"/undo", "is there without a declared undo, or is missing although one is declared")
		k.find(part.Ask != (op.ask != ""), "W109", at+"/ask", "is there without a declared ask, or is missing although one is declared")
	}
	k.limits(at, &step)
	k.plan.add(step, part.Undo, part.Ask)
}

// operation is a declared one that somebody may do.
func (k *compiler) operation(at, name string) Operation {
	op, known := k.catalogue[name]
	if !known {
		return Operation{}
	}
	k.find(k.nobody(name), "W113", at, "takes an operation that nobody may do")
	return op.own
}

func (k *compiler) limits(at string, s *Step) {
	l := &s.Limits
	k.find(l.Attempts < 0 || l.Attempts > MostAttempts, "W111", at+"/limits/attempts", "are not 0 to 10")
	k.find(l.Attempt < 0 || l.Total < 0 || l.Total > Longest || l.Attempt > Longest, "W111", at+"/limits", "are not between 0 and 24h")
	for _, op := range []Operation{s.Operation, s.Undo, s.Ask} {
		k.find(op.Privileged && l.Attempts > 1, "W112", at+"/limits/attempts", "are more than one of a privileged operation")
	}
	*l = l.filled()
}
