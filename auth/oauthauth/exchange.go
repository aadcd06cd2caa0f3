package oauthauth

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/carnet-go/carnet/auth"
)

// The types of tokens: RFC 8693, section 3.
const (
	typeAccess = "urn:ietf:params:oauth:token-type:access_token"
	typeID     = "urn:ietf:params:oauth:token-type:id_token"
	typeJWT    = "urn:ietf:params:oauth:token-type:jwt"
)

// Exchange turns the caller's token into one for the system: RFC 8693. What is no JWT,
// and what says at+jwt (RFC 9068), is presented as an access token; a JWT that says
// JWT, or nothing, as Plain has it.
type Exchange struct {
	Client auth.Source   // fields id and secret, or id and key, and kid where the server wants one
	Signer crypto.Signer // signs instead of a leased key, such as a transit key of hashivault; Client then has id and kid alone; nil: the leased key
	Plain  bool          // a token that says JWT, or nothing, is an access token; false: an ID token
}

// Check says whether it is complete.
func (e Exchange) Check() error {
	switch {
	case e.Client == nil:
		return fmt.Errorf("%w: Exchange.Client is nil", auth.ErrInvalid)
	case e.Signer != nil && algorithm(e.Signer) == "":
		return fmt.Errorf("%w: Exchange.Signer has a key that is too weak, or of another kind", auth.ErrInvalid)
	}
	return nil
}

// Fits says whether the system is one to get tokens for: an API with an endpoint token.
func (Exchange) Fits(s auth.System) error { return fits(s) }

// Carries says that the new token says on whose behalf it is used, or is refused.
func (Exchange) Carries() bool { return true }

// Translate yields an auth.Applier. A caller who presented no token is denied.
func (e Exchange) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	if e.Check() != nil {
		return nil, auth.ErrInvalid
	}
	o, err := place(n)
	if err != nil {
		return nil, err
	}
	o.signer = e.Signer
	if o.presented, err = e.presented(n); err != nil {
		return nil, err
	}
	return o.fill(ctx, e.Client)
}

// presented is the caller's token.
type presented struct {
	raw, kind string
	jwt       jwt
	chain     []actor
}

func (e Exchange) presented(n auth.Need) (*presented, error) {
	p := &presented{kind: typeAccess}
	err := n.Token.Use(func(b []byte) error {
		p.raw = string(b)
		return nil
	})
	if errors.Is(err, auth.ErrUndeclared) {
		return nil, auth.ErrDenied // nobody's token is not the service's
	}
	var ok bool
	if p.jwt, ok = parse(p.raw); err != nil || len(p.raw) > maxToken || !visible(p.raw) || !ok {
		return nil, auth.ErrInvalid
	}
	typ := strings.TrimPrefix(strings.ToLower(p.jwt.typ), "application/") // RFC 7515, section 4.1.9
	if p.jwt.claims != nil && typ != "at+jwt" && !e.Plain {
		p.kind = typeID
	}
	if p.chain, ok = p.jwt.chain(); !ok {
		return nil, auth.ErrDenied
	}
	if len(p.chain) == 0 { // the gate may have learned of it elsewhere
		for _, a := range n.Grant.Identity().Actors {
			p.chain = append(p.chain, actor{issuer: a.Issuer, name: a.Subject})
		}
	}
	return p, nil
}
