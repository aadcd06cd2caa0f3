package verify

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

var (
	// ErrBadWitness: a key is not a witness's verifier key, name+hash+base64 of an Ed25519
	// cosignature key (c2sp.org/tlog-cosignature, type 0x04), in its one canonical form.
	ErrBadWitness = errors.New("verify: not a canonical cosignature key of a witness")
	// ErrThreshold: more witnesses must have cosigned than there are, or fewer than none.
	ErrThreshold = errors.New("verify: the threshold is not between 0 and the number of witnesses")
)

// Witnesses cosign checkpoints of logs: whoever they are, they have seen no other history of
// the same size. Zero: nobody may have cosigned what is verified.
type Witnesses struct {
	Keys      []string // of each; two keys of one name are one witness
	Threshold int      // how many must have cosigned; 0: none must
}

// Check says what is wrong with w itself: nil, ErrBadWitness or ErrThreshold.
func (w Witnesses) Check() error {
	_, err := w.open()
	return err
}

// Proof is [Proof] of a line whose checkpoint the witnesses have cosigned. A signature of
// anybody else is refused, as is one that does not verify.
func (w Witnesses) Proof(proof, line []byte, vkeys []string) error {
	by, err := w.open()
	if err != nil {
		return err
	}
	return prove(proof, line, vkeys, by)
}

// cosigners are Witnesses that were read.
type cosigners struct {
	keys      []cosigner
	threshold int
}

// cosigner is a note.Verifier of cosignatures.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

const (
	algCosignature = 4
	stampSize      = 8 // seconds since 1970, big-endian, before the signature
)

func (w Witnesses) open() (cosigners, error) {
	by := cosigners{threshold: w.Threshold}
	var names []string
	for _, vkey := range w.Keys {
		c, err := newCosigner(vkey)
		if err != nil {
			return cosigners{}, err
		}
		by.keys = append(by.keys, c)
		if !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	if w.Threshold < 0 || w.Threshold > len(names) {
		return cosigners{}, ErrThreshold
	}
	return by, nil
}

// newCosigner encodes a key again, as newKeyring does.
func newCosigner(vkey string) (cosigner, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	digits, key, _ := strings.Cut(rest, "+")
	hash, err := strconv.ParseUint(digits, 16, 32)
	raw, err64 := base64.StdEncoding.DecodeString(key)
	if name == "" || err != nil || err64 != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != algCosignature {
		return cosigner{}, ErrBadWitness
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	again := fmt.Sprintf("%s+%08x+%s", name, binary.BigEndian.Uint32(sum[:]), base64.StdEncoding.EncodeToString(raw))
	if vkey != again || strings.ContainsFunc(name, unprintable) {
		return cosigner{}, ErrBadWitness
	}
	return cosigner{name, uint32(hash), ed25519.PublicKey(raw[1:])}, nil
}

// Name is for note.Verifier.
func (c cosigner) Name() string { return c.name }

// KeyHash is for note.Verifier.
func (c cosigner) KeyHash() uint32 { return c.hash }

// Verify is for note.Verifier: the text is signed with the time that stands before the signature.
func (c cosigner) Verify(text, sig []byte) bool {
	if len(sig) != stampSize+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), text)
	return ed25519.Verify(c.key, signed, sig[stampSize:])
}

// find is the key of a signature line; false: it is nobody's.
func (w cosigners) find(name string, hash uint32) (cosigner, bool) {
	i := slices.IndexFunc(w.keys, func(c cosigner) bool { return c.name == name && c.hash == hash })
	if i < 0 {
		return cosigner{}, false
	}
	return w.keys[i], true
}

// met reports whether enough of them are among these names.
func (w cosigners) met(names []string) bool {
	slices.Sort(names)
	return len(slices.Compact(names)) >= w.threshold
}

// readers are those whose signatures of a note are understood: the log's keys and witnesses.
type readers struct {
	log note.Verifiers
	by  cosigners
}

// Verifier is for note.Verifiers. A key of the log is never a witness's too.
func (r readers) Verifier(name string, hash uint32) (note.Verifier, error) {
	if c, ok := r.by.find(name, hash); ok {
		return c, nil
	}
	return r.log.Verifier(name, hash)
}
