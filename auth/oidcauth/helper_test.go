package oidcauth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/oidcauth"
)

const us = "gate-hr"

type claims = map[string]any

// setup is an issuer and a verifier of its tokens for us.
func setup(t testing.TB, o *oidcauth.Options) (*authtest.Issuer, *oidcauth.Verifier) {
	t.Helper()
	issuer, err := authtest.NewIssuer()
	if err != nil {
		t.Fatal(err)
	}
	return issuer, open(t, issuer, o)
}

func open(t testing.TB, issuer *authtest.Issuer, o *oidcauth.Options) *oidcauth.Verifier {
	t.Helper()
	all := oidcauth.Options{}
	if o != nil {
		all = *o
	}
	all.Client, all.InsecureTestIssuer = issuer.Client(), true
	v, err := oidcauth.New(context.Background(), issuer.URL(), us, &all)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func idToken(t testing.TB, i *authtest.Issuer, more claims) string {
	t.Helper()
	return must(t)(i.Token(join(claims{"sub": "ada", "aud": us}, more)))
}

func accessToken(t testing.TB, i *authtest.Issuer, more claims) string {
	t.Helper()
	return must(t)(i.TokenAs("at+jwt", join(claims{"sub": "ada", "aud": us, "client_id": "portal", "jti": "1"}, more)))
}

func join(a, b claims) claims {
	for name, v := range b {
		a[name] = v
	}
	return a
}

func must(t testing.TB) func(string, error) string {
	return func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func verify(v *oidcauth.Verifier, token string) (auth.Identity, error) {
	return v.Verify(context.Background(), auth.Bearer(token))
}

// expect also holds that an error says which class it is, and nothing else is
// returned with it.
func expect(t testing.TB, v *oidcauth.Verifier, token string, want error) {
	t.Helper()
	id, err := verify(v, token)
	if !errors.Is(err, want) {
		t.Errorf("Verify = %v, want %v", err, want)
	}
	if (err == nil) != (id.Subject != "") {
		t.Errorf("Verify = %v with subject %q", err, id.Subject)
	}
}

func expectText(t testing.TB, v *oidcauth.Verifier, token, want string) {
	t.Helper()
	if _, err := verify(v, token); err == nil || err.Error() != want {
		t.Errorf("Verify = %v, want %s", err, want)
	}
}

// signer makes tokens that no honest library would.
type signer struct {
	kid, alg string
	key      crypto.Signer
}

var (
	rsaKey   = sync.OnceValue(func() crypto.Signer { return try(rsa.GenerateKey(rand.Reader, 2048)) })
	weakKey  = sync.OnceValue(func() crypto.Signer { return try(rsa.GenerateKey(rand.Reader, 1024)) })
	curveKey = sync.OnceValue(func() crypto.Signer { return try(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edKey    = sync.OnceValue(func() crypto.Signer {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return try(key, err)
	})
)

func try[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (s signer) sign(t testing.TB, header, payload string) string {
	t.Helper()
	if header == "" {
		header = fmt.Sprintf(`{"alg":%q,"kid":%q}`, s.alg, s.kid)
	}
	signed := b64([]byte(header)) + "." + b64([]byte(payload))
	return signed + "." + b64(s.signature(t, signed))
}

func (s signer) signature(t testing.TB, signed string) []byte {
	t.Helper()
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[s.alg[2:]]
	var sum []byte
	if hash == 0 {
		sum = []byte(signed)
	} else {
		h := hash.New()
		h.Write([]byte(signed))
		sum = h.Sum(nil)
	}
	var o crypto.SignerOpts = hash
	if s.alg[:2] == "PS" {
		o = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	if key, ok := s.key.(*ecdsa.PrivateKey); ok {
		r, x, err := ecdsa.Sign(rand.Reader, key, sum)
		size := (key.Params().BitSize + 7) / 8
		return append(try(r, err).FillBytes(make([]byte, size)), x.FillBytes(make([]byte, size))...)
	}
	return try(s.key.Sign(rand.Reader, sum, o))
}

// jwk is the public half; more replaces members, and nil takes them away.
func (s signer) jwk(more claims) claims {
	k := claims{"kid": s.kid, "alg": s.alg, "use": "sig"}
	switch public := s.key.Public().(type) {
	case *rsa.PublicKey:
		k = join(k, claims{"kty": "RSA", "n": b64(public.N.Bytes()), "e": b64(big.NewInt(int64(public.E)).Bytes())})
	case *ecdsa.PublicKey:
		point := try(public.Bytes())[1:]
		k = join(k, claims{"kty": "EC", "crv": public.Params().Name, "x": b64(point[:len(point)/2]), "y": b64(point[len(point)/2:])})
	case ed25519.PublicKey:
		k = join(k, claims{"kty": "OKP", "crv": "Ed25519", "x": b64(public)})
	}
	for name, v := range more {
		if k[name] = v; v == nil {
			delete(k, name)
		}
	}
	return k
}

func hmacToken(header, payload string, secret []byte) string {
	signed := b64([]byte(header)) + "." + b64([]byte(payload))
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(signed))
	return signed + "." + b64(m.Sum(nil))
}

// good is a payload that is accepted under the right key.
func good() string { return payload(nil) }

func payload(more claims) string {
	now := time.Now().Unix()
	b := try(json.Marshal(join(claims{"iss": "https://carnet.invalid", "sub": "ada", "aud": us, "iat": now, "exp": now + 300}, more)))
	return string(b)
}

// answers is what an issuer's key endpoint says.
type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

func body(status int, b io.Reader) answers {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(b), Request: r}, nil
	}
}

func keys(set ...claims) answers {
	b := try(json.Marshal(claims{"keys": set}))
	return func(r *http.Request) (*http.Response, error) { return body(200, bytes.NewReader(b))(r) }
}

// published is a verifier that knows these keys.
func published(t testing.TB, set ...claims) *oidcauth.Verifier {
	t.Helper()
	issuer := try(authtest.NewIssuer())
	issuer.AnswerKeys(keys(set...))
	return open(t, issuer, nil)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
