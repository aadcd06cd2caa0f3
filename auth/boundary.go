package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// Boundary is all that is declared: catalogue and policy, one immutable value.
// Package boundary loads one from a folder. A nil or zero Boundary is refused.
type Boundary struct {
	catalogue *Catalogue
	decider   Decider
	hash      string
}

// NewBoundary puts the parts together. Nil and zero parts, and a policy without a hash,
// are ErrInvalid.
func NewBoundary(c *Catalogue, d Decider) (*Boundary, error) {
	if c == nil || c.tenant == "" || d == nil || d.Hash() == "" {
		return nil, ErrInvalid
	}
	content, err := json.Marshal(struct {
		Tenant  string
		Systems []System
		Policy  string
	}{c.tenant, c.Systems(), d.Hash()})
	if err != nil {
		return nil, ErrInvalid
	}
	sum := sha256.Sum256(content)
	return &Boundary{c, d, hex.EncodeToString(sum[:])}, nil
}

// Catalogue is its systems.
func (b *Boundary) Catalogue() *Catalogue {
	if b == nil {
		return nil
	}
	return b.catalogue
}

// Hash is hexadecimal SHA-256 over all parts; empty: nothing is declared.
func (b *Boundary) Hash() string {
	if b == nil {
		return ""
	}
	return b.hash
}

// decide asks the policy. What panics, comes too late or answers with anything but
// a verdict denies.
func (b *Boundary) decide(ctx context.Context, f Facts) (d Decision) {
	defer func() {
		if recover() != nil {
			d = Decision{}
		}
	}()
	d = b.decider.Decide(ctx, f)
	if ctx.Err() != nil || d.Verdict > Allowed || d.Rule != "" && !namePattern.MatchString(d.Rule) {
		return Decision{}
	}
	if d.Verdict == Allowed && f.Who != nil && len(f.Who.Actors) > 0 && f.System.Delegation != AuditOnly {
		return Decision{Rule: delegationRule}
	}
	return d
}

// delegationRule denies callers for whom others act where the far side would not
// learn of it, unless the system's owner declared that the log is enough.
const delegationRule = "delegation"
