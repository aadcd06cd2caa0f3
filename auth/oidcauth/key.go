package oidcauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"math"
	"math/big"

	"github.com/carnet-go/carnet/auth/internal/strictjson"
)

// Bounds of RSA keys: NIST SP 800-131A and FIPS 186-5 below, the cost of one
// verification above.
const (
	minRSABits     = 2048
	maxRSABits     = 8192
	minRSAExponent = 1<<16 + 1
)

// algorithms are those of RFC 7518 and RFC 8037 that this package verifies: no
// MAC, no "none", and no PSS, whose parameters verifiers disagree about.
func algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// key is one public key, for exactly one algorithm.
type key struct {
	id     string // kid; empty: none
	alg    string
	public crypto.PublicKey
}

// parseKey reads a JWK (RFC 7517). What is not for signatures, is weak, or was
// published with its private half is none.
func parseKey(v strictjson.Value) (key, bool) {
	if !v.Distinct("kty", "kid", "use", "key_ops", "alg", "crv", "n", "e", "x", "y", "d", "k") || v.Has("d", "k") || !forVerifying(v) {
		return key{}, false
	}
	id, ok := optional(v, "kid")
	if !ok {
		return key{}, false
	}
	kty, _ := optional(v, "kty")
	k := key{id: id}
	switch kty {
	case "RSA":
		k.public, k.alg, ok = rsaKey(v)
	case "EC":
		k.public, k.alg, ok = ecKey(v)
	case "OKP":
		k.public, k.alg, ok = edKey(v)
	default:
		return key{}, false
	}
	return k, ok
}

// forVerifying follows RFC 7517, sections 4.2 and 4.3.
func forVerifying(v strictjson.Value) bool {
	if use, ok := v.Get("use"); ok && (use.Kind != strictjson.Text || use.Text != "sig") {
		return false
	}
	ops, ok := v.Get("key_ops")
	if !ok {
		return true
	}
	for _, op := range ops.Of {
		if ops.Kind == strictjson.List && op.Value.Kind == strictjson.Text && op.Value.Text == "verify" {
			return true
		}
	}
	return false
}

// optional is a short printable string; absent is empty and fine.
func optional(v strictjson.Value, name string) (string, bool) {
	m, ok := v.Get(name)
	if !ok {
		return "", true
	}
	return m.Text, m.Kind == strictjson.Text && printable(m.Text)
}

// pinned is the key's algorithm: the one that it names, or the first that fits.
func pinned(v strictjson.Value, fits ...string) (string, bool) {
	alg, ok := v.Get("alg")
	if !ok {
		return fits[0], true
	}
	for _, name := range fits {
		if alg.Kind == strictjson.Text && alg.Text == name {
			return name, true
		}
	}
	return "", false
}

func rsaKey(v strictjson.Value) (crypto.PublicKey, string, bool) {
	alg, ok := pinned(v, "RS256", "RS384", "RS512")
	n, okN := octets(v, "n")
	e, okE := octets(v, "e")
	if !ok || !okN || !okE || len(e) > 4 {
		return nil, "", false
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e).Int64()
	bits := modulus.BitLen()
	ok = bits >= minRSABits && bits <= maxRSABits && modulus.Bit(0) == 1 && !roca(modulus) &&
		exponent >= minRSAExponent && exponent <= math.MaxInt32 && exponent%2 == 1
	return &rsa.PublicKey{N: modulus, E: int(exponent)}, alg, ok
}

func ecKey(v strictjson.Value) (crypto.PublicKey, string, bool) {
	crv, _ := optional(v, "crv")
	var curve elliptic.Curve
	var alg string
	switch crv {
	case "P-256":
		curve, alg = elliptic.P256(), "ES256"
	case "P-384":
		curve, alg = elliptic.P384(), "ES384"
	case "P-521":
		curve, alg = elliptic.P521(), "ES512"
	default:
		return nil, "", false
	}
	alg, ok := pinned(v, alg)
	x, okX := octets(v, "x")
	y, okY := octets(v, "y")
	size := coordinate(curve)
	if !ok || !okX || !okY || len(x) != size || len(y) != size {
		return nil, "", false
	}
	point := append(append([]byte{4}, x...), y...)
	k, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	return k, alg, err == nil
}

func edKey(v strictjson.Value) (crypto.PublicKey, string, bool) {
	crv, _ := optional(v, "crv")
	alg, ok := pinned(v, "EdDSA")
	x, okX := octets(v, "x")
	return ed25519.PublicKey(x), alg, ok && okX && crv == "Ed25519" && len(x) == ed25519.PublicKeySize
}

func coordinate(c elliptic.Curve) int { return (c.Params().BitSize + 7) / 8 }

// octets is a base64url member, in its one canonical form.
func octets(v strictjson.Value, name string) ([]byte, bool) {
	m, ok := v.Get(name)
	if !ok || m.Kind != strictjson.Text {
		return nil, false
	}
	return decode(m.Text)
}

// decode takes base64url as RFC 7515, section 2, has it: no padding, no line
// break, no stray bit at the end.
func decode(s string) ([]byte, bool) {
	for i := range len(s) {
		if s[i] == '\n' || s[i] == '\r' { // which encoding/base64 skips
			return nil, false
		}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil
}

// same says whether two keys are one, published twice.
func (k key) same(other key) bool {
	equal, ok := k.public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.alg == other.alg && equal.Equal(other.public)
}

// verify is RFC 7515, section 5.2, for the key's own algorithm.
func (k key) verify(signed, signature []byte) bool {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		hash, sum := digest(k.alg, signed)
		return rsa.VerifyPKCS1v15(public, hash, sum, signature) == nil
	case *ecdsa.PublicKey:
		size := coordinate(public.Curve)
		if len(signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		_, sum := digest(k.alg, signed)
		return ecdsa.Verify(public, sum, r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(public, signed, signature)
	default:
		return false
	}
}

func digest(alg string, b []byte) (crypto.Hash, []byte) {
	switch alg {
	case "RS512", "ES512":
		sum := sha512.Sum512(b)
		return crypto.SHA512, sum[:]
	case "RS384", "ES384":
		sum := sha512.Sum384(b)
		return crypto.SHA384, sum[:]
	default:
		sum := sha256.Sum256(b)
		return crypto.SHA256, sum[:]
	}
}
