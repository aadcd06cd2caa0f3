package failsafe

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/guard"
	"github.com/carnet-go/carnet/failsafe/internal/aside"
	"github.com/carnet-go/carnet/failsafe/internal/core"
	"github.com/carnet-go/carnet/failsafe/internal/plan"
)

// Flow is a compiled workflow. A nil or zero Flow refuses. Safe for concurrent use.
type Flow[S any] struct {
	runner   *Runner
	plan     *plan.Plan
	steps    []Step[S]
	twin     *plan.Plan // on the twins of its systems
	twinless []int      // steps that have none
}

// Run starts a run, or continues the one with the same id, input and subject: one that a
// crash has left, or that waits for this person. Of one that has ended it tells the end.
// The error is nil if, and only if, it is done; otherwise it is *StoppedError around the
// cause, or one of the runner's own. An id is [a-z0-9][a-z0-9._-]{0,63}.
func (f *Flow[S]) Run(ctx context.Context, p auth.Principal, id string, s S) (Result[S], error) {
	none := Result[S]{Run: id}
	if f == nil || f.runner == nil {
		return none, errZero
	}
	input, err := json.Marshal(s)
	if err != nil || len(input) > mostState || !plan.Name.MatchString(id) || p.Identity().Subject == "" {
		return none, auth.ErrInvalid // what json says quotes the input
	}
	if err := f.runner.gate.Knows(p); err != nil {
		return none, err // a name alone is told nothing, and turns nobody's run around
	}
	x, err := f.runner.enter(id)
	if err != nil {
		return none, err
	}
	defer f.runner.leave(x)
	j := f.journey(x, p)
	switch {
	case x.foreign:
		return none, ErrConflict
	case x.began == nil:
		if err := f.begin(ctx, j, p, input, 0); err != nil {
			return f.refused(id, err)
		}
	case digestOf(x.began.Hash, p.Identity(), input) != x.began.Digest || !f.may(x.began) || x.began.Budget > 0:
		return none, ErrConflict
	case x.end != nil:
		return f.told(x)
	default:
		if err := j.returned(ctx); err != nil {
			return none, err
		}
	}
	return f.result(x, j)(j.travel(ctx))
}

func (f *Flow[S]) journey(x *run, p auth.Principal) *journey {
	if x.began != nil && x.began.Budget > 0 { // what is left of a canary
		return f.tries(x, x.began.Budget)
	}
	return &journey{r: f.runner, x: x, plan: f.plan, call: f.call, principal: p}
}

// may says whether this code may finish a run.
func (f *Flow[S]) may(b *beginning) bool {
	return b.Workflow == f.plan.Name && (b.Budget == 0 && f.plan.May(b.Hash) || b.Budget > 0 && f.twin.May(b.Hash))
}

// digestOf says which run it is.
func digestOf(hash string, who auth.Identity, input []byte) [32]byte {
	text, _ := json.Marshal([]string{hash, who.Tenant, who.Issuer, who.Subject, string(input)})
	return sha256.Sum256(text)
}

// begin begins a run, if every step may be taken, and the way back too.
func (f *Flow[S]) begin(ctx context.Context, j *journey, p auth.Principal, input json.RawMessage, budget int) error {
	who := p.Identity()
	self, err := f.runner.gate.AdmitSelf(ctx)
	if err != nil {
		return err
	}
	b := &beginning{
		Workflow: j.plan.Name, Version: j.plan.Version, Hash: j.plan.Hash, Tenant: who.Tenant, Issuer: who.Issuer, Subject: who.Subject,
		Self: self.Identity().Issuer == who.Issuer && self.Identity().Subject == who.Subject, Digest: digestOf(j.plan.Hash, who, input), Input: input, At: time.Now().UTC(),
	}
	if budget > 0 {
		b.Budget, b.Boundary = budget, f.runner.gate.Boundary().Hash()
	}
	asks := *j
	asks.x = &run{runner: f.runner, id: j.x.id, began: b} // what may never begin, nobody sees
	err = asks.allowed(ctx, p)
	if stopped, ok := errors.AsType[*StoppedError](err); ok && budget > 0 { // which somebody is to hear of
		j.cause = stopped.err
		j.trial.Refuse(slices.IndexFunc(j.plan.Steps, func(s plan.Step) bool { return s.Name == stopped.Step }))
	} else if err != nil {
		return err
	}
	return j.x.begin(b)
}

