package failsafe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/guard"
	"github.com/carnet-go/carnet/failsafe/internal/aside"
	"github.com/carnet-go/carnet/failsafe/internal/canary"
	"github.com/carnet-go/carnet/failsafe/internal/core"
	"github.com/carnet-go/carnet/failsafe/internal/plan"
)

// endWithin bounds what is recorded at the end of a run, and at a stop.
const endWithin = 30 * time.Second

// caller calls a function of a step with its own copy of the state: yes is what Ask says,
// and after the state that is kept.
type caller func(ctx context.Context, step int, phase core.Phase, x Crossing, before json.RawMessage) (after json.RawMessage, yes bool, err error)

// journey is one run under way.
type journey struct {
	r         *Runner
	x         *run
	plan      *plan.Plan
	call      caller
	principal auth.Principal  // who goes forward; zero: the service itself
	trial     *canary.Trial   // nil: it is no canary
	under     context.Context // ends with the runner, and with a freeze

	s     core.State
	at    string    // the step at which it turned around or stopped
	cause error     // why, if that happened here; the first of all
	since time.Time // of the first attempt of this phase of this step
	tried core.Action
	shut  int // how often in a row nothing was let through
}

// travel goes on until the run has ended, or is parked, or cannot go on here.
func (j *journey) travel(ctx context.Context) (End, error) {
	under, cancel := context.WithCancel(j.r.under)
	defer cancel()
	defer context.AfterFunc(j.r.gate.Under(), cancel)()
	j.under = under
	j.start()
	for {
		if err := j.stopped(); err != nil {
			return Parked, err
		}
		a := j.plan.Core.Next(j.s)
		switch a.Kind {
		case core.TheEnd:
			return j.end()
		case core.Wait:
			return j.park()
		case core.Pending: // its process ended
			j.happened(core.Event{What: core.Failed, Phase: a.Phase, Class: guard.Unknown}, nil, nil)
			continue
		}
		if j.turns(ctx) {
			continue
		}
		if err := j.try(ctx, a); err != nil {
			return Parked, err
		}
	}
}

// start is where the journal left the run.
func (j *journey) start() {
	j.s = j.plan.Core.Start()
	for _, e := range j.x.events {
		j.apply(e, nil)
	}
}

// apply moves on, and notes where and why it turned around or stopped.
func (j *journey) apply(e core.Event, err error) {
	before := j.s
	j.s = j.plan.Core.Apply(before, e)
	turned := before.Mode == core.Forward && j.s.Mode != core.Forward && j.s.Mode != core.Done
	if turned || before.Parked == "" && j.s.Parked != "" && j.s.Mode == core.Forward {
		j.at = j.name(before.Step)
	}
	if j.s.Mode == core.Back && j.s.Parked != "" {
		j.at = j.name(j.s.Step)
	}
	if err != nil && j.cause == nil {
		j.cause = err
	}
}

func (j *journey) name(step int) string { return j.plan.At(step).Name }

// happened remembers an event, with the state that it leaves.
func (j *journey) happened(e core.Event, state json.RawMessage, err error) {
	entry := entry{Event: &e, At: j.here(), State: state}
	if e.What == core.Failed {
		entry.Class = e.Class.String()
	}
	j.x.note(entry)
	j.apply(e, err)
}

// stopped says why nothing more may begin here.
func (j *journey) stopped() error {
	if j.under.Err() != nil || j.r.gate.Frozen() { // which may be over: then it is resumed
		ctx, cancel := within(endWithin)
		defer cancel()
		return errors.Join(ErrStopped, j.x.flush(ctx, true))
	}
	return nil
}

// turns turns around where a person has ordered it, or the caller has left.
func (j *journey) turns(ctx context.Context) bool {
	_, halted, _ := j.r.controls.now(j.x.id)
	if j.s.Mode != core.Forward {
		return false
	}
	over, err := false, error(nil)
	if j.trial != nil {
		over, err = j.trial.Over(ctx, j.s.Step, j.s.Step == len(j.plan.Steps), j.plan.Ahead(j.s))
	}
	if !over && !halted && ctx.Err() == nil {
		return false
	}
	j.happened(core.Event{What: core.Halted}, nil, cmp.Or(ctx.Err(), err))
	j.drifted()
	return true
}

// drifted remembers what a canary has found: it outlives the process.
func (j *journey) drifted() bool {
	found := j.trial.Findings()
	if len(found) > len(j.x.found) {
		j.x.note(entry{Found: found})
	}
	return found != nil
}

// base is the context of a phase: forward it is the caller's, and back nobody's who could
// leave.
func (j *journey) base(ctx context.Context, phase core.Phase, step *plan.Step) (context.Context, context.CancelFunc) {
	if phase == core.Do {
		return j.r.watched(ctx, j.under, j.x.id)
	}
	ctx, cancel := context.WithTimeout(j.under, step.Limits.Total)
	return ctx, cancel
}

