package plan

import (
	"fmt"
	"slices"

	"github.com/carnet-go/carnet/failsafe/internal/core"
	"github.com/carnet-go/carnet/mapping"
)

// Twin is the plan on the twins of its systems, not yet sealed; missing are the steps that
// take an operation without one. Behind the last step the
// core has one more, at which a canary turns around: it is never tried. What nothing
// undoes stays on the twin, and keeps nobody from going back.
func (p *Plan) Twin(c Catalogue) (twin *Plan, missing []int) {
	twin = &Plan{Name: p.Name, Version: p.Version, Canary: true, Steps: slices.Clone(p.Steps), Core: slices.Clone(p.Core)}
	for i := range twin.Steps {
		s, whole := &twin.Steps[i], true
		for _, op := range []*Operation{&s.Operation, &s.Undo, &s.Ask} {
			if op.Name == "" {
				continue
			}
			*op = c.twin(*op)
			whole = whole && op.Name != ""
		}
		if !whole {
			missing = append(missing, i)
		}
		twin.Core[i].Harmless = twin.Core[i].Harmless || !twin.Core[i].Undo
	}
	twin.Core = append(twin.Core, core.Step{Harmless: true, Attempts: 1, UndoAttempts: 1, AskAttempts: 1})
	return twin, missing
}

// Unfit says what keeps a twin from being tried: steps without one, and a budget that does
// not suffice.
func (p *Plan) Unfit(missing []int, budget int) (found mapping.Findings) {
	for _, i := range missing {
		found = append(found, mapping.Finding{Code: "W115", Path: fmt.Sprintf("/steps/%d/operation", i), Problem: "is of a system without a twin, or its undo or ask is"})
	}
	if most := max(p.Crossings(), 1); found == nil && budget < most {
		found = mapping.Findings{{Code: "W116", Path: "/budget", Problem: fmt.Sprintf("does not get there and back: it takes %d", most)}}
	}
	return found
}

// Crossings is how many it takes to go there and back when everything works: each step,
// its undo, and the question whether that has worked.
func (p *Plan) Crossings() (all int) {
	for i := range p.Steps {
		if p.Steps[i].Operation.Name != "" {
			all += 1 + p.wayBack(i)
		}
	}
	return all
}

// wayBack is how many crossings it takes to undo a step.
func (p *Plan) wayBack(i int) (n int) {
	for _, op := range []Operation{p.Steps[i].Undo, p.Steps[i].Ask} {
		if op.Name != "" {
			n++
		}
	}
	return n
}

// Ahead is how many the next attempt of a step takes, with the way back from there.
func (p *Plan) Ahead(s core.State) int {
	all := 0
	if s.Step < len(p.Steps) && p.Steps[s.Step].Operation.Name != "" {
		all = 1
	}
	for i, known := range s.Steps[:len(p.Steps)] {
		if known != core.No || i == s.Step {
			all += p.wayBack(i)
		}
	}
	return all
}
