// Package core decides what a run does next. It is pure: whoever runs it brings what has
// happened, and does what it says.
//
//	action := plan.Next(state)      // do, ask or undo a step; or park; or the end
//	state = plan.Apply(state, event) // what came of it
//
// # Guarantees
//
// For every plan and every order of events, crashes, halts and resumptions among them:
//
//   - What was denied is not tried again, in Do, Undo or Ask, until a person resumes it.
//   - A privileged operation is tried once, until a person resumes it.
//   - Attempts are bounded.
//   - At its end a run is done, with every step done; or rolled back, with no step left
//     that was done or may have been; or parked, with everything kept.
//   - Steps are undone in the reverse of their order.
//   - What is to happen once is not tried again before it is known not to have happened.
//
// An explorer in the tests walks all of it for small plans.
//
// # Concurrency
//
// All values are plain: Apply returns a new State and changes none.
package core

import (
	"slices"

	"github.com/carnet-go/carnet/failsafe/guard"
)

// Step is what matters about a step of a workflow.
type Step struct {
	Harmless   bool // reads only: what is unknown about it is no matter
	Repeatable bool // a second time does no harm
	Undo       bool // there is a way back
	Ask        bool // one can ask whether it has happened

	Attempts     int  // of Do; at least 1
	Single       bool // Do is privileged: one attempt, whatever comes of it
	UndoAttempts int  // at least 1
	UndoSingle   bool // Undo is privileged
	UndoAgain    bool // a second Undo does no harm
	AskAttempts  int  // at least 1
}

// Plan is the steps of a workflow, in their order.
type Plan []Step

// Known is what is known about a step.
type Known uint8

// What is known.
const (
	No    Known = iota // it has not happened, or is undone
	Maybe              // it may have happened
	Yes                // it has happened
)

// Phase is a part of a run.
type Phase uint8

// The phases.
const (
	Do Phase = iota
	Undo
	Ask
)

// String is do, undo or ask.
func (p Phase) String() string { return [...]string{"do", "undo", "ask"}[min(p, Ask)] }

// Mode is where a run stands.
type Mode uint8

// The modes.
const (
	Forward Mode = iota
	Back
	Done
	RolledBack
)

// State is where a run stands. The zero State, with Steps as long as the plan, is the
// beginning.
type State struct {
	Mode   Mode
	Step   int     // the one that it is at
	Steps  []Known // what is known of each
	Parked string  // why a person is waited for; empty: nobody is
	Cause  string  // why it went back; empty: it did not

	open     bool // an attempt is under way
	phase    Phase
	attempts int  // of Do or Undo of Step, that count
	asked    int  // attempts of Ask that count
	fresh    bool // the one repetition of Do or Undo with a fresh credential was had
	refresh  bool // that of Ask
	settle   bool // whether Step has happened is to be asked before anything else
	mute     bool // nobody has answered, and nobody is asked again
	spent    bool // no more attempts, whatever the answer
}

// Start is the state in which a run begins.
func (p Plan) Start() State { return State{Steps: make([]Known, len(p))} }

// Kind is what is to be done.
type Kind uint8

// The kinds of Action.
const (
	Try     Kind = iota // the phase of the step
	Wait                // a person
	TheEnd              // of the run: State.Mode says which
	Pending             // the outcome of what is under way
)

// Action is what a run does next.
type Action struct {
	Kind    Kind
	Phase   Phase
	Step    int
	Attempt int // from 1
}

// Next is what is to be done in a state.
func (p Plan) Next(s State) Action {
	switch {
	case s.Mode == Done || s.Mode == RolledBack:
		return Action{Kind: TheEnd}
	case s.open:
		return Action{Kind: Pending, Phase: s.phase, Step: s.Step}
	case s.Parked != "":
		return Action{Kind: Wait, Step: s.Step}
	case s.settle:
		return Action{Kind: Try, Phase: Ask, Step: s.Step, Attempt: s.asked + 1}
	case s.Mode == Forward:
		return Action{Kind: Try, Phase: Do, Step: s.Step, Attempt: s.attempts + 1}
	}
	return Action{Kind: Try, Phase: Undo, Step: s.Step, Attempt: s.attempts + 1}
}

// Event is what has happened.
type Event struct {
	What  What
	Phase Phase       // of Began and Ended
	Class guard.Class // with Failed
	Yes   bool        // with Answered and Told: it has happened
	Vague bool        // with Failed: nobody knows the error, and what it leaves behind
}

