package canary_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/failsafe/internal/canary"
)

const day = 24 * time.Hour

var steps = []canary.Step{{Name: "put", Do: "lab.note.put", Undo: "lab.note.drop", Ask: "lab.note.count"}, {Name: "local"}}

// call is what the log says of a canary's call.
func call(change func(e *audit.Event)) audit.Event {
	e := audit.Event{
		Run: "canary-1", Step: "put", Action: "lab.note.put", Phase: audit.PhaseCanary, Use: 1, Outcome: audit.OutcomeSuccess, Status: 200, UsedAt: time.Now(),
		Data: audit.Data{Mapping: strings.Repeat("a", 64), Class: "internal", Categories: []string{"pii"}, Residency: []string{"eu"}, Fields: 3},
	}
	change(&e)
	return e
}

// grant is what it says of the decision before.
func grant(change func(e *audit.Event)) audit.Event {
	return call(func(e *audit.Event) {
		e.Use, e.Decision, e.Outcome, e.Status, e.Data = 0, "allowed", audit.OutcomeUnknown, 0, audit.Data{}
		e.Rule, e.Assurance.Level, e.Scopes = "tries", 1, []string{"notes"}
		change(e)
	})
}

func nothing(*audit.Event) {}

// before is what a good canary has seen.
func before(t *testing.T) []canary.Crossing {
	t.Helper()
	w := canary.Trial{Watch: &canary.Watch{Steps: steps}}
	for _, e := range []audit.Event{grant(nothing), call(nothing)} {
		w.Watch.Take(&e)
	}
	if w.Findings() != nil || len(w.Watch.Crossings()) != 1 {
		t.Fatalf("%v, %v", w.Findings(), w.Watch.Crossings())
	}
	return w.Watch.Crossings()
}

