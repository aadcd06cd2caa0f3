package check

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/internal/netguard"
	"github.com/carnet-go/carnet/mapping"
)

// Twinned are systems of which twins have what they have of the systems that they stand in
// for: kind, delegation, ceiling, and the operations by their own name. So a twin cannot
// be asked for anything else, nor by other rules of its kind.
func Twinned(systems []System) []System {
	p, all := pair(systems), slices.Clone(systems)
	for i := range all {
		s := &all[i]
		of := p.originals[s.TwinOf]
		if of == nil || p.twins[of.Name] != &systems[i] {
			continue
		}
		s.Kind, s.Delegation, s.Ceiling = of.Kind, of.Delegation, of.Ceiling
		s.Operations = slices.Clone(of.Operations)
		for j := range s.Operations {
			op := &s.Operations[j]
			op.Name, op.Undo, op.Ask = s.Name+strings.TrimPrefix(op.Name, of.Name), p.twin(op.Undo), p.twin(op.Ask)
		}
	}
	return all
}

// pairs are what stands in for what.
type pairs struct {
	originals map[string]*System // that can have a twin, by name
	twins     map[string]*System // the first, by the name of the original
	owners    map[string]string  // name of the system, by operation
}

func pair(systems []System) pairs {
	p := pairs{map[string]*System{}, map[string]*System{}, map[string]string{}}
	for i := range systems {
		s := &systems[i]
		switch {
		case s.Name == Self || s.Name == "":
		case s.TwinOf == "":
			p.originals[s.Name] = s
			for _, op := range s.Operations {
				p.owners[op.Name] = s.Name
			}
		case p.twins[s.TwinOf] == nil:
			p.twins[s.TwinOf] = s
		}
	}
	return p
}

// twin is the twin of an operation; empty: there is none.
func (p *pairs) twin(operation string) string {
	owner := p.owners[operation]
	if p.twins[owner] == nil {
		return ""
	}
	return p.twins[owner].Name + strings.TrimPrefix(operation, owner)
}

const longestName = 64

// twins checks what stands in for what.
func (c *check) twins(systems []System) {
	p, origins := pair(systems), map[string]int{}
	for i := range systems {
		origins[address(&systems[i], p.originals[systems[i].TwinOf])]++
	}
	for i := range systems {
		s, at := &systems[i], fmt.Sprintf("/systems/%d", i)
		if s.TwinOf == "" || s.Name == Self || len(c.findings) >= mostFindings {
			continue
		}
		of := p.originals[s.TwinOf]
		if of == nil {
			c.findings = append(c.findings, mapping.Finding{
				Code: "B139", Path: at + "/twin_of", Problem: "is no system that can have a twin", Nearest: declare.Nearest(s.TwinOf, slices.Collect(maps.Keys(p.originals))),
			})
			continue
		}
		c.find(p.twins[s.TwinOf] != s, "B139", at+"/twin_of", "has a twin already")
		c.find(s.Kind != "" || s.Delegation != "" || s.Ceiling != 0 || s.Operations != nil, "B139", at,
			"declares what a twin has of its system: kind, delegation, ceiling and operations")
		here := address(s, of)
		c.find(here != "" && origins[here] > 1, "B139", at+"/origin", "is another system's too: a twin is somewhere else")
		for _, url := range s.Endpoints {
			there, _, err := netguard.ParseEndpoint(url)
			c.find(err == nil && there.Address() == address(of, nil), "B139", at+"/endpoints", "are at the system that it is the twin of")
		}
		for _, op := range of.Operations {
			half := op.Undo != "" && p.twin(op.Undo) == "" || op.Ask != "" && p.twin(op.Ask) == ""
			c.find(half, "B139", at+"/twin_of", "has an operation whose undo or ask is of a system without a twin")
			c.find(len(op.Name)-len(of.Name)+len(s.Name) > longestName, "B139", at+"/name", "makes names of operations that are longer than 64")
		}
	}
}

// address is the host and port of a system, or of a twin of another; empty: it has none.
func address(s, of *System) string {
	kind := s.kind()
	if of != nil {
		kind = of.kind()
	}
	origin, err := OriginOf(kind, s.Origin)
	if err != nil {
		return ""
	}
	return origin.Address()
}

// twin checks that what the mapping makes may go to the twin as well.
func (c *fitting) twin(path string, s *System, op *Operation, m *mapping.Mapper) {
	mine, err := m.For(s.destination())
	if err != nil {
		said, _ := errors.AsType[mapping.Findings](err)
		for _, f := range said {
			c.find(true, "B139", path, "is a mapping that does not fit the twin: "+f.Code+" "+f.Path+" "+f.Problem)
		}
		return
	}
	c.made(path, s, op, mine)
}

// apart checks that a twin has no secret of its system but the keys by which its mappings
// make tokens.
func (c *fitting) apart(i int, s, of *System) {
	var keys []string
	for _, op := range of.Operations {
		keys = append(keys, c.mappings[op.Input].Keys()...)
	}
	for j, secret := range s.Secrets {
		c.find(slices.Contains(of.Secrets, secret) && !slices.Contains(keys, secret), "B139", fmt.Sprintf("/systems/%d/secrets/%d", i, j),
			"is a secret of the system that it is the twin of: a twin has its own")
	}
}
