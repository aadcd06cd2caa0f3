package oauthauth

import (
	"context"
	"crypto"
	"fmt"

	"github.com/carnet-go/carnet/auth"
)

// ClientCredentials is the service's own token: RFC 6749, section 4.4.
type ClientCredentials struct {
	Client auth.Source   // fields id and secret, or id and key, and kid where the server wants one
	Signer crypto.Signer // signs instead of a leased key, such as a transit key of hashivault; Client then has id and kid alone; nil: the leased key
}

// Check says whether it is complete.
func (c ClientCredentials) Check() error {
	switch {
	case c.Client == nil:
		return fmt.Errorf("%w: ClientCredentials.Client is nil", auth.ErrInvalid)
	case c.Signer != nil && algorithm(c.Signer) == "":
		return fmt.Errorf("%w: ClientCredentials.Signer has a key that is too weak, or of another kind", auth.ErrInvalid)
	}
	return nil
}

// Fits says whether the system is one to get tokens for: an API with an endpoint token.
func (ClientCredentials) Fits(s auth.System) error { return fits(s) }

// Translate yields an auth.Applier.
func (c ClientCredentials) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	if c.Check() != nil {
		return nil, auth.ErrInvalid
	}
	o, err := place(n)
	if err != nil {
		return nil, err
	}
	o.signer = c.Signer
	return o.fill(ctx, c.Client)
}