// What has happened.
type What uint8

// The kinds of Event.
const (
	Began    What = iota // the attempt that Next asked for
	Worked               // Do or Undo returned in time, without an error
	Failed               // the attempt did not; Class says what that means
	Answered             // Ask returned in time: Yes or not
	GaveUp               // no attempt could be made for too long
	Halted               // a person wants it rolled back
	Needed               // a person must come: a stronger login, or a principal who has not ended
	Resumed              // a person lets a parked run go on
	Told                 // a person says whether the step has happened
	Poisoned             // it was resumed too often
)

// String is what has happened, in a word or two.
func (e Event) String() string {
	switch {
	case e.What == Answered && e.Yes:
		return "yes"
	case e.What == Told && e.Yes:
		return "told yes"
	}
	return [...]string{
		Began: "tried", Worked: "worked", Failed: "failed", Answered: "no", GaveUp: "gave up", Halted: "halted",
		Needed: "person", Resumed: "resumed", Told: "told no", Poisoned: "poison",
	}[min(e.What, Poisoned)]
}

// Apply is the state after an event. What makes no sense in a state changes nothing.
func (p Plan) Apply(s State, e Event) State {
	s.Steps = slices.Clone(s.Steps)
	if s.Mode == Done || s.Mode == RolledBack {
		return s
	}
	switch {
	case e.What == Began && !s.open && s.Parked == "":
		p.begin(&s)
	case e.What == Halted && !s.open:
		p.halt(&s)
	case (e.What == Resumed || e.What == Told) && s.Parked != "":
		p.resume(&s, e)
	case e.What == Poisoned && !s.open:
		s.park("poison")
	case e.What == Needed && !s.open && s.Parked == "":
		s.park("person")
	case e.What == GaveUp && !s.open && s.Parked == "":
		p.exhausted(&s, "unavailable")
	case e.What == Needed && s.open:
		p.closed(&s)
		s.park("person")
	case s.open && s.phase == Ask:
		p.answered(&s, e)
	case s.open && e.What == Worked:
		p.worked(&s)
	case s.open && e.What == Failed:
		p.failed(&s, e)
	}
	return s
}

func (s *State) park(why string) { s.open, s.Parked = false, why }

// begin notes an attempt. From here on the step may have happened.
func (p Plan) begin(s *State) {
	next := p.Next(*s)
	s.open, s.phase = true, next.Phase
	switch next.Phase {
	case Ask:
		s.asked++
	default:
		s.attempts++
	}
}

// closed takes an attempt back that was none.
func (p Plan) closed(s *State) {
	s.open = false
	if s.phase == Ask {
		s.asked--
	} else {
		s.attempts--
	}
}

// worked is the end of a step, one way or the other.
func (p Plan) worked(s *State) {
	s.open = false
	if s.phase == Undo {
		switch {
		case !p[s.Step].Ask:
			p.undone(s)
		case s.mute:
			s.park("unknown")
		default: // undone is what no longer is there
			s.settle, s.asked, s.refresh = true, 0, false
		}
		return
	}
	s.Steps[s.Step] = Yes
	p.forward(s)
}

// forward goes on to the next step.
func (p Plan) forward(s *State) {
	s.at(s.Step + 1)
	if s.Step == len(p) {
		s.Mode = Done
	}
}

// at stands at a step, of which nothing was tried.
func (s *State) at(step int) {
	s.Step, s.attempts, s.asked = step, 0, 0
	s.fresh, s.refresh, s.settle, s.mute, s.spent = false, false, false, false, false
}

// undone is a step that no longer is there.
func (p Plan) undone(s *State) {
	s.Steps[s.Step] = No
	p.back(s, s.Cause)
}

// back turns around, or goes on with it: the last step that is to be undone is next.
func (p Plan) back(s *State, cause string) {
	s.Mode, s.Cause = Back, cause
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].Harmless {
			s.Steps[i] = No
		}
		if s.Steps[i] == No {
			continue
		}
		s.at(i)
		s.settle = s.Steps[i] == Maybe && p[i].Ask
		if !p[i].Undo && !s.settle {
			s.park("final")
		}
		return
	}
	s.at(0)
	s.Mode = RolledBack
}

// halt turns around. What is on its way back already stays where it is.
func (p Plan) halt(s *State) {
	if s.Mode == Forward {
		s.Parked = ""
		p.back(s, "halted")
	}
}

