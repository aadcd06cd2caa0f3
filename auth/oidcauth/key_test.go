package oidcauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/oidcauth"
)

func TestAlgorithms(t *testing.T) {
	p384 := try(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	p521 := try(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	for _, s := range []signer{
		{"1", "RS256", rsaKey()}, {"2", "RS384", rsaKey()}, {"3", "RS512", rsaKey()},
		{"4", "ES256", curveKey()}, {"5", "ES384", p384}, {"6", "ES512", p521}, {"7", "EdDSA", edKey()},
	} {
		t.Run(s.alg, func(t *testing.T) {
			v := published(t, s.jwk(nil))
			token := s.sign(t, "", good())
			expect(t, v, token, nil)
			changed := token[:len(token)-6] + "AAAAAA"
			expectText(t, v, changed, "oidcauth: signature refused")
			head, tail := token[:strings.LastIndex(token, ".")+1], token[strings.LastIndex(token, ".")+1:]
			signature := try(base64.RawURLEncoding.DecodeString(tail))
			expectText(t, v, head+b64(signature[1:]), "oidcauth: signature refused")
			expectText(t, v, head+b64(append(signature, 0)), "oidcauth: signature refused")
			expectText(t, v, head+b64(slices.Insert(signature, len(signature)/2, 0)), "oidcauth: signature refused")
			expectText(t, v, head+b64(signature[:8]), "oidcauth: signature refused")
		})
	}
}

func TestAlgIsPinnedPerKey(t *testing.T) {
	rs, es := signer{"r", "RS256", rsaKey()}, signer{"e", "ES256", curveKey()}
	v := published(t, rs.jwk(nil), es.jwk(nil))
	public := try(x509.MarshalPKIXPublicKey(rsaKey().Public()))
	head := func(alg, kid string) string { return fmt.Sprintf(`{"alg":%q,"kid":%q}`, alg, kid) }
	other := func(alg string) string {
		return signer{"r", alg, rsaKey()}.sign(t, "", good())
	}
	for name, token := range map[string]string{
		"none":               b64([]byte(head("none", "r"))) + "." + b64([]byte(good())) + ".",
		"none, signed":       rs.sign(t, head("none", "r"), good()),
		"None":               rs.sign(t, head("None", "r"), good()),
		"HS256 with RSA key": hmacToken(head("HS256", "r"), good(), public),
		"HS256 with modulus": hmacToken(head("HS256", "r"), good(), []byte(fmt.Sprint(rs.jwk(nil)["n"]))),
		"RS512 of RS256 key": other("RS512"),
		"PS256 of RS256 key": other("PS256"),
		"other key's kid":    rs.sign(t, head("RS256", "e"), good()),
		"other family":       es.sign(t, head("ES256", "r"), good()),
		"no alg":             rs.sign(t, `{"kid":"r"}`, good()),
		"alg a number":       rs.sign(t, `{"alg":1,"kid":"r"}`, good()),
		"lower case":         rs.sign(t, head("rs256", "r"), good()),
		"two algs":           rs.sign(t, `{"alg":"none","alg":"RS256","kid":"r"}`, good()),
		"alg in two cases":   rs.sign(t, `{"alg":"RS256","ALG":"none","kid":"r"}`, good()),
	} {
		t.Run(name, func(t *testing.T) { expect(t, v, token, auth.ErrInvalid) })
	}
	expect(t, v, rs.sign(t, "", good()), nil)
	expect(t, v, es.sign(t, "", good()), nil)
}

// An RSA key that names no algorithm is for RS256 only, and one that names
// another family is for nothing.
func TestKeysWithoutAlg(t *testing.T) {
	s := signer{"r", "RS256", rsaKey()}
	v := published(t, s.jwk(claims{"alg": nil}))
	expect(t, v, s.sign(t, "", good()), nil)
	s.alg = "RS512"
	expect(t, v, s.sign(t, "", good()), auth.ErrInvalid)
}

func TestHeaderCannotBringAKey(t *testing.T) {
	s := signer{"k", "ES256", curveKey()}
	v := published(t, s.jwk(nil))
	own := signer{"k", "ES256", try(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	jwk := string(try(json.Marshal(own.jwk(nil))))
	for name, header := range map[string]string{
		"jwk":     `{"alg":"ES256","kid":"k","jwk":` + jwk + `}`,
		"jku":     `{"alg":"ES256","kid":"k","jku":"https://evil.example/keys"}`,
		"x5u":     `{"alg":"ES256","kid":"k","x5u":"https://evil.example/cert"}`,
		"x5c":     `{"alg":"ES256","kid":"k","x5c":["MII="]}`,
		"JWK":     `{"alg":"ES256","kid":"k","JWK":` + jwk + `}`,
		"crit":    `{"alg":"ES256","kid":"k","crit":["exp"],"exp":1}`,
		"no crit": `{"alg":"ES256","kid":"k","crit":[]}`,
		"b64":     `{"alg":"ES256","kid":"k","b64":false}`,
		"nested":  `{"alg":"ES256","kid":"k","cty":"JWT"}`,
		"list":    `["ES256"]`,
		"typ 1":   `{"alg":"ES256","kid":"k","typ":1}`,
		"typ two": `{"alg":"ES256","kid":"k","typ":"JWT","typ":"at+jwt"}`,
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, v, s.sign(t, header, good()), auth.ErrInvalid)
			expect(t, v, own.sign(t, header, good()), auth.ErrInvalid)
		})
	}
	expect(t, v, s.sign(t, `{"alg":"ES256","kid":"k","x5t":"x","typ":"JWT"}`, good()), nil)
}

func TestMissingKid(t *testing.T) {
	rs, es := signer{"r", "RS256", rsaKey()}, signer{"e", "ES256", curveKey()}
	second := signer{"e2", "ES256", try(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	noKid := es.sign(t, `{"alg":"ES256"}`, good())
	expect(t, published(t, rs.jwk(nil), es.jwk(nil)), noKid, nil)
	expectText(t, published(t, rs.jwk(nil), es.jwk(nil), second.jwk(nil)), noKid, "oidcauth: no key of the issuer fits")
	v := published(t, es.jwk(nil))
	expect(t, v, es.sign(t, `{"alg":"ES256","kid":""}`, good()), auth.ErrInvalid)
	expect(t, v, es.sign(t, `{"alg":"ES256","kid":null}`, good()), auth.ErrInvalid)
	expect(t, v, es.sign(t, `{"alg":"ES256","kid":["e"]}`, good()), auth.ErrInvalid)
	expect(t, published(t, es.jwk(claims{"kid": nil})), noKid, nil)
	expect(t, published(t, es.jwk(claims{"kid": nil})), es.sign(t, "", good()), auth.ErrInvalid)
}

func TestDuplicateKid(t *testing.T) {
	one := signer{"k", "ES256", curveKey()}
	two := signer{"k", "ES256", try(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	rs := signer{"k", "RS256", rsaKey()}
	v := published(t, one.jwk(nil), two.jwk(nil), rs.jwk(nil))
	for _, s := range []signer{one, two} {
		expectText(t, v, s.sign(t, "", good()), "oidcauth: no key of the issuer fits")
	}
	expect(t, v, rs.sign(t, "", good()), nil) // another type of key: RFC 7517, section 4.5
	expect(t, published(t, one.jwk(nil), one.jwk(nil)), one.sign(t, "", good()), nil)
}

// A key that is not fit makes a set of its own unusable; beside a good one it is
// passed over.
func TestUnfitKeys(t *testing.T) {
	rs, es, ed := signer{"r", "RS256", rsaKey()}, signer{"e", "ES256", curveKey()}, signer{"d", "EdDSA", edKey()}
	fine := signer{"fine", "ES256", try(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	weak := signer{"w", "RS256", weakKey()}
	long := strings.Repeat("_", 1400)
	for name, c := range map[string]struct {
		by  signer
		key claims
	}{
		"use enc":         {rs, rs.jwk(claims{"use": "enc"})},
		"use a number":    {rs, rs.jwk(claims{"use": 1})},
		"key_ops sign":    {rs, rs.jwk(claims{"key_ops": []string{"sign"}})},
		"key_ops empty":   {rs, rs.jwk(claims{"key_ops": []string{}})},
		"key_ops object":  {rs, rs.jwk(claims{"key_ops": claims{"a": "verify"}})},
		"key_ops string":  {rs, rs.jwk(claims{"key_ops": "verify"})},
		"alg of another":  {rs, rs.jwk(claims{"alg": "ES256"})},
		"alg PS256":       {rs, rs.jwk(claims{"alg": "PS256"})},
		"alg RSA-OAEP":    {rs, rs.jwk(claims{"alg": "RSA-OAEP"})},
		"alg a list":      {rs, rs.jwk(claims{"alg": []string{"RS256"}})},
		"1024 bits":       {weak, weak.jwk(nil)},
		"8400 bits":       {rs, rs.jwk(claims{"n": long})},
		"even modulus":    {rs, rs.jwk(claims{"n": strings.Repeat("_", 341) + "g"})},
		"exponent 3":      {rs, rs.jwk(claims{"e": "Aw"})},
		"exponent even":   {rs, rs.jwk(claims{"e": "AQAC"})},
		"exponent long":   {rs, rs.jwk(claims{"e": "AQAAAAE"})},
		"exponent wide":   {rs, rs.jwk(claims{"e": "gAAAAQ"})},
		"exponent wraps":  {rs, rs.jwk(claims{"e": b64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})})},
		"CVE-2017-15361":  {rs, rs.jwk(claims{"n": b64(flawed().Bytes())})},
		"padded modulus":  {rs, rs.jwk(claims{"n": fmt.Sprint(rs.jwk(nil)["n"], "==")})},
		"no modulus":      {rs, rs.jwk(claims{"n": nil})},
		"private":         {rs, rs.jwk(claims{"d": "AQAB"})},
		"kid a number":    {rs, rs.jwk(claims{"kid": 1})},
		"kty of another":  {rs, rs.jwk(claims{"kty": "EC"})},
		"symmetric":       {rs, claims{"kty": "oct", "kid": "r", "alg": "RS256", "k": "AAAA"}},
		"kty in caps":     {rs, rs.jwk(claims{"kty": nil, "KTY": "RSA"})},
		"not on curve":    {es, es.jwk(claims{"x": b64(make([]byte, 32))})},
		"short":           {es, es.jwk(claims{"x": "AAAA"})},
		"other curve":     {es, es.jwk(claims{"crv": "P-384"})},
		"unknown curve":   {es, es.jwk(claims{"crv": "secp256k1"})},
		"ES384 for P-256": {es, es.jwk(claims{"alg": "ES384"})},
		"short Ed25519":   {ed, ed.jwk(claims{"x": "AAAA"})},
		"X25519":          {ed, ed.jwk(claims{"crv": "X25519"})},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, published(t, c.key, fine.jwk(nil)), c.by.sign(t, "", good()), auth.ErrInvalid)
			expect(t, published(t, c.key, fine.jwk(nil)), fine.sign(t, "", good()), nil)
			issuer := try(authtest.NewIssuer())
			issuer.AnswerKeys(keys(c.key))
			o := &oidcauth.Options{Client: issuer.Client(), InsecureTestIssuer: true}
			if v, err := oidcauth.New(t.Context(), issuer.URL(), us, o); v != nil || !errors.Is(err, auth.ErrUnavailable) {
				t.Errorf("New = %v", err)
			}
		})
	}
	for name, k := range map[string]claims{
		"key_ops verify": rs.jwk(claims{"key_ops": []string{"verify"}, "use": nil}),
		"extra members":  rs.jwk(claims{"x5t": "x", "x5c": []string{"MII="}}),
	} {
		t.Run(name, func(t *testing.T) { expect(t, published(t, k), rs.sign(t, "", good()), nil) })
	}
}

// flawed is 1, and so a power of 65537, modulo every small prime.
func flawed() *big.Int {
	m := big.NewInt(2)
	for p := int64(3); p <= 167; p += 2 {
		if prime := big.NewInt(p); prime.ProbablyPrime(0) {
			m.Mul(m, prime)
		}
	}
	n := new(big.Int).Lsh(big.NewInt(1), 2047)
	n.Sub(n, new(big.Int).Mod(n, m))
	return n.Add(n, m).Add(n, big.NewInt(1))
}
