package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carnet-go/carnet/failsafe"
)

// serve is a service in a folder, for as long as it is used.
func (s *session) serve(ctx context.Context, use func(dir string, v *service) error) (err error) {
	dir, remove, err := s.folder()
	if err != nil {
		return err
	}
	defer remove()
	v, err := startService(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close(ctx)) }()
	return use(dir, v)
}

// step is what a step costs: what a run of many writes more than a run of one, which has
// a beginning and an end as well.
func (s *session) step(ctx context.Context, v *service, operation string) (whole written, frames, lines float64, flow *failsafe.Flow[state], err error) {
	one, err := v.workflow(1, operation)
	if err != nil {
		return whole, 0, 0, nil, err
	}
	if flow, err = v.workflow(s.steps, operation); err != nil {
		return whole, 0, 0, nil, err
	}
	alone, err := v.costs(ctx, func() error { return v.run(ctx, one) })
	if err != nil {
		return whole, 0, 0, nil, err
	}
	whole, err = v.costs(ctx, func() error { return v.run(ctx, flow) })
	more := float64(s.steps - 1)
	return whole, float64(whole.frames-alone.frames) / more, float64(whole.lines-alone.lines) / more, flow, err
}

// localStep is a whole run of local steps. Its beginning and its end wait for the audit
// log beside the journal: with many steps that does not matter.
func localStep(ctx context.Context, s *session) (lines []line, err error) {
	err = s.serve(ctx, func(dir string, v *service) error {
		whole, frames, _, flow, err := s.step(ctx, v, "")
		if err != nil {
			return err
		}
		wait, err := newBare(dir, "bare", whole.frameBytes/whole.frames)
		if err != nil {
			return err
		}
		defer wait.file.Close()
		n := int(whole.frames)
		c, err := s.durably(ctx, s.rounds, v.turn(ctx, flow, n), bareTurn(n, wait))
		perStep := c.ours * float64(n) / float64(s.steps)
		lines = []line{
			{name: "failsafe/local waits", value: frames, unit: "waits", target: 2, detail: fmt.Sprintf("for the journal, of each step; a run of %d steps has %d in all", s.steps, n)},
			{name: "failsafe/local wait", value: c.ratio, target: 1.3, detail: fmt.Sprintf("frame %s, write and fdatasync of %d bytes %s; a step %s, which is %.2f of one of them and %.2f of two; %v",
				ns(c.ours), len(wait.text), ns(c.theirs), ns(perStep), perStep/c.theirs, perStep/c.theirs/2, c)},
		}
		return err
	})
	return lines, err
}

// turn is a run, for each of the n things that are compared.
func (v *service) turn(ctx context.Context, flow *failsafe.Flow[state], n int) turn {
	return func() (float64, error) {
		began := time.Now()
		err := v.run(ctx, flow)
		return float64(time.Since(began)) / float64(n), err
	}
}

// operationStep is a whole run of steps that a gate authorizes. What is compared writes
// as many bytes into two files, and waits for each.
func operationStep(ctx context.Context, s *session) (lines []line, err error) {
	err = s.serve(ctx, func(dir string, v *service) error {
		whole, frames, logged, flow, err := s.step(ctx, v, "crm.entry.set")
		if err != nil {
			return err
		}
		journal, err := newBare(dir, "bare-journal", whole.frameBytes/whole.frames)
		if err != nil {
			return err
		}
		defer journal.file.Close()
		log, err := newBare(dir, "bare-log", whole.lineBytes/whole.lines)
		if err != nil {
			return err
		}
		defer log.file.Close()
		c, err := s.durably(ctx, s.rounds, v.turn(ctx, flow, s.steps), bareTurn(s.steps, journal, log))
		lines = []line{
			{name: "failsafe/operation waits", value: frames + logged, unit: "waits", target: 2, detail: fmt.Sprintf("for the disk, of each step: %.2f frames of the journal and %.2f lines of the audit log, side by side", frames, logged)},
			{name: "failsafe/operation wait", value: c.ratio, target: 1.3, detail: fmt.Sprintf("step %s, two times write and fdatasync of %d and %d bytes %s; %v",
				ns(c.ours), len(journal.text), len(log.text), ns(c.theirs), c)},
		}
		return err
	})
	return lines, err
}

