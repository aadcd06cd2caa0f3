package failsafe

import (
	"context"
	"fmt"
	"slices"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/core"
)

// What the runner records. The digest says which run it is: another journal has another.
const (
	actionStart  = "run.start"
	actionPark   = "run.park"
	actionEnd    = "run.end"
	actionRetry  = "run.retry"
	actionSettle = "run.settle"
)

// logged is what the audit log says of a run.
type logged struct {
	began, ended string // digests
	tried        bool   // something was to happen
	calls        int    // attempts that something was sent in
	line         int64  // behind its beginning
}

func (x *run) log(ctx context.Context, action string, digest [32]byte, reason string) error {
	_, err := x.runner.gate.Log().Append(ctx, x.event(action, digest, reason))
	return err
}

func (x *run) event(action string, digest [32]byte, reason string) audit.Event {
	b := x.began
	e := audit.Event{
		Tenant: x.runner.tenant, Action: action, Run: x.id, Workflow: b.Hash, Reason: reason,
		Boundary: x.runner.gate.Boundary().Hash(), Outcome: audit.OutcomeSuccess,
		Data: audit.Data{Digest: x.runner.gate.Log().Fingerprint(digest[:])},
	}
	e.Actor = audit.Actor{Issuer: b.Issuer, Subject: b.Subject}
	if action != actionStart {
		e.Outcome = audit.OutcomeFailure
		if reason == "" {
			e.Outcome = audit.OutcomeSuccess
		}
	}
	return e
}

// ordered records what a person has said of a step: it counts as what has happened.
func (r *Runner) ordered(ctx context.Context, may auth.Grant, step string, e core.Event) error {
	said := may.Event(actionSettle)
	said.Step, said.Reason, said.Outcome = step, "not-happened", audit.OutcomeSuccess
	switch {
	case e.What != core.Told:
		said.Action, said.Reason = actionRetry, ""
	case e.Yes:
		said.Reason = "happened"
	}
	if _, err := r.gate.Log().Append(ctx, said); err != nil {
		return fmt.Errorf("%w: what was said was not recorded", auth.ErrUnavailable)
	}
	return nil
}

// reasonOf is empty for what is done, and for a canary that was good.
func reasonOf(end End, cause string) string {
	if end == Done || cause == "" {
		return ""
	}
	return "rolled-back." + cause
}

// look compares the journal's runs with the audit log: what that does not know as begun,
// or knows as ended, or as further on, was not written by a runner of this log, or is of
// yesterday; what only the log knows was taken away, and what it has given up it knows no more.
func (r *Runner) look(ctx context.Context) error {
	known, line := map[string]logged{}, r.gate.Log().Kept()
	for e, err := range r.gate.Log().EventsFrom(ctx, line) {
		if err != nil {
			return err
		}
		line++
		if x := r.runs[e.Run]; e.Run != "" && (x == nil || x.end == nil) { // of what has ended here, nothing is asked
			known[e.Run] = known[e.Run].and(e, line)
		}
	}
	for id, k := range known {
		if k.tried && r.runs[id] == nil {
			r.runs[id] = &run{runner: r, id: id, foreign: true}
			if k.ended == "" {
				r.options.Logger.ErrorContext(ctx, "failsafe: the journal does not know a run that has not ended", "run", id)
			}
		}
	}
	for id, x := range r.runs {
		k, ok := known[id]
		if x.end != nil || x.began == nil {
			continue
		}
		if !ok && len(x.events) == 0 {
			x.began = nil // its process ended before the log knew: nothing was tried
			continue
		}
		x.line = k.line
		if x.foreign = !ok || !r.same(k, x); x.foreign {
			r.options.Logger.ErrorContext(ctx, "failsafe: a run that the audit log does not know is not resumed", "run", id)
		}
	}
	return nil
}

// and is what the log says with one more event.
func (k logged) and(e audit.Event, line int64) logged {
	switch e.Action {
	case actionStart:
		k.began, k.ended, k.line = e.Data.Digest, "", line
	case actionEnd:
		k.ended = e.Data.Digest
	}
	k.tried = k.tried || e.Step != "" || e.Action == actionPark || e.Action == actionEnd
	if e.Use == 1 { // of a grant, and each attempt has its own
		k.calls++
	}
	return k
}

// same says whether the journal has a run as far as the log.
func (r *Runner) same(k logged, x *run) bool {
	attempts := 0
	for _, e := range x.events {
		if e.What == core.Began {
			attempts++
		}
	}
	is := func(sum [32]byte) bool { return k.ended == r.gate.Log().Fingerprint(sum[:]) }
	ended := k.ended == "" || slices.ContainsFunc(x.past, is)
	return ended && k.calls <= attempts && k.began == r.gate.Log().Fingerprint(x.began.Digest[:])
}
