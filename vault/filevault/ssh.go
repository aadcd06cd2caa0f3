package filevault

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"github.com/carnet-go/carnet/auth"
)

const (
	pemBegin  = "-----BEGIN"
	leastBits = 2048 // of RSA: age would refuse less only once it encrypts
)

var errLocked = fmt.Errorf("%w: the SSH key has a passphrase of its own: take a copy without one (ssh-keygen -p), or an age identity", auth.ErrInvalid)

// looksLikePEM of what follows no space. It is a key or an error, and never a passphrase.
func looksLikePEM(b []byte) bool { return bytes.HasPrefix(b, []byte(pemBegin)) }

// sshKey reads a private key in the form of OpenSSH, PKCS #1 or PKCS #8. The text is one
// block: a reader of PEM skips what it cannot read, and would take a key further down.
func sshKey(b []byte) (key, error) {
	block, rest := pem.Decode(b)
	if block == nil {
		return key{}, errNoKey
	}
	defer clear(block.Bytes)
	if bytes.Count(b, []byte(pemBegin)) != 1 || len(bytes.TrimSpace(rest)) > 0 {
		return key{}, errNoKey
	}
	private, err := ssh.ParseRawPrivateKey(b)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked || block.Type == "ENCRYPTED PRIVATE KEY" {
		return key{}, errLocked
	}
	if err != nil {
		return key{}, errNoKey
	}
	switch k := private.(type) {
	case *ed25519.PrivateKey: // of OpenSSH
		return ed25519Key(*k)
	case ed25519.PrivateKey: // of PKCS #8
		return ed25519Key(k)
	case *rsa.PrivateKey:
		return rsaKey(k)
	}
	return key{}, errNoKey
}

// ed25519Key holds that both halves are of one key, which the form of OpenSSH does not:
// age encrypts to the one, and names the other in the file.
func ed25519Key(k ed25519.PrivateKey) (key, error) {
	defer clear(k)
	whole := ed25519.NewKeyFromSeed(k[:ed25519.SeedSize])
	defer clear(whole)
	if !whole.Equal(k) {
		return key{}, errNoKey
	}
	i, err := agessh.NewEd25519Identity(k)
	if err != nil {
		return key{}, errNoKey
	}
	return key{i, i.Recipient(), "ssh-ed25519 " + string(k[ed25519.SeedSize:])}, nil
}

func rsaKey(k *rsa.PrivateKey) (key, error) {
	if k.N.BitLen() < leastBits {
		return key{}, errNoKey
	}
	i, err := agessh.NewRSAIdentity(k)
	if err != nil {
		return key{}, errNoKey
	}
	return key{i, i.Recipient(), "ssh-rsa " + string(x509.MarshalPKCS1PublicKey(&k.PublicKey))}, nil
}
