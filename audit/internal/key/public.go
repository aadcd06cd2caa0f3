package key

import "golang.org/x/mod/sumdb/note"

// Public is the half of a key that everybody may have.
type Public struct {
	origin   string
	vkey     string
	verifier note.Verifier
}

// ParsePublic reads a verifier key in its one encoding.
func ParsePublic(vkey string) (*Public, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil || !canonical(vkey, v) {
		return nil, errPublic
	}
	return &Public{origin: v.Name(), vkey: vkey, verifier: v}, nil
}

// Verifier is the verifier key, in the signed-note form.
func (k *Public) Verifier() string { return k.vkey }

// Name is the log's origin.
func (k *Public) Name() string { return k.origin }

// KeyHash is for note.Signer.
func (k *Public) KeyHash() uint32 { return k.verifier.KeyHash() }
