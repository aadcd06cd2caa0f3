package boundary

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
)

// Summary is what a review of a sound boundary asks about. It holds what was
// declared: names, reasons and places, all in the order of the file.
type Summary struct {
	Tenant     string
	Hash       string // of the boundary
	Systems    int
	Operations int
	Permits    int
	Rules      int
	Schemas    int
	Mappings   int

	Opaque      []Note   // operations whose input or output nobody described, with the reason
	Privileged  []Note   // operations
	Unreachable []Note   // operations, but those of twins, that nobody may do: there is no permit, or the rule that is the reason denies everybody
	Endless     []Note   // permits without end
	Unattended  []Note   // permits with which the service goes forward for somebody who has gone
	Mutable     []Note   // systems that call people by their e-mail address
	Undated     []Note   // systems that take callers whose login has no time
	Secrets     []Note   // paths of secrets, with the system that may have it as the reason
	Twins       []Note   // systems that canaries use, with the one that they stand in for as the reason
	Reversible  []Note   // mappings that make tokens which who has their key can open
	Released    []Ending // mappings that use releases, the one that ends first before the others
}

// Note is one thing to look at.
type Note struct {
	Name   string // of the operation, permit or system
	At     string // file:line
	Reason string // as declared; of Unreachable the name of a rule; empty: none is asked for
}

// Ending is a mapping that lowers labels as the owner of the data has released them,
// and how long it may: after that nothing crosses by it, and the boundary no longer loads.
type Ending struct {
	Name     string
	At       string // file:line
	NotAfter time.Time
}

// Review loads a folder and lists what a reviewer should look at. The error is that
// of Load.
func Review(dir fs.FS, o *Options) (Summary, error) {
	l := newLoader(o)
	l.load(dir)
	bound, err := l.result()
	if err != nil {
		return Summary{}, err
	}
	s := Summary{
		Tenant: l.file.Tenant, Hash: bound.Hash(), Schemas: len(l.schemas), Mappings: len(l.mappings),
		Systems: len(l.file.Systems), Permits: len(l.file.Permits), Rules: len(l.file.Rules),
	}
	for i, system := range l.file.Systems {
		s.system(system, l.index.Place(fmt.Sprintf("/systems/%d", i)))
		for j, op := range system.Operations {
			s.operation(op, l.index.Place(fmt.Sprintf("/systems/%d/operations/%d", i, j)))
		}
	}
	s.Unreachable = l.unreachable()
	for _, permit := range l.file.Permits {
		if permit.Until.IsZero() {
			s.Endless = append(s.Endless, Note{Name: permit.Name, At: permit.At})
		}
		if permit.Unattended {
			s.Unattended = append(s.Unattended, Note{Name: permit.Name, At: permit.At})
		}
	}
	for _, d := range l.mappings {
		if d.mapper.Reversible() {
			s.Reversible = append(s.Reversible, Note{Name: d.name, At: d.index.Place("")})
		}
		if end := d.mapper.NotAfter(); !end.IsZero() {
			s.Released = append(s.Released, Ending{Name: d.name, At: d.index.Place(""), NotAfter: end})
		}
	}
	slices.SortStableFunc(s.Released, func(a, b Ending) int { return a.NotAfter.Compare(b.NotAfter) })
	return s, nil
}

func (s *Summary) system(system auth.System, at string) {
	if system.Subject.Claim == "email" {
		s.Mutable = append(s.Mutable, Note{Name: system.Name, At: at})
	}
	if system.Subject.Undated {
		s.Undated = append(s.Undated, Note{Name: system.Name, At: at})
	}
	for _, path := range system.Secrets {
		s.Secrets = append(s.Secrets, Note{Name: path, At: at, Reason: system.Name})
	}
	if system.TwinOf != "" {
		s.Twins = append(s.Twins, Note{Name: system.Name, At: at, Reason: system.TwinOf})
	}
}

func (s *Summary) operation(op auth.Operation, at string) {
	s.Operations++
	if op.Input == auth.Opaque || op.Output == auth.Opaque {
		s.Opaque = append(s.Opaque, Note{Name: op.Name, At: at, Reason: op.Reason})
	}
	if op.Privileged {
		s.Privileged = append(s.Privileged, Note{Name: op.Name, At: at})
	}
}

// unreachable asks the policy before anybody is known: what it denies then, it denies
// to everybody.
func (l *loader) unreachable() []Note {
	var notes []Note
	var self *auth.System
	systems := l.catalogue.Systems()
	if i := slices.IndexFunc(systems, func(s auth.System) bool { return s.Name == auth.Self }); i >= 0 {
		self = &systems[i]
	}
	for i, system := range l.file.Systems {
		for j, op := range system.Operations {
			at := fmt.Sprintf("/systems/%d/operations/%d", i, j)
			f := auth.Facts{
				Tenant: l.file.Tenant, From: self, System: &system, Operation: &op, Data: l.label(at, op), Transport: transport(system.Origin),
				At: time.Unix(1, 0), // before any permit has ended
			}
			if d := l.policy.Decide(context.Background(), f); d.Verdict == auth.Denied {
				notes = append(notes, Note{Name: op.Name, At: l.index.Place(at), Reason: d.Rule})
			}
		}
	}
	return notes
}

// label joins what an operation lets cross, either way, as the Gate does; nil: nobody
// described it.
func (l *loader) label(at string, op auth.Operation) *mapping.Label {
	if op.Input == auth.Opaque || op.Output == auth.Opaque {
		return nil
	}
	anywhere := []string{mapping.Anywhere}
	label := mapping.Label{Class: mapping.Public, Residency: anywhere, Purposes: anywhere}
	if d := l.inputs[at]; d != nil {
		label = label.Join(d.mapper.Label())
	}
	if d := l.outputs[at]; d != nil {
		label = label.Join(d.schema.Label())
	}
	return &label
}

// transport is what the origin declares: where it is not TLS, no rule that wants it
// can be satisfied.
func transport(origin string) string {
	scheme, _, _ := strings.Cut(origin, ":")
	if scheme == "https" || scheme == "ldaps" {
		return auth.TransportTLS
	}
	return scheme
}
