package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth/internal/aside"
	"github.com/carnet-go/carnet/auth/internal/lifetime"
)

// selfLife is how long the local self is admitted for.
const selfLife = 15 * time.Minute

// Admit verifies who presents himself. Nothing presented, a scheme without a
// Verifier and forgeries are ErrInvalid; another tenant's callers are ErrForeign.
// Refusals are counted, and recorded as a sum each minute, so that noise at the door
// cannot fill the log.
func (g *Gate) Admit(ctx context.Context, p Presented) (Principal, error) {
	if err := g.ready(opThaw); err != nil {
		return Principal{}, err
	}
	return g.presented(ctx, p, false)
}

func (g *Gate) presented(ctx context.Context, p Presented, self bool) (Principal, error) {
	id, err := g.verify(ctx, p)
	if err == nil && id.Issuer == selfIssuer {
		err = ErrInvalid // only the gate itself speaks for the local self
	}
	if err != nil {
		g.refusals.Add(reason(err))
		return Principal{}, err
	}
	return g.admit(ctx, id, p.Secret, self)
}

// AdmitSelf admits the service itself, freshly each time: what background jobs and
// consumers act as.
func (g *Gate) AdmitSelf(ctx context.Context) (Principal, error) {
	if err := g.ready(opThaw); err != nil {
		return Principal{}, err
	}
	if g.self == nil {
		now := time.Now()
		id := Identity{Issuer: selfIssuer, Subject: selfSubject, Issued: now, Expires: now.Add(selfLife)}
		return g.admit(ctx, id, Secret{}, true)
	}
	p, err := aside.Ask(ctx, 0, ErrUnavailable, g.self.Present)
	if err != nil {
		g.refusals.Add(reason(side(ctx, err)))
		return Principal{}, side(ctx, err)
	}
	return g.presented(ctx, p, true)
}

// verify asks the scheme's Verifier; what panics or answers too late has not verified.
func (g *Gate) verify(ctx context.Context, p Presented) (Identity, error) {
	verifier, ok := g.verifiers[p.Scheme]
	if !ok || p.Scheme == SchemeNone || p.Secret.reveal == nil {
		return Identity{}, ErrInvalid
	}
	id, err := aside.Ask(ctx, 0, ErrUnavailable, func(ctx context.Context) (Identity, error) { return verifier.Verify(ctx, p) })
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return Identity{}, side(ctx, err)
	}
	return id, nil
}

// admit makes the Principal of an identity that was verified.
func (g *Gate) admit(ctx context.Context, id Identity, token Secret, self bool) (Principal, error) {
	if id.Issuer == "" || id.Subject == "" {
		g.refusals.Add(reason(ErrInvalid))
		return Principal{}, ErrInvalid
	}
	tenant := g.boundary.catalogue.tenant
	if id.Tenant == "" {
		id.Tenant = tenant
	}
	now := time.Now()
	p := &principal{gate: g, identity: id.clone(), token: token, self: self}
	var err error
	switch {
	case id.Tenant != tenant:
		err = ErrForeign
	case !id.Expires.After(now): // also where it is zero
		err = ErrExpired
	case !g.recordable(p.identity):
		g.refusals.Add(reason(ErrInvalid)) // nothing that he did could be recorded
		return Principal{}, ErrInvalid
	}
	if err != nil {
		g.refuse(ctx, Principal{p}, err)
		return Principal{}, err
	}
	p.end = lifetime.Until(id.Expires, now)
	p.key = p.identity.key(self, token)
	return Principal{p}, nil
}

// recordable says whether the log would take what such a caller does.
func (g *Gate) recordable(id Identity) bool {
	e := g.event("gate.admit")
	e.Actor, e.Chain = audit.Actor{Issuer: id.Issuer, Subject: id.Subject}, id.Actors
	e.Assurance, e.Scopes = id.Assurance, id.Scopes
	return e.Check() == nil
}

// key stands for everything about a principal that can change what a Translator
// answers: two principals share material only if all of it is equal, what they presented
// too, because that may be exchanged. Of the local self nothing differs each time.
func (id Identity) key(self bool, token Secret) string {
	id.Issued, id.Expires = time.Time{}, time.Time{}
	sum := sha256.New()
	fmt.Fprintf(sum, "%#v %t", id, self) // quotes what is no UTF-8, sorts maps
	_ = token.Use(func(b []byte) error { _, err := sum.Write(b); return err })
	return hex.EncodeToString(sum.Sum(nil))
}

// side is err as one of this package's errors: what others say stays out of it.
func side(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, ended)
	}
	return cmp.Or(known(err), ErrUnavailable)
}

// reason is the stable code of an error in the log.
func reason(err error) string { return string(cmp.Or(known(err), ErrUnavailable).(failure)) }

// refuse records that somebody known was refused before policy was asked.
func (g *Gate) refuse(ctx context.Context, p Principal, err error) {
	if g == nil || g.log == nil || p.p == nil {
		return
	}
	if p.p.gate != g {
		p = Principal{&principal{}} // what another gate knows does not belong into this log
	}
	e := g.event("gate.refuse")
	e.Actor, e.Chain = audit.Actor{Issuer: p.p.identity.Issuer, Subject: p.p.identity.Subject}, p.p.identity.Actors
	e.Decision, e.Reason, e.Outcome = Denied.String(), reason(err), audit.OutcomeFailure
	_ = g.recordAnyway(ctx, e)
}
