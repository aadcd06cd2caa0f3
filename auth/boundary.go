package auth

import (
	"cmp"
	"context"
	"maps"

	"github.com/carnet-go/carnet/auth/internal/check"
	"github.com/carnet-go/carnet/auth/internal/names"
	"github.com/carnet-go/carnet/auth/internal/subject"
	"github.com/carnet-go/carnet/mapping"
)

// Boundary is all that is declared: catalogue, policy, schemas and mappings, one
// immutable value. Package boundary loads one from a folder. A nil or zero Boundary is
// refused.
type Boundary struct {
	catalogue  *Catalogue
	decider    Decider
	schemas    map[string]*mapping.Schema
	mappings   map[string]*mapping.Mapper
	self       *System // nil: nobody declared it
	operations map[string]declared
	hash       string
}

// BoundaryOptions of NewBoundary. Nil means that no data crosses but what is opaque.
type BoundaryOptions struct {
	Schemas  map[string]*mapping.Schema // what operations answer, by name; nil: none
	Mappings map[string]*mapping.Mapper // what operations take, by name; nil: none
}

// NewBoundary puts the parts together. Nil and zero parts, and a policy without a hash,
// are ErrInvalid; otherwise the error is mapping.Findings, with the paths of
// NewCatalogue.
//
//	B140 input that is no mapping     B144 output that is no schema
//	B141 mapping for another system   B145 data that may not be held by self
//	B142 places and fields differ     B146 token key that is not a secret of the system
//	B143 field that cannot go there   B147 data, and nobody declared self
//	B139 twin that does not take what its system's mappings make, or has a secret of its
//	     system that is not a key of theirs
//	B148 one key for pairwise ids and tokens of a privileged operation
func NewBoundary(c *Catalogue, d Decider, o *BoundaryOptions) (*Boundary, error) {
	if c == nil || c.tenant == "" || d == nil || d.Hash() == "" {
		return nil, ErrInvalid
	}
	o = cmp.Or(o, &BoundaryOptions{})
	b := &Boundary{
		catalogue: c, decider: d, schemas: maps.Clone(o.Schemas), mappings: maps.Clone(o.Mappings),
		operations: maps.Clone(c.operations),
	}
	if err := check.Boundary(checked(c.systems), b.schemas, b.mappings).Err(); err != nil {
		return nil, err
	}
	if b.join() != nil {
		return nil, ErrInvalid // a release has ended since
	}
	if b.hash = check.Hash(c.tenant, c.Systems(), d.Hash(), b.schemas, b.mappings); b.hash == "" {
		return nil, ErrInvalid
	}
	return b, nil
}

// join gives each operation what makes it and what describes its answer.
func (b *Boundary) join() (err error) {
	for i := range b.catalogue.systems {
		if b.catalogue.systems[i].Name == Self {
			b.self = &b.catalogue.systems[i]
		}
	}
	anywhere := []string{mapping.Anywhere}
	for name, op := range b.operations {
		label := mapping.Label{Class: mapping.Public, Residency: anywhere, Purposes: anywhere} // of what is not there
		if op.mapper = b.mappings[op.input]; op.mapper != nil && op.system.TwinOf != "" {
			if op.mapper, err = op.mapper.For(b.catalogue.Destination(op.system.Name)); err != nil {
				return err
			}
		}
		if op.mapper != nil {
			label = label.Join(op.mapper.Label())
		}
		if op.answer = b.schemas[op.operation.Output]; op.answer != nil {
			label = label.Join(op.answer.Label())
		}
		if op.data = &label; op.input == Opaque || op.operation.Output == Opaque {
			op.mapper, op.answer, op.data = nil, nil, nil
		}
		b.operations[name] = op
	}
	return nil
}

// Catalogue is its systems.
func (b *Boundary) Catalogue() *Catalogue { return some(b).catalogue }

// Schema is declared under the name; unknown: nil, which describes nothing.
func (b *Boundary) Schema(name string) *mapping.Schema { return some(b).schemas[name] }

// Mapping is declared under the name; unknown: nil, which refuses.
func (b *Boundary) Mapping(name string) *mapping.Mapper { return some(b).mappings[name] }

// Hash is hexadecimal SHA-256 over all parts; empty: nothing is declared.
func (b *Boundary) Hash() string { return some(b).hash }

// decide asks the policy. What panics, comes too late or answers with anything but
// a verdict denies.
func (b *Boundary) decide(ctx context.Context, f Facts) (d Decision) {
	defer func() {
		if recover() != nil {
			d = Decision{}
		}
	}()
	d = b.decider.Decide(ctx, f)
	if ctx.Err() != nil || d.Verdict > Allowed || d.Rule != "" && !names.Name.MatchString(d.Rule) {
		return Decision{}
	}
	if d.Verdict != Allowed || f.Who == nil {
		return d
	}
	if len(f.Who.Actors) > 0 && f.System.Delegation == "" {
		return Decision{Rule: delegationRule, Level: d.Level}
	}
	if !subject.Rule(f.System.Subject).Named(f.Who.Issuer, f.Who.Subject, f.Who.Claims) {
		return Decision{Rule: subjectRule, Level: d.Level}
	}
	return d
}

// What denies besides policy: callers for whom others act, where the system's owner did
// not declare how it learns of that, or that the log is enough; and callers whom the
// system has no name for, where it declares names.
const (
	delegationRule = "delegation"
	subjectRule    = "subject"
)
