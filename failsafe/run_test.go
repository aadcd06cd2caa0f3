package failsafe_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/failsafe/guard"
)

func TestRunIsDone(t *testing.T) {
	o := newOffice(t)
	flow := o.three()
	result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{Name: "Zoë"})
	o.ended(result, err, failsafe.Done, "", "", "do dir, do erp, do crm", "dir 1, erp 1, crm 1")
	if got := strings.Join(result.State.Trail, " "); got != "dir erp crm" || result.State.Name != "Zoë" {
		t.Errorf("%+v", result.State)
	}
	// The same id, input and subject is the same run.
	again, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{Name: "Zoë"})
	o.ended(again, err, failsafe.Done, "", "", "do dir, do erp, do crm", "dir 1, erp 1, crm 1")
	if _, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{Name: "Zoe"}); err != failsafe.ErrConflict {
		t.Errorf("another input: %v", err)
	}
	if len(o.alerts.reasons()) != 0 {
		t.Errorf("alerts %q", o.alerts.reasons())
	}
}

// TestOutcomes is what becomes of each kind of failure, step by step.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		verb        string // of the middle step
		limits      failsafe.Limits
		fail        map[string][]error
		end         failsafe.End
		step, cause string
		calls, left string
	}{
		"transient, and then well": {"set", failsafe.Limits{}, map[string][]error{"do erp": {says("transient"), says("throttled")}},
			failsafe.Done, "", "", "do dir, do erp, do erp, do erp, do crm", "dir 1, erp 1, crm 1"},
		"transient for long": {"set", failsafe.Limits{Attempts: 2}, map[string][]error{"do erp": {says("transient"), says("transient")}},
			failsafe.RolledBack, "erp", "transient", "do dir, do erp, do erp, undo dir, ask dir", ""},
		"once is once": {"put", failsafe.Limits{}, map[string][]error{"do erp": {says("transient")}},
			failsafe.RolledBack, "erp", "transient", "do dir, do erp, undo dir, ask dir", ""},
		"denied": {"set", failsafe.Limits{}, map[string][]error{"do erp": {says("denied")}},
			failsafe.RolledBack, "erp", "denied", "do dir, do erp, undo dir, ask dir", ""},
		"unclassified": {"set", failsafe.Limits{}, map[string][]error{"do erp": {errors.New("503, try again")}},
			failsafe.RolledBack, "erp", "permanent", "do dir, do erp, undo erp, undo dir, ask dir", ""},
		"unclassified, asked: it has": {"add", failsafe.Limits{Attempts: 3}, map[string][]error{"do erp": {strange{}}},
			failsafe.RolledBack, "erp", "permanent", "do dir, do erp, ask erp, undo erp, ask erp, undo dir, ask dir", ""},
		"unclassified, and nobody to ask": {"put", failsafe.Limits{}, map[string][]error{"do erp": {strange{}}},
			failsafe.Parked, "erp", "unknown", "do dir, do erp", "dir 1, erp 1"},
		"permanent": {"put", failsafe.Limits{}, map[string][]error{"do erp": {says("permanent")}},
			failsafe.RolledBack, "erp", "permanent", "do dir, do erp, undo dir, ask dir", ""},
		"joined": {"set", failsafe.Limits{}, map[string][]error{"do erp": {errors.Join(says("transient"), says("denied"))}},
			failsafe.RolledBack, "erp", "denied", "do dir, do erp, undo dir, ask dir", ""},
		"expired once": {"set", failsafe.Limits{}, map[string][]error{"do erp": {says("expired")}},
			failsafe.Done, "", "", "do dir, do erp, do erp, do crm", "dir 1, erp 1, crm 1"},
		"expired twice": {"set", failsafe.Limits{}, map[string][]error{"do erp": {says("expired"), says("expired")}},
			failsafe.RolledBack, "erp", "expired", "do dir, do erp, do erp, undo dir, ask dir", ""},
		"unknown, repeatable": {"set", failsafe.Limits{}, map[string][]error{"do erp": {maybe{"unknown"}}},
			failsafe.Done, "", "", "do dir, do erp, do erp, do crm", "dir 1, erp 2, crm 1"},
		"unknown, with its key": {"keyed", failsafe.Limits{}, map[string][]error{"do erp": {says("unknown")}},
			failsafe.Done, "", "", "do dir, do erp, do erp, do crm", "dir 1, erp 1, crm 1"},
		"unknown, repeatable, for long": {"set", failsafe.Limits{Attempts: 2}, map[string][]error{"do erp": {maybe{"unknown"}, says("unknown")}},
			failsafe.RolledBack, "erp", "unknown", "do dir, do erp, do erp, undo erp, undo dir, ask dir", ""},
		"unknown, asked: it has": {"add", failsafe.Limits{}, map[string][]error{"do erp": {maybe{"unknown"}}},
			failsafe.Done, "", "", "do dir, do erp, ask erp, do crm", "dir 1, erp 1, crm 1"},
		"unknown, asked: it has not": {"add", failsafe.Limits{}, map[string][]error{"do erp": {says("unknown")}},
			failsafe.RolledBack, "erp", "unknown", "do dir, do erp, ask erp, undo dir, ask dir", ""},
		"unknown, asked for long": {"add", failsafe.Limits{}, map[string][]error{"do erp": {maybe{"unknown"}}, "ask erp": {says("unknown"), says("transient"), says("unknown")}},
			failsafe.Parked, "erp", "unknown", "do dir, do erp, ask erp, ask erp, ask erp", "dir 1, erp 1"},
		"unknown, and who is asked denies": {"add", failsafe.Limits{}, map[string][]error{"do erp": {maybe{"unknown"}}, "ask erp": {says("denied")}},
			failsafe.Parked, "erp", "unknown", "do dir, do erp, ask erp", "dir 1, erp 1"},
		"unknown, and nobody to ask": {"put", failsafe.Limits{}, map[string][]error{"do erp": {maybe{"unknown"}}},
			failsafe.Parked, "erp", "unknown", "do dir, do erp", "dir 1, erp 1"},
		"privileged": {"wipe", failsafe.Limits{}, map[string][]error{"do erp": {says("transient")}},
			failsafe.RolledBack, "erp", "transient", "do dir, do erp, undo dir, ask dir", ""},
		"privileged and expired": {"wipe", failsafe.Limits{}, map[string][]error{"do erp": {says("expired")}},
			failsafe.RolledBack, "erp", "expired", "do dir, do erp, undo dir, ask dir", ""},
		"undo is tried again": {"set", failsafe.Limits{}, map[string][]error{"do crm": {says("denied")}, "undo erp": {says("transient"), says("unknown")}},
			failsafe.RolledBack, "crm", "denied", "do dir, do erp, do crm, undo erp, undo erp, undo erp, undo dir, ask dir", ""},
		"undo fails": {"set", failsafe.Limits{}, map[string][]error{"do crm": {says("denied")}, "undo erp": {says("denied")}},
			failsafe.Parked, "erp", "stuck", "do dir, do erp, do crm, undo erp", "dir 1, erp 1"},
		"undo is not true": {"set", failsafe.Limits{}, map[string][]error{"do crm": {says("denied")}, "undo dir": {maybe{"permanent"}}},
			failsafe.Parked, "dir", "stuck", "do dir, do erp, do crm, undo erp, undo dir", ""},
		"read and denied": {"read", failsafe.Limits{}, map[string][]error{"do erp": {says("denied")}},
			failsafe.RolledBack, "erp", "denied", "do dir, do erp, undo dir, ask dir", ""},
		"read and unknown": {"read", failsafe.Limits{Attempts: 1}, map[string][]error{"do erp": {says("unknown")}},
			failsafe.RolledBack, "erp", "unknown", "do dir, do erp, undo dir, ask dir", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			flow := o.compile(o.step("dir", "add", failsafe.Limits{}), o.step("erp", c.verb, c.limits), o.step("crm", "set", failsafe.Limits{}))
			for call, errs := range c.fail {
				o.fails(call, errs...)
			}
			result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
			o.ended(result, err, c.end, c.step, c.cause, c.calls, c.left)
			want := 0
			if c.end != failsafe.Done {
				want = 1
			}
			if got := o.alerts.reasons(); len(got) != want {
				t.Errorf("alerts %q", got)
			}
		})
	}
}

