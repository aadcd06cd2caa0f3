package auth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/internal/netguard"
)

// Catalogue is the checked systems of one tenant: immutable. A nil or zero
// Catalogue has none.
type Catalogue struct {
	tenant     string
	systems    []*System
	operations map[string]declared
}

// declared is an operation with the system that it belongs to.
type declared struct {
	system    *System
	operation *Operation
	origin    netguard.Origin
}

// NewCatalogue checks systems and their operations. The error is mapping.Findings,
// all of them up to a thousand; their paths are JSON pointers into {tenant, systems}.
//
//	B101 tenant                  B109 delegation        B122 path
//	B102 system's name           B110 ceiling           B123 scopes
//	B103 reserved name           B111 duplicate system  B124, B125 input, output
//	B104 origin                  B112 duplicate         B126 no reason for opaque
//	B105 private ranges               operation         B127 places that nothing fills
//	B106, B107 zone,             B120 operation's name  B128 effect
//	     jurisdictions           B121 method            B129 privileged and opaque
//	B108 secret's path
func NewCatalogue(tenant string, systems ...System) (*Catalogue, error) {
	var c check
	c.find(!namePattern.MatchString(tenant), "B101", "/tenant", "is not a name: [a-z0-9][a-z0-9._-]{0,63}")
	made := &Catalogue{tenant: tenant, operations: map[string]declared{}}
	names := map[string]bool{}
	for i, s := range systems {
		if len(c.findings) >= mostFindings {
			break
		}
		path := fmt.Sprintf("/systems/%d", i)
		c.system(path, s)
		c.find(names[s.Name], "B111", path+"/name", "is declared twice")
		names[s.Name] = true
		s = s.clone()
		made.systems = append(made.systems, &s)
		origin, _ := netguard.ParseOrigin(s.Origin) // a bad one is a finding already
		for j := range s.Operations {
			op := &s.Operations[j]
			_, twice := made.operations[op.Name]
			c.find(twice, "B112", fmt.Sprintf("%s/operations/%d/name", path, j), "is declared twice")
			made.operations[op.Name] = declared{&s, op, origin}
		}
	}
	if err := c.findings.Err(); err != nil {
		return nil, err
	}
	return made, nil
}

// clone copies s. Empty lists become nil, which means the same and hashes the same.
func (s System) clone() System {
	s.Private = append([]string(nil), s.Private...)
	s.Jurisdictions = append([]string(nil), s.Jurisdictions...)
	s.Secrets = append([]string(nil), s.Secrets...)
	s.Operations = append([]Operation(nil), s.Operations...)
	for i := range s.Operations {
		s.Operations[i].Scopes = append([]string(nil), s.Operations[i].Scopes...)
	}
	return s
}

// Tenant is whose systems they are.
func (c *Catalogue) Tenant() string {
	if c == nil {
		return ""
	}
	return c.tenant
}

// Systems are copies, in the order of their names.
func (c *Catalogue) Systems() []System {
	if c == nil {
		return nil
	}
	systems := make([]System, len(c.systems))
	for i, s := range c.systems {
		systems[i] = s.clone()
	}
	slices.SortFunc(systems, func(a, b System) int { return strings.Compare(a.Name, b.Name) })
	return systems
}
