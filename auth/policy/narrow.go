package policy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"

	"github.com/carnet-go/carnet/auth"
)

// narrowed is the rule of a denial by a decider that gave no name fit for the log.
const narrowed = "narrowed"

// Narrow asks the others when p allows, in their order. They can only take away: a
// denial denies, obligations are joined, an earlier end holds; their levels do not
// count. What panics, what is nil, what answers without a verdict and what has not
// answered when ctx ends denies. Each is asked in a goroutine of its own, so one that
// never answers keeps it. The facts are shared: deciders must not change them.
//
// The hash covers p's and all the others'. A decider whose Hash panics denies.
func Narrow(p *Policy, others ...auth.Decider) auth.Decider {
	n := &narrow{Policy: p, others: slices.Clone(others)}
	h := sha256.New()
	io.WriteString(h, p.Hash())
	for i, other := range n.others {
		hash, ok := hashOf(other)
		if !ok {
			n.others[i] = nil
		}
		part := sha256.Sum256([]byte(hash)) // parts of one length, so that none runs into the next
		h.Write(part[:])
	}
	n.hash = hex.EncodeToString(h.Sum(nil))
	return n
}

type narrow struct {
	*Policy
	others []auth.Decider
	hash   string
}

func hashOf(d auth.Decider) (hash string, ok bool) {
	defer func() {
		if recover() != nil {
			hash, ok = "", false
		}
	}()
	if d == nil {
		return "", false
	}
	return d.Hash(), true
}

// Hash covers all deciders.
func (n *narrow) Hash() string { return n.hash }

// Decide asks the policy, and then the others.
func (n *narrow) Decide(ctx context.Context, f auth.Facts) auth.Decision {
	d := n.Policy.Decide(ctx, f)
	if d.Verdict != auth.Allowed {
		return d
	}
	for _, other := range n.others {
		said, ok := ask(ctx, other, f)
		switch {
		case ok && said.Verdict == auth.Allowed:
			if !said.NotAfter.IsZero() && (d.NotAfter.IsZero() || said.NotAfter.Before(d.NotAfter)) {
				d.NotAfter = said.NotAfter
			}
		case ok && said.Verdict == auth.Needs && known(said.Needs):
			if d.Verdict == auth.Allowed {
				d.Verdict, d.Rule, d.RuleAt = auth.Needs, rule(said), ""
			}
			d.Needs = append(d.Needs, said.Needs...)
		default:
			return auth.Decision{Rule: rule(said), Level: d.Level}
		}
	}
	return d
}

func ask(ctx context.Context, other auth.Decider, f auth.Facts) (d auth.Decision, ok bool) {
	answer := make(chan auth.Decision, 1)
	go func() {
		var said auth.Decision
		defer func() {
			if recover() != nil {
				said = auth.Decision{}
			}
			answer <- said
		}()
		if other != nil {
			said = other.Decide(ctx, f)
		}
	}()
	select {
	case d = <-answer:
		return d, ctx.Err() == nil
	case <-ctx.Done():
		return auth.Decision{}, false
	}
}

// known says whether there are obligations, all of a kind that callers can meet.
func known(needs []auth.Obligation) bool {
	for _, need := range needs {
		switch need.Kind {
		case auth.NeedAssurance, auth.NeedTransport, auth.NeedUnattended, auth.NeedIdentity:
		default:
			return false
		}
	}
	return len(needs) > 0
}

// rule is the name that a foreign decider gave, where it is one.
func rule(d auth.Decision) string {
	if namePattern.MatchString(d.Rule) {
		return d.Rule
	}
	return narrowed
}
