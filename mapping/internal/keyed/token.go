package keyed

import (
	"encoding/base64"
	"strings"

	"github.com/carnet-go/carnet/mapping/internal/siv"
)

// What tokens begin with.
const (
	hashed = "tk1"
	sealed = "ts1"
)

// Token is one as it says.
type Token struct {
	Version string // of its key
	Sealed  bool   // it can be opened

	sum []byte
}

// begin appends what stands before the characters.
func (k *Key) begin(dst []byte, kind string) []byte {
	return append(append(append(append(dst, kind...), '.'), k.version...), '.')
}

// Read takes a token apart; false: it is none, or is written as no token is.
func Read(text string) (t Token, ok bool) {
	kind, rest, _ := strings.Cut(text, ".")
	version, characters, _ := strings.Cut(rest, ".")
	sum, err := base64.RawURLEncoding.Strict().DecodeString(characters)
	length := base64.RawURLEncoding.EncodedLen(len(sum)) // with no ends of lines, which decoding skips
	switch kind {
	case hashed:
		ok = len(sum) == hashBytes
	case sealed:
		ok = len(sum) >= siv.Size+padded(0) && len(sum)%siv.Size == 0
	}
	return Token{version, kind == sealed, sum}, ok && err == nil && len(characters) == length && versioned(version)
}
