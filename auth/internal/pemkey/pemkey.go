// Package pemkey reads the private keys that adapters sign with.
//
//	signer := pemkey.Read(text)
//	signer = pemkey.Strong(signer) // one that was made elsewhere
//
// # Guarantees
//
// A key is RSA of at least 2048 bits, P-256 or P-384. The decoded block is overwritten.
//
// # Limits
//
// What crypto/x509 makes of a key stays in memory as long as the key is used.
//
// # Errors
//
// What is wrong with a key is not told apart. Unsigned says which error of package auth the
// error of a signer is, which may be elsewhere.
//
// # Concurrency
//
// Read and Strong may be called concurrently.
package pemkey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"github.com/carnet-go/carnet/auth"
)

const leastBits = 2048 // of RSA

// Read is the key of a text that is one PEM block, in PKCS #8, PKCS #1 or SEC 1; nil: it
// is none, is encrypted, or too weak.
func Read(text []byte) crypto.Signer {
	block, rest := pem.Decode(text)
	if block == nil {
		return nil
	}
	defer clear(block.Bytes)
	if len(block.Headers) > 0 || len(bytes.TrimSpace(rest)) > 0 {
		return nil
	}
	signer, _ := parse(block).(crypto.Signer)
	return Strong(signer)
}

// Strong is the signer; nil: its key is too weak, or of another kind.
func Strong(s crypto.Signer) crypto.Signer {
	if s == nil {
		return nil
	}
	switch k := s.Public().(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() >= leastBits {
			return s
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() {
			return s
		}
	}
	return nil
}

// Unsigned is why there is no signature: what a signer elsewhere says of itself, and no more
// of it than its side; else auth.ErrInvalid.
func Unsigned(err error) error {
	if said, ok := errors.AsType[*auth.FailedError](err); ok {
		return said
	}
	for _, side := range []error{auth.ErrDenied, auth.ErrUndeclared, auth.ErrExpired, auth.ErrThrottled, auth.ErrUnavailable} {
		if errors.Is(err, side) {
			return side
		}
	}
	return auth.ErrInvalid
}

// parse reads a block by what it calls itself; nil: it is not that.
func parse(block *pem.Block) (key any) {
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	}
	if err != nil {
		return nil
	}
	return key
}
