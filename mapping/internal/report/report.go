// Package report shows a mapping: which field flows where, with its label before and after.
//
//	text := r.Text() // for people
//	data := r.JSON() // for tools
//	svg := r.SVG()   // for a page
//
// # Guarantees
//
// All three show all of a Report: every flow with its arguments, what is absent and what is
// dropped, combinations that are sent and those that are not. Nothing is cut off. Nothing that a
// constant or an argument holds moves a cursor, turns text around, or is markup.
//
// # Limits
//
// Labels are lines of text. What schemas say of limits, patterns, units and releases that are not
// used is in their hashes alone.
//
// # Errors
//
// There are none.
//
// # Concurrency
//
// A Report is not changed by what shows it.
package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/mapping/internal/names"
)

// Report is all of a mapping.
type Report struct {
	Mapping       string     `json:"mapping"`
	From          string     `json:"from"` // title of the source's schema
	To            string     `json:"to"`   // and of the destination's
	System        string     `json:"system"`
	Kind          string     `json:"kind"`
	Jurisdictions string     `json:"jurisdictions"`
	Accepts       string     `json:"accepts"`
	Set           []Flow     `json:"set"`
	Absent        []Reason   `json:"absent,omitempty"`
	Drop          []Reason   `json:"drop,omitempty"`
	Together      []Together `json:"together,omitempty"`
	Leaves        string     `json:"leaves"`
	NotAfter      string     `json:"not_after,omitempty"` // RFC 3339; empty: no release is used
	FromHash      string     `json:"from_hash"`           // of the source's schema
	ToHash        string     `json:"to_hash"`             // and of the destination's
	Hash          string     `json:"hash"`                // of the mapping, with both
}

// Flow is how one field of the destination is set.
type Flow struct {
	Into     string `json:"into"`
	In       string `json:"in,omitempty"`       // a place outside the body; empty: the body
	Constant string `json:"constant,omitempty"` // as JSON; empty: it comes from a field
	From     string `json:"from,omitempty"`
	Do       []Step `json:"do,omitempty"`
	OnError  string `json:"on_error,omitempty"`
	Before   string `json:"before"`
	After    string `json:"after"`
	Approved string `json:"approved,omitempty"` // empty: nothing was released
	Until    string `json:"until,omitempty"`    // its last day
}

// Step is a transform.
type Step struct {
	Name   string          `json:"name"`
	Args   json.RawMessage `json:"args,omitempty"`   // nil: none
	Hides  bool            `json:"hides,omitempty"`  // what comes out does not tell what came in
	Custom bool            `json:"custom,omitempty"` // code of whoever registered it

	Reversible bool `json:"reversible,omitempty"` // by who has its key

	MaxLength int `json:"max_length,omitempty"` // of what that makes
}

// Reason is a field that is not set, or not used.
type Reason struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
	Label  string `json:"label,omitempty"`
}

// Together is a combination that the source's schema names.
type Together struct {
	Fields string `json:"fields"`
	Label  string `json:"label"`
	Met    bool   `json:"met"` // its fields are sent
}

// JSON is the report for tools.
func (r *Report) JSON() []byte {
	out, _ := json.MarshalIndent(r, "", "  ") // of text
	return append(out, '\n')
}

// Text is one line for each field of the destination, and one for each that is dropped, with
// the labels of all that is dropped with it.
func (r *Report) Text() string {
	var b strings.Builder
	say := func(format string, values ...any) {
		b.WriteString(names.Printable(fmt.Sprintf(format, values...)) + "\n")
	}
	for _, line := range r.head() {
		say("%s", line)
	}
	for i := range r.Set {
		say("set %s", r.Set[i].line())
	}
	for _, f := range r.Absent {
		say("absent %s: %s", f.Path, f.Reason)
	}
	for _, f := range r.Drop {
		say("drop %s: %s [%s]", f.Path, f.Reason, f.Label)
	}
	for _, line := range r.foot() {
		say("%s", line)
	}
	return b.String()
}

// head is what it is, and where it leads.
func (r *Report) head() []string {
	return []string{
		r.Mapping + ": " + r.From + " to " + r.To,
		"destination " + r.System + " (" + r.Kind + ") in " + r.Jurisdictions + ", accepts " + r.Accepts,
	}
}

// foot is what holds for all flows. A combination that is not met stands here too: without it
// nobody would see that its guard has gone.
func (r *Report) foot() []string {
	var all []string
	for _, k := range r.Together {
		line := "together " + k.Fields + ": " + k.Label
		if !k.Met {
			line = "not " + line
		}
		all = append(all, line)
	}
	for _, step := range r.steps(func(s Step) bool { return s.Custom }) {
		all = append(all, "custom code to be read: "+step)
	}
	for _, step := range r.steps(func(s Step) bool { return s.Reversible }) {
		all = append(all, "reversible by who has the key: "+step)
	}
	ends := "no release is used"
	if r.NotAfter != "" {
		ends = "not after " + r.NotAfter
	}
	return append(all, "leaves "+r.Leaves, ends, "hash of the source's schema "+r.FromHash, "hash of the destination's schema "+r.ToHash, "hash "+r.Hash)
}

// steps are those of a kind, each once.
func (r *Report) steps(is func(Step) bool) []string {
	var all []string
	for _, f := range r.Set {
		for _, step := range f.Do {
			if is(step) && !slices.Contains(all, step.line()) {
				all = append(all, step.line())
			}
		}
	}
	return all
}

// line is /in (place) <- /from, its transforms, its label before and after, its release.
func (f *Flow) line() string {
	line := f.Into
	if f.In != "" {
		line += " (" + f.In + ")"
	}
	if f.Constant != "" {
		return line + " <- constant " + f.Constant + " [" + f.After + "]"
	}
	line += " <- " + f.From
	for _, step := range f.Do {
		line += " | " + step.line()
	}
	if f.OnError != "" {
		line += " | on error " + f.OnError
	}
	line += " [" + f.Before
	if f.After != f.Before {
		line += " -> " + f.After
	}
	line += "]"
	if f.Approved != "" {
		line += " released by " + f.Approved + " until " + f.Until
	}
	return line
}

func (s Step) line() string {
	if s.Args == nil {
		return s.Name
	}
	return s.Name + " " + string(s.Args)
}
