package samlauth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"

	"github.com/carnet-go/carnet/auth"
)

const leastBits = 2048 // of RSA

// key signs, and has a certificate that says so.
type key struct {
	signer      crypto.Signer
	certificate []byte // DER
}

// read is the key of a lease, if it may sign now.
func read(l *auth.Lease, at time.Time) (k key, err error) {
	err = field(l, "key", func(block *pem.Block) error {
		defer clear(block.Bytes)
		k.signer = parse(block)
		if k.signer == nil {
			return auth.ErrInvalid
		}
		return nil
	})
	if err != nil {
		return key{}, err
	}
	err = field(l, "certificate", func(block *pem.Block) error {
		k.certificate = block.Bytes
		return k.vouched(block, at)
	})
	return k, err
}

// field lends the one PEM block that a field of the lease is.
func field(l *auth.Lease, name string, fn func(*pem.Block) error) error {
	secret, err := l.Secret(name)
	if err != nil {
		return err
	}
	return secret.Use(func(b []byte) error {
		block, rest := pem.Decode(b)
		if block == nil || len(bytes.TrimSpace(rest)) > 0 {
			return auth.ErrInvalid
		}
		return fn(block)
	})
}

// parse is a key that is strong enough; nil: it is not, or it is none.
func parse(block *pem.Block) crypto.Signer {
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	}
	if err != nil {
		return nil
	}
	switch k := parsed.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() >= leastBits {
			return k
		}
	case *ecdsa.PrivateKey:
		if slices.Contains([]elliptic.Curve{elliptic.P256(), elliptic.P384()}, k.Curve) {
			return k
		}
	}
	return nil
}

// vouched says whether the certificate is the key's, and good now.
func (k key) vouched(block *pem.Block, at time.Time) error {
	if block.Type != "CERTIFICATE" {
		return auth.ErrInvalid
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil || at.Before(c.NotBefore) {
		return auth.ErrInvalid
	}
	public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(k.signer.Public()) {
		return auth.ErrInvalid
	}
	if at.After(c.NotAfter) {
		return auth.ErrExpired
	}
	return nil
}
