package failsafe

import (
	"context"

	"github.com/carnet-go/carnet/audit"
)

// What the runner records. The digest says which run it is: another journal has another.
const (
	actionStart = "run.start"
	actionPark  = "run.park"
	actionEnd   = "run.end"
)

// logged is what the audit log says of a run.
type logged struct{ began, ended string }

// log records an event about the run.
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

// reasonOf is empty for what is done.
func reasonOf(end End, cause string) string {
	if end == Done {
		return ""
	}
	return "rolled-back." + cause
}

// look compares the journal's runs with the audit log: what that does not know as begun,
// or knows as ended, was not written by a runner of this log, or is of yesterday.
func (r *Runner) look(ctx context.Context) error {
	open := 0
	for _, x := range r.runs {
		if x.end == nil {
			open++
		}
	}
	if open == 0 {
		return nil
	}
	known := map[string]logged{}
	for e, err := range r.gate.Log().Events(ctx) {
		if err != nil {
			return err
		}
		switch e.Action {
		case actionStart:
			known[e.Run] = logged{began: e.Data.Digest}
		case actionEnd:
			known[e.Run] = logged{known[e.Run].began, e.Data.Digest}
		}
	}
	for id, x := range r.runs {
		k, ok := known[id]
		if !ok && x.end == nil && len(x.events) == 0 {
			x.began = nil // its process ended before the log knew: nothing was tried
			continue
		}
		same := func(digest string, sum [32]byte) bool { return digest == r.gate.Log().Fingerprint(sum[:]) }
		x.foreign = x.end == nil && (!ok || !same(k.began, x.began.Digest) || k.ended != "" && !same(k.ended, x.chain.Before))
		if x.foreign {
			r.options.Logger.ErrorContext(ctx, "failsafe: a run that the audit log does not know is not resumed", "run", id)
		}
	}
	return nil
}
