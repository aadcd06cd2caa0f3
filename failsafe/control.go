package failsafe

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/aside"
	"github.com/carnet-go/carnet/failsafe/internal/plan"
	"github.com/carnet-go/carnet/failsafe/internal/seal"
)

// The operations of self that these take.
const (
	opPause    = "self.run.pause"
	opContinue = "self.run.continue"
	opHalt     = "self.run.halt"
	opResume   = "self.run.resume"
)

// controlRun is where the journal keeps what persons have ordered: no run has that id.
const controlRun = "_control"

// controls are what persons have ordered.
type controls struct {
	mu     sync.Mutex
	paused bool
	halted map[string]bool
	wake   chan struct{} // closed with each change

	ordering sync.Mutex // of chain
	chain    seal.Chain
}

// order is one change of it, as the journal keeps it.
type order struct {
	Pause    bool   `json:"pause,omitempty"`
	Continue bool   `json:"continue,omitempty"`
	Halt     string `json:"halt,omitempty"` // a run
}

// Pause begins nothing new, in any run, until Continue, also after a crash. What is
// under way goes on. Policy decides who may: the operation self.run.pause.
func (r *Runner) Pause(ctx context.Context, p auth.Principal) error {
	return r.order(ctx, p, opPause, order{Pause: true})
}

// Continue ends a pause: the operation self.run.continue.
func (r *Runner) Continue(ctx context.Context, p auth.Principal) error {
	return r.order(ctx, p, opContinue, order{Continue: true})
}

// Halt stops a run, at whatever it waits, and rolls it back: the operation self.run.halt.
// One that is parked, or whose process has ended, is rolled back when it is resumed.
func (r *Runner) Halt(ctx context.Context, p auth.Principal, run string) error {
	if !plan.Name.MatchString(run) {
		return auth.ErrInvalid
	}
	return r.order(ctx, p, opHalt, order{Halt: run})
}

// order is granted, then durable, and then in force.
func (r *Runner) order(ctx context.Context, p auth.Principal, operation string, o order) error {
	if r == nil || r.gate == nil {
		return errZero
	}
	if _, err := r.gate.Authorize(ctx, p.On(auth.Errand{Run: o.Halt}), operation); err != nil { // the log says of which run
		return err
	}
	c := &r.controls
	c.ordering.Lock() // not mu: no run waits for a disk that hangs
	defer c.ordering.Unlock()
	text, _ := json.Marshal(o) // of plain values
	c.chain.Run = controlRun
	if err := r.append(ctx, &c.chain, []entry{{State: text}}, false, true); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follow(o)
	return nil
}

func (c *controls) follow(o order) {
	switch {
	case o.Pause:
		c.paused = true
	case o.Continue:
		c.paused = false
	case o.Halt != "":
		c.halted[o.Halt] = true
	}
	close(c.wake)
	c.wake = make(chan struct{})
}

func (c *controls) replay(r *Runner, f Frame, previous *seal.Sealer) error {
	c.chain.Run = controlRun
	entries, err := opened(&c.chain, &f, r.sealer, previous)
	if err != nil {
		return err
	}
	for _, e := range entries {
		var o order
		if json.Unmarshal(e.State, &o) != nil {
			return ErrDamaged
		}
		c.follow(o)
	}
	return nil
}

// now is what is ordered of a run, and what tells of a change.
func (c *controls) now(run string) (paused, halted bool, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused, c.halted[run], c.wake
}

// watched is a context that ends also when a run is halted, and with another.
func (r *Runner) watched(ctx, under context.Context, run string) (context.Context, context.CancelFunc) {
	return aside.Until(ctx, under, func() (bool, <-chan struct{}) {
		_, halted, changed := r.controls.now(run)
		return halted, changed
	})
}
