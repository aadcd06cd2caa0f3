package failsafe

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/core"
	"github.com/carnet-go/carnet/failsafe/internal/seal"
	"github.com/carnet-go/carnet/mapping"
)

// mostResumes is how often a run is resumed after a crash; then a person looks at it.
const mostResumes = 3

// run is one run. What it remembers is guarded by mu, and changed only by whoever has
// entered it.
type run struct {
	runner *Runner
	id     string
	busy   bool // guarded by the runner's lock

	mu      sync.Mutex
	began   *beginning
	end     *ending
	events  []core.Event
	state   json.RawMessage
	alerts  []Alert // that nobody was told
	waits   *Alert  // what somebody is waited for; nil: nobody is
	at      *where  // the newest event; nil: there is none, or it is of an older version
	resumes int
	chain   seal.Chain
	waiting []entry          // not yet durable: they go with the next frame
	foreign bool             // the audit log does not know it, or the journal does not
	line    int64            // of the log, behind its beginning
	found   mapping.Findings // by a canary
	past    [][32]byte       // hashes of its frames when the journal was opened; nil: it has ended
}

func (x *run) ended() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.end != nil || x.began == nil
}

// pending is what is told of it, to whoever has not entered it; false: it has ended, or
// has not begun.
func (x *run) pending() (p Pending, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.end != nil || x.began == nil {
		return p, false
	}
	p = Pending{Workflow: x.began.Workflow, Version: x.began.Version, Run: x.id, Since: x.began.At}
	switch {
	case x.foreign:
		p.Parked = causeForeign
	case x.waits != nil:
		p.Step, p.Parked = x.waits.Step, x.waits.Reason
	case x.at != nil:
		p.Step = x.at.Step
	}
	return p, true
}

// replay takes a frame of the journal.
func (r *Runner) replay(f Frame, previous *seal.Sealer) error {
	x := r.runs[f.Run]
	if x == nil {
		x = &run{runner: r, id: f.Run, chain: seal.Chain{Run: f.Run}}
		r.runs[f.Run] = x
	}
	if x.end != nil {
		return ErrDamaged // behind the last frame there is none
	}
	entries, err := opened(&x.chain, &f, r.sealer, previous)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !x.take(e) {
			return ErrDamaged
		}
	}
	if f.Last != (x.end != nil) || x.began == nil {
		return ErrDamaged
	}
	if x.past = append(x.past, x.chain.Before); f.Last {
		x.past = nil
	}
	return nil
}

// take remembers an entry; false: it makes no sense there.
func (x *run) take(e entry) bool {
	first := x.began == nil
	switch {
	case e.Begin != nil: // also where it had not begun, because the log had not witnessed it
		x.began, x.state = e.Begin, e.Begin.Input
		return len(x.events) == 0
	case e.End != nil:
		x.end = e.End
		x.began = &x.end.Begin
		x.events, x.state, x.alerts = nil, e.End.State, nil
		return true
	case first:
		return false
	case e.Event != nil:
		x.events, x.at = append(x.events, *e.Event), e.At
		switch e.Event.What {
		case core.Resumed, core.Told: // by a person, who may do so again and again
			x.waits, x.resumes = nil, 0
		case core.Halted:
			x.waits = nil
		case core.Worked: // whatever ends its process, it was not this
			x.resumes = 0
		}
	case e.Alert != nil:
		x.alerts, x.waits = append(x.alerts, *e.Alert), e.Alert
	case e.Told != "":
		x.told(e.Told)
	case e.Again:
		x.resumes++
	}
	if e.State != nil {
		x.state = e.State
	}
	if e.Found != nil {
		x.found = e.Found
	}
	return true
}

func (x *run) told(id string) {
	for i, a := range x.alerts {
		if a.ID == id {
			x.alerts = append(x.alerts[:i:i], x.alerts[i+1:]...)
			return
		}
	}
}

// note remembers entries, which become durable with the next frame.
func (x *run) note(entries ...entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range entries {
		x.take(e)
	}
	x.waiting = append(x.waiting, entries...)
}

// flush makes durable what was noted. Answers may use the space that is kept for them.
func (x *run) flush(ctx context.Context, answer bool) error {
	x.mu.Lock()
	entries := x.waiting
	x.mu.Unlock()
	if len(entries) == 0 {
		return nil
	}
	last := entries[len(entries)-1].End != nil
	if err := x.runner.append(ctx, &x.chain, entries, last, answer || last); err != nil {
		return err
	}
	x.mu.Lock()
	x.waiting = x.waiting[len(entries):]
	x.mu.Unlock()
	return nil
}

// begin makes a run of it, and tells the log: both are durable, or it has not begun. Who
// leaves in the middle would not know which.
func (x *run) begin(b *beginning) error {
	ctx, cancel := within(endWithin)
	defer cancel()
	x.chain.Run = x.id
	x.note(entry{Begin: b})
	logged, event := make(chan error, 1), x.event(actionStart, b.Digest, "")
	go func() {
		receipt, err := x.runner.gate.Log().Append(ctx, event)
		x.line = receipt.Index + 1
		logged <- err
	}()
	err := errors.Join(x.flush(ctx, false), <-logged)
	if err != nil {
		x.mu.Lock()
		x.began, x.waiting = nil, nil
		x.mu.Unlock()
	}
	return err
}

// finish is the end. The log has it first, and which frame was the last but one: whoever
// puts an older journal in place is told, and a process that ends right here is not.
func (x *run) finish(ctx context.Context, end End, step, cause string) error {
	if err := x.flush(ctx, true); err != nil {
		return err
	}
	if err := x.log(ctx, actionEnd, x.chain.Before, reasonOf(end, cause)); err != nil {
		return err
	}
	rest := *x.began
	rest.Input = nil
	x.note(entry{End: &ending{Begin: rest, End: end, Step: step, Cause: cause, State: x.state}})
	return x.flush(ctx, true)
}

// within is a context for what must be done although whoever asked for it has left.
func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// self is the service itself, on an errand for whoever began the run.
func (x *run) self(ctx context.Context, e auth.Errand) (auth.Principal, error) {
	p, err := x.runner.gate.AdmitSelf(ctx)
	if err != nil {
		return p, err
	}
	if id := p.Identity(); !x.began.Self || id.Issuer != x.began.Issuer || id.Subject != x.began.Subject {
		e.For = &auth.Identity{Tenant: x.began.Tenant, Issuer: x.began.Issuer, Subject: x.began.Subject}
	}
	return p.On(e), nil
}
