package audit

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/people"
	"github.com/carnet-go/carnet/audit/internal/queue"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/removal"
	"github.com/carnet-go/carnet/audit/internal/reopen"
	"github.com/carnet-go/carnet/audit/internal/replay"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

// reasonTorn is of lines that were being written when it crashed.
const reasonTorn = "torn"

// repair changes the log, after everything was found to be explained: it cuts what was
// torn, says so, closes what nobody answered, and publishes what is missing.
func repair(dir string, o *Options, f *reopen.Found, t *people.Table) (*log, error) {
	err := f.Cut()
	if err == nil {
		err = t.Repair()
	}
	if err != nil {
		return nil, err
	}
	g, last := newLog(dir, f.Key), len(f.Parts)-1
	g.lock, g.folder, g.people, g.state, g.tiles = f.Lock, f.Folder, t, f.State, f.Tiles
	g.tree, g.dirty, g.recovery.Torn = f.Replay.Tree, f.Replay.Dirty, f.Torn
	g.now = newest{file: f.File, first: f.Parts[last].First, began: began(f.Replay.Began), times: f.Replay.Times}
	g.age = o.SegmentAge
	g.most.Store(cmp.Or(o.SegmentBytes, segmentBytes))
	for i := range f.Parts {
		f.Parts[i].Times = f.Replay.Before[f.Parts[i].First]
	}
	f.Parts[last].Bytes = f.File.Size()
	g.durable = reach.New(os.DirFS(dir), f.Parts, g.tree.Size)
	g.removal = removal.New(g.durable, g.folder)
	g.published.Set(f.Replay.Now)
	g.last = g.state.Newest()
	if tenant := g.state.Tenant(); tenant != "" {
		g.tenant.Store(&tenant)
	}
	if err := g.tell(); err != nil {
		return nil, err
	}
	return g, g.removal.Remove(g.state.Kept()) // what a crash kept Retain from
}

// began is when a segment did, by a clock that nobody sets.
func began(ms int64) time.Time {
	now := time.Now()
	return now.Add(-max(now.Sub(time.UnixMilli(ms)), 0))
}

// tell writes down what was found.
func (g *log) tell() error {
	if g.recovery.Torn > 0 {
		e := Event{Action: actionRecovered, Outcome: OutcomeSuccess, Reason: reasonTorn}
		if err := g.record(e, extra{torn: g.recovery.Torn}); err != nil {
			return err
		}
	}
	if e, unsaid := g.erased(); unsaid { // a crash came in between, or the table is another
		if err := g.record(e, extra{}); err != nil {
			return err
		}
	}
	if err := g.closeOrphans(); err != nil {
		return err
	}
	g.commit(queue.NewBatch(), nil, nil, true)
	if g.published.Covers(g.tree.Size) && g.tiles.Settled(&g.tree) {
		return nil
	}
	g.bad = true // so that seal publishes also what is only missing
	return g.seal()
}

// closeOrphans answers grants that were given and of which no end is known. The
// events keep the outcome unknown: whoever finds out resolves it.
func (g *log) closeOrphans() error {
	open := slices.SortedFunc(maps.Values(g.state.Open()), func(a, b carry.Grant) int { return cmp.Compare(a.Index, b.Index) })
	for _, grant := range open {
		e, err := g.event(grant.Index)
		if err != nil {
			return err
		}
		if err := g.record(interrupted(e), extra{}); err != nil {
			return err
		}
		g.recovery.Orphans++
	}
	return nil
}

// event is the line with an index. One that Open did not read is compared with the tiles:
// what the log says again must be what it said.
func (g *log) event(index int64) (Event, error) {
	c := g.durable.From(index)
	defer c.Close()
	line, err := c.Next(context.Background())
	if err != nil {
		return Event{}, reach.ErrRead
	}
	if now, _ := g.published.Get(); index < now.Size {
		path, err := tree.Prove(os.DirFS(g.dir), now.Size, now.Root, index)
		if err != nil || tlog.CheckRecord(path, now.Size, now.Root, index, tlog.RecordHash(line.Text)) != nil {
			return Event{}, replay.ErrDamage
		}
	}
	return decode(line.Text)
}

// interrupted is about the grant of e: what, where and in which run, but not who,
// because people are pseudonyms already; the grant's id leads to them.
func interrupted(e Event) Event {
	return Event{
		Tenant: e.Tenant, Instance: e.Instance,
		Action: e.Action, System: e.System, Jurisdictions: e.Jurisdictions, Zone: e.Zone,
		Effect: e.Effect, Privileged: e.Privileged,
		Phase: e.Phase, Workflow: e.Workflow, Run: e.Run, Step: e.Step, Attempt: e.Attempt,
		Grant: e.Grant, Reason: carry.Interrupted,
		Boundary: e.Boundary, Build: e.Build,
	}
}