// failed decides whether there is another attempt.
func (p Plan) failed(s *State, e Event) {
	s.open = false
	step := &p[s.Step]
	may, again, single := step.Attempts, step.Repeatable || step.Harmless, step.Single
	if s.phase == Undo {
		may, again, single = step.UndoAttempts, step.UndoAgain, step.UndoSingle
	}
	if (e.Class == guard.Unknown || e.Vague) && !step.Harmless && s.phase == Do {
		s.Steps[s.Step] = Maybe
	}
	switch e.Class {
	case guard.Transient, guard.Throttled:
		if s.attempts < may && !single {
			return
		}
	case guard.Unknown:
		if s.attempts < may && again && !single {
			return
		}
	case guard.Expired: // nothing has happened, and another credential of the same principal may do
		if !s.fresh && !single {
			s.fresh = true
			s.attempts--
			return
		}
	case guard.Rejected:
		s.attempts--
		return // it is no attempt: whoever runs this waits, and gives up
	}
	s.spent = true
	p.exhausted(s, e.Class.String())
}

// exhausted is where no further attempt is made.
func (p Plan) exhausted(s *State, cause string) {
	s.spent = true
	switch {
	case s.settle: // nobody answers
		p.unanswered(s)
	case s.Mode == Back && p[s.Step].Ask && !s.mute && cause == guard.Unknown.String():
		s.settle, s.asked, s.refresh = true, 0, false
	case s.Mode == Back:
		s.park("stuck")
	case s.Steps[s.Step] != Maybe:
		p.back(s, cause)
	case p[s.Step].Ask:
		s.settle, s.asked, s.refresh = true, 0, false
		s.Cause = cause
	case p[s.Step].Repeatable && p[s.Step].Undo:
		p.back(s, cause)
	default:
		s.park("unknown")
	}
}

// answered takes what Ask says.
func (p Plan) answered(s *State, e Event) {
	s.open = false
	if e.What == Answered {
		p.settled(s, e.Yes)
		return
	}
	if e.What != Failed {
		return
	}
	switch e.Class {
	case guard.Transient, guard.Throttled, guard.Unknown:
		if s.asked < p[s.Step].AskAttempts {
			return
		}
	case guard.Expired:
		if !s.refresh {
			s.refresh = true
			s.asked--
			return
		}
	case guard.Rejected:
		s.asked--
		return
	}
	p.unanswered(s)
}

// unanswered is where nobody says whether a step has happened.
func (p Plan) unanswered(s *State) {
	s.mute = true
	if s.Mode == Back && s.attempts == 0 && p[s.Step].Undo {
		s.settle = false // an undo takes what may have happened too
		return
	}
	s.park("unknown")
}

// harmless are the causes after which a step that has happened all the same counts: the
// attempt was only not heard of. A denial is one of everything that would follow.
var harmless = []string{guard.Unknown.String(), guard.Transient.String(), guard.Throttled.String()}

// settled knows whether a step has happened.
func (p Plan) settled(s *State, yes bool) {
	s.settle = false
	switch {
	case s.Mode == Forward && yes:
		s.Steps[s.Step] = Yes
		if s.spent && !slices.Contains(harmless, s.Cause) {
			p.back(s, s.Cause)
			return
		}
		s.Cause = ""
		p.forward(s)
	case s.Mode == Forward:
		s.Steps[s.Step] = No
		if s.spent || s.attempts > 0 && (s.attempts >= p[s.Step].Attempts || p[s.Step].Single) {
			p.back(s, s.Cause)
		}
	case !yes:
		p.undone(s)
	default:
		s.Steps[s.Step] = Yes
		switch {
		case !p[s.Step].Undo:
			s.park("final")
		case s.spent || s.attempts > 0 && (s.attempts >= p[s.Step].UndoAttempts || p[s.Step].UndoSingle):
			s.park("stuck")
		}
	}
}

// resume lets a parked run go on: what was tried counts no more.
func (p Plan) resume(s *State, e Event) {
	why := s.Parked
	s.Parked = ""
	s.attempts, s.asked = 0, 0
	s.fresh, s.refresh, s.mute, s.spent = false, false, false, false
	step := &p[s.Step]
	switch {
	case e.What == Told:
		p.settled(s, e.Yes)
	case why == "final":
		s.park(why) // to resume is no way back
	case s.Steps[s.Step] == Maybe && step.Ask:
		s.settle = true
	case s.Mode == Forward && s.Steps[s.Step] == Maybe && !step.Repeatable:
		s.park(why) // and no answer
	}
}
