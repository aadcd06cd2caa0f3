package boundary

import (
	"fmt"
	"io/fs"

	"github.com/carnet-go/carnet/auth"
)

// Summary is what a review of a sound boundary asks about. It holds what was
// declared: names, reasons and places, all in the order of the file.
type Summary struct {
	Tenant     string
	Hash       string // of the boundary, without deciders that narrow it
	Systems    int
	Operations int
	Permits    int
	Rules      int

	Opaque     []Note // operations whose input or output nobody described, with the reason
	Privileged []Note // operations
	Endless    []Note // permits without end
	Unattended []Note // permits with which the service goes forward for somebody who has gone
}

// Note is one thing to look at.
type Note struct {
	Name   string // of the operation or permit
	At     string // file:line
	Reason string // as declared; empty: none is asked for
}

// Review loads a folder and lists what a reviewer should look at. The error is that
// of Load.
func Review(dir fs.FS) (Summary, error) {
	var l loader
	l.load(dir)
	if err := l.sorted().Err(); err != nil {
		return Summary{}, err
	}
	bound, err := auth.NewBoundary(l.catalogue, l.policy)
	if err != nil {
		return Summary{}, err
	}
	s := Summary{
		Tenant: l.file.Tenant, Hash: bound.Hash(),
		Systems: len(l.file.Systems), Permits: len(l.file.Permits), Rules: len(l.file.Rules),
	}
	for i, system := range l.file.Systems {
		for j, op := range system.Operations {
			s.operation(op, l.index.Place(fmt.Sprintf("/systems/%d/operations/%d", i, j)))
		}
	}
	for _, permit := range l.file.Permits {
		if permit.Until.IsZero() {
			s.Endless = append(s.Endless, Note{Name: permit.Name, At: permit.At})
		}
		if permit.Unattended {
			s.Unattended = append(s.Unattended, Note{Name: permit.Name, At: permit.At})
		}
	}
	return s, nil
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
