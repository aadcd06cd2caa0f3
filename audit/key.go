package audit

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
)

// algEd25519 is the algorithm byte of a signed note's key.
const algEd25519 = 1

// key signs checkpoints, and digests what nobody else may guess. It is a note.Signer.
type key struct {
	origin string
	hash   uint32
	signer crypto.Signer
	vkey   string
	verify note.Verifier
	people keyed // pseudonyms
	bytes  keyed // fingerprints
}

// newKey checks that signer is Ed25519 and signs the same text the same way: the
// keys of the digests are derived from a signature, so that a log needs one secret.
func newKey(origin string, signer crypto.Signer) (*key, error) {
	pub, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("audit: the signer is not Ed25519")
	}
	vkey, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		return nil, errors.New("audit: the signer's public key is malformed")
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, errors.New("audit: the signer's public key is malformed")
	}
	k := &key{origin: origin, hash: v.KeyHash(), signer: signer, vkey: vkey, verify: v}
	secret, err := k.derive()
	if err != nil {
		return nil, err
	}
	k.people.key = mac(secret, "pseudonym")
	k.bytes.key = mac(secret, "fingerprint")
	return k, nil
}

// derive hashes a signature over a text that is no note of any log.
func (k *key) derive() ([]byte, error) {
	text := []byte("carnet audit: key of pseudonyms and fingerprints, version 1\x00" + k.origin)
	one, err := k.Sign(text)
	if err != nil {
		return nil, err
	}
	two, err := k.Sign(text)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(one, two) || !k.verify.Verify(text, one) {
		return nil, errors.New("audit: the signer is not deterministic Ed25519 (RFC 8032)")
	}
	sum := sha256.Sum256(one)
	return sum[:], nil
}

// Name is for note.Signer.
func (k *key) Name() string { return k.origin }

// KeyHash is for note.Signer.
func (k *key) KeyHash() uint32 { return k.hash }

// Sign is for note.Signer.
func (k *key) Sign(text []byte) ([]byte, error) {
	sig, err := k.signer.Sign(rand.Reader, text, crypto.Hash(0))
	if err != nil {
		return nil, errors.New("audit: the signer failed")
	}
	return sig, nil
}

// pseudonym of a person: equal in one log, and nothing to whoever has not the key.
func (k *key) pseudonym(dst []byte, a Actor) []byte {
	d := k.people.get()
	defer k.people.put(d)
	d.write(a.Issuer)
	d.write(a.Subject)
	return hex.AppendEncode(append(dst, "p-"...), d.sum()[:16])
}

// fingerprint of bytes.
func (k *key) fingerprint(b []byte) string {
	d := k.bytes.get()
	defer k.bytes.put(d)
	d.mac.Write(b)
	return hex.EncodeToString(d.sum())
}

// keyed makes HMAC-SHA-256 digests under one key, from many goroutines.
type keyed struct {
	key  []byte
	pool sync.Pool
}

type digest struct {
	mac hash.Hash
	len [8]byte
	out [sha256.Size]byte
	buf []byte
}

func (k *keyed) get() *digest {
	if d, ok := k.pool.Get().(*digest); ok {
		d.mac.Reset()
		return d
	}
	return &digest{mac: hmac.New(sha256.New, k.key)}
}

func (k *keyed) put(d *digest) { k.pool.Put(d) }

// write adds a string and before it its length, so that no two lists look the same.
func (d *digest) write(s string) {
	binary.BigEndian.PutUint64(d.len[:], uint64(len(s)))
	d.mac.Write(d.len[:])
	d.buf = append(d.buf[:0], s...)
	d.mac.Write(d.buf)
}

func (d *digest) sum() []byte { return d.mac.Sum(d.out[:0]) }

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// keyText is a private key in the form of note.NewSigner.
func keyText(k *key, private ed25519.PrivateKey) string {
	seed := append([]byte{algEd25519}, private.Seed()...)
	return fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s\n", k.origin, k.hash, base64.StdEncoding.EncodeToString(seed))
}

// readKey reads the private key beside a log. Nobody but the owner may read it.
func readKey(path string) (crypto.Signer, string, error) {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", errors.New("audit: the log's key is missing, and no signer is given")
	}
	if err != nil || !fi.Mode().IsRegular() || fi.Size() > 4096 {
		return nil, "", errors.New("audit: the log's key is no readable file")
	}
	if runtime.GOOS != "windows" && fi.Mode().Perm()&0o077 != 0 {
		return nil, "", errors.New("audit: the log's key can be read by others; its mode must be 0600")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", errors.New("audit: the log's key is no readable file")
	}
	return parseKey(string(text))
}

var errKeyText = errors.New("audit: the log's key is malformed")

func parseKey(text string) (crypto.Signer, string, error) {
	parts := strings.SplitN(strings.TrimSuffix(text, "\n"), "+", 5)
	if len(parts) != 5 {
		return nil, "", errKeyText
	}
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, "", errKeyText
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	k, err := newKey(parts[2], private)
	if err != nil || keyText(k, private) != text {
		return nil, "", errKeyText
	}
	return private, parts[2], nil
}
