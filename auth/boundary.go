package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

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
