package failsafe

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/core"
	"github.com/carnet-go/carnet/failsafe/internal/seal"
)

// entry is one thing that a run remembers.
type entry struct {
	Begin *beginning      `json:"begin,omitempty"`
	Event *core.Event     `json:"event,omitempty"`
	Class string          `json:"class,omitempty"` // of Event, in words
	At    *where          `json:"at,omitempty"`    // of Event
	State json.RawMessage `json:"state,omitempty"` // after Event
	Alert *Alert          `json:"alert,omitempty"` // to be delivered
	Told  string          `json:"told,omitempty"`  // id of an alert that was delivered, or that nobody takes
	Again bool            `json:"again,omitempty"` // it is resumed after a crash
	End   *ending         `json:"end,omitempty"`   // the last of all
}

// beginning is how a run began.
type beginning struct {
	Workflow, Version, Hash string
	Tenant, Issuer, Subject string          // who began it
	Self                    bool            // the service itself
	Digest                  [32]byte        // of hash, subject and input
	Input                   json.RawMessage // the first state
	At                      time.Time
}

// ending is what remains of a run.
type ending struct {
	Begin       beginning // without its input
	End         End
	Step, Cause string
	State       json.RawMessage
}

// whose is the principal as errands have it.
func (b *beginning) whose() *auth.Identity {
	return &auth.Identity{Tenant: b.Tenant, Issuer: b.Issuer, Subject: b.Subject}
}

// place is where a frame stands.
func place(f *Frame) seal.Place {
	return seal.Place{Run: f.Run, Sequence: f.Sequence, Before: f.Before, Last: f.Last, Answer: f.Answer}
}

// hashOf is what the next frame says of this one.
func hashOf(f *Frame) [32]byte {
	p := place(f)
	h := sha256.New()
	h.Write(p.Bytes())
	h.Write(f.Sealed)
	return [32]byte(h.Sum(nil))
}

// chain is the end of a run's frames, and seals the next one.
type chain struct {
	run      string
	sequence uint64
	before   [32]byte
	seals    *seal.Frames // made by the first who needs it
}

func (c *chain) sealed(s *seal.Sealer) (*seal.Frames, error) {
	if c.seals != nil {
		return c.seals, nil
	}
	var err error
	c.seals, err = s.Of(c.run)
	return c.seals, err
}

// frame seals entries for the next place.
func (c *chain) frame(s *seal.Sealer, entries []entry, last, answer bool) (Frame, error) {
	plain, err := json.Marshal(entries)
	if err != nil {
		return Frame{}, ErrJournal
	}
	f := Frame{Run: c.run, Sequence: c.sequence + 1, Before: c.before, Last: last, Answer: answer}
	frames, err := c.sealed(s)
	if err != nil {
		return Frame{}, ErrJournal
	}
	f.Sealed = frames.Seal(place(&f), plain)
	return f, nil
}

// follow moves on to a frame that is durable.
func (c *chain) follow(f *Frame) {
	c.sequence, c.before = f.Sequence, hashOf(f)
	if f.Last {
		c.seals = nil
	}
}

// open reads the next frame: it must stand behind the one before, or be the last, of a
// run whose other frames have gone.
func (c *chain) open(f *Frame, now, previous *seal.Sealer) (entries []entry, err error) {
	whole := f.Sequence == c.sequence+1 && f.Before == c.before
	if !whole && !(f.Last && c.sequence == 0) {
		return nil, ErrDamaged
	}
	frames, err := c.sealed(now)
	if err != nil {
		return nil, ErrDamaged
	}
	plain, err := frames.Open(place(f), f.Sealed)
	if err != nil && previous != nil {
		if frames, err = previous.Of(f.Run); err == nil {
			plain, err = frames.Open(place(f), f.Sealed)
		}
	}
	if err != nil || json.Unmarshal(plain, &entries) != nil {
		return nil, ErrDamaged
	}
	c.follow(f)
	return entries, nil
}

// append makes entries durable, also for a caller who has left: after an answer that is
// not known, nothing could stand behind them.
func (r *Runner) append(ctx context.Context, c *chain, entries []entry, last, answer bool) error {
	f, err := c.frame(r.sealer, entries, last, answer)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if err := r.journal.Append(ctx, f); err != nil {
		return err
	}
	c.follow(&f)
	return nil
}
