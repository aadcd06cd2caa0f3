// Package seal encrypts what a journal keeps, and binds it to where it stands.
//
//	s, err := seal.New(key, "acme")
//	frames, err := s.Of(place.Run)
//	sealed := frames.Seal(place, plain)
//	plain, err := frames.Open(place, sealed)
//
// # Guarantees
//
// AES-256-GCM under a key of its own for each run, derived with HKDF-SHA-256 from the
// key, tenant and run, and a random nonce for each frame. What was sealed for another
// tenant, run, place or chain does not open, and neither does what was changed.
//
// # Limits
//
// That something was left out at the end, or that all of it is of yesterday, nobody can
// tell from it alone.
//
// # Errors
//
// [ErrForged] and [ErrKey].
//
// # Concurrency
//
// All values are safe for concurrent use.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"strings"
)

var (
	// ErrForged means that a frame was not sealed by this key for this place.
	ErrForged = errors.New("seal: not sealed for this place")
	// ErrKey means that a key is too short to be one.
	ErrKey = errors.New("seal: a key has at least 32 bytes")
)

const least = 32

// Sealer seals for one tenant.
type Sealer struct {
	tenant string
	root   []byte
}

// New derives from a key.
func New(key []byte, tenant string) (*Sealer, error) {
	if len(key) < least {
		return nil, ErrKey
	}
	root, err := hkdf.Extract(sha256.New, key, []byte("carnet journal 1"))
	if err != nil {
		return nil, ErrKey
	}
	return &Sealer{tenant, root}, nil
}

// Place is where a frame stands.
type Place struct {
	Run          string
	Sequence     uint64
	Before       [32]byte
	Last, Answer bool
}

// Key is for one step of a run: the same for all its attempts, also in another process,
// and known to nobody who has not the key. It is [a-z2-7]{52}.
func (s *Sealer) Key(run, step string) string {
	mac := hmac.New(sha256.New, s.root)
	for _, part := range []string{"step", s.tenant, run, step} {
		mac.Write(binary.AppendUvarint(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)))
}

// Frames seals the frames of one run.
type Frames struct{ aead cipher.AEAD }

// Of derives what seals the frames of a run.
func (s *Sealer) Of(run string) (*Frames, error) {
	info := append(append(binary.AppendUvarint(nil, uint64(len(s.tenant))), s.tenant...), run...)
	key, err := hkdf.Expand(sha256.New, s.root, string(info), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Frames{aead}, nil
}

// bytes are those of this place and of no other.
func (p *Place) bytes() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 64+len(p.Run)), p.Sequence)
	b = append(b, p.Before[:]...)
	for _, is := range []bool{p.Last, p.Answer} {
		if is {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return append(b, p.Run...)
}

// Seal encrypts.
func (f *Frames) Seal(p Place, plain []byte) []byte { return f.aead.Seal(nil, nil, plain, p.bytes()) }

// Open decrypts.
func (f *Frames) Open(p Place, sealed []byte) ([]byte, error) {
	plain, err := f.aead.Open(nil, nil, sealed, p.bytes())
	if err != nil {
		return nil, ErrForged
	}
	return plain, nil
}
