// Package cosign verifies what witnesses have cosigned: c2sp.org/tlog-cosignature, Ed25519.
//
//	key, ok := cosign.Parse(vkey)
//	ok = key.Verify(text, signature)
//
// # Guarantees
//
// A key has one encoding. It shares no line with what cosigns.
//
// # Limits
//
// When a witness signed is not judged.
//
// # Errors
//
// There are none: an answer is yes or no.
//
// # Concurrency
//
// All functions are safe for concurrent use.
package cosign

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

const (
	algCosignature = 4
	stampSize      = 8 // seconds since 1970, big-endian, before the signature
)

// Key is a note.Verifier of cosignatures. The zero Key verifies nothing.
type Key struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// Parse encodes a key again: base64 with stray bits and hashes in upper case are second names.
func Parse(vkey string) (Key, bool) {
	name, rest, _ := strings.Cut(vkey, "+")
	digits, key, _ := strings.Cut(rest, "+")
	hash, err := strconv.ParseUint(digits, 16, 32)
	raw, err64 := base64.StdEncoding.DecodeString(key)
	if name == "" || err != nil || err64 != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != algCosignature {
		return Key{}, false
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	again := fmt.Sprintf("%s+%08x+%s", name, binary.BigEndian.Uint32(sum[:]), base64.StdEncoding.EncodeToString(raw))
	if vkey != again || strings.ContainsFunc(name, unprintable) {
		return Key{}, false
	}
	return Key{name, uint32(hash), ed25519.PublicKey(raw[1:])}, true
}

// unprintable: what x/mod has in no name, and what a name is not to hide.
func unprintable(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }

// Name is for note.Verifier.
func (k Key) Name() string { return k.name }

// KeyHash is for note.Verifier.
func (k Key) KeyHash() uint32 { return k.hash }

// Verify is for note.Verifier: the text is signed with the time that stands before the signature.
func (k Key) Verify(text, sig []byte) bool {
	if len(sig) != stampSize+ed25519.SignatureSize || len(k.key) != ed25519.PublicKeySize {
		return false
	}
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), text)
	return ed25519.Verify(k.key, signed, sig[stampSize:])
}
