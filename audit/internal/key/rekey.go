package key

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Rekey is that a log goes on under another key. Who has the new key says so, of one place
// in one log: whoever has not the old one cannot use it elsewhere.
type Rekey struct {
	From  string `json:"from_key"` // the old verifier key
	To    string `json:"to_key"`   // the new one
	Proof string `json:"proof"`
}

var errRekey = errors.New("audit: the log's new key is not proven by who has it")

// rekeyText has a zero byte, as no note has.
func rekeyText(origin string, size int64, root tlog.Hash, from, to string) []byte {
	return fmt.Appendf(nil, "carnet audit: the log goes on under another key, version 1\x00%s\n%d\n%s\n%s\n%s\n", origin, size, root, from, to)
}

// TakeOver says that a log goes on under k, from a tree of the old key on.
func (k *Key) TakeOver(old *Public, size int64, root tlog.Hash) (Rekey, error) {
	r := Rekey{From: old.vkey, To: k.vkey}
	sig, err := k.Sign(rekeyText(k.origin, size, root, r.From, r.To))
	if err != nil {
		return Rekey{}, err
	}
	r.Proof = base64.StdEncoding.EncodeToString(sig)
	return r, r.Check(k.origin, size, root)
}

// Check says whether it is of this place, and proven. That the old key agrees, a checkpoint of
// it over the line has to show.
func (r Rekey) Check(origin string, size int64, root tlog.Hash) error {
	from, err := ParsePublic(r.From)
	if err != nil {
		return errRekey
	}
	to, err := ParsePublic(r.To)
	if err != nil || from.origin != origin || to.origin != origin || from.KeyHash() == to.KeyHash() {
		return errRekey
	}
	sig, err := base64.StdEncoding.DecodeString(r.Proof)
	if err != nil || base64.StdEncoding.EncodeToString(sig) != r.Proof || !to.verifier.Verify(rekeyText(origin, size, root, r.From, r.To), sig) {
		return errRekey
	}
	return nil
}

// canonical encodes a verifier key again: base64 with stray bits is a second name of it.
func canonical(vkey string, v note.Verifier) bool {
	_, rest, _ := strings.Cut(vkey, "+")
	_, b64, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(b64)
	return err == nil && vkey == fmt.Sprintf("%s+%08x+%s", v.Name(), v.KeyHash(), base64.StdEncoding.EncodeToString(raw))
}