// allowed asks, before anything happens, what the gate would say to each step and to the
// way back: what would be denied is not begun.
func (j *journey) allowed(ctx context.Context, p auth.Principal) error {
	for i := range j.plan.Steps {
		step := &j.plan.Steps[i]
		for _, phase := range []core.Phase{core.Do, core.Undo, core.Ask} {
			op := step.Does(phase)
			if op.Name == "" {
				continue
			}
			j.principal = p
			who, err := j.who(ctx, step, core.Action{Step: i, Phase: phase, Attempt: 1})
			if err != nil {
				return err
			}
			d := j.r.gate.Explain(ctx, who, op.Name)
			if d.Verdict == auth.Denied || d.Verdict == auth.Needs && phase != core.Do {
				cause := causeNoWay
				if phase == core.Do {
					cause = "denied"
				}
				return &StoppedError{Run: j.x.id, Step: step.Name, Cause: cause, End: RolledBack, err: &auth.DeniedError{Rule: d.Rule, Needs: d.Needs}}
			}
		}
	}
	return ctx.Err()
}

// refused is a run that did not begin.
func (f *Flow[S]) refused(id string, err error) (Result[S], error) {
	result := Result[S]{Run: id}
	if stopped, ok := errors.AsType[*StoppedError](err); ok {
		result.End, result.Step = RolledBack, stopped.Step
	}
	return result, err
}

// returned lets a run go on for whoever has come back: one that waits for him.
func (j *journey) returned(ctx context.Context) error {
	j.start()
	if j.s.Parked == "person" {
		j.happened(core.Event{What: core.Resumed}, nil, nil)
	}
	return j.x.flush(ctx, true)
}

// result is what Run and its like return.
func (f *Flow[S]) result(x *run, j *journey) func(End, error) (Result[S], error) {
	return func(end End, err error) (Result[S], error) {
		result := Result[S]{Run: x.id, End: end}
		if end != Done {
			result.Step = j.at
		}
		if json.Unmarshal(x.state, &result.State) != nil {
			return result, errors.Join(err, ErrDamaged)
		}
		return result, err
	}
}

// told is the end of a run that has ended.
func (f *Flow[S]) told(x *run) (Result[S], error) {
	result := Result[S]{Run: x.id, End: x.end.End, Step: x.end.Step}
	if json.Unmarshal(x.end.State, &result.State) != nil {
		return result, ErrDamaged
	}
	if x.end.End == Done {
		return result, nil
	}
	return result, &StoppedError{Run: x.id, Step: x.end.Step, Cause: x.end.Cause, End: x.end.End}
}

// call is the caller of the flow's functions.
func (f *Flow[S]) call(ctx context.Context, step int, phase core.Phase, x Crossing, before json.RawMessage) (json.RawMessage, bool, error) {
	var s S
	if json.Unmarshal(before, &s) != nil {
		return nil, false, ErrDamaged
	}
	var err error
	switch phase {
	case core.Ask:
		yes, err := f.steps[step].Ask(ctx, x, &s)
		return nil, yes, err
	case core.Undo:
		err = f.steps[step].Undo(ctx, x, &s)
	default:
		err = f.steps[step].Do(ctx, x, &s)
	}
	if err != nil {
		return nil, false, err
	}
	after, err := json.Marshal(s)
	if err != nil || len(after) > mostState {
		return nil, false, errState
	}
	return after, false, nil
}

// errState: the step has worked, and what it leaves cannot be kept.
var errState = aside.Lapse("left a state that encoding/json cannot keep, or more than 1 MiB")

// Resume finishes or undoes what a crash left, as the service itself: forward it goes
// only where policy says unattended, and back otherwise. It yields each run as it ends,
// and skips those that wait for a person.
func (f *Flow[S]) Resume(ctx context.Context) iter.Seq2[Result[S], error] {
	return func(yield func(Result[S], error) bool) {
		if f == nil || f.runner == nil {
			yield(Result[S]{}, errZero)
			return
		}
		for _, p := range f.runner.pending() {
			if p.Workflow != f.plan.Name {
				continue
			}
			if ctx.Err() != nil {
				yield(Result[S]{}, ctx.Err())
				return
			}
			result, err, skip := f.resume(ctx, p.Run)
			if !skip && !yield(result, err) {
				return
			}
		}
	}
}

