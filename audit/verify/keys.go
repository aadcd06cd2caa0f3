package verify

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/carnet-go/carnet/audit/verify/internal/rekey"
)

var (
	// ErrNoKey: a log does not vouch for itself. Its public key comes from whoever set it
	// up: audit.Create leaves it beside the log, as DIR.vkey.
	ErrNoKey = errors.New("verify: no key given, and a log does not vouch for itself")
	// ErrBadKey: a key is not a verifier key, origin+hash+base64, in its one canonical form.
	ErrBadKey = errors.New("verify: not a canonical Ed25519 verifier key")
)

// keyring is the keys that the caller trusts, and those that a log says it was under with one of
// them: by these notes can be read, and the log's lines tell which of them to believe.
type keyring struct {
	given, vkeys []string
	known        note.Verifiers
}

func newKeyring(vkeys []string) (keyring, error) {
	if len(vkeys) == 0 {
		return keyring{}, ErrNoKey
	}
	return keyring{given: vkeys}.with(vkeys)
}

// with adds keys.
func (k keyring) with(more []string) (keyring, error) {
	ring := keyring{given: k.given}
	var list []note.Verifier
	for _, vkey := range slices.Concat(k.vkeys, more) {
		v, ok := rekey.Key(vkey)
		if !ok {
			return keyring{}, ErrBadKey
		}
		if !slices.Contains(ring.vkeys, vkey) {
			ring.vkeys, list = append(ring.vkeys, vkey), append(list, v)
		}
	}
	ring.known = note.VerifierList(list...)
	return ring, nil
}

// follow adds the keys of what a log announces, if a given one is among them.
func (k keyring) follow(said []rekey.Statement) keyring {
	var keys []string
	for _, s := range said {
		keys = append(keys, s.From, s.To)
	}
	if !slices.ContainsFunc(keys, func(key string) bool { return slices.Contains(k.given, key) }) {
		return k
	}
	if ring, err := k.with(keys); err == nil {
		return ring
	}
	return k
}

// trusts reports whether a log of this origin may name this key in its genesis event.
func (k keyring) trusts(origin, vkey string) bool {
	return strings.HasPrefix(vkey, origin+"+") && slices.Contains(k.vkeys, vkey)
}

// text is the key that a checkpoint was opened by.
func (k keyring) text(c checkpoint) string {
	for _, vkey := range k.vkeys {
		if v, ok := rekey.Key(vkey); ok && v.Name() == c.origin && v.KeyHash() == c.signer {
			return vkey
		}
	}
	return ""
}
