package failsafe

import (
	"encoding/json"
	"slices"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/plan"
	"github.com/carnet-go/carnet/mapping"
)

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
	outline := plan.Outline{Name: w.Name, Version: w.Version, Continues: w.Continues}
	for _, s := range w.Steps {
		outline.Steps = append(outline.Steps, plan.Part{
			Name: s.Name, Operation: s.Operation, Do: s.Do != nil, Undo: s.Undo != nil, Ask: s.Ask != nil, Limits: plan.Limits(s.Limits),
		})
	}
	p, findings := plan.Compile(outline, r.catalogue, func(operation string) bool {
		return r.gate.Plan(r.under, operation).Verdict == auth.Denied
	})
	var zero S
	text, err := json.Marshal(zero)
	if err == nil {
		err = json.Unmarshal(text, new(S))
	}
	if err != nil {
		findings = append(findings, mapping.Finding{Code: "W114", Problem: "has a state that encoding/json cannot keep"})
	}
	if err := findings.Err(); err != nil {
		return nil, err
	}
	p.Seal(w.Continues)
	f := &Flow[S]{runner: r, plan: p, steps: slices.Clone(w.Steps)}
	f.twin, f.twinless = p.Twin(r.catalogue)
	f.twin.Seal(w.Continues)
	return f, nil
}