// runsTogether is what many runs share: one wait for the disk for all frames that have
// come meanwhile.
func runsTogether(ctx context.Context, s *session) (lines []line, err error) {
	err = s.serve(ctx, func(dir string, v *service) error {
		whole, _, _, flow, err := s.step(ctx, v, "")
		if err != nil {
			return err
		}
		wait, err := newBare(dir, "bare", whole.frameBytes/whole.frames)
		if err != nil {
			return err
		}
		defer wait.file.Close()
		frames := int(whole.frames) * s.together
		ours := func() (float64, error) {
			began := time.Now()
			err := many(ctx, s.together, s.together, func(int) error { return v.run(ctx, flow) })
			return float64(time.Since(began)) / float64(frames), err
		}
		c, err := s.durably(ctx, s.few, ours, bareTurn(2*s.steps, wait))
		lines = []line{{
			name: "failsafe/together", value: 1 / c.ratio, least: true, target: 20,
			detail: fmt.Sprintf("%d runs of %d steps %s for a frame, write and fdatasync of %d bytes %s; min/min %.2f, %d rounds",
				s.together, s.steps, ns(c.ours), len(wait.text), ns(c.theirs), 1/c.least, c.rounds),
		}}
		return err
	})
	return lines, err
}

// many calls do with 0 to n-1, so many at once, and returns the first error.
func many(ctx context.Context, n, atOnce int, do func(i int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, atOnce)
	for k := range atOnce {
		wg.Go(func() {
			for errs[k] == nil && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[k] = do(i)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// unfinishedRuns are parked, each at its only step, of which nobody knows whether it has
// happened.
func unfinishedRuns(ctx context.Context, s *session) (lines []line, err error) {
	err = s.serve(ctx, func(_ string, v *service) error {
		if err := v.park(ctx, s); err != nil {
			return err
		}
		var opened, listed []float64
		for i := range s.few {
			if err := ctx.Err(); err != nil {
				return err
			}
			open, list, err := v.reopen(ctx, s.unfinished)
			if err != nil {
				return err
			}
			opened, listed = append(opened, open.Seconds()), append(listed, list.Seconds())
			s.progress(i+1, s.few, "times opened")
		}
		bytes, err := size(v.frames(), "frames")
		lines = []line{{
			name: "failsafe/unfinished", value: median(listed), unit: "s", target: float64(s.unfinished) / 10_000,
			detail: fmt.Sprintf("New and Unfinished of %d parked runs; OpenJournal before it %.2f s for %.1f MB; %d rounds", s.unfinished, median(opened), float64(bytes)/1e6, len(listed)),
		}}
		return err
	})
	return lines, err
}

// lost says that nobody knows what has happened.
type lost struct{}

func (lost) Error() string        { return "lost" }
func (lost) FailureClass() string { return "unknown" }

// park leaves runs that wait for a person.
func (v *service) park(ctx context.Context, s *session) error {
	flow, err := failsafe.Compile(v.runner, failsafe.Workflow[state]{Name: "parks", Version: "1", Steps: []failsafe.Step[state]{{
		Name: "step", Do: func(context.Context, failsafe.Crossing, *state) error { return lost{} },
	}}})
	if err != nil {
		return err
	}
	var parked atomic.Int64
	var mu sync.Mutex // of the notes
	return many(ctx, s.unfinished, s.together, func(int) error {
		err := v.run(ctx, flow)
		if stopped, ok := errors.AsType[*failsafe.StoppedError](err); !ok || stopped.End != failsafe.Parked {
			return fmt.Errorf("not parked: %w", errors.Join(err, ctx.Err()))
		}
		mu.Lock()
		defer mu.Unlock()
		s.progress(int(parked.Add(1)), s.unfinished, "runs parked")
		return nil
	})
}

// reopen closes the runner, and opens it again as after a crash.
func (v *service) reopen(ctx context.Context, want int) (opened, listed time.Duration, err error) {
	if err := v.runner.Close(ctx); err != nil {
		return 0, 0, err
	}
	v.runner = nil
	began := time.Now()
	if err := v.openJournal(ctx); err != nil {
		return 0, 0, err
	}
	opened = time.Since(began)
	began = time.Now()
	if err := v.openRunner(ctx); err != nil {
		return 0, 0, err
	}
	n := 0
	for _, err := range v.runner.Unfinished(ctx) {
		if err != nil {
			return 0, 0, err
		}
		n++
	}
	if listed = time.Since(began); n != want {
		return 0, 0, fmt.Errorf("%d unfinished runs, not %d", n, want)
	}
	return opened, listed, nil
}
