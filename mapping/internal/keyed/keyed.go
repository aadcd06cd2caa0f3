// Package keyed makes the tokens of one key, and opens those that can be opened.
//
//	key := keyed.New(version, secret)
//	defer key.Wipe()
//	domain := keyed.Domain("crm/tokens", "employee", "/number")
//	dst = key.Hash(dst, domain, value) // tk1.VERSION.CHARACTERS
//	dst = key.Seal(dst, domain, value) // ts1.VERSION.CHARACTERS
//	token, ok := keyed.Read(text)
//	value, ok := key.Open(token, domain)
//
// # Guarantees
//
// A hash is the first 128 bits of HMAC-SHA-256 over the parts of its domain, the version of the
// key and the value, each behind its length. What is sealed is the value under AES-256-SIV with
// the others as its data, and under a key that HKDF-SHA-256 derives for that alone. So no token is that of
// another domain, version or value, but a hash by chance, and each value has one token of a kind, which is
// written in one way.
//
// # Limits
//
// What is sealed shows how many blocks of 16 bytes the value takes with one byte more. What a hash
// or a cipher made of the key goes with the garbage: Wipe overwrites values, and what was derived.
// Whether a value is one of many is for whoever makes a token of it. The first hash of a Key, and the
// first seal, allocate what they make of it; later ones nothing.
//
// # Errors
//
// There are none: New is nil for what is no key.
//
// # Concurrency
//
// A Key is one goroutine's.
package keyed

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/carnet-go/carnet/mapping/internal/siv"
)

const (
	maxVersion = 36 // a UUID
	minKey     = 16
)

// Key makes the tokens of one key.
type Key struct {
	version string
	secret  []byte    // lent
	hash    hash.Hash // nil: none was made yet
	siv     *siv.SIV  // as well
	message []byte
	sum     [sha256.Size]byte
	room    [4 * sha256.BlockSize]byte // of the message, mostly
}

// New takes a version of letters, digits, _ and -, and a secret of at least 16 bytes, which it
// uses until Wipe; nil: they are none.
func New(version string, secret []byte) *Key {
	if len(secret) < minKey || !versioned(version) {
		return nil
	}
	k := &Key{version: version, secret: secret}
	k.message = k.room[:0]
	return k
}

// Wipe overwrites the values, and forgets the secret. The Key must not be used any more.
func (k *Key) Wipe() {
	clear(k.message[:cap(k.message)])
	if k.siv != nil {
		k.siv.Wipe()
	}
	k.secret, k.hash, k.siv = nil, nil, nil
}

func versioned(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '_' && c != '-' {
			return false
		}
	}
	return len(text) > 0 && len(text) <= maxVersion
}

// Domain is what is the same for all values of one field under one name of a key.
func Domain(key, schema, path string) []byte { return behind(behind(behind(nil, key), schema), path) }

// behind appends a part behind its length.
func behind[T string | []byte](dst []byte, part T) []byte {
	return append(binary.BigEndian.AppendUint64(dst, uint64(len(part))), part...)
}

// bound begins a message of so many bytes with a domain and the version. What held one before is
// overwritten, where it has not the room.
func (k *Key) bound(domain []byte, size int) {
	if size += len(domain) + 8 + len(k.version); cap(k.message) < size {
		clear(k.message[:cap(k.message)])
		k.message = make([]byte, 0, size)
	}
	k.message = behind(append(k.message[:0], domain...), k.version)
}