// try makes one attempt, and waits where there is to be another. The error is that the
// journal does not take it: then nothing was tried.
func (j *journey) try(ctx context.Context, a core.Action) error {
	step := &j.plan.Steps[a.Step]
	if a.Step != j.tried.Step || a.Phase != j.tried.Phase || j.since.IsZero() {
		j.since, j.shut = time.Now(), 0
	}
	j.tried = a
	if !j.unpaused(ctx, a.Phase, step) {
		return nil // whoever has left turns around, and a runner that closes stops
	}
	ctx, cancel := j.base(ctx, a.Phase, step)
	defer cancel()
	spent := j.trial.May(ctx, a.Step, step.Does(a.Phase).Name == "")
	if time.Since(j.since) > step.Limits.Total || spent != nil {
		j.happened(core.Event{What: core.GaveUp}, nil, spent)
		return nil
	}
	grant, denied, err := j.intent(ctx, step, a)
	if err != nil {
		return err
	}
	event, state, cause := core.Event{What: core.Failed, Phase: a.Phase}, json.RawMessage(nil), denied
	if denied == nil {
		event, state, cause = j.attempt(ctx, step, a, grant)
	} else if needsPerson(denied, a.Phase) {
		event.What = core.Needed
	} else {
		event.Class = j.class(step, denied)
	}
	j.happened(event, state, cause)
	return j.pause(ctx, step, a, cause)
}

