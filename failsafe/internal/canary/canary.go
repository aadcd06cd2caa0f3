// Package canary judges what a canary has done by what the audit log says of it.
//
//	t := canary.Trial{Log: log, Run: id, From: line, Budget: 12, Watch: &canary.Watch{Steps: steps}}
//	if over, err := t.Over(ctx, step, last, ahead); over { … } // halt
//	good, err := t.Good(ctx)
//	t.Watch.Crossings() // what the next one is compared with
//
// # Guarantees
//
// Each call in the log is one that its step declares, or a finding. So is what was denied,
// an answer that is not what was declared, a certificate that ends soon, and whatever the
// last good canary was granted, sent or answered otherwise. A finding has no data.
//
// # Errors
//
// The codes are listed with failsafe.Flow.Canary.
//
// # Concurrency
//
// Nothing here is safe for concurrent use.
package canary

import (
	"fmt"
	"slices"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/failsafe/internal/plan"
	"github.com/carnet-go/carnet/mapping"
)

// Step is what a step may call.
type Step struct {
	Name          string
	Do, Undo, Ask string // operations; empty: none
}

// path is where the operation stands in the workflow; false: it is none of the step's.
func (s *Step) path(i int, operation string) (string, bool) {
	for part, name := range s.operations() {
		if name == operation && name != "" {
			return fmt.Sprintf("/steps/%d/%s", i, parts[part]), true
		}
	}
	return "", false
}

var parts = [...]string{"do", "undo", "ask"}

func (s *Step) operations() [len(parts)]string { return [...]string{s.Do, s.Undo, s.Ask} }

// Crossing is what the log says of a call that went well.
type Crossing struct {
	Step, Operation string
	Called          bool // whatever came of it

	Permit string // that allowed it
	Level  uint8
	Scopes []string

	Mapping, Class        string
	Categories, Residency []string
	Fields, Status        int
}

// Watch looks at one canary. Steps is required.
type Watch struct {
	Steps  []Step
	Before []Crossing // of the last good one, under the same declarations; nil: there is none
	Same   bool       // that had the same input

	since    time.Time // when that began
	findings mapping.Findings
	seen     []Crossing
	expired  []string // paths of what was not accepted once
}

// Over is a Watch of the steps of a plan.
func Over(p *plan.Plan) *Watch {
	w := &Watch{}
	for i := range p.Steps {
		s := &p.Steps[i]
		w.Steps = append(w.Steps, Step{Name: s.Name, Do: s.Operation.Name, Undo: s.Undo.Name, Ask: s.Ask.Name})
	}
	return w
}

// Past is a canary that was good, or the one that is judged.
type Past struct {
	Hash, Boundary string
	Digest         [32]byte // of hash, subject and input
	At             time.Time
	Seen           []Crossing
}

// After judges now by a canary that was good, if it was of the same declarations, and newer
// than others.
func (w *Watch) After(now, good Past) {
	if good.Hash == now.Hash && good.Boundary == now.Boundary && w.since.Before(good.At) {
		w.since, w.Before, w.Same = good.At, good.Seen, good.Digest == now.Digest
	}
}

// Take takes one event of the canary's run. What the run itself and the vault record says
// nothing here.
func (w *Watch) Take(e *audit.Event) {
	if e.Use == 0 && (e.Decision == "" || e.Step == "") { // or a person's order
		return
	}
	i := slices.IndexFunc(w.Steps, func(s Step) bool { return s.Name == e.Step })
	if i < 0 {
		w.found("W121", "", "was made for no step")
		return
	}
	path, ok := w.Steps[i].path(i, e.Action)
	switch {
	case e.Action == "broker.refuse" && e.Reason != "expired": // not for a second call: the gate was frozen
	case !ok || e.Phase != audit.PhaseCanary:
		w.found("W121", fmt.Sprintf("/steps/%d", i), "made a call that it does not declare, or a second one with one grant")
	case e.Use == 0:
		w.granted(path, e)
	default:
		w.crossed(path, e)
	}
}

