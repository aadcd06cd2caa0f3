package keyed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

const hashBytes = 16 // 40 bits collide among 100,000 people

// Shortest and Longest are how many characters a hash has.
const (
	Shortest = len(hashed) + 2 + 1 + (8*hashBytes+5)/6
	Longest  = Shortest + maxVersion - 1
)

// Hash appends the token of a value that cannot be opened.
func (k *Key) Hash(dst, domain, value []byte) []byte {
	if k.hash == nil {
		k.hash = hmac.New(sha256.New, k.secret)
	}
	k.bound(domain, 8+len(value))
	k.message = behind(k.message, value)
	k.hash.Reset()
	_, _ = k.hash.Write(k.message)
	return base64.RawURLEncoding.AppendEncode(k.begin(dst, hashed), k.hash.Sum(k.sum[:0])[:hashBytes])
}
