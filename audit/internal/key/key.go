// Package key is the key of a log: it signs checkpoints, and digests what nobody else
// may guess.
//
//	k, err := key.New("acme.example/hr/a", signer)
//	checkpoint, err := k.Checkpoint(size, root)
//	checkpoint, err = k.Open(checkpoint.Note)
//	sealed := k.Wrap(purpose, secret)
//	said, err := k.TakeOver(&old.Public, size, root) // the log goes on under k
//
// # Guarantees
//
// A checkpoint is a C2SP tlog-checkpoint, signed as a note with Ed25519. Fingerprints and
// seals are HMAC-SHA-256, and what is wrapped is AES-256-GCM, under keys of their own, which
// are derived from a signature over a text that is no note of any log: whoever has the
// signer can compute them, and nobody else. A Rekey is signed over a third such text: none of the
// three signatures is good for another one.
//
// # Limits
//
// The signer must be deterministic (RFC 8032), because a log needs to find its digests
// again. Origins are not judged here.
//
// # Errors
//
// They speak for package audit, which passes them on, and hold neither keys, texts nor
// paths.
//
// # Concurrency
//
// A Key is safe for concurrent use, as its signer is.
package key

import (
	"bytes"
	"crypto"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"golang.org/x/mod/sumdb/note"
)

// Key is a note.Signer. Its name is the log's origin.
type Key struct {
	Public
	signer crypto.Signer
	bytes  Keyed // fingerprints
	seals  Keyed // what the log says to itself
	wraps  cipher.AEAD
}

var (
	errAlgorithm = errors.New("audit: the signer is not Ed25519")
	errPublic    = errors.New("audit: the signer's public key is malformed")
	errRandom    = errors.New("audit: the signer is not deterministic Ed25519 (RFC 8032)")
	errSigner    = errors.New("audit: the signer failed")
)

// New checks that signer is Ed25519 and signs the same text the same way: the keys of
// the digests are derived from a signature, so that a log needs one secret.
func New(origin string, signer crypto.Signer) (*Key, error) {
	pub, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errAlgorithm
	}
	vkey, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		return nil, errPublic
	}
	p, err := ParsePublic(vkey)
	if err != nil {
		return nil, err
	}
	k := &Key{Public: *p, signer: signer}
	secret, err := k.derive()
	if err != nil {
		return nil, err
	}
	k.bytes.key = mac(secret, "fingerprint")
	k.seals.key = mac(secret, "seal")
	if k.wraps, err = wrapper(mac(secret, "wrap")); err != nil {
		return nil, errSigner
	}
	return k, nil
}

// derive hashes a signature over a text that is no note of any log.
func (k *Key) derive() ([]byte, error) {
	text := []byte("carnet audit: key of pseudonyms and fingerprints, version 1\x00" + k.origin)
	one, err := k.Sign(text)
	if err != nil {
		return nil, err
	}
	two, err := k.Sign(text)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(one, two) || !k.verifier.Verify(text, one) {
		return nil, errRandom
	}
	sum := sha256.Sum256(one)
	return sum[:], nil
}

// Sign is for note.Signer.
func (k *Key) Sign(text []byte) ([]byte, error) {
	sig, err := k.signer.Sign(rand.Reader, text, crypto.Hash(0))
	if err != nil {
		return nil, errSigner
	}
	return sig, nil
}
