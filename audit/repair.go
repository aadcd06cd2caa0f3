package audit

import (
	"cmp"
	"maps"
	"slices"

	"github.com/carnet-go/carnet/audit/internal/queue"
)

// Reasons that the log itself gives.
const (
	reasonInterrupted = "interrupted" // a grant that nobody answered
	reasonTorn        = "torn"        // lines that were being written when it crashed
)

// repair changes the log, after everything was found to be explained: it cuts what
// was torn, says so, closes what nobody answered, and publishes what is missing.
func (r *replay) repair() error {
	if r.recovery.Torn > 0 {
		if r.file.Cut(r.good) != nil {
			return errRead
		}
	}
	if r.file.Renew(r.signed) != nil {
		return errRead
	}
	g := r.log
	g.durable.Grow(g.tree.Size, r.good)
	g.published.Set(r.now)
	if g.recovery.Torn > 0 {
		e := Event{Action: actionRecovered, Outcome: OutcomeSuccess, Reason: reasonTorn}
		if err := g.record(e, extra{torn: g.recovery.Torn}); err != nil {
			return err
		}
	}
	if err := r.closeOrphans(); err != nil {
		return err
	}
	g.commit(queue.NewBatch(), nil, nil, true)
	if g.published.Covers(g.tree.Size) && r.tiles.Settled(&r.tree) {
		return nil
	}
	g.bad = true // so that seal publishes also what is only missing
	return g.seal()
}

// closeOrphans answers grants that were given and of which no end is known. The
// events keep the outcome unknown: whoever finds out resolves it.
func (r *replay) closeOrphans() error {
	open := slices.SortedFunc(maps.Values(r.grants), func(a, b mark) int { return cmp.Compare(a.at.start, b.at.start) })
	for _, m := range open {
		text := make([]byte, m.at.end-m.at.start)
		if _, err := r.file.ReadAt(text, m.at.start); err != nil {
			return errRead
		}
		w, err := parse(text)
		if err != nil {
			return errDamage
		}
		if err := r.record(interrupted(w.event()), extra{}); err != nil {
			return err
		}
		r.recovery.Orphans++
	}
	return nil
}

// interrupted is about the grant of e: what, where and in which run, but not who,
// because people are pseudonyms already; the grant's id leads to them.
func interrupted(e Event) Event {
	return Event{
		Tenant: e.Tenant, Instance: e.Instance,
		Action: e.Action, System: e.System, Jurisdictions: e.Jurisdictions, Zone: e.Zone,
		Effect: e.Effect, Privileged: e.Privileged,
		Phase: e.Phase, Workflow: e.Workflow, Run: e.Run, Step: e.Step, Attempt: e.Attempt,
		Grant: e.Grant, Reason: reasonInterrupted,
		Boundary: e.Boundary, Build: e.Build,
	}
}
