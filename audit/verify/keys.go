package verify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/note"
)

var (
	// ErrNoKey: a log does not vouch for itself. Its public key comes from whoever set it
	// up: audit.Create leaves it beside the log, as DIR.vkey.
	ErrNoKey = errors.New("verify: no key given, and a log does not vouch for itself")
	// ErrBadKey: a key is not a verifier key, origin+hash+base64, in its one canonical form.
	ErrBadKey = errors.New("verify: not a canonical Ed25519 verifier key")
)

// keyring is the keys that the caller trusts.
type keyring struct {
	vkeys []string
	known note.Verifiers
}

func newKeyring(vkeys []string) (keyring, error) {
	if len(vkeys) == 0 {
		return keyring{}, ErrNoKey
	}
	ring := keyring{}
	var list []note.Verifier
	for _, vkey := range vkeys {
		v, err := note.NewVerifier(vkey)
		if err != nil || !canonical(vkey, v) {
			return keyring{}, ErrBadKey
		}
		if !slices.Contains(ring.vkeys, vkey) {
			ring.vkeys, list = append(ring.vkeys, vkey), append(list, v)
		}
	}
	ring.known = note.VerifierList(list...)
	return ring, nil
}

// canonical encodes a key again: x/mod decodes base64 that has stray bits, and hashes in
// upper case, and the genesis event is compared with the key as text.
func canonical(vkey string, v note.Verifier) bool {
	_, rest, _ := strings.Cut(vkey, "+")
	_, key, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(key)
	return err == nil && vkey == fmt.Sprintf("%s+%08x+%s", v.Name(), v.KeyHash(), base64.StdEncoding.EncodeToString(raw))
}

// unprintable: what x/mod has in no name, and what a name is not to hide.
func unprintable(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }

// trusts reports whether a log of this origin may name this key in its genesis event.
func (k keyring) trusts(origin, vkey string) bool {
	return strings.HasPrefix(vkey, origin+"+") && slices.Contains(k.vkeys, vkey)
}
