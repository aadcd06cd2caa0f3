// Package check finds what is wrong with declared systems, and with what they take and
// answer.
//
//	err := check.Catalogue(tenant, systems).Err()
//	err = check.Boundary(systems, schemas, mappings).Err()
//
// # Guarantees
//
// All findings come at once, up to a thousand; their paths are JSON pointers into
// {tenant, systems}. The codes are listed with auth.NewCatalogue and auth.NewBoundary.
//
// # Concurrency
//
// All functions share nothing.
package check

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/carnet-go/carnet/auth/internal/subject"
	"github.com/carnet-go/carnet/internal/netguard"
	"github.com/carnet-go/carnet/mapping"
)

// The kinds of System.
const (
	KindAPI       = "api"
	KindDirectory = "directory"
	KindStore     = "store"
)

// What operations take and answer where it is no data of a declared shape.
const (
	None   = "none"
	Opaque = "opaque"
)

// How a system learns on whose behalf somebody acts.
const (
	Carry     = "carry"
	AuditOnly = "audit-only"
)

// Self is the name of the system that is the process.
const Self = "self"

// System is auth.System, as it is checked.
type System struct {
	Name, Kind, Origin, Audience, Zone, Delegation string
	TwinOf                                         string
	Endpoints                                      map[string]string
	Private, Jurisdictions, Secrets                []string
	Clearance                                      mapping.Clearance
	Subject                                        subject.Rule
	Ceiling                                        time.Duration
	Operations                                     []Operation
}

// Operation is auth.Operation, as it is checked.
type Operation struct {
	Name, Method, Path, Base, Filter, Input, Output, Reason string
	Attributes, Scopes                                      []string
	Undo, Ask                                               string
	Effect                                                  uint8
	Privileged, Keyed                                       bool
}

// only says whether it is nothing but a name, an effect and a privilege.
func (o *Operation) only() bool {
	return o.Method == "" && o.Path == "" && o.Base == "" && o.Filter == "" && o.Attributes == nil && o.Scopes == nil &&
		Takes(o.Input) == None && Takes(o.Output) == None && o.Undo == "" && o.Ask == "" && !o.Keyed
}

// KindOf is the kind of a system.
func KindOf(name, kind string) string {
	switch {
	case name == Self:
		return KindStore
	case kind == "":
		return KindAPI
	}
	return kind
}

// OriginOf is the origin of a system of that kind.
func OriginOf(kind, origin string) (netguard.Origin, error) {
	if kind == KindDirectory {
		return netguard.ParseDirectory(origin)
	}
	return netguard.ParseOrigin(origin)
}

// Takes is what an operation takes.
func Takes(input string) string {
	if input == "" {
		return None
	}
	return input
}

func (s *System) kind() string { return KindOf(s.Name, s.Kind) }

// destination is the system as data sees it.
func (s *System) destination() mapping.Destination {
	return mapping.Destination{System: s.Name, Kind: s.kind(), Jurisdictions: s.Jurisdictions, Clearance: s.Clearance}
}

// reaches says whether anything beyond the process is declared of it.
func (s *System) reaches() bool {
	return s.TwinOf != "" || s.Origin != "" || s.Endpoints != nil || s.Audience != "" || s.Private != nil || s.Secrets != nil ||
		s.Subject.Declared() || s.Delegation != "" || s.Ceiling != 0 || slices.ContainsFunc(s.Operations, func(op Operation) bool { return !op.only() })
}

// Hash is hexadecimal SHA-256 over all that is declared; systems are in the order of
// their names.
func Hash(tenant string, systems any, policy string, schemas map[string]*mapping.Schema, mappings map[string]*mapping.Mapper) string {
	content := struct {
		Tenant            string
		Systems           any
		Policy            string
		Schemas, Mappings map[string]string
	}{tenant, systems, policy, map[string]string{}, map[string]string{}}
	for name, schema := range schemas {
		content.Schemas[name] = schema.Hash()
	}
	for name, mapper := range mappings {
		content.Mappings[name] = mapper.Hash()
	}
	canonical, err := json.Marshal(content)
	if err != nil {
		return "" // of an effect or class that was refused
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}
