package witnessaudit

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// algCosignature is the type of a timestamped Ed25519 cosignature: C2SP signed-note.
const algCosignature = 0x04

// maxName bounds the name of a key.
const maxName = 255

var (
	errName     = errors.New("witnessaudit: the name of a witness is up to 255 bytes of UTF-8 without spaces and plus")
	errSigner   = errors.New("witnessaudit: the signer is not Ed25519")
	errSign     = errors.New("witnessaudit: the signer failed")
	errVerifier = errors.New("witnessaudit: not a witness's verifier key, name+hash+base64 of type 0x04, in its one form")
)

// Key is a witness's: it cosigns. Safe for concurrent use, as its signer is. The zero Key
// is of nobody, and [Create] and [Open] refuse it.
type Key struct {
	of     *verifier
	signer func(message []byte) ([]byte, error) // so that nobody prints the private key
}

// NewKey makes a key of a signer, Ed25519, such as one in a security module. The name tells
// witnesses apart, and is best a URL without its scheme: witness.example/w1. What is signed
// does not say the name: one signer must not serve two witnesses, nor sign anything else.
func NewKey(name string, signer crypto.Signer) (*Key, error) {
	if !isName(name) {
		return nil, errName
	}
	if signer == nil {
		return nil, errSigner
	}
	pub, ok := signer.Public().(ed25519.PublicKey)
	if !ok || len(pub) != ed25519.PublicKeySize {
		return nil, errSigner
	}
	return &Key{newVerifier(name, pub), func(message []byte) ([]byte, error) {
		return signer.Sign(rand.Reader, message, crypto.Hash(0))
	}}, nil
}

// Verifier is the verifier key, in the signed-note form with type 0x04, to be given to those
// who ask the witness, or rely on it; empty on a zero Key.
func (k *Key) Verifier() string {
	if k == nil || k.of == nil {
		return ""
	}
	return k.of.String()
}

// sign is one signature line over a checkpoint.
func (k *Key) sign(text string, seconds int64) (string, error) {
	sig, err := k.signer(message(text, seconds))
	if err != nil {
		return "", errSign
	}
	raw := binary.BigEndian.AppendUint32(nil, k.of.hash)
	raw = binary.BigEndian.AppendUint64(raw, uint64(seconds))
	raw = append(raw, sig...)
	if !k.of.Verify([]byte(text), raw[4:]) { // of another key, or of none
		return "", errSign
	}
	return lineOf(k.of.name, raw), nil
}

// message is what is signed.
func message(text string, seconds int64) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, text)
}

// lineOf is a signature line of a note.
func lineOf(name string, raw []byte) string {
	return "— " + name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

// verifier is a note.Verifier of cosignatures.
type verifier struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newVerifier(name string, key ed25519.PublicKey) *verifier {
	sum := sha256.Sum256(append([]byte(name+"\n"), typed(key)...))
	return &verifier{name, binary.BigEndian.Uint32(sum[:]), key}
}

func typed(key []byte) []byte { return append([]byte{algCosignature}, key...) }

// parseVerifier takes the one form that String makes.
func parseVerifier(vkey string) (*verifier, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	_, text, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || !isName(name) {
		return nil, errVerifier
	}
	v := newVerifier(name, raw[1:])
	if v.String() != vkey { // of another type too
		return nil, errVerifier
	}
	return v, nil
}

// String is the verifier key.
func (v *verifier) String() string {
	return fmt.Sprintf("%s+%08x+%s", v.name, v.hash, base64.StdEncoding.EncodeToString(typed(v.key)))
}

func (v *verifier) id() string { return idOf(v.name, v.hash) }

// idOf tells keys apart; a name has no plus.
func idOf(name string, hash uint32) string { return name + "+" + strconv.FormatUint(uint64(hash), 16) }

// Name is for note.Verifier.
func (v *verifier) Name() string { return v.name }

// KeyHash is for note.Verifier.
func (v *verifier) KeyHash() uint32 { return v.hash }

// Verify is for note.Verifier. A cosignature has a time.
func (v *verifier) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	seconds := timeOf(sig)
	return seconds > 0 && ed25519.Verify(v.key, message(string(text), seconds), sig[8:])
}

// timeOf is what a cosignature says; not positive where no clock says so.
func timeOf(sig []byte) int64 { return int64(binary.BigEndian.Uint64(sig)) }

// isName is what C2SP signed-note allows, without the control characters that no note has.
func isName(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) &&
		strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '+' }) < 0
}
