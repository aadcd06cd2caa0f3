package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/auth"
)

// operation is what the policy says about one operation: only that is looked at
// when it is asked for.
type operation struct {
	system  string
	permits []*Permit // the one that ends last first
	rules   []*Rule   // in the order of the declaration
}

// levels map what issuers say about a login. An acr means something only together
// with its issuer.
type levels map[assertion]uint8

type assertion struct{ issuer, acr string }

// clone is what a Policy keeps of a declaration and nobody else may change.
func (d Declaration) clone() Declaration {
	d.Permits, d.Rules = slices.Clone(d.Permits), slices.Clone(d.Rules)
	for i := range d.Permits {
		d.Permits[i].Until = d.Permits[i].Until.UTC()
	}
	for i := range d.Rules {
		rule := &d.Rules[i]
		rule.Scopes = slices.Clone(rule.Scopes) // keeps nil and empty apart
		rule.Residency, rule.Zones = slices.Clone(rule.Residency), maps.Clone(rule.Zones)
	}
	return d
}

// compile takes a declaration that check has passed.
func compile(c *auth.Catalogue, d Declaration) *Policy {
	canonical, _ := json.Marshal(d) // its only failure is a year above 9999, which is P119
	sum := sha256.Sum256(canonical)
	p := &Policy{
		tenant: c.Tenant(), operations: map[string]*operation{}, levels: levels{},
		entitlements: d.entitlements(), hash: hex.EncodeToString(sum[:]),
	}
	for key, level := range d.Levels {
		issuer, acr, _ := strings.Cut(key, " ")
		p.levels[assertion{issuer, acr}] = level
	}
	for _, system := range c.Systems() {
		for _, op := range system.Operations {
			p.operations[op.Name] = d.about(&system, op.Name)
		}
	}
	return p
}

func (d Declaration) about(system *auth.System, name string) *operation {
	op := &operation{system: system.Name}
	for i := range d.Permits {
		if permit := &d.Permits[i]; slices.Contains(permit.Operations, name) {
			op.permits = append(op.permits, permit)
		}
	}
	slices.SortStableFunc(op.permits, func(a, b *Permit) int {
		if a.Until.IsZero() || b.Until.IsZero() {
			return -cmp.Compare(endless(a), endless(b))
		}
		return b.Until.Compare(a.Until)
	})
	on := []string{name, system.Name}
	if of := system.TwinOf; of != "" { // what restricts a system restricts its twin
		on = append(on, of, of+strings.TrimPrefix(name, system.Name))
	}
	for i := range d.Rules {
		if rule := &d.Rules[i]; rule.On == nil || slices.ContainsFunc(on, func(name string) bool { return slices.Contains(rule.On, name) }) {
			op.rules = append(op.rules, rule)
		}
	}
	return op
}

func endless(p *Permit) int {
	if p.Until.IsZero() {
		return 1
	}
	return 0
}

func (d Declaration) entitlements() []auth.Entitlement {
	var all []auth.Entitlement
	for _, permit := range d.Permits {
		for _, name := range permit.Operations {
			all = append(all, auth.Entitlement{
				Permit: permit.Name, PermitAt: permit.At, Operation: name, Until: permit.Until,
			})
		}
	}
	return all
}

// Entitlements are what the permits say, in the order of the declaration.
func (p *Policy) Entitlements() []auth.Entitlement {
	if p == nil {
		return nil
	}
	return slices.Clone(p.entitlements)
}

// prove lists the acr values that prove a level at an issuer, sorted.
func (l levels) prove(issuer string, level uint8) []string {
	var all []string
	for said, proven := range l {
		if said.issuer == issuer && proven >= level {
			all = append(all, said.acr)
		}
	}
	slices.Sort(all)
	return all
}