// granted takes a decision.
func (w *Watch) granted(path string, e *audit.Event) {
	w.find(e.Decision != "allowed", "W122", path, "was not permitted")
	c := w.crossing(e)
	c.Permit, c.Level, c.Scopes = e.Rule, e.Assurance.Level, e.Scopes
	before := w.before(e)
	if before == nil || e.Decision != "allowed" {
		return
	}
	same := before.Permit == c.Permit && before.Level == c.Level && slices.Equal(before.Scopes, c.Scopes)
	w.find(!same, "W125", path, "was permitted otherwise than the last time: another permit, level or scopes")
}

// crossed takes what came of a call.
func (w *Watch) crossed(path string, e *audit.Event) {
	w.find(ends(e.Peer, e.UsedAt), "W124", path, "was answered under a certificate that ends soon")
	w.crossing(e).Called = true
	answered := e.Status >= 200 && e.Status < 400
	switch {
	case e.Reason == "expired" && !slices.Contains(w.expired, path): // a credential was changed meanwhile, and the next is another
		w.expired = append(w.expired, path)
	case slices.Contains([]string{"denied", "expired", "foreign", "undeclared"}, e.Reason):
		w.found("W122", path, "was not accepted")
	case e.Reason == "invalid" || e.Outcome == audit.OutcomeUnknown && answered:
		w.found("W123", path, "was sent, or answered, what does not fit")
	}
	if e.Outcome != audit.OutcomeSuccess {
		return
	}
	c, d := w.crossing(e), &e.Data
	c.Mapping, c.Class, c.Categories, c.Residency, c.Fields, c.Status = d.Mapping, d.Class, d.Categories, d.Residency, d.Fields, e.Status
	before := w.before(e)
	if before == nil {
		return
	}
	sent := c.Class == before.Class && c.Fields == before.Fields && slices.Equal(c.Categories, before.Categories) && slices.Equal(c.Residency, before.Residency)
	w.find(c.Mapping != before.Mapping || w.Same && !sent, "W126", path, "was sent other data than the last time")
	w.find(c.Status != before.Status, "W127", path, "was answered with another status than the last time")
}

// missing finds what was declared, and was not called on the way there and back: what is
// done, what undoes it, and what tells whether that has worked.
func (w *Watch) missing() {
	for i := range w.Steps {
		s := &w.Steps[i]
		for part, operation := range s.operations() {
			called := slices.ContainsFunc(w.seen, func(c Crossing) bool { return c.Step == s.Name && c.Operation == operation && c.Called })
			asked := part < 2 || s.Undo != "" // of what nothing undoes, nobody asks
			w.find(operation != "" && asked && !called, "W129", fmt.Sprintf("/steps/%d/%s", i, parts[part]), "was not called")
		}
	}
}

const (
	soon = 14 * 24 * time.Hour // before a certificate ends
	part = 4                   // or when less than this part of its life is left
)

// ends says whether a certificate ends soon, as seen from a moment: certificates that live
// for hours are renewed in minutes.
func ends(v audit.Validity, at time.Time) bool {
	return !v.Until.IsZero() && v.Until.Sub(at) < min(soon, v.Until.Sub(v.From)/part)
}

// crossing is where it is noted what an operation of a step did.
func (w *Watch) crossing(e *audit.Event) *Crossing {
	i := slices.IndexFunc(w.seen, func(c Crossing) bool { return c.of(e) })
	if i < 0 {
		i, w.seen = len(w.seen), append(w.seen, Crossing{Step: e.Step, Operation: e.Action})
	}
	return &w.seen[i]
}

func (c *Crossing) of(e *audit.Event) bool { return c.Step == e.Step && c.Operation == e.Action }

func (w *Watch) before(e *audit.Event) *Crossing {
	if i := slices.IndexFunc(w.Before, func(c Crossing) bool { return c.of(e) }); i >= 0 {
		return &w.Before[i]
	}
	return nil
}

func (w *Watch) find(bad bool, code, path, problem string) {
	if bad {
		w.found(code, path, problem)
	}
}

// found notes a finding once.
func (w *Watch) found(code, path, problem string) {
	f := mapping.Finding{Code: code, Path: path, Problem: problem}
	if !slices.Contains(w.findings, f) {
		w.findings = append(w.findings, f)
	}
}

// Crossings are what the next canary is compared with.
func (w *Watch) Crossings() []Crossing { return w.seen }
