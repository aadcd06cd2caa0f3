package failsafe

import (
	"context"
	"encoding/json"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/canary"
	"github.com/carnet-go/carnet/failsafe/internal/core"
	"github.com/carnet-go/carnet/failsafe/internal/seal"
	"github.com/carnet-go/carnet/mapping"
)

// entry is one thing that a run remembers.
type entry struct {
	Begin *beginning       `json:"begin,omitempty"`
	Event *core.Event      `json:"event,omitempty"`
	Class string           `json:"class,omitempty"` // of Event, in words
	At    *where           `json:"at,omitempty"`    // of Event
	State json.RawMessage  `json:"state,omitempty"` // after Event
	Alert *Alert           `json:"alert,omitempty"` // to be delivered
	Told  string           `json:"told,omitempty"`  // id of an alert that was delivered, or that nobody takes
	Again bool             `json:"again,omitempty"` // it is resumed after a crash
	Found mapping.Findings `json:"found,omitempty"` // by a canary, so far
	End   *ending          `json:"end,omitempty"`   // the last of all
}

// beginning is how a run began.
type beginning struct {
	Workflow, Version, Hash string
	Tenant, Issuer, Subject string          // who began it
	Self                    bool            // the service itself
	Digest                  [32]byte        // of hash, subject and input
	Input                   json.RawMessage // the first state
	At                      time.Time
	Budget                  int               `json:",omitempty"` // of a canary; zero: it is none
	Boundary                string            `json:",omitempty"` // of a canary: the hash
	Seen                    []canary.Crossing `json:",omitempty"` // of a canary that was good
}

// ending is what remains of a run.
type ending struct {
	Begin       beginning // without its input
	End         End
	Step, Cause string
	State       json.RawMessage
}

// opened is what the next frame of a chain holds.
func opened(c *seal.Chain, f *Frame, now, previous *seal.Sealer) (entries []entry, err error) {
	sealed := seal.Frame(*f)
	plain, err := c.Open(&sealed, now, previous)
	if err != nil || json.Unmarshal(plain, &entries) != nil {
		return nil, ErrDamaged
	}
	return entries, nil
}

// append makes entries durable, also for a caller who has left: after an answer that is
// not known, nothing could stand behind them.
func (r *Runner) append(ctx context.Context, c *seal.Chain, entries []entry, last, answer bool) error {
	plain, err := json.Marshal(entries)
	if err != nil {
		return ErrJournal
	}
	f, err := c.Next(r.sealer, plain, last, answer)
	if err != nil {
		return ErrJournal
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if err := r.journal.Append(ctx, Frame(f)); err != nil {
		return err
	}
	c.Follow(&f)
	return nil
}