// resume goes on with one run; skip: it waits for a person, or somebody is at it.
func (f *Flow[S]) resume(ctx context.Context, id string) (result Result[S], err error, skip bool) {
	x, err := f.runner.enter(id)
	if err != nil {
		return Result[S]{Run: id}, err, errors.Is(err, ErrRunning)
	}
	defer f.runner.leave(x)
	stopped := func(cause string) (Result[S], error, bool) {
		return Result[S]{Run: id}, &StoppedError{Run: id, Cause: cause, End: Parked}, false
	}
	switch {
	case x.ended():
		return result, nil, true
	case x.foreign:
		return stopped(causeForeign)
	case !f.may(x.began):
		return stopped(causeChanged)
	}
	j := f.journey(x, auth.Principal{})
	j.start()
	if _, halted, _ := f.runner.controls.now(id); j.s.Parked != "" && !(halted && j.s.Mode == core.Forward) {
		if x.waits == nil { // its process ended, or was closed, before it could say so
			result, err = f.result(x, j)(j.park())
			return result, err, false
		}
		x.tell(ctx)
		return result, x.flush(ctx, true), true
	}
	if f.runner.gate.Frozen() { // which is no end of its process
		return result, ErrStopped, false
	}
	x.note(entry{Again: true})
	if x.resumes > mostResumes {
		j.settle()
		j.happened(core.Event{What: core.Poisoned}, nil, nil)
	}
	if err := x.flush(ctx, true); err != nil { // before: it may end this process again
		return Result[S]{Run: id}, err, false
	}
	result, err = f.result(x, j)(j.travel(ctx))
	return result, err, false
}

// settle notes that what was under way when its process ended may have happened.
func (j *journey) settle() {
	if a := j.plan.Core.Next(j.s); a.Kind == core.Pending {
		j.happened(core.Event{What: core.Failed, Phase: a.Phase, Class: guard.Unknown}, nil, nil)
	}
}

// Retry lets a parked run go on, as the service itself: what was tried counts no more.
// Policy decides who may: the operation self.run.resume.
func (f *Flow[S]) Retry(ctx context.Context, p auth.Principal, id string) (Result[S], error) {
	return f.ordered(ctx, p, id, core.Event{What: core.Resumed})
}

// Settle says whether the step at which a run is parked has happened, and lets it go on
// as Retry does. Policy decides who may: the operation self.run.resume.
func (f *Flow[S]) Settle(ctx context.Context, p auth.Principal, id string, happened bool) (Result[S], error) {
	return f.ordered(ctx, p, id, core.Event{What: core.Told, Yes: happened})
}

func (f *Flow[S]) ordered(ctx context.Context, p auth.Principal, id string, e core.Event) (Result[S], error) {
	none := Result[S]{Run: id}
	if f == nil || f.runner == nil {
		return none, errZero
	}
	if !plan.Name.MatchString(id) {
		return none, auth.ErrInvalid
	}
	may, err := f.runner.gate.Authorize(ctx, p.On(auth.Errand{Workflow: f.plan.Hash, Run: id}), opResume)
	if err != nil {
		return none, err // before anybody is told which runs there are
	}
	x, err := f.runner.enter(id)
	if err != nil {
		return none, err
	}
	defer f.runner.leave(x)
	if x.began == nil || x.foreign || x.end != nil || !f.may(x.began) {
		return none, ErrConflict
	}
	j := f.journey(x, auth.Principal{})
	j.start()
	if j.s.Parked == "" {
		return none, ErrRunning
	}
	if err := f.runner.ordered(ctx, may, j.name(j.s.Step), e); err != nil {
		return none, err
	}
	if j.trial != nil && j.s.Step == len(j.plan.Steps) { // where a canary turns around there is nothing to be told
		e = core.Event{What: core.Halted}
	}
	j.happened(e, nil, nil)
	if err := x.flush(ctx, true); err != nil {
		return none, err
	}
	return f.result(x, j)(j.travel(ctx))
}
