package failsafe

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/canary"
	"github.com/carnet-go/carnet/failsafe/internal/plan"
	"github.com/carnet-go/carnet/mapping"
)

// Canary tries the workflow as the service itself on the twins of its systems, there and
// back, with at most budget crossings: each step, and then each undo. The error is nil if,
// and only if, every step has happened, everything is undone, and all was as it is
// declared and as the last good canary had it. Otherwise it is *StoppedError, as Run's, and
// somebody is alerted. Drift halts the canary: its cause is drift, around mapping.Findings:
//
//	W115 system without a twin       W124 certificate that ends soon: in 14 days, or in a
//	W116 budget that does not get         quarter of its life
//	     there and back              W125 permit, level or scopes that are others
//	W121 call that nobody declared   W126 data that is other
//	W122 permission that is gone     W127 status that is another
//	W123 answer, or request, that    W128 budget that is spent
//	     does not fit
//
// W125 to W127 compare with the last canary of this version under the same boundary that
// was good, and W126 with the same input: whoever accepts a change changes Version.
// Permissions, rules, breakers and the journal are those of every run, and a grant on a
// twin is good for one call. What nothing undoes stays on the twin. Local steps are taken
// as they are. W115 and W116 come alone, before anything happens.
func (f *Flow[S]) Canary(ctx context.Context, s S, budget int) (Result[S], error) {
	var none Result[S]
	if f == nil || f.runner == nil {
		return none, errZero
	}
	input, err := json.Marshal(s)
	if err != nil || len(input) > mostState {
		return none, auth.ErrInvalid // what json says quotes the input
	}
	if err := f.tried(budget).Err(); err != nil {
		return none, err
	}
	self, err := f.runner.gate.AdmitSelf(ctx)
	if err != nil {
		return none, err
	}
	id := "canary-" + strings.ToLower(rand.Text())
	none.Run = id
	x, err := f.runner.enter(id)
	if err != nil {
		return none, err
	}
	defer f.runner.leave(x)
	j := f.journey(x, auth.Principal{})
	j.plan, j.trial = f.twin, f.trial(id, budget)
	if err := f.begin(ctx, j, self, input, budget); err != nil {
		return f.refused(id, err)
	}
	j.trial.From, j.trial.Watch = x.line, f.runner.watch(x, f.twin)
	return f.result(x, j)(j.travel(ctx))
}

// tried says what keeps the workflow from being tried.
func (f *Flow[S]) tried(budget int) (found mapping.Findings) {
	for _, i := range f.twinless {
		found = append(found, mapping.Finding{Code: "W115", Path: fmt.Sprintf("/steps/%d/operation", i), Problem: "is of a system without a twin, or its undo or ask is"})
	}
	if found == nil && budget < f.twin.Crossings() {
		found = mapping.Findings{{Code: "W116", Path: "/budget", Problem: fmt.Sprintf("does not get there and back: it takes %d crossings", f.twin.Crossings())}}
	}
	return found
}

func (f *Flow[S]) trial(id string, budget int) *canary.Trial {
	return &canary.Trial{Log: f.runner.gate.Log(), Run: id, Budget: budget}
}

// watch is what a canary is held to: what its plan declares, and what the newest good one of
// the same declarations has seen.
func (r *Runner) watch(x *run, p *plan.Plan) *canary.Watch {
	w := &canary.Watch{}
	for _, s := range p.Steps {
		w.Steps = append(w.Steps, canary.Step{Name: s.Name, Do: s.Operation.Name, Undo: s.Undo.Name, Ask: s.Ask.Name})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var last *beginning
	for _, other := range r.runs {
		b := other.good()
		if b != nil && b.Hash == x.began.Hash && b.Boundary == x.began.Boundary && (last == nil || last.At.Before(b.At)) {
			last = b
		}
	}
	if last != nil {
		w.Before, w.Same = last.Seen, last.Digest == x.began.Digest
	}
	return w
}

// good is how a canary began that has ended well; nil: it has not, or is none.
func (x *run) good() *beginning {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.end == nil || x.end.Begin.Seen == nil {
		return nil
	}
	return &x.end.Begin
}
