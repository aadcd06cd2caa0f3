package failsafe_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/mapping"
)

func TestCompileFindings(t *testing.T) {
	o := newOffice(t)
	o.policyIs(func(f auth.Facts) auth.Decision {
		if f.Operation.Name == "crm.entry.put" {
			return auth.Decision{}
		}
		return everybody(f)
	})
	for name, c := range map[string]struct {
		change func(w *failsafe.Workflow[hire])
		want   string // codes and paths; empty: sound
	}{
		"sound":             {func(*failsafe.Workflow[hire]) {}, ""},
		"no name":           {func(w *failsafe.Workflow[hire]) { w.Name = "" }, "W101 /name"},
		"no version":        {func(w *failsafe.Workflow[hire]) { w.Version = "" }, "W102 /version"},
		"continues itself":  {func(w *failsafe.Workflow[hire]) { w.Continues = []string{"0", "1"} }, "W102 /continues/1"},
		"no steps":          {func(w *failsafe.Workflow[hire]) { w.Steps = nil }, "W103 /steps"},
		"step's name":       {func(w *failsafe.Workflow[hire]) { w.Steps[0].Name = "a b" }, "W104 /steps/0/name"},
		"twice":             {func(w *failsafe.Workflow[hire]) { w.Steps[1].Name = "dir" }, "W105 /steps/1/name"},
		"unknown operation": {func(w *failsafe.Workflow[hire]) { w.Steps[0].Operation = "dir.entry.ad" }, "W106 /steps/0/operation"},
		"self's operation":  {func(w *failsafe.Workflow[hire]) { w.Steps[0].Operation = "self.run.halt" }, "W106 /steps/0/operation"},
		"no do":             {func(w *failsafe.Workflow[hire]) { w.Steps[0].Do = nil }, "W107 /steps/0/do"},
		"no undo":           {func(w *failsafe.Workflow[hire]) { w.Steps[0].Undo = nil }, "W108 /steps/0/undo W110 /steps/0"},
		"undo undeclared":   {func(w *failsafe.Workflow[hire]) { w.Steps[0].Operation = "dir.entry.send" }, "W108 /steps/0/undo W109 /steps/0/ask"},
		"no ask":            {func(w *failsafe.Workflow[hire]) { w.Steps[0].Ask = nil }, "W109 /steps/0/ask"},
		"final in the middle": {func(w *failsafe.Workflow[hire]) {
			w.Steps = append([]failsafe.Step[hire]{o.step("crm", "send", failsafe.Limits{})}, w.Steps[:1]...)
		}, "W110 /steps/0"},
		"final at the end": {func(w *failsafe.Workflow[hire]) {
			w.Steps[1] = o.step("crm", "send", failsafe.Limits{})
		}, ""},
		"local without undo": {func(w *failsafe.Workflow[hire]) {
			w.Steps[0].Operation, w.Steps[0].Undo, w.Steps[0].Ask = "", nil, nil
		}, "W110 /steps/0"},
		"attempts":         {func(w *failsafe.Workflow[hire]) { w.Steps[0].Limits.Attempts = 11 }, "W111 /steps/0/limits/attempts"},
		"negative":         {func(w *failsafe.Workflow[hire]) { w.Steps[0].Limits.Attempt = -1 }, "W111 /steps/0/limits"},
		"for ever":         {func(w *failsafe.Workflow[hire]) { w.Steps[0].Limits.Total = 25 * time.Hour }, "W111 /steps/0/limits"},
		"privileged twice": {func(w *failsafe.Workflow[hire]) { w.Steps[1] = o.step("crm", "wipe", failsafe.Limits{Attempts: 2}) }, "W112 /steps/1/limits/attempts"},
		"nobody may":       {func(w *failsafe.Workflow[hire]) { w.Steps[1] = o.step("crm", "put", failsafe.Limits{}) }, "W113 /steps/1"},
	} {
		w := failsafe.Workflow[hire]{Name: "new-hire", Version: "1", Steps: []failsafe.Step[hire]{o.step("dir", "add", failsafe.Limits{}), o.step("erp", "set", failsafe.Limits{})}}
		c.change(&w)
		_, err := failsafe.Compile(o.runner, w)
		findings, _ := errors.AsType[mapping.Findings](err)
		var got []string
		for _, f := range findings {
			got = append(got, f.Code, f.Path)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if name == "unknown operation" && findings[0].Nearest != "dir.entry.add" {
			t.Errorf("nearest %q", findings[0].Nearest)
		}
	}
	type bad struct{ Wait chan int }
	_, err := failsafe.Compile(o.runner, failsafe.Workflow[bad]{Name: "x", Version: "1", Steps: []failsafe.Step[bad]{{
		Name: "a", Do: func(context.Context, failsafe.Crossing, *bad) error { return nil },
	}}})
	if err == nil || !strings.HasPrefix(err.Error(), "W114") {
		t.Errorf("a state that cannot be kept: %v", err)
	}
}

// TestZeroValuesRefuse, and never panic.
func TestZeroValuesRefuse(t *testing.T) {
	o := newOffice(t)
	for _, r := range []*failsafe.Runner{nil, {}} {
		if _, err := failsafe.Compile(r, failsafe.Workflow[hire]{}); err == nil {
			t.Error("compiled on nothing")
		}
		if r.Close(t.Context()) != nil || r.Abandoned() != 0 {
			t.Error("nothing has something")
		}
		if r.Pause(t.Context(), auth.Principal{}) == nil || r.Continue(t.Context(), auth.Principal{}) == nil || r.Halt(t.Context(), auth.Principal{}, "x") == nil {
			t.Error("ordered nothing")
		}
		for _, err := range r.Unfinished(t.Context()) {
			if err == nil {
				t.Error("listed nothing")
			}
		}
	}
	for _, f := range []*failsafe.Flow[hire]{nil, {}} {
		if _, err := f.Run(t.Context(), o.alice(), "x", hire{}); err == nil {
			t.Error("ran nothing")
		}
		if _, err := f.Retry(t.Context(), o.alice(), "x"); err == nil {
			t.Error("retried nothing")
		}
		for _, err := range f.Resume(t.Context()) {
			if err == nil {
				t.Error("resumed nothing")
			}
		}
	}
	if _, err := failsafe.New(t.Context(), nil, &frames{}, o.source(), nil); !errors.Is(err, auth.ErrInvalid) {
		t.Error(err)
	}
	if _, err := failsafe.New(t.Context(), o.gate, nil, o.source(), nil); !errors.Is(err, auth.ErrInvalid) {
		t.Error(err)
	}
	if _, err := failsafe.New(t.Context(), o.gate, &frames{}, nil, nil); !errors.Is(err, auth.ErrInvalid) {
		t.Error(err)
	}
	for name, fields := range map[string]map[string]auth.Secret{
		"no key": {}, "short": {"key": auth.NewSecret([]byte("k"))},
		"previous short": {"key": o.key["key"], "previous": auth.NewSecret([]byte("k"))},
	} {
		if _, err := failsafe.New(t.Context(), o.gate, &frames{}, keyed{fields}, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	flow := o.three()
	for name, id := range map[string]string{"no id": "", "a path": "../x", "upper case": "Hire", "the controls": "_control"} {
		if _, err := flow.Run(t.Context(), o.alice(), id, hire{}); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := flow.Settle(t.Context(), o.alice(), id, true); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := flow.Run(t.Context(), auth.Principal{}, "x", hire{}); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := flow.Run(t.Context(), o.alice(), "x", hire{Note: strings.Repeat("x", 1<<20)}); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("a large state: %v", err)
	}
	if _, err := flow.Retry(t.Context(), o.alice(), "nobody"); err != failsafe.ErrConflict {
		t.Errorf("a run that is none: %v", err)
	}
	if failsafe.End(9).String() != "rolled back" || failsafe.Parked.String() != "parked" || (&failsafe.StoppedError{Cause: "denied", End: failsafe.RolledBack}).Error() != "failsafe: rolled back at the beginning: denied" {
		t.Error("names")
	}
}

// TestLocalSteps need no operation and no gate: they are journalled and undone, and their
// grant opens nothing.
func TestLocalSteps(t *testing.T) {
	o := newOffice(t)
	local := failsafe.Step[hire]{Name: "number", Limits: failsafe.Limits{Attempts: 2},
		Do: func(_ context.Context, x failsafe.Crossing, h *hire) error {
			if x.Grant.ID() != "" || x.Key == "" {
				t.Errorf("%+v", x)
			}
			h.Note = "4711"
			return o.enter("do number")
		},
		Undo: func(context.Context, failsafe.Crossing, *hire) error { return o.enter("undo number") },
	}
	flow := o.compile(local, o.step("crm", "set", failsafe.Limits{}))
	o.fails("do number", says("transient"))
	result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.Done, "", "", "do number, do number, do crm", "crm 1")
	if result.State.Note != "4711" {
		t.Errorf("%+v", result.State)
	}
	o.fails("do crm", says("denied"))
	if _, err := flow.Run(t.Context(), o.alice(), "hire-2", hire{}); err == nil || o.times("undo number") != 1 {
		t.Errorf("%v after %s", err, o.called())
	}
}

// TestSelfRuns: a job of the service itself needs nobody.
func TestSelfRuns(t *testing.T) {
	o := newOffice(t)
	self, err := o.gate.AdmitSelf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o.policyIs(unattended(false))
	o.fails("do crm", says("denied"))
	result, err := o.three().Run(t.Context(), self, "job-1", hire{})
	o.ended(result, err, failsafe.RolledBack, "crm", "denied", "do dir, do erp, do crm, undo erp, undo dir, ask dir", "")
}

// TestOutOfTime: a far side that lets nothing through for too long is given up.
func TestOutOfTime(t *testing.T) {
	for class, fewest := range map[string]int{"rejected": 2, "unavailable": 1} {
		o := newOffice(t)
		limits := failsafe.Limits{Attempts: 10, Total: 300 * time.Millisecond, Attempt: 100 * time.Millisecond}
		failures := make([]error, 50)
		for i := range failures {
			failures[i] = says(class)
		}
		o.fails("do erp", failures...)
		flow := o.compile(o.step("dir", "add", failsafe.Limits{}), o.step("erp", "set", limits), o.step("crm", "set", failsafe.Limits{}))
		began := time.Now()
		result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
		if stopped, ok := errors.AsType[*failsafe.StoppedError](err); !ok || stopped.Cause != "unavailable" || result.End != failsafe.RolledBack || o.times("do erp") < fewest || o.times("do erp") > 9 {
			t.Errorf("%s: %+v, %v after %s", class, result, stopped, o.called())
		}
		if time.Since(began) > time.Minute {
			t.Errorf("%s: it took %v", class, time.Since(began))
		}
	}
}
