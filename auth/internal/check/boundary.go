package check

import (
	"fmt"
	"maps"
	"slices"

	"github.com/carnet-go/carnet/auth/internal/names"
	"github.com/carnet-go/carnet/auth/internal/wire"
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/internal/netguard"
	"github.com/carnet-go/carnet/mapping"
)

// Boundary checks that systems, which Catalogue has passed, fit what makes their calls
// and describes their answers.
func Boundary(systems []System, schemas map[string]*mapping.Schema, mappings map[string]*mapping.Mapper) mapping.Findings {
	c := fitting{schemas: schemas, mappings: mappings}
	for i := range systems {
		if systems[i].Name == Self {
			c.self = &systems[i]
		}
	}
	c.apart(systems, pair(systems))
	for i := range systems {
		for j := range systems[i].Operations {
			c.operation(fmt.Sprintf("/systems/%d/operations/%d", i, j), &systems[i], &systems[i].Operations[j])
		}
	}
	return c.findings
}

type fitting struct {
	check
	schemas  map[string]*mapping.Schema
	mappings map[string]*mapping.Mapper
	self     *System
}

func (c *fitting) operation(path string, s *System, op *Operation) {
	if input := Takes(op.Input); input != None && input != Opaque {
		m := c.mappings[input]
		switch {
		case m.Hash() == "":
			c.unknown("B140", path+"/input", "is not a mapping of the boundary", input, slices.Sorted(maps.Keys(c.mappings)))
		case s.TwinOf != "":
			c.twin(path+"/input", s, op, m)
		default:
			c.held(path+"/input", m.Source())
			c.made(path+"/input", s, op, m)
		}
	}
	if s.TwinOf != "" || op.Output == "" || op.Output == None || op.Output == Opaque {
		return
	}
	answer := c.schemas[op.Output]
	if answer.Hash() == "" {
		c.unknown("B144", path+"/output", "is not a schema of the boundary", op.Output, slices.Sorted(maps.Keys(c.schemas)))
		return
	}
	c.held(path+"/output", answer)
}

func (c *fitting) unknown(code, path, problem, name string, among []string) {
	if len(c.findings) < mostFindings {
		c.findings = append(c.findings, mapping.Finding{Code: code, Path: path, Problem: problem, Nearest: declare.Nearest(name, among)})
	}
}

// held checks that data may be in this process, which it is before it leaves and when
// it has come.
func (c *fitting) held(path string, s *mapping.Schema) {
	if c.self == nil {
		c.find(true, "B147", path, "is data, and no system called self says where it may be held")
		return
	}
	c.find(!s.Label().Fits(c.self.destination()), "B145", path, "is data that the system called self may not hold")
}

// made checks that the mapping makes this operation's call.
func (c *fitting) made(path string, s *System, op *Operation, m *mapping.Mapper) {
	c.find(!same(m.Destination(), s.destination()), "B141", path, "is a mapping that was checked for another system")
	for _, key := range m.Keys() {
		c.find(!slices.Contains(s.Secrets, key), "B146", path, "makes tokens with a key that is not one of the system's secrets")
		c.find(op.Privileged && key == s.Subject.Pairwise, "B148", path, "makes tokens with the key of pairwise ids, and one grant opens that once")
	}
	fields := map[string][]string{}
	for _, place := range m.Places() {
		fields[place.In] = append(fields[place.In], place.Name)
		c.find(!holds(s.kind(), op.Method, place), "B143", path, "has a field in a place that the operation does not have: "+place.In)
	}
	pathPlaces, _ := netguard.Places(op.Path)
	base, _ := names.Places(op.Base)
	filter, _ := names.Places(op.Filter)
	filled := equal(pathPlaces, fields[mapping.InPath]) && equal(base, fields[mapping.InDN]) && equal(filter, fields[mapping.InFilter])
	c.find(!filled, "B142", path, "does not fill exactly the {places} of the operation")
	c.find(op.Method == "add" && len(fields[mapping.InAttribute]) == 0, "B143", path, "adds an entry without attributes")
}

func same(a, b mapping.Destination) bool {
	return a.System == b.System && a.Kind == b.Kind && slices.Equal(a.Jurisdictions, b.Jurisdictions) && a.Clearance.Class == b.Clearance.Class &&
		slices.Equal(a.Clearance.Categories, b.Clearance.Categories) && slices.Equal(a.Clearance.Purposes, b.Clearance.Purposes)
}

// equal compares without order.
func equal(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// holds says whether the protocol has such a place.
func holds(kind, method string, p mapping.Place) bool {
	if kind == KindDirectory {
		switch p.In {
		case mapping.InAttribute:
			return (method == "add" || method == "modify") && names.Attribute.MatchString(p.Name)
		default:
			return p.In == mapping.InDN || p.In == mapping.InFilter && method == "search"
		}
	}
	switch p.In {
	case mapping.InBody:
		return method == "POST" || method == "PUT" || method == "PATCH"
	case mapping.InHeader:
		return wire.MayHold(p.Name)
	default:
		return p.In == mapping.InPath || p.In == mapping.InQuery
	}
}
