package core

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/carnet-go/carnet/failsafe/guard"
)

// world is a run and what really happened, which the run cannot see.
type world struct {
	state   State
	effects []int  // of each step: how often it stands there
	most    []int  // of each step: the most that ever stood there
	tries   [3]int // of the phases, at the step where the run is, since a person let it go on
	denied  [3]bool
	at      int // the step of tries
	undone  int // the last step that was undone; len: none
	resumed int // by a person
}

func (w world) clone() world {
	w.effects, w.most, w.state.Steps = slices.Clone(w.effects), slices.Clone(w.most), slices.Clone(w.state.Steps)
	return w
}

// key is everything about a world: two with one key have one future.
func (w world) key() string {
	s := w.state
	b := make([]byte, 0, 64)
	b = append(b, byte(s.Mode), byte(s.Step), byte(s.phase), byte(s.attempts), byte(s.asked), byte(w.at), byte(w.undone), byte(w.resumed))
	for _, is := range []bool{s.open, s.fresh, s.refresh, s.settle, s.mute, s.spent, w.denied[0], w.denied[1], w.denied[2]} {
		b = append(b, map[bool]byte{true: 1}[is])
	}
	for i, known := range s.Steps {
		b = append(b, byte(known), byte(w.effects[i]), byte(w.most[i]))
	}
	for _, n := range w.tries {
		b = append(b, byte(n))
	}
	return string(b) + s.Parked + " " + s.Cause
}

// reporter is a *testing.T or a *rapid.T.
type reporter interface {
	Errorf(format string, args ...any)
	Failed() bool
}

// explorer walks everything that can happen to a plan.
type explorer struct {
	t     reporter
	plan  Plan
	seen  map[string]bool
	queue []world
	ends  map[Mode]int
}

var failures = []guard.Class{
	guard.Permanent, guard.Denied, guard.Unknown, guard.Expired, guard.Transient, guard.Throttled, guard.Rejected, guard.Cancelled,
}

// mostResumes bounds what persons do.
const mostResumes = 1

func explore(t reporter, plan Plan) *explorer {
	x := &explorer{t: t, plan: plan, seen: map[string]bool{}, ends: map[Mode]int{}}
	n := len(plan)
	x.reach(world{state: plan.Start(), effects: make([]int, n), most: make([]int, n), undone: n})
	for len(x.queue) > 0 && !t.Failed() {
		w := x.queue[0]
		x.queue = x.queue[1:]
		x.follow(w)
	}
	return x
}

func (x *explorer) reach(w world) {
	key := w.key()
	if !x.seen[key] {
		x.seen[key] = true
		x.queue = append(x.queue, w)
	}
}

// apply is the world after an event, checked.
func (x *explorer) apply(w world, e Event) world {
	next, steps := w.clone(), slices.Clone(w.state.Steps)
	next.state = x.plan.Apply(w.state, e)
	if !slices.Equal(w.state.Steps, steps) {
		x.t.Errorf("Apply changed its argument: %v, %v", w.state.Steps, steps)
	}
	if next.state.Step != next.at {
		next.at, next.tries, next.denied = next.state.Step, [3]int{}, [3]bool{}
	}
	x.check(w, next, e)
	return next
}

func (x *explorer) bad(w, next world, e Event, what string, args ...any) {
	x.t.Errorf("%s\nplan %+v\nfrom %+v\nby %+v\nto %+v", fmt.Sprintf(what, args...), x.plan, w, e, next)
}

// check holds the invariants that hold everywhere.
func (x *explorer) check(w, next world, e Event) {
	s := next.state
	for i, known := range s.Steps {
		real := next.effects[i] > 0
		if known == Yes && !real && next.resumed == w.resumed && !x.lies(next, i) {
			x.bad(w, next, e, "step %d is said to have happened, and has not", i)
		}
		if known == No && real && !x.plan[i].Harmless {
			x.bad(w, next, e, "step %d is forgotten", i)
		}
		if next.most[i] > 1 && !x.plan[i].Repeatable && !x.plan[i].Harmless {
			x.bad(w, next, e, "step %d has happened %d times", i, next.most[i])
		}
	}
	if s.Mode == Done && slices.Contains(s.Steps, No) || s.Mode == Done && slices.Contains(s.Steps, Maybe) {
		x.bad(w, next, e, "done without all steps")
	}
	if s.Mode == RolledBack && (slices.Contains(s.Steps, Yes) || slices.Contains(s.Steps, Maybe)) {
		x.bad(w, next, e, "rolled back with a step that is left")
	}
	if w.state.Mode == Back && s.Mode == Forward {
		x.bad(w, next, e, "went forward again")
	}
}

// lies says whether a step may be believed to stand where it does not: an undo of which
// nobody heard.
func (x *explorer) lies(w world, i int) bool { return w.state.Mode == Back && i == w.state.Step }

// follow walks all that can happen now.
func (x *explorer) follow(w world) {
	action := x.plan.Next(w.state)
	if action.Kind == TheEnd {
		x.ends[w.state.Mode]++
		return
	}
	if action.Kind != Pending {
		halted := w.clone()
		if w.state.Parked != "" { // a person decides, also that it is asked again
			halted.tries, halted.denied = [3]int{}, [3]bool{}
		}
		x.reach(x.apply(halted, Event{What: Halted}))
	}
	switch action.Kind {
	case Wait:
		x.person(w)
	case Try:
		x.reach(x.apply(w, Event{What: Poisoned}))
		x.reach(x.apply(w, Event{What: Needed}))
		x.reach(x.apply(w, Event{What: GaveUp}))
		x.try(w, action)
	default:
		x.bad(w, w, Event{}, "an attempt is under way, and nobody is at it")
	}
}

