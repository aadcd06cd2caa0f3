// Package oidcauth verifies who bears an OpenID Connect ID token or a JWT access
// token, for one issuer and one audience.
//
//	v, err := oidcauth.New(ctx, "https://id.example", "hr-gate", nil)
//	gate, err := auth.NewGate(ctx, log, boundary, auth.Verifiers{auth.SchemeBearer: v}, nil)
//
// # Guarantees
//
// An [auth.Identity] comes only from a token that go-oidc and this package both
// accept: signed by a key that the issuer publishes now, with the one algorithm of
// that key, for this audience, of one kind, and alive.
//
//   - Keys are fetched when a Verifier is made, for a token that comes 5 minutes or more
//     after the last time, and when a token cannot be verified, but never more than once in 30 seconds, however many
//     forgeries arrive. An empty, huge, slow or malformed answer keeps the last good
//     keys, for at most 24 hours. A key that is withdrawn stops within 5 minutes of
//     the issuer's saying so, and a key for encryption, a weak one (below 2048 bits,
//     or of CVE-2017-15361), one whose private half is public, and two that share a kid
//     verify nothing.
//   - A token never says which key or algorithm is right: jwk, jku, x5u, x5c and crit
//     refuse, as do "none", HMAC and PSS. Without kid, exactly one key must fit.
//   - Claims are read strictly: a duplicate, a name in another case, a wrong type, a
//     number that is no whole second refuse, before any other decoder sees them.
//   - Kinds are told apart. No typ or JWT is an ID token; at+jwt is an access token of
//     RFC 9068 and needs client_id and jti; every other typ refuses, and so does a
//     claim that only another kind has. A token bound to a key (cnf) is no bearer's.
//   - A token that is for several audiences must have been issued to this one (azp), if
//     it is an ID token. A may_act that names anybody but this service ([Options].Actor)
//     refuses. The chain of act becomes Actors, at most 4.
//
// A fetch is https, follows no redirect, and takes neither proxy nor cookie from
// its surroundings. The identity's Assurance has what acr, amr and auth_time say,
// with Level 0: what that is worth is the policy's to say.
//
// # Limits
//
// Verified are RS256, RS384, RS512, ES256, ES384, ES512 and EdDSA with Ed25519; an RSA
// key that names no algorithm is for RS256. Of scopes, only the claim scope of access
// tokens is read. What an audit log cannot hold is refused: more than 32 scopes, an acr
// with a space. Times are whole seconds, and Expires is exp itself: what Skew forgives
// has ended, and whoever compares Expires with the clock, as a Gate does, says so.
//
// A new key of the issuer's can take 30 seconds to be found, where a forgery asked for
// it a moment before. Another address of the keys is noticed by a new Verifier. Whether
// a token was revoked, or shown before, is not asked.
//
// What [Options] calls Insecure is off unless set. An issuer whose access tokens say JWT
// needs InsecurePlainJWT, which cannot tell an ID token that has no nonce and no hash
// from an access token, and therefore wants an audience that is nobody's client id.
//
// # Errors
//
// All wrap an error of package auth, and none has a value of a token or of an
// answer. [auth.ErrInvalid] is a forgery, or a token that is somebody else's: of
// another issuer, for another audience, of another kind. [auth.ErrExpired] is a
// token that was good in everything but time. [auth.ErrUnavailable]: the issuer's keys
// are not known, or too old, or the context has ended. The text is fixed for each
// cause; one that begins with "claims" has a verified signature behind it.
//
// # Concurrency
//
// A Verifier is safe for concurrent use. Callers that need the same fetch wait for
// one, each as long as its own context lasts; that fetch has its own deadline of 5
// seconds. While an issuer does not answer, nobody whose token can be verified waits.
package oidcauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/strictjson"
)

const (
	defaultSkew = time.Minute
	maxSkew     = 5 * time.Minute
)

// Options of New. Nil means the documented defaults.
type Options struct {
	Client *http.Client  // for discovery and keys; only its Transport is used; nil: one without proxy
	Tenant string        // claim that holds the tenant; empty: everybody of this issuer is of the gate's tenant
	Claims []string      // claims, strings or lists of strings, and email_verified, that permits and subjects may name; nil: none
	Actor  string        // what may_act calls this service, such as its client id with the issuer; empty: the audience
	Skew   time.Duration // of clocks, in both directions; zero: 60 seconds; at most 5 minutes

	InsecureHTTP       bool // an issuer on a loopback host may speak http
	InsecurePlainJWT   bool // this issuer's access tokens say typ JWT, or nothing: accepted, and its ID tokens are not
	InsecureTestIssuer bool // the issuer's host may end in .invalid, as authtest's does
}

