package site

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/internal/atomicfile"
)

var (
	errNext     = errors.New("audit: the log's new key could not be written")
	errBeside   = errors.New("audit: the files beside the log could not be replaced")
	errOccupied = fmt.Errorf("audit: a key that is not the log's stands beside it: %w", fs.ErrExist)
)

// Next makes a key and keeps it beside the log, where it does nothing until HandOver. What stands
// in its later place must be the old key, or nothing.
func Next(dir string, old *key.Public) (*key.Key, error) {
	if _, err := os.Lstat(dir + SuffixKey); !errors.Is(err, fs.ErrNotExist) && verifierOf(dir+SuffixKey) != old.Verifier() {
		return nil, errOccupied
	}
	k, private, err := key.Make(old.Name())
	if err != nil {
		return nil, err
	}
	if atomicfile.Write(dir+SuffixNext, []byte(k.Text(private)), 0o600) != nil {
		return nil, errNext
	}
	return k, nil
}

// HandOver lets the files beside a log follow its key, of which the log has both halves of the
// evidence: the old key gets its hash as a name, the next one takes its place, and DIR.vkey is
// the new one's. Whoever crashes in it goes on from the beginning.
func HandOver(dir, from, to string) error {
	old := verifierOf(dir+SuffixKey) == from
	if old {
		text, err := os.ReadFile(dir + SuffixKey)
		if err != nil || atomicfile.Write(dir+SuffixKey+"."+hashOf(from), text, 0o600) != nil {
			return errBeside
		}
	}
	var err error
	switch {
	case verifierOf(dir+SuffixNext) == to:
		err = os.Rename(dir+SuffixNext, dir+SuffixKey)
	case old: // the new key stands elsewhere
		err = os.Remove(dir + SuffixKey)
	}
	if err != nil || atomicfile.SyncDir(filepath.Dir(dir)) != nil || atomicfile.Write(dir+SuffixVerify, []byte(to+"\n"), 0o644) != nil {
		return errBeside
	}
	return nil
}

// verifierOf is the public half of a key in a file; empty: there is none.
func verifierOf(path string) string {
	signer, origin, err := key.Read(path)
	if err != nil {
		return ""
	}
	k, err := key.New(origin, signer)
	if err != nil {
		return ""
	}
	return k.Verifier()
}

// hashOf is the hash in a verifier key.
func hashOf(vkey string) string {
	_, rest, _ := strings.Cut(vkey, "+")
	hash, _, _ := strings.Cut(rest, "+")
	return hash
}
