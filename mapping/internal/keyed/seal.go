package keyed

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"

	"github.com/carnet-go/carnet/mapping/internal/siv"
)

const (
	sealing  = "carnet token.aes_siv" // what the derived key is for
	sealSize = 64                     // of it: AES-256 twice
	end      = 0x80                   // of a value, before the zeros (ISO/IEC 7816-4)
)

var zeros [siv.Size]byte

// padded is how many bytes a value takes with its end: whole blocks.
func padded(size int) int { return size/siv.Size*siv.Size + siv.Size }

// Sealed is how many characters a token has that can be opened, at the least and at the most, of a value
// of so many bytes.
func Sealed(least, most int) (shortest, longest int) {
	length := func(version, size int) int {
		return len(sealed) + 2 + version + base64.RawURLEncoding.EncodedLen(siv.Size+padded(size))
	}
	return length(1, least), length(maxVersion, most)
}

// sealer is derived from the secret, once it is needed: no key is one of two algorithms.
func (k *Key) sealer() *siv.SIV {
	if k.siv == nil {
		derived, _ := hkdf.Key(sha256.New, k.secret, nil, sealing, sealSize) // it has no more bytes than there may be
		defer clear(derived)
		k.siv = siv.New(derived)
	}
	return k.siv
}

// Seal appends the token of a value that can be opened.
func (k *Key) Seal(dst, domain, value []byte) []byte {
	size := padded(len(value))
	k.bound(domain, size+siv.Size+size)
	data := len(k.message)
	k.message = append(append(append(k.message, value...), end), zeros[:size-len(value)-1]...)
	text := len(k.message)
	k.message = k.sealer().Seal(k.message, k.message[data:], k.message[:data])
	return base64.RawURLEncoding.AppendEncode(k.begin(dst, sealed), k.message[text:])
}

// Open is the value that a token was made of; false: it is of none of this key in this domain.
func (k *Key) Open(t Token, domain []byte) (string, bool) {
	if !t.Sealed || t.Version != k.version {
		return "", false
	}
	k.bound(domain, len(t.sum))
	data := len(k.message)
	opened, ok := k.sealer().Open(k.message, t.sum, k.message)
	k.message = opened
	value := bytes.TrimRight(opened[data:], "\x00")
	if !ok || len(opened)-len(value)-data >= siv.Size || len(value) < 2 || value[len(value)-1] != end {
		return "", false
	}
	return string(value[:len(value)-1]), true
}