// TestDeniedBeforeItBegins: what would be denied, forward or back, does not begin.
func TestDeniedBeforeItBegins(t *testing.T) {
	for name, c := range map[string]struct {
		denied string
		cause  string
	}{
		"a step":       {"crm.entry.set", "denied"},
		"the way back": {"crm.entry.drop", "no-way-back"},
		"to ask":       {"dir.entry.seen", "no-way-back"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			flow := o.three()
			o.policyIs(func(f auth.Facts) auth.Decision {
				if f.Operation.Name == c.denied {
					return auth.Decision{Rule: "not-this"}
				}
				return everybody(f)
			})
			result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
			step := "crm"
			if name == "to ask" {
				step = "dir"
			}
			o.ended(result, err, failsafe.RolledBack, step, c.cause, "", "")
			if denied, ok := errors.AsType[*auth.DeniedError](err); !ok || denied.Rule != "not-this" {
				t.Errorf("the cause: %v", err)
			}
			for range o.runner.Unfinished(t.Context()) {
				t.Error("it is remembered")
			}
		})
	}
}

// TestRevokedInTheMiddle: a permission that goes while a run is under way ends rolled
// back, because the way back is the service's own (attack 4).
func TestRevokedInTheMiddle(t *testing.T) {
	o := newOffice(t)
	flow := o.three()
	o.policyIs(func(f auth.Facts) auth.Decision {
		if f.Who != nil && f.Who.Subject == "alice" && o.there["erp"] > 0 {
			return auth.Decision{Rule: "revoked"}
		}
		return everybody(f)
	})
	result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.RolledBack, "crm", "denied", "do dir, do erp, undo erp, undo dir, ask dir", "")
	if got := o.alerts.reasons(); len(got) != 1 || got[0] != "hire-1 crm rolled-back.denied" {
		t.Errorf("alerts %q", got)
	}
}

