package cursor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/carnet-go/carnet/internal/atomicfile"
)

// suffixNext is of a cursor that waits for the log's new key.
const suffixNext = suffix + ".next"

var errRekey = errors.New("audit: the cursors could not be sealed with the log's new key")

// Ready seals the cursors of a log anew, beside those that they will replace. One that does
// not open under the old seal gets none: its feed begins anew, as it would have.
func Ready(dir, origin string, old, next func([]byte) string) error {
	if err := Discard(dir); err != nil {
		return err
	}
	return each(dir, suffix, func(name, path string) error {
		f := Feed{Config: Config{Name: name, Origin: origin, Dir: dir, Seal: old}}
		text, err := os.ReadFile(path)
		if err != nil || !f.parse(text) {
			return err
		}
		f.Seal = next
		return atomicfile.Write(path+strings.TrimPrefix(suffixNext, suffix), f.text(f.next, f.leaf[:]), 0o600)
	})
}

// Adopt puts in place what Ready has made, where the log is under that key by now.
func Adopt(dir, origin string, seal func([]byte) string) error {
	return each(dir, suffixNext, func(name, path string) error {
		f := Feed{Config: Config{Name: name, Origin: origin, Dir: dir, Seal: seal}}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !f.parse(text) {
			return os.Remove(path)
		}
		return os.Rename(path, f.path())
	})
}

// Discard gives up what Ready has made.
func Discard(dir string) error {
	return each(dir, suffixNext, func(_, path string) error { return os.Remove(path) })
}

// each does something with the files of a kind, durably. No folder has none.
func each(dir, suffix string, do func(name, path string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	done := false
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), suffix)
		if !is || !e.Type().IsRegular() || err != nil {
			continue
		}
		err, done = do(name, filepath.Join(dir, e.Name())), true
	}
	if err == nil && done {
		err = atomicfile.SyncDir(dir)
	}
	if err != nil {
		return errRekey
	}
	return nil
}