// person lets a parked run go on, or says what is the case, truthfully.
func (x *explorer) person(w world) {
	if w.resumed == mostResumes {
		return
	}
	for _, e := range []Event{{What: Resumed}, {What: Told, Yes: w.effects[w.state.Step] > 0}} {
		next := w.clone()
		next.resumed++
		next.tries, next.denied = [3]int{}, [3]bool{}
		x.reach(x.apply(next, e))
	}
}

// try makes an attempt, with every outcome.
func (x *explorer) try(w world, a Action) {
	step, i := x.plan[a.Step], a.Step
	w = w.clone()
	if w.denied[a.Phase] {
		x.bad(w, w, Event{}, "%v of step %d is tried after a denial", a.Phase, i)
	}
	w.tries[a.Phase]++
	bound := [3]int{step.Attempts + 1, step.UndoAttempts + 1, 2*step.AskAttempts + 3}[a.Phase] // one with a fresh credential
	if a.Phase == Ask {
		bound *= step.UndoAttempts + step.Attempts + 1 // it is asked after each
	}
	if w.tries[a.Phase] > bound || (a.Phase == Do && step.Single || a.Phase == Undo && step.UndoSingle) && w.tries[a.Phase] > 1 {
		x.bad(w, w, Event{}, "%v of step %d is tried %d times", a.Phase, i, w.tries[a.Phase])
	}
	if a.Phase == Undo {
		if i > w.undone {
			x.bad(w, w, Event{}, "step %d is undone after step %d", i, w.undone)
		}
		w.undone = i
	}
	begun := x.apply(w, Event{What: Began})
	if x.plan.Next(begun.state).Kind != Pending {
		x.bad(w, begun, Event{}, "it has begun, and is not under way")
	}
	needs := x.apply(begun, Event{What: Needed})
	needs.tries[a.Phase]--
	x.reach(needs)
	if a.Phase == Ask {
		x.ask(begun, i)
		return
	}
	change := 1
	if a.Phase == Undo {
		change = -1
	}
	x.outcome(begun, Event{What: Worked}, i, change)
	if a.Phase == Undo && step.Ask {
		x.outcome(begun, Event{What: Worked}, i, 0) // it says so, and it is not true
	}
	for _, class := range failures {
		e := Event{What: Failed, Class: class}
		x.outcome(begun, e, i, 0)
		if class == guard.Unknown {
			x.outcome(begun, e, i, change)
		}
	}
	vague := Event{What: Failed, Vague: true}
	x.outcome(begun, vague, i, 0)
	x.outcome(begun, vague, i, change)
}

func (x *explorer) ask(w world, i int) {
	x.outcome(w, Event{What: Answered, Yes: w.effects[i] > 0}, i, 0)
	for _, class := range failures {
		x.outcome(w, Event{What: Failed, Class: class}, i, 0)
	}
}

func (x *explorer) outcome(w world, e Event, i, change int) {
	w = w.clone()
	phase := Do
	switch a := x.plan.Next(w.state); {
	case a.Kind != Pending:
		x.bad(w, w, e, "no attempt is under way")
	default:
		phase = a.Phase
	}
	if change > 0 && w.effects[i] > 0 && x.plan[i].Repeatable {
		change = 0 // the same again
	}
	w.effects[i] = max(0, w.effects[i]+change)
	w.most[i] = max(w.most[i], w.effects[i])
	if e.What == Failed && e.Class == guard.Denied {
		w.denied[phase] = true
	}
	if e.What == Failed && e.Class == guard.Rejected {
		w.tries[phase]-- // it is none
	}
	at := w.at
	next := x.apply(w, e)
	if next.at != at {
		x.reach(next)
		return
	}
	x.reach(next)
}

// steps are the kinds of step that there are.
func steps(attempts []int) (all []Step) {
	for _, kind := range []Step{{Harmless: true}, {Repeatable: true}, {}} {
		for _, n := range attempts {
			for bits := range 32 {
				s := kind
				s.Attempts, s.UndoAttempts, s.AskAttempts = n, n, n
				s.Undo, s.Ask, s.Single, s.UndoSingle, s.UndoAgain = bits&1 > 0, bits&2 > 0, bits&4 > 0, bits&8 > 0, bits&16 > 0
				if s.Harmless && (s.Undo || s.Ask) || !s.Undo && (s.UndoSingle || s.UndoAgain) {
					continue
				}
				all = append(all, s)
			}
		}
	}
	return all
}

// TestExplore walks every plan of one step and of two with all that can happen to them.
func TestExplore(t *testing.T) {
	plans, states, ends := 0, 0, map[Mode]int{}
	visit := func(plan Plan) {
		x := explore(t, plan)
		plans++
		states += len(x.seen)
		for mode, n := range x.ends {
			ends[mode] += n
		}
	}
	for _, one := range steps([]int{1, 2}) {
		visit(Plan{one})
	}
	some := steps([]int{1})
	if os.Getenv("CARNET_FULL") == "" { // with and without undo and ask, repeatable and not, privileged and not
		some = slices.DeleteFunc(some, func(s Step) bool { return s.Single != s.UndoSingle && s.Undo || s.UndoAgain != s.Repeatable && s.Undo })
	}
	for _, first := range some {
		for _, second := range some {
			if t.Failed() {
				return
			}
			visit(Plan{first, second})
		}
	}
	t.Logf("%d plans, %d states, %d done, %d rolled back", plans, states, ends[Done], ends[RolledBack])
	if ends[Done] == 0 || ends[RolledBack] == 0 {
		t.Error("nothing ends")
	}
}
