// Package pemkey reads the private keys that adapters sign with.
//
//	signer := pemkey.Read(text)
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
// There are none: what is wrong with a key is not told apart.
//
// # Concurrency
//
// Read may be called concurrently.
package pemkey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
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
	switch k := parse(block).(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() >= leastBits {
			return k
		}
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() {
			return k
		}
	}
	return nil
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