func TestWatch(t *testing.T) {
	valid := func(life, left time.Duration) func(e *audit.Event) {
		return func(e *audit.Event) {
			e.Peer = audit.Validity{From: e.UsedAt.Add(left - life), Until: e.UsedAt.Add(left)}
		}
	}
	for name, c := range map[string]struct {
		event audit.Event
		other bool // it has another input
		want  string
	}{
		"the same":                         {call(nothing), false, ""},
		"granted the same":                 {grant(nothing), false, ""},
		"of the vault":                     {grant(func(e *audit.Event) { e.Action, e.Decision = "vault.lease", "" }), false, ""},
		"of the run":                       {audit.Event{Action: "run.start", Run: "canary-1"}, false, ""},
		"an order":                         {audit.Event{Action: "self.run.halt", Run: "canary-1", System: "self", Decision: "allowed"}, false, ""},
		"of no step":                       {call(func(e *audit.Event) { e.Step = "" }), false, "W121 "},
		"of a step nobody has":             {call(func(e *audit.Event) { e.Step = "pull" }), false, "W121 "},
		"of a local step":                  {call(func(e *audit.Event) { e.Step = "local" }), false, "W121 /steps/1"},
		"of the real system":               {call(func(e *audit.Event) { e.Action = "crm.note.put" }), false, "W121 /steps/0"},
		"of no canary":                     {call(func(e *audit.Event) { e.Phase = audit.PhaseDo }), false, "W121 /steps/0"},
		"a second with one grant":          {grant(func(e *audit.Event) { e.Action, e.Decision, e.Reason = "broker.refuse", "denied", "expired" }), false, "W121 /steps/0"},
		"refused in a freeze":              {grant(func(e *audit.Event) { e.Action, e.Decision, e.Reason = "broker.refuse", "denied", "unavailable" }), false, ""},
		"denied":                           {grant(func(e *audit.Event) { e.Decision = "denied" }), false, "W122 /steps/0/do"},
		"needs more":                       {grant(func(e *audit.Event) { e.Decision = "needs" }), false, "W122 /steps/0/do"},
		"forbidden":                        {call(func(e *audit.Event) { e.Outcome, e.Reason, e.Status = audit.OutcomeFailure, "denied", 403 }), false, "W122 /steps/0/do"},
		"expired once":                     {call(func(e *audit.Event) { e.Outcome, e.Reason, e.Status = audit.OutcomeFailure, "expired", 401 }), false, ""},
		"moved":                            {call(func(e *audit.Event) { e.Outcome, e.Reason, e.Status = audit.OutcomeFailure, "undeclared", 308 }), false, "W122 /steps/0/do"},
		"invalid":                          {call(func(e *audit.Event) { e.Outcome, e.Reason, e.Status = audit.OutcomeFailure, "invalid", 422 }), false, "W123 /steps/0/do"},
		"answered strangely":               {call(func(e *audit.Event) { e.Outcome, e.Reason = audit.OutcomeUnknown, "unknown" }), false, "W123 /steps/0/do"},
		"down":                             {call(func(e *audit.Event) { e.Outcome, e.Reason, e.Status = audit.OutcomeFailure, "unavailable", 503 }), false, ""},
		"unknown":                          {call(func(e *audit.Event) { e.Outcome, e.Reason, e.Status = audit.OutcomeUnknown, "unknown", 0 }), false, ""},
		"a year, a month left":             {call(valid(365*day, 30*day)), false, ""},
		"a year, ten days left":            {call(valid(365*day, 10*day)), false, "W124 /steps/0/do"},
		"an hour, half of it left":         {call(valid(time.Hour, 30*time.Minute)), false, ""},
		"an hour, ten minutes left":        {call(valid(time.Hour, 10*time.Minute)), false, "W124 /steps/0/do"},
		"another permit":                   {grant(func(e *audit.Event) { e.Rule = "all" }), false, "W125 /steps/0/do"},
		"another level":                    {grant(func(e *audit.Event) { e.Assurance.Level = 2 }), false, "W125 /steps/0/do"},
		"another scope":                    {grant(func(e *audit.Event) { e.Scopes = []string{"notes", "admin"} }), false, "W125 /steps/0/do"},
		"another mapping":                  {call(func(e *audit.Event) { e.Data.Mapping = strings.Repeat("b", 64) }), true, "W126 /steps/0/do"},
		"another class":                    {call(func(e *audit.Event) { e.Data.Class = "restricted" }), false, "W126 /steps/0/do"},
		"another category":                 {call(func(e *audit.Event) { e.Data.Categories = nil }), false, "W126 /steps/0/do"},
		"another residency":                {call(func(e *audit.Event) { e.Data.Residency = []string{"us"} }), false, "W126 /steps/0/do"},
		"more fields":                      {call(func(e *audit.Event) { e.Data.Fields = 4 }), false, "W126 /steps/0/do"},
		"more fields of another input":     {call(func(e *audit.Event) { e.Data.Fields = 4 }), true, ""},
		"another status":                   {call(func(e *audit.Event) { e.Status = 202 }), false, "W127 /steps/0/do"},
		"an operation that it did not see": {call(func(e *audit.Event) { e.Action, e.Status = "lab.note.drop", 204 }), false, ""},
	} {
		w := canary.Trial{Watch: &canary.Watch{Steps: steps, Before: before(t), Same: !c.other}}
		for range 2 { // what is found twice is said once
			w.Watch.Take(&c.event)
			if name == "expired once" {
				break
			}
		}
		var got []string
		for _, f := range w.Findings() {
			got = append(got, f.Code+" "+f.Path)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
	}
	w := canary.Trial{Watch: &canary.Watch{Steps: steps}}
	expired := call(func(e *audit.Event) { e.Outcome, e.Reason, e.Status = audit.OutcomeFailure, "expired", 401 })
	w.Watch.Take(&expired)
	w.Watch.Take(&expired)
	if found := w.Findings(); len(found) != 1 || found[0].Code != "W122" {
		t.Errorf("a fresh credential is not accepted either: %v", found)
	}
}

// TestTrialCountsCrossings that the log knows, and says where the budget was spent, once.
func TestTrialCountsCrossings(t *testing.T) {
	l := authtest.Log(t)
	cross := func() {
		t.Helper()
		for _, e := range []audit.Event{grant(nothing), call(nothing), call(func(e *audit.Event) { e.Run = "canary-2" })} {
			if _, err := l.Append(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	trial := &canary.Trial{Log: l, Run: "canary-1", Budget: 3, Watch: &canary.Watch{Steps: steps}}
	if over, err := trial.Over(t.Context(), 0, false, 3); over || err != nil {
		t.Errorf("all of the budget is ahead: %v, %v", over, err)
	}
	for range 2 {
		if trial.May(t.Context(), 0, false) != nil {
			t.Error("within the budget")
		}
		cross()
	}
	if over, err := trial.Over(t.Context(), 1, false, 2); !over || err != nil || trial.Findings()[0].Path != "/steps/1" {
		t.Errorf("more is ahead than is left: %v, %v, %v", over, err, trial.Findings())
	}
	if trial.May(t.Context(), 0, false) != nil {
		t.Error("one is left")
	}
	cross()
	resumed := &canary.Trial{Log: l, Run: "canary-1", Budget: 3, Back: true, Watch: &canary.Watch{Steps: steps}}
	if trial.May(t.Context(), 0, false) == nil || resumed.May(t.Context(), 0, false) == nil || len(trial.Findings()) != 1 {
		t.Errorf("beyond the budget: %v", trial.Findings())
	}
	cause := errors.New("cause")
	if good, err := trial.Good(t.Context(), true, cause); good || !errors.Is(err, cause) {
		t.Errorf("%v, %v", good, err)
	}
	if err := trial.May(t.Context(), 0, true); err != nil {
		t.Errorf("a local step crosses nothing: %v", err)
	}
	if blind := (&canary.Trial{Log: &audit.Log{}, Budget: 3, Watch: &canary.Watch{}}); blind.May(t.Context(), 0, false) != canary.ErrUnseen {
		t.Error("may, although nobody knows what it did")
	}
}

// TestTrialGoesOnOnlyWhereItSees: a log that cannot be read is no log that has nothing to
// say, and what another process has begun only goes back.
func TestTrialGoesOnOnlyWhereItSees(t *testing.T) {
	l := authtest.Log(t)
	trial := &canary.Trial{Log: &audit.Log{}, Run: "canary-1", Budget: 9, Watch: &canary.Watch{Steps: steps}}
	if over, err := trial.Over(t.Context(), 2, true, 0); !over || !errors.Is(err, canary.ErrUnseen) {
		t.Errorf("%v, %v", over, err)
	}
	if good, err := trial.Good(t.Context(), true, nil); good || !errors.Is(err, canary.ErrUnseen) {
		t.Errorf("%v, %v", good, err)
	}
	trial = &canary.Trial{Log: l, Run: "canary-1", Budget: 9, Back: true, Watch: &canary.Watch{Steps: steps}}
	if over, err := trial.Over(t.Context(), 0, false, 1); !over || err != nil {
		t.Errorf("%v, %v", over, err)
	}
	if good, err := trial.Good(t.Context(), true, nil); good || err != nil {
		t.Errorf("%v, %v", good, err)
	}
	trial.Refuse(1)
	if found := trial.Findings(); len(found) != 1 || found[0].Code != "W122" || found[0].Path != "/steps/1" {
		t.Errorf("found %v", found)
	}
	var none *canary.Trial
	if good, err := none.Good(t.Context(), true, nil); good || err != nil || none.May(t.Context(), 0, false) != nil || none.Findings() != nil {
		t.Error("none has something to say")
	}
	trial = &canary.Trial{Log: l, Run: "canary-1", Budget: 9, Watch: &canary.Watch{Steps: steps}}
	for _, e := range []audit.Event{call(func(e *audit.Event) { e.Run, e.Status = "canary-2", 500 }), grant(nothing), call(nothing)} {
		if _, err := l.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if over, err := trial.Over(t.Context(), 2, true, 0); !over || err != nil {
		t.Errorf("at the end: %v, %v", over, err)
	}
	blind := *trial
	watch := *trial.Watch
	blind.Watch = &watch
	if good, err := blind.Good(t.Context(), true, nil); good || err == nil || err.Error() != "W129 was not called at /steps/0/undo\nW129 was not called at /steps/0/ask" {
		t.Errorf("half of it was not called: %v, %v", good, err)
	}
	for _, action := range []string{"lab.note.drop", "lab.note.count"} {
		e := call(func(e *audit.Event) {
			e.Action = action
			if action == "lab.note.drop" { // an answer that was lost, and asked for
				e.Outcome, e.Reason, e.Status = audit.OutcomeUnknown, "unknown", 0
			}
		})
		if _, err := l.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if good, err := trial.Good(t.Context(), true, nil); !good || err != nil {
		t.Errorf("%v, %v", good, err)
	}
	seen := trial.Watch.Crossings()
	if len(seen) != 3 || !seen[1].Called || seen[0].Permit != "tries" || seen[0].Status != 200 || !slices.Equal(seen[0].Scopes, []string{"notes"}) {
		t.Errorf("seen %+v", seen)
	}
}

// TestAfter: of those that were good the newest counts, and only of the same declarations.
func TestAfter(t *testing.T) {
	at := time.Now()
	now := canary.Past{Hash: "h", Boundary: "b", Digest: [32]byte{1}}
	good := func(seen string, change func(p *canary.Past)) canary.Past {
		p := canary.Past{Hash: "h", Boundary: "b", Digest: [32]byte{1}, At: at, Seen: []canary.Crossing{{Step: seen}}}
		change(&p)
		return p
	}
	w := &canary.Watch{}
	for _, p := range []canary.Past{
		good("older", func(p *canary.Past) { p.At = at.Add(-time.Hour) }),
		good("newest", func(p *canary.Past) { p.Digest = [32]byte{2} }),
		good("oldest", func(p *canary.Past) { p.At = at.Add(-2 * time.Hour) }),
		good("of another version", func(p *canary.Past) { p.Hash, p.At = "x", at.Add(time.Hour) }),
		good("of another boundary", func(p *canary.Past) { p.Boundary, p.At = "x", at.Add(time.Hour) }),
	} {
		w.After(now, p)
	}
	if len(w.Before) != 1 || w.Before[0].Step != "newest" || w.Same {
		t.Errorf("judged by %+v, same input %t", w.Before, w.Same)
	}
	w.After(now, good("same", func(p *canary.Past) { p.At = at.Add(time.Minute) }))
	if w.Before[0].Step != "same" || !w.Same {
		t.Errorf("judged by %+v, same input %t", w.Before, w.Same)
	}
}
