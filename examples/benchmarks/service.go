package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
)

// service is a runner and what it needs, on a disk: an audit log, a gate whose policy
// allows everything, and a journal.
type service struct {
	dir       string
	log       *audit.Log
	gate      *auth.Gate
	principal auth.Principal
	journal   *counted
	runner    *failsafe.Runner
	runs      atomic.Int64 // that were begun, for their names
}

func startService(ctx context.Context, dir string) (*service, error) {
	return startServiceWith(ctx, dir, alice{})
}

func startServiceWith(ctx context.Context, dir string, who auth.Verifier) (s *service, err error) {
	s = &service{dir: dir}
	if err := audit.Create(ctx, s.logs(), "carnet.invalid/benchmarks", nil); err != nil {
		return nil, err
	}
	if s.log, err = audit.Open(ctx, s.logs(), nil); err != nil {
		return nil, err
	}
	if err = s.admit(ctx, who); err == nil {
		err = s.open(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

func (s *service) logs() string   { return filepath.Join(s.dir, "audit") }
func (s *service) frames() string { return filepath.Join(s.dir, "journal") }

// admit makes the gate, and lets a caller in.
func (s *service) admit(ctx context.Context, who auth.Verifier) error {
	catalogue, err := auth.NewCatalogue("benchmarks", auth.System{Name: "crm", Origin: "https://crm.invalid", Operations: []auth.Operation{
		{Name: "crm.entry.set", Method: "PUT", Path: "/entry", Effect: auth.Idempotent, Undo: "crm.entry.drop"},
		{Name: "crm.entry.drop", Method: "DELETE", Path: "/entry", Effect: auth.Idempotent},
	}})
	if err != nil {
		return err
	}
	bound, err := auth.NewBoundary(catalogue, everything{}, nil)
	if err != nil {
		return err
	}
	if s.gate, err = auth.NewGate(ctx, s.log, bound, auth.Verifiers{auth.SchemeBearer: who}, nil); err != nil {
		return err
	}
	s.principal, err = s.gate.Admit(ctx, auth.Bearer("alice"))
	return err
}

// open opens the journal and starts the runner, as after a crash.
func (s *service) open(ctx context.Context) error {
	if err := s.openJournal(ctx); err != nil {
		return err
	}
	return s.openRunner(ctx)
}

func (s *service) openJournal(ctx context.Context) error {
	journal, err := failsafe.OpenJournal(ctx, s.frames())
	s.journal = &counted{Journal: journal}
	return err
}

// openRunner starts the runner, which closes the journal.
func (s *service) openRunner(ctx context.Context) (err error) {
	s.runner, err = failsafe.New(ctx, s.gate, s.journal, key{}, &failsafe.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return errors.Join(err, s.journal.Close(ctx))
	}
	return nil
}

// close also works where not all of it was started, and after an interrupt.
func (s *service) close(ctx context.Context) error {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	return errors.Join(s.runner.Close(ctx), s.log.Close(ctx))
}

// state is what the workflows here carry.
type state struct {
	Name  string
	Steps int
}

// workflow compiles one of n equal steps, under an operation or local, of which each does
// as little as it can.
func (s *service) workflow(n int, operation string) (*failsafe.Flow[state], error) {
	w := failsafe.Workflow[state]{Name: fmt.Sprintf("steps-%d", n), Version: "1"}
	for i := range n {
		w.Steps = append(w.Steps, failsafe.Step[state]{
			Name: fmt.Sprintf("step-%02d", i), Operation: operation,
			Do:   func(_ context.Context, _ failsafe.Crossing, s *state) error { s.Steps++; return nil },
			Undo: func(_ context.Context, _ failsafe.Crossing, s *state) error { s.Steps--; return nil },
		})
	}
	return failsafe.Compile(s.runner, w)
}

// run runs a flow once, under a name of its own.
func (s *service) run(ctx context.Context, f *failsafe.Flow[state]) error {
	_, err := f.Run(ctx, s.principal, fmt.Sprintf("run-%d", s.runs.Add(1)), state{Name: "Zoë"})
	return err
}

// written is what has become durable: frames of the journal, and lines of the log.
type written struct {
	frames, frameBytes int64
	lines, lineBytes   int64
}

func (s *service) written(ctx context.Context) (w written, err error) {
	w.frames = s.journal.frames.Load()
	for _, err := range s.log.Events(ctx) {
		if err != nil {
			return w, err
		}
		w.lines++
	}
	if w.frameBytes, err = size(s.frames(), "frames"); err != nil {
		return w, err
	}
	w.lineBytes, err = size(s.logs(), "*.jsonl")
	return w, err
}

// costs is what something writes.
func (s *service) costs(ctx context.Context, do func() error) (written, error) {
	before, err := s.written(ctx)
	if err != nil {
		return written{}, err
	}
	if err := do(); err != nil {
		return written{}, err
	}
	after, err := s.written(ctx)
	return written{
		after.frames - before.frames, after.frameBytes - before.frameBytes,
		after.lines - before.lines, after.lineBytes - before.lineBytes,
	}, err
}

// counted is a journal whose frames are counted.
type counted struct {
	failsafe.Journal
	frames atomic.Int64
}

// Append implements failsafe.Journal.
func (c *counted) Append(ctx context.Context, f failsafe.Frame) error {
	c.frames.Add(1)
	return c.Journal.Append(ctx, f)
}

// everything is a policy that allows it.
type everything struct{}

// Decide implements auth.Decider.
func (everything) Decide(_ context.Context, f auth.Facts) auth.Decision {
	if f.Who == nil {
		return auth.Decision{Verdict: auth.Needs, Needs: []auth.Obligation{{Kind: auth.NeedIdentity}}}
	}
	return auth.Decision{Verdict: auth.Allowed, Rule: "everything"}
}

// Hash implements auth.Decider.
func (everything) Hash() string { return "everything" }

// alice is whoever comes.
type alice struct{}

// Verify implements auth.Verifier.
func (alice) Verify(context.Context, auth.Presented) (auth.Identity, error) {
	return auth.Identity{Issuer: "https://login.invalid", Subject: "alice", Expires: time.Now().Add(24 * time.Hour)}, nil
}

// key is a source of the journal's key.
type key struct{}

// Lease implements auth.Source.
func (key) Lease(context.Context, auth.Grant) (*auth.Lease, error) {
	secret := auth.NewSecret([]byte(strings.Repeat("k", 32)))
	return auth.NewLease("journal", map[string]auth.Secret{"key": secret}, nil), nil
}
