package check

import (
	"cmp"
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
	p, origins := pair(systems), map[string]bool{"": false}
	taken := map[string]int{} // host and port, and audience: how many systems have it
	for i := range systems {
		s := &systems[i]
		here := address(s, p.originals[s.TwinOf])
		origins[here] = true
		for _, at := range append(endpoints(s), here, audience(s)) {
			if at != "" {
				taken[at]++
			}
		}
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
		c.find(taken[address(s, of)] > 1, "B139", at+"/origin", "is another system's too: a twin is somewhere else")
		c.find(s.Audience != "" && taken[audience(s)] > 1, "B139", at+"/audience", "is another system's too: what is made for a twin would be taken there")
		for _, there := range endpoints(s) {
			c.find(origins[there], "B139", at+"/endpoints", "are at another system")
		}
		for _, op := range of.Operations {
			half := op.Undo != "" && p.twin(op.Undo) == "" || op.Ask != "" && p.twin(op.Ask) == ""
			c.find(half, "B139", at+"/twin_of", "has an operation whose undo or ask is of a system without a twin")
			c.find(len(op.Name)-len(of.Name)+len(s.Name) > longestName, "B139", at+"/name", "makes names of operations that are longer than 64")
		}
	}
}

// audience is as which a system expects to be addressed.
func audience(s *System) string {
	if said := cmp.Or(s.Audience, s.Origin); said != "" {
		return "audience " + said
	}
	return ""
}

// endpoints are the hosts and ports of those of a system, each once, but for its own.
func endpoints(s *System) (all []string) {
	for _, url := range s.Endpoints {
		origin, _, err := netguard.ParseEndpoint(url)
		if at := origin.Address(); err == nil && at != address(s, nil) && !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	return all
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

// apart checks that twins have no secret of another system but the keys by which their
// mappings make tokens.
func (c *fitting) apart(systems []System, p pairs) {
	owners := map[string][]string{} // by secret
	for i := range systems {
		for _, secret := range systems[i].Secrets {
			owners[secret] = append(owners[secret], systems[i].Name)
		}
	}
	for i := range systems {
		s := &systems[i]
		of := p.originals[s.TwinOf]
		if of == nil {
			continue
		}
		var keys []string
		for _, op := range of.Operations {
			keys = append(keys, c.mappings[op.Input].Keys()...)
		}
		for j, secret := range s.Secrets {
			c.find(len(owners[secret]) > 1 && !slices.Contains(keys, secret), "B139", fmt.Sprintf("/systems/%d/secrets/%d", i, j),
				"is a secret of another system: a twin has its own")
		}
	}
}