// unpaused waits while a person has ordered a pause, which is no time of the step's.
func (j *journey) unpaused(ctx context.Context, phase core.Phase, step *plan.Step) bool {
	if paused, _, _ := j.r.controls.now(j.x.id); !paused {
		return true
	}
	ctx, cancel := j.base(ctx, phase, step)
	defer cancel()
	began := time.Now()
	defer func() { j.since = j.since.Add(time.Since(began)) }()
	for {
		paused, _, changed := j.r.controls.now(j.x.id)
		if !paused {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// intent is the journal's word that something begins, and the gate's that it may: one
// wait for both.
func (j *journey) intent(ctx context.Context, step *plan.Step, a core.Action) (grant auth.Grant, denied, err error) {
	j.happened(core.Event{What: core.Began, Phase: a.Phase}, nil, nil)
	op, back := step.Does(a.Phase), j.s.Mode == core.Back
	if op.Name == "" {
		return auth.Grant{}, nil, j.intend(back)
	}
	journalled := make(chan error, 1)
	go func() { journalled <- j.intend(back) }()
	p, denied := j.who(ctx, step, a)
	if denied == nil {
		grant, denied = j.r.gate.Authorize(ctx, p, op.Name)
	}
	if err := <-journalled; err != nil {
		return auth.Grant{}, nil, err
	}
	return grant, denied, nil
}

func (j *journey) intend(back bool) error {
	ctx, cancel := within(endWithin)
	defer cancel()
	if err := j.x.flush(ctx, back); err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return nil
}

// who acts: forward whoever began the run, if he is here, and otherwise the service itself.
func (j *journey) who(ctx context.Context, step *plan.Step, a core.Action) (auth.Principal, error) {
	e := auth.Errand{
		Workflow: j.x.began.Hash, Run: j.x.id, Step: step.Name, Attempt: a.Attempt,
		Phase: [...]audit.Phase{audit.PhaseDo, audit.PhaseUndo, audit.PhaseAsk}[a.Phase],
	}
	if j.trial != nil {
		e.Phase = audit.PhaseCanary
	}
	if a.Phase != core.Ask {
		e.Key = j.key(step, a.Phase)
	}
	if a.Phase == core.Do && j.principal.Identity().Subject != "" {
		return j.principal.On(e), nil
	}
	return j.x.self(ctx, e)
}

func (j *journey) key(step *plan.Step, phase core.Phase) string {
	return j.r.sealer.Key(j.x.id, phase.String()+" "+step.Name)
}

// needsPerson says whether only a person can help: a stronger login, or one that has not
// ended.
func needsPerson(err error, phase core.Phase) bool {
	denied, ok := errors.AsType[*auth.DeniedError](err)
	if !ok {
		return phase == core.Do && errors.Is(err, auth.ErrExpired)
	}
	for _, need := range denied.Needs {
		if need.Kind == auth.NeedUnattended { // nobody is there who could
			return false
		}
	}
	return len(denied.Needs) > 0
}

// attempt calls the step, and says what came of it.
func (j *journey) attempt(ctx context.Context, step *plan.Step, a core.Action, grant auth.Grant) (core.Event, json.RawMessage, error) {
	crossing := Crossing{Grant: grant, Attempt: a.Attempt, Key: j.key(step, a.Phase)}
	before := j.x.state
	type answer struct {
		after json.RawMessage
		yes   bool
	}
	var came answer
	fn := func(ctx context.Context) (answer, error) {
		result := make(chan answer, 1) // not a variable: whoever is too late writes into nothing
		err := j.r.calls.Call(ctx, func(ctx context.Context) error {
			after, yes, err := j.call(ctx, a.Step, a.Phase, crossing, before)
			result <- answer{after, yes}
			return err
		})
		if err != nil {
			return answer{}, err
		}
		return <-result, nil
	}
	var err error
	if op := step.Does(a.Phase); op.Name == "" {
		limited, cancel := context.WithTimeout(ctx, step.Limits.Attempt)
		came, err = fn(limited)
		cancel()
	} else {
		var g *guard.Guard
		if g, err = j.r.guard(op); err == nil {
			came, err = guard.DoWithin(ctx, g, step.Limits.Attempt, fn)
		}
	}
	switch {
	case err != nil:
		// It is final, and it may have come after the call: only a local step is all there is.
		vague := step.Does(a.Phase).Name != "" && !guard.Known(err)
		return core.Event{What: core.Failed, Phase: a.Phase, Class: j.class(step, err), Vague: vague}, nil, err
	case a.Phase == core.Ask:
		return core.Event{What: core.Answered, Phase: a.Phase, Yes: came.yes}, nil, nil
	}
	return core.Event{What: core.Worked, Phase: a.Phase}, came.after, nil
}

// class is what an error means. A call that was cut off may have happened.
func (j *journey) class(step *plan.Step, err error) guard.Class {
	class := guard.Classify(err)
	if class == guard.Cancelled {
		return guard.Unknown
	}
	return class
}

// pause waits before another attempt at the same, if there is one. What was tried is
// durable before.
func (j *journey) pause(ctx context.Context, step *plan.Step, a core.Action, cause error) error {
	next := j.plan.Core.Next(j.s)
	if cause == nil || next.Kind != core.Try || next.Step != a.Step || next.Phase != a.Phase {
		return nil
	}
	bounded, cancel := within(endWithin)
	defer cancel()
	if err := j.x.flush(bounded, true); err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	left := step.Limits.Total - time.Since(j.since)
	wait := max(min(guard.Backoff(a.Attempt+j.shut), left), guard.Delay(cause))
	switch guard.Classify(cause) {
	case guard.Expired:
		return nil
	case guard.Rejected:
		j.shut++ // which is no attempt, and yet a frame and an event each time
	default:
		if g, err := j.r.guard(step.Does(a.Phase)); err == nil && step.Does(a.Phase).Name != "" {
			until, cancel := context.WithTimeout(ctx, max(0, left))
			defer cancel()
			if err := g.Again(until, a.Attempt, cause); err != nil && ctx.Err() == nil {
				j.happened(core.Event{What: core.GaveUp}, nil, err)
			}
			return nil
		}
	}
	if wait > left {
		j.happened(core.Event{What: core.GaveUp}, nil, cause)
		return nil
	}
	aside.Sleep(ctx, wait)
	return nil
}

// park stops, and says that somebody is needed.
func (j *journey) park() (End, error) {
	ctx, cancel := within(endWithin)
	defer cancel()
	_, cause := j.trial.Good(ctx, false, j.cause)
	reason := j.s.Parked
	if j.drifted() {
		reason = canary.Drift + "." + reason
	}
	stopped := &StoppedError{Run: j.x.id, Step: j.at, Cause: j.s.Parked, End: Parked, err: cause}
	var logged error
	if j.x.waits == nil { // whoever asks again is told, and alerts nobody
		logged = j.x.log(ctx, actionPark, j.x.began.Digest, reason)
		j.x.alert(j.at, reason)
	}
	if err := errors.Join(j.x.flush(ctx, true), logged); err != nil {
		return Parked, errors.Join(stopped, ErrJournal)
	}
	j.x.tell(ctx)
	if err := j.x.flush(ctx, true); err != nil {
		return Parked, errors.Join(stopped, ErrJournal)
	}
	return Parked, stopped
}

// end is done, or rolled back: then somebody is told too.
func (j *journey) end() (End, error) {
	ctx, cancel := within(endWithin)
	defer cancel()
	if j.s.Mode == core.Done {
		if err := j.x.finish(ctx, Done, "", ""); err != nil {
			return Parked, fmt.Errorf("%w: %w", ErrJournal, err)
		}
		return Done, nil
	}
	good, err := j.trial.Good(ctx, true, j.cause)
	if good {
		j.at, j.x.began.Seen = "", j.trial.Watch.Crossings()
		if err := j.x.finish(ctx, RolledBack, "", ""); err != nil {
			return Parked, fmt.Errorf("%w: %w", ErrJournal, err)
		}
		return RolledBack, nil
	}
	cause := j.s.Cause
	if j.drifted() {
		cause = canary.Drift
	}
	stopped := &StoppedError{Run: j.x.id, Step: j.at, Cause: cause, End: RolledBack, err: err}
	if j.x.waits == nil {
		j.x.alert(j.at, reasonOf(RolledBack, cause))
	}
	if err := j.x.flush(ctx, true); err != nil {
		return Parked, errors.Join(stopped, ErrJournal)
	}
	j.x.tell(ctx)
	if len(j.x.alerts) > 0 { // the last frame would forget them
		if err := j.x.flush(ctx, true); err != nil {
			return Parked, errors.Join(stopped, ErrJournal)
		}
		return RolledBack, stopped
	}
	ctx, told := within(endWithin) // whoever is slow to listen takes nothing from what follows
	defer told()
	if err := j.x.finish(ctx, RolledBack, j.at, cause); err != nil {
		return Parked, errors.Join(stopped, ErrJournal)
	}
	return RolledBack, stopped
}
