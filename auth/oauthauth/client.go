package oauthauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/pemkey"
)

const (
	assertionLife = 60 * time.Second
	assertionType = "client-authentication+jwt" // RFC 10070
)

// client is who asks, and the one way in which it shows that.
type client struct {
	id       string
	identify func(http.Header, url.Values) error
}

// client is the one of the lease. Two ways to authenticate would be two secrets sent,
// or one that nobody looks at.
func (o order) client(l *auth.Lease) (client, error) {
	id, err := text(l, "id")
	if err != nil {
		return client{}, err
	}
	c := client{id: id}
	secret, errSecret := has(l, "secret")
	key, errKey := has(l, "key")
	switch {
	case errSecret != nil || errKey != nil:
		return client{}, errors.Join(errSecret, errKey)
	case secret && key, o.signer != nil && (secret || key):
		return client{}, auth.ErrInvalid
	case secret:
		c.identify = func(h http.Header, _ url.Values) error { return basic(l, c.id, h) }
	case (key || o.signer != nil) && o.system.Endpoints[endpointIssuer] != "":
		c.identify = func(_ http.Header, form url.Values) error { return o.assert(l, c.id, form) }
	default:
		return client{}, auth.ErrUndeclared
	}
	return c, nil
}

// basic follows RFC 6749, section 2.3.1.
func basic(l *auth.Lease, id string, h http.Header) error {
	secret, err := text(l, "secret")
	if err != nil {
		return err
	}
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	return nil
}

// assert follows RFC 7523, section 2.2, with the audience and the type of RFC 10070.
func (o order) assert(l *auth.Lease, id string, form url.Values) error {
	kid, err := text(l, "kid")
	if err != nil && !errors.Is(err, auth.ErrUndeclared) {
		return err
	}
	signer := o.signer
	if signer == nil {
		err = use(l, "key", func(b []byte) error {
			signer = pemkey.Read(b)
			return nil
		})
		if err != nil {
			return err
		}
	}
	signed, err := sign(signer, kid, id, o.system.Endpoints[endpointIssuer])
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", signed)
	return err
}

// sign has the same error for whatever is wrong with a key.
func sign(key crypto.Signer, kid, id, issuer string) (string, error) {
	alg := algorithm(key)
	if alg == "" {
		return "", auth.ErrInvalid
	}
	now := time.Now()
	claims, _ := json.Marshal(map[string]any{ // of text and numbers
		"iss": id, "sub": id, "aud": issuer, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	o := (&jose.SignerOptions{}).WithType(assertionType)
	if kid != "" {
		o = o.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: cryptosigner.Opaque(key)}, o)
	if err != nil {
		return "", auth.ErrInvalid
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", pemkey.Unsigned(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		return "", auth.ErrInvalid
	}
	return compact, nil
}

// algorithm is the one that a key is for; empty: none.
func algorithm(s crypto.Signer) jose.SignatureAlgorithm {
	s = pemkey.Strong(s)
	if s == nil {
		return ""
	}
	switch k := s.Public().(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return jose.ES256
		}
	case *rsa.PublicKey:
		return jose.RS256
	}
	return ""
}

// use lends a field of the lease.
func use(l *auth.Lease, field string, fn func([]byte) error) error {
	secret, err := l.Secret(field)
	if err != nil {
		return err
	}
	return secret.Use(fn)
}

// has says whether the lease has the field, with something in it.
func has(l *auth.Lease, field string) (bool, error) {
	err := use(l, field, func([]byte) error { return nil })
	if errors.Is(err, auth.ErrUndeclared) {
		return false, nil
	}
	return err == nil, err
}

// text is a field that is an id or a secret (RFC 6749, appendix A). Anything else in it,
// such as the end of a line, is a mistake that must not be sent, nor trimmed.
func text(l *auth.Lease, field string) (s string, err error) {
	err = use(l, field, func(b []byte) error {
		for _, c := range b {
			if c < ' ' || c > '~' {
				return auth.ErrInvalid
			}
		}
		s = string(b)
		return nil
	})
	return s, err
}
