package samlauth

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/pemkey"
)

// key signs, and has a certificate that says so.
type key struct {
	signer      crypto.Signer
	certificate []byte // DER
}

// read is the key of a lease, if it may sign now.
func read(l *auth.Lease, at time.Time) (k key, err error) {
	err = use(l, "key", func(b []byte) error {
		if k.signer = pemkey.Read(b); k.signer == nil {
			return auth.ErrInvalid
		}
		return nil
	})
	if err != nil {
		return key{}, err
	}
	err = use(l, "certificate", func(b []byte) error {
		block, rest := pem.Decode(b)
		if block == nil || len(bytes.TrimSpace(rest)) > 0 {
			return auth.ErrInvalid
		}
		k.certificate = block.Bytes
		return k.vouched(block, at)
	})
	return k, err
}

// use lends a field of the lease.
func use(l *auth.Lease, name string, fn func([]byte) error) error {
	secret, err := l.Secret(name)
	if err != nil {
		return err
	}
	return secret.Use(fn)
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
