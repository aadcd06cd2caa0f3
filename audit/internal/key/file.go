package key

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// algEd25519 is the algorithm byte of a signed note's key.
const algEd25519 = 1

var (
	errMissing = errors.New("audit: the log's key is missing, and no signer is given")
	errFile    = errors.New("audit: the log's key is no readable file")
	errMode    = errors.New("audit: the log's key can be read by others; its mode must be 0600")
	errText    = errors.New("audit: the log's key is malformed")
)

// Make is a new key, and its private half.
func Make(origin string) (*Key, ed25519.PrivateKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, errors.New("audit: no randomness")
	}
	k, err := New(origin, private)
	return k, private, err
}

// Text is a private key in the form of note.NewSigner, which k was made of; empty of no
// key.
func (k *Key) Text(private ed25519.PrivateKey) string {
	if private == nil {
		return ""
	}
	seed := append([]byte{algEd25519}, private.Seed()...)
	return fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s\n", k.origin, k.KeyHash(), base64.StdEncoding.EncodeToString(seed))
}

// Read reads a private key and its origin. Nobody but the owner may read the file.
func Read(path string) (crypto.Signer, string, error) {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", errMissing
	}
	if err != nil || !fi.Mode().IsRegular() || fi.Size() > 4096 {
		return nil, "", errFile
	}
	if runtime.GOOS != "windows" && fi.Mode().Perm()&0o077 != 0 {
		return nil, "", errMode
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", errFile
	}
	return parse(string(text))
}

func parse(text string) (crypto.Signer, string, error) {
	parts := strings.SplitN(strings.TrimSuffix(text, "\n"), "+", 5)
	if len(parts) != 5 {
		return nil, "", errText
	}
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, "", errText
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	k, err := New(parts[2], private)
	if err != nil || k.Text(private) != text {
		return nil, "", errText
	}
	return private, parts[2], nil
}
