package witnessaudit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/carnet-go/carnet/internal/atomicfile"
)

var (
	errKeyThere   = fmt.Errorf("witnessaudit: the key is there already, and nothing is overwritten: %w", fs.ErrExist)
	errKeyMissing = fmt.Errorf("witnessaudit: the key is missing: %w", fs.ErrNotExist)
	errKeyWrite   = errors.New("witnessaudit: the key could not be written")
	errKeyFile    = errors.New("witnessaudit: the key is no readable file")
	errKeyMode    = errors.New("witnessaudit: the key can be read by others; its mode must be 0600")
	errKeyText    = errors.New("witnessaudit: the key is malformed")
)

const keyHead = "PRIVATE+KEY+"

// CreateKey makes a new key and its file, with mode 0600. A file that is there stays, and is
// fs.ErrExist.
func CreateKey(path, name string) (*Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, errors.New("witnessaudit: no randomness")
	}
	k, err := NewKey(name, private)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, errKeyThere
	}
	if err != nil {
		return nil, errKeyWrite
	}
	_, err = f.WriteString(k.text(private))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = atomicfile.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		_ = os.Remove(path)
		return nil, errKeyWrite
	}
	return k, nil
}

// text is a private key in the form of x/mod's notes, but of another type: package note
// does not take it for a log's key.
func (k *Key) text(private ed25519.PrivateKey) string {
	return fmt.Sprintf("%s%s+%08x+%s\n", keyHead, k.of.name, k.of.hash, base64.StdEncoding.EncodeToString(typed(private.Seed())))
}

// ReadKey reads what CreateKey wrote. Nobody but the owner may read the file.
func ReadKey(path string) (*Key, error) {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errKeyMissing
	case err != nil || !fi.Mode().IsRegular() || fi.Size() > 4096:
		return nil, errKeyFile
	case runtime.GOOS != "windows" && fi.Mode().Perm()&0o077 != 0:
		return nil, errKeyMode
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errKeyFile
	}
	return parseKey(string(text))
}

func parseKey(text string) (*Key, error) {
	rest, ok := strings.CutPrefix(text, keyHead)
	parts := strings.Split(strings.TrimSuffix(rest, "\n"), "+")
	if !ok || len(parts) < 3 {
		return nil, errKeyText
	}
	seed, err := base64.StdEncoding.DecodeString(strings.Join(parts[2:], "+")) // base64 has a plus of its own
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, errKeyText
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	k, err := NewKey(parts[0], private)
	if err != nil || k.text(private) != text {
		return nil, errKeyText
	}
	return k, nil
}
