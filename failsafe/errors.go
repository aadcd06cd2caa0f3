package failsafe

import "errors"

var (
	// ErrConflict means that another run has this id: with another input, workflow or
	// subject, or one that the audit log does not know.
	ErrConflict = errors.New("failsafe: another run has this id")
	// ErrRunning means that the run is under way now.
	ErrRunning = errors.New("failsafe: already running")
	// ErrStopped means that the runner was closed, or the gate frozen: the run is as the
	// journal has it, and goes on when somebody resumes it.
	ErrStopped = errors.New("failsafe: stopped")

	errZero = errors.New("failsafe: not made by New or Compile")
)

// End is how a run ended.
type End uint8

// The ends.
const (
	Parked     End = iota // stopped with everything kept, waiting for a person
	Done                  // every step has happened
	RolledBack            // nothing of it is left; also if it was denied before it began
)

// String is parked, done or rolled back.
func (e End) String() string { return [...]string{"parked", "done", "rolled back"}[min(e, RolledBack)] }

// Result is how a run ended, and with which state.
type Result[S any] struct {
	Run   string // its id
	Step  string // where it stopped; empty: at the end
	End   End    // zero: Parked
	State S      // after the last step that was kept
}

// StoppedError is a run that is not done. It wraps what was the cause, where that
// happened in this process.
type StoppedError struct {
	Run   string // its id
	Step  string // at which it turned around or stopped; empty: before the first
	Cause string // stable code, such as denied, unavailable, unknown, stuck or person
	End   End    // Parked or RolledBack
	err   error
}

// Error names step, end and cause.
func (e *StoppedError) Error() string {
	at := e.Step
	if at == "" {
		at = "the beginning"
	}
	return "failsafe: " + e.End.String() + " at " + at + ": " + e.Cause
}

// Unwrap is the cause; nil: it happened before this process.
func (e *StoppedError) Unwrap() error { return e.err }

// Causes that are the runner's own, besides those of the core and the classes of guard.
const (
	causeNoWay   = "no-way-back" // the way back would be denied
	causeForeign = "foreign"     // the audit log does not know the run, or knows that it has ended
	causeChanged = "changed"     // this code is of another version
)
