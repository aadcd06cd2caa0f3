package auth

import (
	"cmp"
	"context"
	"errors"
	"net"
	"time"

	"github.com/carnet-go/carnet/auth/internal/loan"
	"github.com/carnet-go/carnet/auth/internal/names"
	"github.com/carnet-go/carnet/auth/internal/subject"
	"github.com/carnet-go/carnet/mapping"
)

const (
	deniedFor      = 5 * time.Second // a denied translation is not tried again
	unavailableFor = time.Second     // nor is one that could not be had
)

// materials is what translators yielded, lent to calls that could have had it
// translated themselves: cached is material, never a decision.
type materials = loan.Cache[materialKey, material]

// materialKey is everything that can change the answer.
type materialKey struct{ operation, principal string }

// material is one answer of a Translator, with what it said of itself when it was new.
type material struct {
	applier    Applier   // nil: it performs
	performer  Performer // nil: it applies
	credential string
}

// keyOf is what the grant's material is kept under. Privileged operations get their
// own each time.
func keyOf(g Grant) materialKey {
	who := g.g.principal.key
	if g.g.operation.Privileged || who == "" {
		who = g.g.id
	}
	if on := g.g.principal.errand; on != nil && on.For != nil {
		who += " " + on.For.key(false, Secret{})
	}
	return materialKey{g.g.operation.Name, who}
}

// lend is material for the grant, translated now or before.
func (b *Broker) lend(ctx context.Context, g Grant) (*loan.Item[materialKey, material], error) {
	item, err := b.materials.Lend(ctx, keyOf(g), func(ctx context.Context) (loan.Made[material], error) {
		n, err := b.need(ctx, g)
		if err != nil {
			return loan.Made[material]{}, side(ctx, err)
		}
		return translate(ctx, b.translators[g.g.system.Name], n)
	})
	if err != nil && ctx.Err() != nil {
		return nil, side(ctx, err)
	}
	return item, err
}

// need is what the system's Translator gets, and nothing else.
func (b *Broker) need(ctx context.Context, g Grant) (Need, error) {
	line, origin := b.lines[g.g.system.Name], g.g.origin
	n := Need{
		Grant: g, Token: g.g.principal.token, TLS: line.TLS(origin.Host),
		Dial: func(ctx context.Context) (net.Conn, error) {
			if err := g.Live(); err != nil {
				return nil, err
			}
			conn, err := line.Dial(ctx, origin.Address())
			if err != nil {
				return nil, side(ctx, ErrUnavailable) // what net says quotes addresses
			}
			return conn, nil
		},
	}
	if len(g.g.system.Endpoints) > 0 {
		n.Client = line.Endpoints(g.g.system.Endpoints, g.Live)
	}
	var keys mapping.KeySource
	if b.keys != nil {
		keys = b.keys(g)
	}
	r, id := subject.Rule(g.g.system.Subject), &g.g.principal.identity
	var err error
	n.Name, err = r.Resolve(ctx, keys, b.gate.boundary.catalogue.tenant, g.g.system.Name, id.Issuer, id.Subject, id.Claims)
	if err == nil && n.Name == "" && r.Declared() {
		err = ErrDenied
	}
	return n, err
}

// translate asks for material that can be used, has not ended, and can be named in
// the log. What it says of itself is asked once: later it might say something else.
func translate(ctx context.Context, t Translator, n Need) (loan.Made[material], error) {
	var made loan.Made[material]
	yielded, err := t.Translate(ctx, n)
	if closer, ok := yielded.(interface{ Close(context.Context) error }); ok {
		made.Close = closer.Close
	}
	if said, ok := errors.AsType[*FailedError](err); ok && ctx.Err() == nil {
		return made, &FailedError{Side: cmp.Or(known(err), ErrUnavailable), Status: said.Status, RetryAfter: said.RetryAfter}
	}
	if err != nil {
		return made, side(ctx, err)
	}
	switch m := yielded.(type) {
	case Applier:
		made.Value.applier = m
	case Performer:
		made.Value.performer = m
	default:
		return made, ErrInvalid
	}
	made.Ends, made.Value.credential = yielded.Expires(), yielded.Credential()
	if end := n.Grant.NotAfter(); end.Before(made.Ends) {
		made.Ends = end
	}
	if id := made.Value.credential; id != "" && !names.Name.MatchString(id) {
		return made, ErrInvalid
	}
	if !made.Ends.After(time.Now()) {
		return made, ErrExpired
	}
	return made, nil
}

// brief is how long a failed translation is remembered. Other failures belong to one
// call.
func brief(err error) time.Duration {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded): // the caller's own
		return 0
	case errors.Is(err, ErrDenied):
		return deniedFor
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrThrottled):
		if said, ok := errors.AsType[*FailedError](err); ok {
			return max(unavailableFor, said.RetryAfter)
		}
		return unavailableFor
	}
	return 0
}
