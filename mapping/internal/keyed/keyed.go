// Package keyed makes the tokens of one key.
//
//	mac := keyed.New(version, key)
//	defer mac.Wipe()
//	dst = mac.Append(dst, keyed.Domain("crm/tokens", "employee", "/number"), value)
//
// # Guarantees
//
// A token is tk1.VERSION.CHARACTERS: the first 128 bits of HMAC-SHA-256 over the parts of its
// domain, the version of the key and the value, each behind its length. So none is that of
// another domain, version or value but by chance.
//
// # Limits
//
// What a hash made of the key goes with the garbage: Wipe overwrites values. Whether a value is one
// of many is for whoever makes a token of it.
//
// # Errors
//
// There are none: New is nil for what is no key.
//
// # Concurrency
//
// A Mac is one goroutine's.
package keyed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"strings"
)

const (
	prefix     = "tk1."
	tokenBytes = 16 // 40 bits collide among 100,000 people
	characters = (8*tokenBytes + 5) / 6
	maxVersion = 36 // a UUID
	minKey     = 16
)

// Shortest and Longest are how many characters a token has.
const (
	Shortest = len(prefix) + 1 + len(".") + characters
	Longest  = Shortest + maxVersion - 1
)

// Mac makes the tokens of one key.
type Mac struct {
	version string
	hash    hash.Hash
	message []byte
	sum     [sha256.Size]byte
	room    [4 * sha256.BlockSize]byte // of the message, mostly
}

// New takes a version of letters, digits, _ and -, and a key of at least 16 bytes; nil:
// they are none. It keeps no reference to the key.
func New(version string, key []byte) *Mac {
	if len(key) < minKey || !versioned(version) {
		return nil
	}
	m := &Mac{version: version, hash: hmac.New(sha256.New, key)}
	m.message = m.room[:0]
	return m
}

// Wipe overwrites the values. The Mac must not be used any more.
func (m *Mac) Wipe() {
	clear(m.message[:cap(m.message)])
	m.hash = nil
}

func versioned(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '_' && c != '-' {
			return false
		}
	}
	return len(text) > 0 && len(text) <= maxVersion
}

// Version is that of a token's key, as it says; false: it is no token.
func Version(token string) (string, bool) {
	rest, ok := strings.CutPrefix(token, prefix)
	version, sum, also := strings.Cut(rest, ".")
	_, err := base64.RawURLEncoding.Strict().DecodeString(sum)
	return version, ok && also && err == nil && len(sum) == characters && versioned(version)
}

// Domain is what is the same for all values of one field under one name of a key.
func Domain(key, schema, path string) []byte { return behind(behind(behind(nil, key), schema), path) }

// behind appends a part behind its length.
func behind[T string | []byte](dst []byte, part T) []byte {
	return append(binary.BigEndian.AppendUint64(dst, uint64(len(part))), part...)
}

// Append appends the token of a value.
func (m *Mac) Append(dst, domain, value []byte) []byte {
	m.reserve(len(domain) + 8 + len(m.version) + 8 + len(value))
	m.message = behind(behind(append(m.message[:0], domain...), m.version), value)
	m.hash.Reset()
	_, _ = m.hash.Write(m.message)
	dst = append(append(append(dst, prefix...), m.version...), '.')
	return base64.RawURLEncoding.AppendEncode(dst, m.hash.Sum(m.sum[:0])[:tokenBytes])
}

// reserve makes room for a message. What held one before is overwritten.
func (m *Mac) reserve(size int) {
	if cap(m.message) < size {
		clear(m.message[:cap(m.message)])
		m.message = make([]byte, 0, size)
	}
}
