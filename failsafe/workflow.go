// Package failsafe runs workflows that end done, rolled back or parked.
//
//	runner, err := failsafe.New(ctx, gate, journal, v.Own("self/journal"), nil)
//	hires, err := failsafe.Compile(runner, hire)
//	result, err := hires.Run(ctx, principal, "hire-4711", Hire{…})
//
// A [Workflow] is declared steps, each with one operation of the boundary and the way
// back. A [Runner] authorizes each attempt, remembers it in a [Journal] before it is
// made, and decides by what came of it: again, on, back, or wait for a person.
//
// # Guarantees
//
// Run returns nil if, and only if, every step is done. What was denied is not tried
// again; an operation that is privileged has one attempt; whatever nobody can classify
// is final, and may have come after the call. What may have happened is asked for where
// the step has Ask, and otherwise waits for a person: nothing is repeated blindly that
// must happen once.
//
// The way back is authorized for the service itself before a run begins, and taken on a
// context of its own: a permission that is revoked in the middle, a token that ends and
// a caller who leaves end rolled back. Steps are undone in the reverse of their order,
// those that may have happened too. A step with Ask is undone when Ask says so. What
// cannot be undone stops, keeps the rest, and alerts.
//
// A run survives its process: each frame of the journal is sealed, bound to run, place
// and the frame before, and durable before what it announces happens. After a crash a run
// goes on where it was, if the audit log knows it: what was under way may have happened.
// A run that ends its process again and again waits for a person. The same id with the
// same input, workflow and subject is the same run; with another it is [ErrConflict].
//
// A canary ([Flow.Canary]) is a run on the twins of its systems, under the same rules, with
// credentials of their own.
//
// A step that panics, ends its goroutine or ignores its context takes nobody with it;
// what it returns after its deadline is dropped. State is a value: an attempt has its own
// copy, and it counts only if the attempt returned nil in time.
//
// # Limits
//
// A function has no hash: whoever changes the body of a step changes Version. A step
// that ignores its context keeps its goroutine; [Runner.Abandoned] counts them. A
// journal that was put back to an earlier day is noticed by the audit log, by what has
// begun, ended or been sent since, as long as that was not put back with it. A log has
// one journal, then: the ids of another's runs are taken. Whoever has the journal's key
// can write into it. State is at most 1 MiB of JSON. One process runs a journal.
//
// # Errors
//
// [StoppedError] says how a run ended that is not done, around the error that was the
// cause. [ErrConflict], [ErrRunning], [ErrJournal], [ErrOwned], [ErrDamaged] and
// [ErrStopped] are of the runner itself. Compile's are mapping.Findings. None has data
// of a run.
//
// # Concurrency
//
// Runner and Flow are safe for concurrent use; a run is in one place at a time.
package failsafe

import (
	"context"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// Workflow is declared steps over a state S, which must survive encoding/json.
type Workflow[S any] struct {
	Name      string    // [a-z0-9][a-z0-9._-]{0,63}
	Version   string    // to be changed whenever a body changes: functions have no hash; [A-Za-z0-9][A-Za-z0-9._-]{0,63}
	Continues []string  // older versions whose runs this code may finish, with the same steps; nil: none
	Steps     []Step[S] // 1 to 64; what nothing undoes comes last
}

// Step is one operation with the way back. A step without Operation is local: it is
// journalled, repeated if Limits.Attempts is above 1, and undone by Undo.
type Step[S any] struct {
	Name      string                                                    // [a-z0-9][a-z0-9._-]{0,63}
	Operation string                                                    // as declared; its undo and ask operations with it; empty: none
	Do        func(ctx context.Context, x Crossing, s *S) error         // required
	Undo      func(ctx context.Context, x Crossing, s *S) error         // under the undo operation; nil: only where there is none
	Ask       func(ctx context.Context, x Crossing, s *S) (bool, error) // under the ask operation: whether Do has happened; nil: an unknown outcome parks
	Limits    Limits                                                    // zero: the defaults
}

// Limits of a step, and of its Undo and Ask. The zero Limits are the defaults.
type Limits struct {
	Attempts int           // at most 10; zero: 3 for what may be repeated, otherwise 1
	Attempt  time.Duration // of one attempt; zero: 10 s
	Total    time.Duration // of all attempts with the waits between them; zero: 1 minute
}

// Crossing is one attempt. The state that comes with it is the attempt's own copy, kept
// only if the function returns nil in time.
type Crossing struct {
	Grant   auth.Grant // zero in a local step
	Attempt int        // from 1
	Key     string     // the same for all attempts, also after a crash; sent as Idempotency-Key where the operation is Keyed
}

const mostState = 1 << 20
