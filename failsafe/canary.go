package failsafe

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/canary"
	"github.com/carnet-go/carnet/failsafe/internal/plan"
)

// Canary tries the workflow as the service itself on the twins of its systems, there and
// back, with at most budget crossings: each step, and then each undo. The error is nil if,
// and only if, every step has happened, everything is undone, and all was as it is
// declared and as the last good canary had it. Otherwise it is *StoppedError, as Run's, and
// somebody is alerted. Drift halts the canary: its cause is drift, or why it is parked,
// around mapping.Findings, and the alert says drift:
//
//	W115 system without a twin       W125 permit, level or scopes that are others
//	W116 budget that does not get    W126 data that is other
//	     there and back              W127 status that is another
//	W121 call that nobody declared   W128 budget that is spent
//	W122 permission that is gone     W129 declared call that was not made
//	W123 answer, or request, that    W124 certificate that ends soon: in 14 days, or in a
//	     does not fit                     quarter of its life
//
// W125 to W127 compare with the last canary of this version under the same boundary that
// was good, and W126 with the same input: whoever accepts a change changes Version.
// Permissions, rules, breakers and the journal are those of every run. A grant on a twin is
// good for one call, and counts, also where the breaker lets nothing through. A canary
// that has spent its budget on the way back waits for a person to clean up and to Settle.
// What nothing undoes stays on the twin. Local steps are taken as they are. Canaries at the
// same time see what the others leave. W115 and W116 come alone, before anything happens.
func (f *Flow[S]) Canary(ctx context.Context, s S, budget int) (Result[S], error) {
	var none Result[S]
	if f == nil || f.runner == nil {
		return none, errZero
	}
	input, err := json.Marshal(s)
	if err != nil || len(input) > mostState {
		return none, auth.ErrInvalid // what json says quotes the input
	}
	if err := f.twin.Unfit(f.twinless, budget).Err(); err != nil {
		return none, err
	}
	self, err := f.runner.gate.AdmitSelf(ctx)
	if err != nil {
		return none, err
	}
	none.Run = "canary-" + strings.ToLower(rand.Text())
	x, err := f.runner.enter(none.Run)
	if err != nil {
		return none, err
	}
	defer f.runner.leave(x)
	j := f.tries(x, budget)
	if err := f.begin(ctx, j, self, input, budget); err != nil {
		return f.refused(none.Run, err)
	}
	j.trial.From, j.trial.Watch = x.line, f.runner.watch(x, f.twin)
	return f.result(x, j)(j.travel(ctx))
}

// tries is a journey on the twins.
func (f *Flow[S]) tries(x *run, budget int) *journey {
	t := &canary.Trial{Log: f.runner.gate.Log(), Run: x.id, From: x.line, Budget: budget, Found: x.found, Back: x.began != nil, Watch: f.runner.watch(x, f.twin)}
	return &journey{r: f.runner, x: x, plan: f.twin, call: f.call, trial: t}
}

// watch is what a canary is held to: its plan, and what the newest good one has seen.
func (r *Runner) watch(x *run, p *plan.Plan) *canary.Watch {
	w := canary.Over(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range r.runs {
		if b := other.good(); b != nil && x.began != nil {
			w.After(past(x.began), past(b))
		}
	}
	return w
}

func past(b *beginning) canary.Past {
	return canary.Past{Hash: b.Hash, Boundary: b.Boundary, Digest: b.Digest, At: b.At, Seen: b.Seen}
}

// good is how a canary began that has ended well; nil: it has not, or is none.
func (x *run) good() *beginning {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.end == nil || x.end.Cause != "" || x.end.Begin.Seen == nil {
		return nil
	}
	return &x.end.Begin
}