// TestNeedsAPerson: a stronger login is waited for, and comes with the same id.
func TestNeedsAPerson(t *testing.T) {
	o := newOffice(t)
	flow := o.three()
	weak := true
	o.policyIs(func(f auth.Facts) auth.Decision {
		if f.Who != nil && f.Who.Subject == "alice" && f.Operation.Name == "crm.entry.set" && weak && o.there["erp"] > 0 {
			return auth.Decision{Verdict: auth.Needs, Rule: "second-factor", Needs: []auth.Obligation{{Kind: auth.NeedAssurance, Level: 2, ACR: []string{"mfa"}}}}
		}
		return everybody(f)
	})
	result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.Parked, "crm", "person", "do dir, do erp", "dir 1, erp 1")
	if denied, ok := errors.AsType[*auth.DeniedError](err); !ok || !strings.Contains(denied.Challenge(), "mfa") {
		t.Errorf("no challenge in %v", err)
	}
	again, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
	o.ended(again, err, failsafe.Parked, "crm", "person", "do dir, do erp", "dir 1, erp 1")
	weak = false
	result, err = flow.Run(t.Context(), o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.Done, "", "", "do dir, do erp, do crm", "dir 1, erp 1, crm 1")
}

// TestTokenEndsInTheMiddle: whoever began it comes back with another, and nobody else goes
// forward for him.
func TestTokenEndsInTheMiddle(t *testing.T) {
	o := newOffice(t)
	o.lives = time.Second
	slow := o.step("dir", "add", failsafe.Limits{})
	do := slow.Do
	slow.Do = func(ctx context.Context, x failsafe.Crossing, h *hire) error {
		err := do(ctx, x, h)
		time.Sleep(time.Until(x.Grant.NotAfter().Add(50 * time.Millisecond)))
		return err
	}
	flow := o.compile(slow, o.step("erp", "set", failsafe.Limits{}))
	result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.Parked, "erp", "person", "do dir", "dir 1")
	if !errors.Is(err, auth.ErrExpired) {
		t.Errorf("%v", err)
	}
	if results, _ := resumed(t, flow); len(results) != 0 {
		t.Errorf("somebody went forward for him: %v", results)
	}
	o.lives = time.Hour
	result, err = flow.Run(t.Context(), o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.Done, "", "", "do dir, do erp", "dir 1, erp 1")
}

