// Package report shows a mapping: which field flows where, with its label before and after.
//
//	text := r.Text() // for people
//	data := r.JSON() // for tools
//	svg := r.SVG()   // for a page
//
// # Guarantees
//
// All three show every flow, what is absent and what is dropped. Nothing that a constant or an
// argument holds moves a cursor, turns text around, or is markup.
//
// # Limits
//
// Labels are lines of text.
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
	Hash          string     `json:"hash"`
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
}

// Reason is a field that is not set, or not used.
type Reason struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
	Label  string `json:"label,omitempty"`
}

// Together is a combination that is sent.
type Together struct {
	Fields string `json:"fields"`
	Label  string `json:"label"`
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
	say("%s: %s to %s", r.Mapping, r.From, r.To)
	say("destination %s (%s) in %s, accepts %s", r.System, r.Kind, r.Jurisdictions, r.Accepts)
	for i := range r.Set {
		say("set %s", r.Set[i].line())
	}
	for _, f := range r.Absent {
		say("absent %s: %s", f.Path, f.Reason)
	}
	for _, f := range r.Drop {
		say("drop %s: %s [%s]", f.Path, f.Reason, f.Label)
	}
	for _, k := range r.Together {
		say("together %s: %s", k.Fields, k.Label)
	}
	for _, step := range r.customs() {
		say("custom code to be read: %s", step)
	}
	say("leaves %s", r.Leaves)
	if r.NotAfter == "" {
		say("no release is used")
	} else {
		say("not after %s", r.NotAfter)
	}
	say("hash %s", r.Hash)
	return b.String()
}

// customs are the functions that somebody registered, each once.
func (r *Report) customs() []string {
	var all []string
	for _, f := range r.Set {
		for _, step := range f.Do {
			if step.Custom && !slices.Contains(all, step.line()) {
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
