package verify

import (
	"errors"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/carnet-go/carnet/audit/verify/internal/cosign"
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
	keys      []cosign.Key
	threshold int
}

func (w Witnesses) open() (cosigners, error) {
	by := cosigners{threshold: w.Threshold}
	var names []string
	for _, vkey := range w.Keys {
		c, ok := cosign.Parse(vkey)
		if !ok {
			return cosigners{}, ErrBadWitness
		}
		by.keys = append(by.keys, c)
		if !slices.Contains(names, c.Name()) {
			names = append(names, c.Name())
		}
	}
	if w.Threshold < 0 || w.Threshold > len(names) {
		return cosigners{}, ErrThreshold
	}
	return by, nil
}

// find is the key of a signature line; false: it is nobody's.
func (w cosigners) find(name string, hash uint32) (cosign.Key, bool) {
	i := slices.IndexFunc(w.keys, func(c cosign.Key) bool { return c.Name() == name && c.KeyHash() == hash })
	if i < 0 {
		return cosign.Key{}, false
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