// TestWhoIsNotKnown: whom another gate has admitted under the same name, or whose token has
// ended, is not told how a run ended and turns none around.
func TestWhoIsNotKnown(t *testing.T) {
	o, other := newOffice(t), newOffice(t)
	flow := o.three()
	o.lives = 500 * time.Millisecond
	gone := o.alice()
	o.lives = 0
	if _, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{}); err != nil {
		t.Fatal(err)
	}
	o.crashAfter(3, func(*failsafe.Runner) {
		_, _ = o.three().Run(t.Context(), o.alice(), "hire-2", hire{})
	})
	time.Sleep(time.Until(gone.Identity().Expires) + 10*time.Millisecond)
	flow = o.three()
	before := o.called()
	for _, id := range []string{"hire-1", "hire-2", "hire-3"} {
		for want, p := range map[error]auth.Principal{auth.ErrForeign: other.alice(), auth.ErrExpired: gone} {
			if result, err := flow.Run(t.Context(), p, id, hire{}); !errors.Is(err, want) || len(result.State.Trail) > 0 {
				t.Errorf("%s: %+v, %v, want %v", id, result, err, want)
			}
		}
	}
	if o.called() != before {
		t.Errorf("called %s after %s", o.called(), before)
	}
	if result, err := flow.Run(t.Context(), o.alice(), "hire-2", hire{}); err != nil {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestCallerLeaves: the way back is taken all the same, and is bounded (pitfall 12).
func TestCallerLeaves(t *testing.T) {
	o := newOffice(t)
	ctx, cancel := context.WithCancel(t.Context())
	slow := o.step("erp", "set", failsafe.Limits{})
	slow.Do = func(ctx context.Context, _ failsafe.Crossing, _ *hire) error {
		_ = o.enter("do erp")
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	flow := o.compile(o.step("dir", "add", failsafe.Limits{}), slow, o.step("crm", "set", failsafe.Limits{}))
	result, err := flow.Run(ctx, o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.RolledBack, "erp", "halted", "do dir, do erp, undo erp, undo dir, ask dir", "")
}

// TestStepsThatMisbehave: a step that panics, exits, or forgets its context takes nobody
// with it, and what it returns too late is dropped (pitfall 27).
func TestStepsThatMisbehave(t *testing.T) {
	release := make(chan struct{})
	for name, c := range map[string]struct {
		do        func(context.Context) error
		abandoned int
		cause     string
	}{
		"panics":                 {func(context.Context) error { panic(canary) }, 0, "unknown"},
		"exits":                  {func(context.Context) error { runtime.Goexit(); return nil }, 0, "unknown"},
		"forgets its context":    {func(context.Context) error { <-release; return nil }, 1, "unknown"},
		"is too late":            {func(ctx context.Context) error { <-ctx.Done(); return nil }, 0, "unknown"},
		"leaves a strange state": {nil, 0, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			release = make(chan struct{})
			o := newOffice(t)
			bad := o.step("erp", "add", failsafe.Limits{Attempt: 100 * time.Millisecond})
			bad.Do = func(ctx context.Context, _ failsafe.Crossing, h *hire) error {
				_ = o.enter("do erp")
				h.Name = canary
				if c.do == nil {
					h.Note = strings.Repeat("x", 1<<20)
					return nil
				}
				return c.do(ctx)
			}
			flow := o.compile(o.step("dir", "add", failsafe.Limits{}), bad, o.step("crm", "set", failsafe.Limits{}))
			result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{Name: "Zoë"})
			o.ended(result, err, failsafe.RolledBack, "erp", c.cause, "do dir, do erp, ask erp, undo dir, ask dir", "")
			for cause := err; cause != nil; cause = errors.Unwrap(cause) {
				if strings.Contains(cause.Error(), canary) {
					t.Errorf("%v", cause)
				}
			}
			if result.State.Name != "Zoë" {
				t.Errorf("%+v", result.State)
			}
			if n := o.runner.Abandoned(); n != c.abandoned {
				t.Errorf("%d abandoned", n)
			}
			close(release)
			for range 100 {
				if o.runner.Abandoned() == 0 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if o.runner.Abandoned() != 0 {
				t.Error("still abandoned")
			}
		})
	}
}

// TestOneLayerRepeats: a guard inside of a step does not multiply its attempts (pitfall
// 22).
func TestOneLayerRepeats(t *testing.T) {
	o := newOffice(t)
	inner, err := guard.New("inner", nil)
	if err != nil {
		t.Fatal(err)
	}
	s := o.step("dir", "set", failsafe.Limits{})
	s.Do = func(ctx context.Context, _ failsafe.Crossing, _ *hire) error {
		_, err := guard.DoIdempotent(ctx, inner, func(context.Context) (int, error) { return 0, o.enter("call") })
		return err
	}
	o.fails("call", says("transient"), says("transient"), says("transient"), says("transient"))
	result, err := o.compile(s).Run(t.Context(), o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.RolledBack, "dir", "transient", "call, call, call", "")
}

// TestShutOut: a far side to which nothing is let through costs few frames and events,
// however long that takes.
func TestShutOut(t *testing.T) {
	o := newOffice(t)
	s := o.step("dir", "set", failsafe.Limits{Total: 3 * time.Second})
	s.Do = func(context.Context, failsafe.Crossing, *hire) error {
		_ = o.enter("do dir")
		return guard.ErrRejected
	}
	result, err := o.compile(s).Run(t.Context(), o.alice(), "hire-1", hire{})
	if stopped, ok := errors.AsType[*failsafe.StoppedError](err); !ok || result.End != failsafe.RolledBack || stopped.Cause != "unavailable" {
		t.Errorf("%+v, %v", result, err)
	}
	if n := o.times("do dir"); n < 2 || n > 25 {
		t.Errorf("%d times", n)
	}
}
