// Package oauthauth gets access tokens from the token endpoint that a system declares:
// the service's own, or one for the caller's.
//
//	auth.Translators{
//		"hub": oauthauth.Exchange{Client: v.Source("hub/client")},          // RFC 8693
//		"erp": oauthauth.ClientCredentials{Client: v.Source("erp/client")}, // RFC 6749, section 4.4
//	}
//
// The system declares the endpoint token, and for clients with a key the endpoint
// issuer, which names the authorization server and is not called. The client's lease has
// the fields id and secret, or id and key: a private key in one PEM block, of P-256 or
// RSA from 2048 bits, with kid where the server looks the key up by that. A key that stays
// elsewhere, such as in a vault, is a Signer; then the lease has id and kid alone.
//
// # Guarantees
//
// A secret and a caller's token are sent once, in one way, to one URL. A redirect is a
// refusal. The client authenticates by client_secret_basic, or by private_key_jwt with an
// assertion of its own for each request: for the issuer alone (RFC 10070), 60 seconds long.
//
// Asked for are the operation's Scopes, and the system: its Audience as audience (RFC
// 8693), and the Audience, or without one the Origin, as resource where it is an absolute
// URI without fragment (RFC 8707). What comes back is used only if it is that:
//
//   - a bearer token, and after an exchange an access token, that says so of itself;
//   - with exactly the scopes that were asked for, where the answer or the token says any;
//   - where the token is a JWT: not bound to a key, for the system's Audience alone, or
//     without one its Origin, where it says any; and after an exchange for the principal's
//     name in the system where the system declares names;
//   - ending before the grant, the lease, the answer's expires_in and the token's exp,
//     and after 5 minutes where there is no expires_in.
//
// A refresh token is dropped. Members that stand twice, or in another case, refuse the
// answer, and so does more than 64 KiB.
//
// An exchange is of the token that the caller presented. Without one it is denied: the
// service's own account never stands in. A may_act in it must name the client. Who acts
// for its subject must act in the new token too, which may add the client in front,
// unless the system declares [auth.AuditOnly]; then the new token may say nothing of it,
// but nothing else either. Where the system declares nothing, the gate denies a caller for
// whom somebody acts; with [auth.Carry] an opaque token, which says nothing, is refused.
//
// # Limits
//
// Claims are read to refuse, never to believe: the gate has verified the caller's token,
// and the system will verify the new one. Whom it is about where the system declares no
// names is the server's word: it may call somebody otherwise for each audience. What an opaque token is for, only the answer
// says. ClientCredentials says nothing about on whose behalf it is used. Form and header
// of a request are plain text in the memory of this process. Tokens are not revoked
// when they are given back.
//
// # Errors
//
// [auth.ErrDenied]: the server refuses the client, the caller's token, the scope or the
// system, or the answer grants something else than was asked. [auth.ErrInvalid]: a
// translator or a lease that is not usable, or an answer that is none.
// [auth.ErrUndeclared]: an endpoint or a field of the lease is missing.
// [auth.ErrExpired]: the lease or the token has ended. [auth.ErrThrottled],
// [auth.ErrUnavailable]: as the server says, or it did not answer. Others are the
// Source's and the grant's. None has text of the server.
//
// # Concurrency
//
// All values are immutable and safe for concurrent use.
package oauthauth

import (
	"context"
	"crypto"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// The endpoints that a system declares for this package.
const (
	endpointToken  = "token"
	endpointIssuer = "issuer"
)

// order is one token that is asked for.
type order struct {
	need      auth.Need
	system    auth.System
	scopes    []string
	presented *presented    // what is exchanged; nil: nothing
	signer    crypto.Signer // of client assertions; nil: the client's key
	refuse    func()        // tells the client's lease that the server does not accept it
}

// place is the order of a grant that is alive.
func place(n auth.Need) (order, error) {
	if err := n.Grant.Live(); err != nil {
		return order{}, err
	}
	o := order{need: n, system: n.Grant.System(), scopes: n.Grant.Operation().Scopes}
	if err := fits(o.system); err != nil {
		return order{}, err
	}
	if n.Client == nil || n.Client.Transport == nil { // the default one goes through whatever proxy
		return order{}, auth.ErrInvalid
	}
	return o, nil
}

// fill leases the client, and gives it back if there is nothing to be had with it.
func (o order) fill(ctx context.Context, client auth.Source) (auth.Material, error) {
	lease, err := client.Lease(ctx, o.need.Grant)
	if err != nil {
		return nil, err
	}
	m, err := o.filled(ctx, lease)
	if err != nil {
		_ = lease.Close(ctx)
		return nil, err
	}
	return m, nil
}

func (o order) filled(ctx context.Context, lease *auth.Lease) (*material, error) {
	c, err := o.client(lease)
	if err != nil {
		return nil, err
	}
	if o.presented != nil && !o.presented.may(c.id) {
		return nil, auth.ErrDenied
	}
	o.refuse = lease.Refuse
	sent := time.Now() // the token is not older
	said, err := o.ask(ctx, c)
	if err != nil {
		return nil, err
	}
	got, err := o.read(said)
	if err == nil {
		err = o.accept(got, c.id)
	}
	if err != nil {
		return nil, err
	}
	return o.lend(lease, got, sent)
}

// form is what is asked for, without who asks.
func (o order) form() url.Values {
	form := url.Values{"grant_type": {"client_credentials"}}
	if o.presented != nil {
		form = url.Values{
			"grant_type":           {"urn:ietf:params:oauth:grant-type:token-exchange"},
			"subject_token":        {o.presented.raw},
			"subject_token_type":   {o.presented.kind},
			"requested_token_type": {typeAccess},
		}
	}
	if len(o.scopes) > 0 {
		form.Set("scope", strings.Join(o.scopes, " "))
	}
	target := o.system.Origin
	if o.system.Audience != "" {
		target = o.system.Audience
		form.Set("audience", target)
	}
	if absolute(target) {
		form.Set("resource", target)
	}
	return form
}

// absolute follows RFC 8707, section 2.
func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && (u.Host != "" || u.Opaque != "") && !strings.Contains(s, "#")
}

// fits says whether tokens can be had for the system.
func fits(s auth.System) error {
	if s.Kind != "" && s.Kind != auth.KindAPI {
		return fmt.Errorf("%w: tokens are for systems of kind api", auth.ErrInvalid)
	}
	if s.Endpoints[endpointToken] == "" {
		return fmt.Errorf("%w: the system has no endpoint token", auth.ErrUndeclared)
	}
	return nil
}
