package failsafe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/guard"
	"github.com/carnet-go/carnet/failsafe/internal/aside"
	"github.com/carnet-go/carnet/failsafe/internal/plan"
	"github.com/carnet-go/carnet/failsafe/internal/seal"
)

// Runner runs flows on one journal. A nil or zero Runner refuses. Safe for concurrent
// use.
type Runner struct {
	gate      *auth.Gate
	catalogue plan.Catalogue
	tenant    string
	journal   Journal
	sealer    *seal.Sealer
	lease     *auth.Lease
	options   Options
	under     context.Context // ends with Close
	stop      context.CancelCauseFunc
	busy      sync.WaitGroup
	calls     aside.Calls // of steps and alerters
	controls  controls

	mu     sync.Mutex
	closed bool
	runs   map[string]*run
	guards map[string]*guard.Guard
}

// Options of New. Nil means the documented defaults.
type Options struct {
	Alerters []Alerter      // who hears of runs that were rolled back or are parked; nil: Logger alone
	Guard    *guard.Options // for each system, and once more for its privileged operations; nil: guard's defaults. Attempts and Attempt are the step's
	Logger   *slog.Logger   // nil: slog.Default, for alerts must reach somebody
}

// New opens the journal's runs with the key, field "key" of at least 32 bytes, that seals
// them; a field "previous" opens what was sealed before the key was changed. The gate
// authorizes each attempt. A nil argument is auth.ErrInvalid; a journal that is
// not what was written is ErrDamaged.
func New(ctx context.Context, g *auth.Gate, j Journal, key auth.Source, o *Options) (*Runner, error) {
	if g.Log() == nil || j == nil || key == nil {
		return nil, fmt.Errorf("%w: a runner needs a gate, a journal and a key", auth.ErrInvalid)
	}
	declared := g.Boundary().Catalogue()
	r := &Runner{gate: g, catalogue: plan.Declare(declared.Systems()), tenant: declared.Tenant(), journal: j, runs: map[string]*run{}, guards: map[string]*guard.Guard{}, options: *cmp.Or(o, &Options{})}
	r.options.Logger = cmp.Or(r.options.Logger, slog.Default())
	r.under, r.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	r.controls.wake, r.controls.halted = make(chan struct{}), map[string]bool{}
	lease, err := key.Lease(ctx, auth.Grant{})
	if err != nil {
		return nil, err
	}
	if err := r.open(ctx, lease); err != nil {
		return nil, errors.Join(err, lease.Close(ctx))
	}
	return r, nil
}

// open reads the journal.
func (r *Runner) open(ctx context.Context, lease *auth.Lease) (err error) {
	r.lease = lease
	var previous *seal.Sealer
	if r.sealer, previous, err = sealersOf(lease, r.tenant); err != nil {
		return err
	}
	for frame, err := range r.journal.Frames(ctx) {
		if err != nil {
			return err
		}
		if frame.Run == controlRun {
			err = r.controls.replay(r, frame, previous)
		} else {
			err = r.replay(frame, previous)
		}
		if err != nil {
			return err
		}
	}
	return r.look(ctx)
}

// sealersOf are what seals now, and what sealed before the key was changed; nil: nothing.
func sealersOf(lease *auth.Lease, tenant string) (now, previous *seal.Sealer, err error) {
	if now, err = sealerOf(lease, "key", tenant); err != nil {
		return nil, nil, err
	}
	if previous, err = sealerOf(lease, "previous", tenant); errors.Is(err, auth.ErrUndeclared) {
		err = nil
	}
	return now, previous, err
}

func sealerOf(lease *auth.Lease, field, tenant string) (s *seal.Sealer, err error) {
	secret, err := lease.Secret(field)
	if err != nil {
		return nil, err
	}
	err = secret.Use(func(b []byte) error {
		s, err = seal.New(b, tenant)
		return err
	})
	return s, err
}

// guard bounds the calls of one system: privileged ones by themselves, so that what
// others do wrong is not theirs.
func (r *Runner) guard(op plan.Operation) (*guard.Guard, error) {
	name, key := op.System, op.System
	if op.Privileged {
		name, key = name+"-privileged", key+" privileged" // no system is called that
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.guards[key]; g != nil {
		return g, nil
	}
	o := *cmp.Or(r.options.Guard, &guard.Options{})
	o.Attempts, o.Attempt, o.Total = plan.MostAttempts, plan.Longest, plan.Longest
	g, err := guard.New(name[:min(len(name), 64)], &o)
	if err == nil {
		r.guards[key] = g
	}
	return g, err
}

// Abandoned is how many steps have ignored their context and have not returned.
func (r *Runner) Abandoned() int {
	if r == nil {
		return 0
	}
	return r.calls.Gone()
}

// Pending is a run that has not ended, or is parked.
type Pending struct {
	Workflow string    // its name
	Version  string    // of the code that began it
	Run      string    // its id
	Step     string    // where it stands
	Parked   string    // why it waits for a person; empty: it does not
	Since    time.Time // when it began
}

// Unfinished lists them, the oldest first, also those whose workflow nobody compiled.
func (r *Runner) Unfinished(ctx context.Context) iter.Seq2[Pending, error] {
	return func(yield func(Pending, error) bool) {
		if r == nil || r.gate == nil {
			yield(Pending{}, errZero)
			return
		}
		for _, p := range r.pending() {
			if ctx.Err() != nil {
				yield(Pending{}, ctx.Err())
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

// pending are the runs that have not ended, the oldest first.
func (r *Runner) pending() []Pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Pending
	for _, x := range r.runs {
		if p, ok := x.pending(); ok {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b Pending) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Run, b.Run))
	})
	return all
}

// Close lets nothing begin any more, and waits for what is under way until ctx ends. It
// comes before the broker. What has not ended goes on when the journal is opened again.
func (r *Runner) Close(ctx context.Context) error {
	if r == nil || r.gate == nil {
		return nil
	}
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop(ErrStopped)
	done := make(chan struct{})
	go func() { r.busy.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return errors.Join(r.journal.Close(ctx), r.lease.Close(ctx))
}

// enter takes a run for whoever runs it now, or makes it.
func (r *Runner) enter(id string) (*run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrStopped
	}
	x := r.runs[id]
	if x == nil {
		x = &run{runner: r, id: id}
		r.runs[id] = x
	}
	if x.busy {
		return nil, ErrRunning
	}
	x.busy = true
	r.busy.Add(1)
	return x, nil
}

func (r *Runner) leave(x *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x.busy = false
	if x.began == nil && x.chain.Sequence == 0 && !x.foreign { // nobody knows anything of it
		delete(r.runs, x.id)
	}
	r.busy.Done()
}
