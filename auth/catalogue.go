package auth

import (
	"slices"
	"strings"

	"github.com/carnet-go/carnet/auth/internal/check"
	"github.com/carnet-go/carnet/auth/internal/deep"
	"github.com/carnet-go/carnet/auth/internal/wire"
	"github.com/carnet-go/carnet/internal/netguard"
	"github.com/carnet-go/carnet/mapping"
)

// Catalogue is the checked systems of one tenant: immutable. A nil or zero
// Catalogue has none.
type Catalogue struct {
	tenant     string
	systems    []System // in the order of the declaration
	operations map[string]declared
}

// declared is an operation with the system that it belongs to.
type declared struct {
	system    *System
	operation *Operation
	origin    netguard.Origin
	input     string          // None, Opaque or a mapping's name
	mapper    *mapping.Mapper // makes the call; nil: nothing does
	answer    *mapping.Schema // describes what comes back; nil: nothing does
	data      *mapping.Label  // of both; nil: nobody knows
	narrower  []string        // paths of other operations that its places could reach
}

// call is the request that is declared.
func (d *declared) call() wire.Call {
	return wire.Call{Origin: d.origin, Method: d.operation.Method, Path: d.operation.Path, Narrower: d.narrower}
}

// NewCatalogue checks systems and their operations. The error is mapping.Findings,
// all of them up to a thousand; their paths are JSON pointers into {tenant, systems}.
//
//	B101 tenant                  B110 ceiling             B125 output
//	B102 system's name           B111 duplicate system    B126 no reason for opaque
//	B103 self                    B112 duplicate           B127 places that nothing fills
//	B104 origin                       operation           B128 effect
//	B105 private ranges          B120 operation's name    B129 privileged and opaque
//	B106 zone                    B121 method              B130 kind
//	B107 jurisdictions           B122 path                B131 endpoints  B132 audience
//	B108 secret's path           B123 scopes              B133 clearance  B134 subject
//	B109 delegation              B124 input               B135 base, filter, attributes
//	B136 paths that one request could both be             B137 origin in two places
//	B138 undo, ask, or keyed     B139 twin
//
// A system with TwinOf has the operations of that one, by its own name: of crm.note.add a
// twin called lab has lab.note.add.
func NewCatalogue(tenant string, systems ...System) (*Catalogue, error) {
	if err := check.Catalogue(tenant, checked(systems)).Err(); err != nil {
		return nil, err
	}
	twinned := check.Twinned(checked(systems))
	made, narrower := &Catalogue{tenant: tenant, operations: map[string]declared{}}, check.Narrower(twinned)
	for _, s := range deep.Convert[[]System](twinned) {
		made.systems = append(made.systems, s)
		origin, _ := check.OriginOf(s.kind(), s.Origin) // self has none
		for i := range s.Operations {
			op := &s.Operations[i]
			made.operations[op.Name] = declared{system: &s, operation: op, origin: origin, input: check.Takes(op.Input), narrower: narrower[op.Name]}
		}
	}
	return made, nil
}

// checked are systems as they are checked: fields of the same names.
func checked(systems []System) []check.System { return deep.Convert[[]check.System](systems) }

// Tenant is whose systems they are.
func (c *Catalogue) Tenant() string { return some(c).tenant }

// some is p, or a zero value, which has nothing and refuses.
func some[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

// Systems are copies, in the order of their names.
func (c *Catalogue) Systems() []System {
	systems := deep.Copy(some(c).systems)
	slices.SortFunc(systems, func(a, b System) int { return strings.Compare(a.Name, b.Name) })
	return systems
}

// Destination is what a mapping for the system compiles against; unknown: zero.
func (c *Catalogue) Destination(system string) mapping.Destination {
	for _, s := range some(c).systems {
		if s.Name == system {
			s = deep.Copy(s)
			return mapping.Destination{System: s.Name, Kind: s.kind(), Jurisdictions: s.Jurisdictions, Clearance: s.Clearance}
		}
	}
	return mapping.Destination{}
}

func (s *System) kind() string { return check.KindOf(s.Name, s.Kind) }
