package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/examples/world"
	"github.com/carnet-go/carnet/failsafe"
)

// order is what a service of its own process is told, on standard input: neither
// arguments nor the environment are places for secrets.
type order struct {
	World world.Handout
	Token string // of who hires; empty: nobody does
	Kill  string // the step in the middle of which the process ends; empty: it goes on
}

// killed shows that a hire survives its process: it is killed in the middle of a step,
// and the next one finishes what it finds, or takes it back.
func killed(ctx context.Context, out io.Writer, dir, step string) error {
	if !slices.Contains([]string{"account", "payroll", "contact", "announce"}, step) {
		return errors.New("-kill takes account, payroll, contact or announce")
	}
	w, err := world.Start(ctx, dir)
	if err != nil {
		return err
	}
	defer w.Close()
	token, err := w.StepUp(ctx, "alice")
	if err != nil {
		return err
	}
	events, err := record(ctx, w) // once, so that both find it; the key is all that is needed of it
	if err != nil {
		return err
	}
	if err := events.Close(ctx); err != nil {
		return err
	}
	handout, err := w.Handout()
	if err != nil {
		return err
	}
	if err := spawn(ctx, out, order{handout, token, step}); err == nil {
		return errors.New("it was not killed")
	}
	fmt.Fprintln(out, "killed in the middle of", step)
	left(out, w, okafor)
	fmt.Fprintln(out, "the next one starts")
	if err := spawn(ctx, out, order{World: handout}); err != nil {
		return err
	}
	left(out, w, okafor)
	return verified(ctx, out, w, events.Key())
}

// spawn runs a service until it ends.
func spawn(ctx context.Context, out io.Writer, o order) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, program, "-child")
	in, err := child.StdinPipe()
	if err != nil {
		return err
	}
	child.Stdout, child.Stderr = out, os.Stderr
	if err := child.Start(); err != nil {
		return err
	}
	err = json.NewEncoder(in).Encode(o)
	return errors.Join(in.Close(), child.Wait(), err)
}

// serve is the service in a process of its own: it resumes what it finds, and then hires.
func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	var o order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return errors.New("nobody says in which world this is")
	}
	w, err := world.Attach(o.World)
	if err != nil {
		return err
	}
	defer w.Close()
	events, err := record(ctx, w)
	if err != nil {
		return err
	}
	s, err := open(ctx, w, events, enter, options{alerters: []failsafe.Alerter{bell{out}}})
	if err != nil {
		return errors.Join(err, events.Close(ctx))
	}
	for result, err := range s.hires.Resume(ctx) {
		said(out, "resumed "+result.Run, err)
	}
	if o.Token != "" {
		err = s.hireAndDie(ctx, o.Token, o.Kill)
	}
	return errors.Join(err, s.close(ctx), events.Close(ctx))
}

// hireAndDie compiles the same workflow, whose process ends behind a crossing of one
// step: the far side has it, and nobody here knows.
func (s *service) hireAndDie(ctx context.Context, token, step string) error {
	workflow := s.hiring()
	for i := range workflow.Steps {
		if workflow.Steps[i].Name == step {
			do := workflow.Steps[i].Do
			workflow.Steps[i].Do = func(ctx context.Context, x failsafe.Crossing, h *Hire) error {
				_ = do(ctx, x, h)
				self, err := os.FindProcess(os.Getpid())
				if err == nil {
					err = self.Kill()
				}
				<-ctx.Done() // it takes a moment
				return err
			}
		}
	}
	hires, err := failsafe.Compile(s.runner, workflow)
	if err != nil {
		return err
	}
	principal, err := s.gate.Admit(ctx, auth.Bearer(token))
	if err != nil {
		return err
	}
	employee, err := testdata.ReadFile("testdata/employees/okafor.json")
	if err != nil {
		return err
	}
	_, err = hires.Run(ctx, principal, "alice-okafor", Hire{employee})
	return err
}
