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

// read is the key of a lease, if it may sign now; where that is elsewhere, the lease has the
// certificate alone.
func read(l *auth.Lease, elsewhere crypto.Signer, at time.Time) (k key, err error) {
	if k.signer, err = signer(l, elsewhere); err != nil {
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

// signer is the one key that there is.
func signer(l *auth.Lease, elsewhere crypto.Signer) (crypto.Signer, error) {
	leased := pemkey.Strong(elsewhere)
	err := use(l, "key", func(b []byte) error {
		leased = pemkey.Read(b)
		return nil
	})
	switch {
	case elsewhere != nil && err == nil, err == nil && leased == nil:
		return nil, auth.ErrInvalid
	case elsewhere != nil && err == auth.ErrUndeclared:
		return leased, nil
	}
	return leased, err
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
