package failsafe

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/core"
	"github.com/carnet-go/carnet/failsafe/internal/peek"
	"github.com/carnet-go/carnet/failsafe/internal/seal"
)

const framesFile = "frames" // of the embedded journal

var errNoneOpen = fmt.Errorf("%w, or its key or tenant is another: no frame opens", ErrDamaged)

// ReadJournal yields what is committed in the folder of an embedded journal. It takes no
// lock and changes nothing: the service may be running, and is not held up. What it is
// writing just then may be there or not. An error comes alone: ErrJournal, ErrDamaged or
// that of ctx.
func ReadJournal(ctx context.Context, dir string) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		records, err := peek.Read(ctx, filepath.Join(dir, framesFile))
		if err != nil {
			yield(Frame{}, meaning(err))
			return
		}
		for _, r := range records {
			if !yield(Frame(r), nil) {
				return
			}
		}
	}
}

// Inspect lists, like Runner.Unfinished, the runs of a journal's frames that have not
// ended, without a gate: what the audit log knows of them is not asked. The lease has the
// fields of New's key. A run whose frames were changed, moved or left out comes behind the
// others, as ErrDamaged with a Pending that has nothing but the id that its frames say,
// which anybody may have written. Other errors come alone.
func Inspect(journal iter.Seq2[Frame, error], key *auth.Lease, tenant string) iter.Seq2[Pending, error] {
	return func(yield func(Pending, error) bool) {
		r, err := readingOf(key, tenant, func(*entry) {})
		if err == nil {
			err = r.all(journal, "")
		}
		if err != nil {
			yield(Pending{}, err)
			return
		}
		for _, p := range (&Runner{runs: r.runs}).pending() {
			if !r.damaged[p.Run] && !yield(p, nil) {
				return
			}
		}
		for _, id := range slices.Sorted(maps.Keys(r.damaged)) {
			if !yield(Pending{Run: id}, ErrDamaged) {
				return
			}
		}
	}
}

// Mark is one thing that a run remembers: names and times, never data.
type Mark struct {
	At      time.Time // zero: not known
	What    string    // begun, tried, worked, failed, yes, no, gave up, halted, person, resumed, told yes, told no, poison, alert, delivered, again, found, done, rolled back
	Step    string    // its name; empty: of none, or not known
	Phase   string    // do, undo or ask; empty: of none
	Attempt int       // from 1, of tried; zero: of none
	Why     string    // of begun the workflow and its version, of failed the class, of alert and rolled back the reason, of found the first finding
}

// Trail yields what a journal's frames remember of one run, in its order; nothing: they do
// not know it. Of a run that has ended the end may be all that is left. The lease is that
// of Inspect. ErrDamaged comes behind what was whole.
func Trail(journal iter.Seq2[Frame, error], key *auth.Lease, tenant, run string) iter.Seq2[Mark, error] {
	return func(yield func(Mark, error) bool) {
		var marks []Mark
		r, err := readingOf(key, tenant, func(e *entry) { marks = append(marks, markOf(e)) })
		if err == nil {
			err = r.all(journal, run)
		}
		for _, m := range marks {
			if !yield(m, nil) {
				return
			}
		}
		if err == nil && r.damaged[run] {
			err = ErrDamaged
		}
		if err != nil {
			yield(Mark{}, err)
		}
	}
}

// reading is a journal that is read and not run.
type reading struct {
	now, previous *seal.Sealer
	seen          func(e *entry)
	runs          map[string]*run
	damaged       map[string]bool
	opened        bool // a frame
}

func readingOf(key *auth.Lease, tenant string, seen func(*entry)) (r *reading, err error) {
	r = &reading{seen: seen, runs: map[string]*run{}, damaged: map[string]bool{}}
	r.now, r.previous, err = sealersOf(key, tenant)
	return r, err
}

// all takes the frames of one run; empty: of every one.
func (r *reading) all(journal iter.Seq2[Frame, error], only string) error {
	for f, err := range journal {
		if err != nil {
			return err
		}
		if r.damaged[f.Run] || only != "" && f.Run != only {
			continue
		}
		x := r.runs[f.Run]
		if x == nil {
			x = &run{id: f.Run, chain: seal.Chain{Run: f.Run}}
			r.runs[f.Run] = x
		}
		r.damaged[f.Run] = !r.take(x, &f)
	}
	maps.DeleteFunc(r.damaged, func(_ string, is bool) bool { return !is })
	if len(r.damaged) > 0 && !r.opened {
		return errNoneOpen
	}
	return nil
}

// take holds a frame to what Runner.replay does; false: it is not what was written.
func (r *reading) take(x *run, f *Frame) bool {
	if x.end != nil {
		return false
	}
	entries, err := opened(&x.chain, f, r.now, r.previous)
	if err != nil {
		return false
	}
	r.opened = true
	for _, e := range entries {
		if x.id == controlRun { // orders, and no run
			continue
		}
		if !x.take(e) {
			return false
		}
		r.seen(&e)
	}
	return f.Last == (x.end != nil)
}

// where is the attempt that an event is about, and when that was.
type where struct {
	Step    string
	Attempt int
	Time    time.Time
}

// here is where the run stands before an event.
func (j *journey) here() *where {
	next := j.plan.Core.Next(j.s)
	return &where{j.name(next.Step), next.Attempt, time.Now().UTC()}
}

func markOf(e *entry) Mark {
	switch {
	case e.Begin != nil:
		return Mark{At: e.Begin.At, What: "begun", Why: e.Begin.Workflow + " " + e.Begin.Version}
	case e.End != nil:
		return Mark{What: e.End.End.String(), Step: e.End.Step, Why: e.End.Cause}
	case e.Alert != nil:
		return Mark{At: e.Alert.Since, What: "alert", Step: e.Alert.Step, Why: e.Alert.Reason}
	case e.Told != "":
		return Mark{What: "delivered"}
	case e.Found != nil:
		return Mark{What: "found", Why: e.Found[0].Code}
	case e.Event == nil:
		return Mark{What: "again"}
	}
	m := Mark{What: e.Event.String(), Why: e.Class}
	if e.Event.What <= core.Answered {
		m.Phase = e.Event.Phase.String()
	}
	if e.At != nil {
		m.At, m.Step, m.Attempt = e.At.Time, e.At.Step, e.At.Attempt
	}
	return m
}
