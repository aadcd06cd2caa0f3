package failsafe

import (
	"context"
	"fmt"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/aside"
)

// Alert says that a person is needed, or that something was rolled back. It carries
// names, never data.
type Alert struct {
	ID       string    // the same if it is delivered again
	Workflow string    // its name
	Run      string    // its id
	Step     string    // where it stands; empty: at the beginning
	Reason   string    // stable code, such as stuck, unknown, person or rolled-back.denied
	Since    time.Time // when it got there
}

// Alerter delivers alerts; nil means delivered. It is called again after a failure and
// after a crash, with the same ID, and concurrently.
type Alerter interface {
	Alert(ctx context.Context, a Alert) error
}

const (
	alertWithin   = 10 * time.Second // one delivery
	alertAttempts = 3
	alertPause    = time.Second
)

// alert notes that somebody must be told, as an obligation that outlives the process.
func (x *run) alert(step, reason string) {
	a := Alert{ID: x.runner.sealer.Key(x.id, fmt.Sprintf("alert %d", len(x.events))), Workflow: x.began.Workflow, Run: x.id, Step: step, Reason: reason, Since: time.Now().UTC()}
	x.note(entry{Alert: &a})
}

// tell delivers what is owed. What nobody takes stays owed: until then a run that was
// rolled back stays too, for Resume.
func (x *run) tell(ctx context.Context) {
	x.mu.Lock()
	owed := append([]Alert(nil), x.alerts...)
	x.mu.Unlock()
	for _, a := range owed {
		if x.runner.deliver(ctx, a) {
			x.note(entry{Told: a.ID})
		}
	}
}

// deliver tries all alerters; false: one has not taken it.
func (r *Runner) deliver(ctx context.Context, a Alert) bool {
	r.options.Logger.WarnContext(ctx, "failsafe: a run needs somebody", "workflow", a.Workflow, "run", a.Run, "step", a.Step, "reason", a.Reason, "alert", a.ID)
	taken := true
	for _, to := range r.options.Alerters {
		taken = r.hand(ctx, to, a) && taken
	}
	return taken
}

func (r *Runner) hand(ctx context.Context, to Alerter, a Alert) bool {
	for n := range alertAttempts {
		limited, cancel := context.WithTimeout(ctx, alertWithin)
		err := r.calls.Call(limited, func(ctx context.Context) error { return to.Alert(ctx, a) })
		cancel()
		if err == nil {
			return true
		}
		if n < alertAttempts-1 && !aside.Sleep(ctx, alertPause) {
			break
		}
	}
	r.options.Logger.ErrorContext(ctx, "failsafe: an alert was not delivered", "run", a.Run, "alert", a.ID)
	return false
}
