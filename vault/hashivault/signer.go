package hashivault

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
)

const signWithin = 10 * time.Second

// signer signs with one version of a transit key. The key stays where it is.
type signer struct {
	v       *Vault
	key     string
	version string
	public  crypto.PublicKey
}

// Signer signs with a version of the transit key of that name: ECDSA (ASN.1), RSA (PKCS #1
// v1.5, or PSS as the options say) or Ed25519. Version 0 is the one that is the newest now;
// what a certificate or a log has the public half of, such as samlauth.Session.Signer and
// audit.Options.Signer, names its own, so that a rotation does not end it. One that the server
// has not is auth.ErrUndeclared. Each signature is verified before it is returned. Sign takes
// no context: it ends after 10 seconds.
func (v *Vault) Signer(ctx context.Context, key string, version int) (crypto.Signer, error) {
	if v.zero() || !isKey(key) || version < 0 {
		return nil, auth.ErrUndeclared
	}
	s := &signer{v: v, key: key, version: strconv.Itoa(version)}
	err := v.call(ctx, request{method: http.MethodGet, path: v.transit + "/keys/" + key}, func(a answer) error {
		e, err := a.envelope()
		if err != nil {
			return err
		}
		if version == 0 {
			newest := e.data.get("latest_version")
			if _, ok := seconds(newest); !ok || newest.absent() {
				return auth.ErrInvalid
			}
			s.version = string(newest.text)
		}
		one := e.data.get("keys").get(s.version)
		if version > 0 && one.absent() {
			return auth.ErrUndeclared
		}
		s.public, err = public(one.get("public_key"))
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// public is a key in PEM, or the 32 bytes of Ed25519 in base64.
func public(n node) (crypto.PublicKey, error) {
	if raw, err := base64.StdEncoding.Strict().DecodeString(string(n.text)); err == nil && len(raw) == ed25519.PublicKeySize {
		return ed25519.PublicKey(raw), nil
	}
	block, rest := pem.Decode(n.text)
	if block == nil || block.Type != "PUBLIC KEY" || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, auth.ErrInvalid
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, auth.ErrInvalid
	}
	switch key.(type) {
	case *ecdsa.PublicKey, *rsa.PublicKey, ed25519.PublicKey:
		return key, nil
	}
	return nil, auth.ErrInvalid
}

// Public implements crypto.Signer.
func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign implements crypto.Signer. The server has its own randomness.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	body, ok := s.body(digest, opts)
	if !ok {
		return nil, auth.ErrInvalid
	}
	version, err := strconv.ParseInt(s.version, 10, 64)
	if err != nil {
		return nil, auth.ErrInvalid
	}
	body["key_version"], body["input"] = version, base64.StdEncoding.EncodeToString(digest)
	ctx, cancel := context.WithTimeout(context.Background(), signWithin)
	defer cancel()
	var signature []byte
	err = s.v.call(ctx, request{method: http.MethodPost, path: s.v.transit + "/sign/" + s.key, body: body}, func(a answer) error {
		e, err := a.envelope()
		if err != nil {
			return err
		}
		said, ok := strings.CutPrefix(string(e.data.get("signature").text), "vault:v"+s.version+":")
		signature, err = base64.StdEncoding.Strict().DecodeString(said)
		if !ok || err != nil || !s.verified(digest, signature, opts) {
			return auth.ErrInvalid
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return signature, nil
}

// body is how to sign; false: so nobody can.
func (s *signer) body(digest []byte, opts crypto.SignerOpts) (map[string]any, bool) {
	if opts == nil {
		return nil, false
	}
	if _, ok := s.public.(ed25519.PublicKey); ok {
		o, isOptions := opts.(*ed25519.Options)
		return map[string]any{}, opts.HashFunc() == 0 && (!isOptions || o.Context == "")
	}
	name, ok := map[crypto.Hash]string{
		crypto.SHA224: "sha2-224", crypto.SHA256: "sha2-256", crypto.SHA384: "sha2-384", crypto.SHA512: "sha2-512",
	}[opts.HashFunc()]
	if !ok || len(digest) != opts.HashFunc().Size() {
		return nil, false
	}
	body := map[string]any{"prehashed": true, "hash_algorithm": name}
	if _, ok := s.public.(*ecdsa.PublicKey); ok {
		body["marshaling_algorithm"] = "asn1"
		return body, true
	}
	body["signature_algorithm"] = "pkcs1v15"
	if pss, ok := opts.(*rsa.PSSOptions); ok {
		body["signature_algorithm"], body["salt_length"] = "pss", salt(pss.SaltLength)
	}
	return body, true
}

func salt(length int) string {
	switch length {
	case rsa.PSSSaltLengthAuto:
		return "auto"
	case rsa.PSSSaltLengthEqualsHash:
		return "hash"
	}
	return strconv.Itoa(length)
}

func (s *signer) verified(digest, signature []byte, opts crypto.SignerOpts) bool {
	switch key := s.public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest, signature)
	case ed25519.PublicKey:
		return ed25519.Verify(key, digest, signature)
	case *rsa.PublicKey:
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			return rsa.VerifyPSS(key, opts.HashFunc(), digest, signature, pss) == nil
		}
		return rsa.VerifyPKCS1v15(key, opts.HashFunc(), digest, signature) == nil
	}
	return false
}