// Verifier is for one issuer and one audience. A zero Verifier refuses. Safe for
// concurrent use.
type Verifier struct {
	issuer   string
	audience string
	actor    string
	tenant   string
	claims   []string
	skew     time.Duration
	plain    bool
	keys     *source
	second   *oidc.Config
}

// New discovers the issuer and fetches its keys, until ctx ends. The issuer is
// compared exactly, here and in each token.
func New(ctx context.Context, issuer, audience string, o *Options) (*Verifier, error) {
	if o == nil {
		o = &Options{}
	}
	v, err := newVerifier(issuer, audience, o)
	if err != nil {
		return nil, err
	}
	client := newClient(o.Client)
	address, err := discover(ctx, client, issuer, o.InsecureHTTP)
	if err != nil {
		return nil, late(ctx, err)
	}
	v.keys = &source{client: client, url: address}
	v.keys.refresh(ctx)
	if v.keys.usable() == nil {
		return nil, late(ctx, errNoKeys)
	}
	return v, nil
}

// late says also that it was the caller who left, not the issuer that failed.
func late(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %w", err, ended)
	}
	return err
}

func newVerifier(issuer, audience string, o *Options) (*Verifier, error) {
	if err := checkIssuer(issuer, o); err != nil {
		return nil, err
	}
	switch {
	case !printable(audience):
		return nil, errNoAudience
	case o.Skew < 0 || o.Skew > maxSkew:
		return nil, errSkew
	case o.Tenant != "" && !printable(o.Tenant), o.Actor != "" && !printable(o.Actor):
		return nil, errNames
	}
	for i, name := range o.Claims {
		if !printable(name) || slices.Contains(o.Claims[:i], name) {
			return nil, errNames
		}
	}
	v := &Verifier{
		issuer: issuer, audience: audience, actor: cmp.Or(o.Actor, audience), tenant: o.Tenant, claims: slices.Clone(o.Claims), skew: o.Skew, plain: o.InsecurePlainJWT,
		// Times are left to claims.times: go-oidc forgives nbf 5 minutes and exp none.
		second: &oidc.Config{ClientID: audience, SupportedSigningAlgs: algorithms(), SkipExpiryCheck: true},
	}
	if v.skew == 0 {
		v.skew = defaultSkew
	}
	return v, nil
}

// Verify answers for bearer tokens. It waits only where keys have to be fetched,
// and no longer than ctx.
func (v *Verifier) Verify(ctx context.Context, p auth.Presented) (auth.Identity, error) {
	if v == nil || v.keys == nil {
		return auth.Identity{}, errZero
	}
	if p.Scheme != auth.SchemeBearer {
		return auth.Identity{}, errPresented
	}
	if ctx.Err() != nil {
		return auth.Identity{}, errGone
	}
	raw, err := bearer(p.Secret)
	if err != nil {
		return auth.Identity{}, err
	}
	t, err := parseToken(raw)
	if err != nil {
		return auth.Identity{}, err
	}
	return v.verify(ctx, t)
}

func bearer(s auth.Secret) (string, error) {
	var raw string
	err := s.Use(func(b []byte) error {
		if len(b) > maxToken {
			return errToken
		}
		raw = string(b)
		return nil
	})
	if errors.Is(err, auth.ErrUndeclared) {
		return "", errPresented
	}
	return raw, err
}

// verify accepts what both this package and go-oidc accept. go-oidc calls back
// for the signature, so nothing decodes claims before it.
func (v *Verifier) verify(ctx context.Context, t token) (auth.Identity, error) {
	a := &attempt{v: v, token: t}
	_, err := oidc.NewVerifier(v.issuer, a, v.second).Verify(ctx, t.raw)
	switch {
	case a.err != nil:
		return auth.Identity{}, a.err
	case err != nil || !a.done:
		return auth.Identity{}, errToken
	default:
		return a.identity, nil
	}
}

// attempt is the oidc.KeySet of one token.
type attempt struct {
	v        *Verifier
	token    token
	identity auth.Identity
	err      error
	done     bool
}

// VerifySignature also reads the claims, before go-oidc does: encoding/json would
// take the last of two subjects.
func (a *attempt) VerifySignature(ctx context.Context, _ string) ([]byte, error) {
	if a.err = a.v.keys.verify(ctx, a.token); a.err != nil {
		return nil, a.err
	}
	read, ok := strictjson.Read(string(a.token.payload))
	if !ok {
		a.err = errClaims
		return nil, a.err
	}
	a.identity, a.err = claims{read, a.v, time.Now()}.identity(a.token.header.access)
	a.done = a.err == nil
	return a.token.payload, a.err
}
