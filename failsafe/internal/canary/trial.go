package canary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/mapping"
)

// Drift is the cause of a canary that was not what it should have been.
const Drift = "drift"

// ErrUnseen: the log does not say what the canary has done.
var ErrUnseen = errors.New("failsafe: the log does not say what the canary has done")

// Trial is a canary under way. A nil Trial is none, and has nothing to say.
type Trial struct {
	Log    *audit.Log
	Run    string // its id
	From   int64  // the line of the log behind its beginning; zero: it is looked for
	Budget int    // of crossings
	Watch  *Watch // required
	Back   bool   // it only goes back: another process has begun it

	used    int              // crossings that the log knows: a grant on a twin is good for one
	through bool             // every step has happened
	Found   mapping.Findings // besides Watch's; also by the process before
}

// lookWithin bounds how long the log is read, whatever time a step has.
const lookWithin = 30 * time.Second

// look takes what the log says of it since it last looked.
func (t *Trial) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookWithin)
	defer cancel()
	for e, err := range t.Log.EventsFrom(ctx, t.From) {
		if err != nil {
			return ErrUnseen
		}
		if t.From++; e.Run != t.Run {
			continue
		}
		if e.Use == 0 && e.Step != "" && e.Decision == "allowed" {
			t.used++
		}
		t.Watch.Take(&e)
	}
	return nil
}

// Over says whether it goes no further than to a step: because that is the last, behind all
// others; because something is not what was declared; or because the budget would not
// suffice for what is ahead, the step with the way back.
func (t *Trial) Over(ctx context.Context, step int, last bool, ahead int) (bool, error) {
	err := t.look(ctx)
	t.through = last && err == nil && !t.Back && t.Findings() == nil
	if !last && t.Findings() == nil && t.used+ahead > t.Budget {
		t.spend(step)
	}
	return t.through || err != nil || t.Back || t.Findings() != nil, err
}

// May says why a step may not cross: the budget is spent, or nobody knows of how much. What
// is local crosses nothing.
func (t *Trial) May(ctx context.Context, step int, local bool) error {
	if t == nil || local {
		return nil
	}
	if err := t.look(ctx); err != nil {
		return err
	}
	if t.used < t.Budget {
		return nil
	}
	t.spend(step)
	return t.Findings().Err()
}

func (t *Trial) spend(step int) {
	t.add(mapping.Finding{Code: "W128", Path: fmt.Sprintf("/steps/%d", step), Problem: "is where the budget was spent"})
}

// add notes a finding, one of each code.
func (t *Trial) add(f mapping.Finding) {
	if !slices.ContainsFunc(t.Found, func(g mapping.Finding) bool { return g.Code == f.Code }) {
		t.Found = append(t.Found, f)
	}
}

// Refuse notes that a step, or its way back, would not be permitted: nothing is begun.
func (t *Trial) Refuse(step int) {
	t.add(mapping.Finding{Code: "W122", Path: fmt.Sprintf("/steps/%d", step), Problem: "would not be permitted, or its way back would not"})
}

// Findings are what was found; nil: nothing.
func (t *Trial) Findings() mapping.Findings {
	if t == nil {
		return nil
	}
	all := slices.Clone(t.Watch.findings)
	for _, f := range t.Found {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return all
}

// Good looks for the last time: whether every step has happened and is undone, which is
// what back says, and all was as it should be. If not, the error says what was found,
// around the cause.
func (t *Trial) Good(ctx context.Context, back bool, cause error) (bool, error) {
	if t == nil {
		return false, cause
	}
	unseen := t.look(ctx)
	if back && t.through && unseen == nil && t.Findings() == nil {
		t.Watch.missing()
	}
	if found := t.Findings().Err(); found != nil || unseen != nil {
		return false, errors.Join(found, unseen, cause)
	}
	return back && t.through, cause
}
