package filevault

import (
	"context"

	"filippo.io/age"

	"github.com/carnet-go/carnet/auth"
)

// Reformat is what is written of a decrypted file that was read; false: it is refused.
func Reformat(plain []byte) ([]byte, bool) {
	s, ok := parse(plain)
	if !ok {
		return nil, false
	}
	return s.encode(), true
}

// EncodeCap says how much of the buffer that encode makes is used.
func EncodeCap(plain []byte) (length, size, guess int) {
	s, _ := parse(plain)
	b := s.encode()
	guess = 64
	for _, e := range s.entries {
		guess += len(e.path) + 96
		for _, f := range e.fields {
			guess += len(f.name) + len(f.value) + 8
		}
	}
	return len(b), cap(b), guess
}

// Wiped says whether nothing is left of a decrypted file when its store is wiped.
func Wiped(plain []byte) bool {
	s, ok := parse(plain)
	if !ok {
		return false
	}
	s.wipe()
	for _, b := range plain {
		if b != 0 {
			return false
		}
	}
	return true
}

// Await is what ends with its caller.
var Await = await

// Seal is how a store is encrypted, in a buffer that the test keeps.
func Seal(ctx context.Context, identity auth.Secret, plain []byte) ([]byte, error) {
	k, err := parseKey(identity)
	if err != nil {
		return nil, err
	}
	return k.seal(ctx, plain)
}

// Same says whether Rekey takes two identities for one.
func Same(a, b auth.Secret) bool {
	x, errX := parseKey(a)
	y, errY := parseKey(b)
	return errX == nil && errY == nil && x.same(y)
}

// IsPassphrase says whether that is what an identity is taken for.
func IsPassphrase(identity []byte) bool {
	k, err := keyOf(identity)
	_, is := k.identity.(*age.ScryptIdentity)
	return err == nil && is
}
