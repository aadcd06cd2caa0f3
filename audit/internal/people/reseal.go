package people

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/internal/atomicfile"
)

// Reseal is for a log that gets another key. It puts a copy of the table, whose head is sealed
// under that one and whose rows nobody makes who has the old one, beside the table, before anything says that the key is another one. The next
// Open takes the one of both that its key opens, and Repair removes the other: so a crash at any
// moment loses nobody, a change of keys that does not happen needs nothing undone, and doing it
// twice is the same as once. Adopt and Discard are for who knows before. Nobody else may have the table.
func Reseal(dir string, from, to *key.Key) error {
	b, err := read(filepath.Join(dir, File))
	if err != nil {
		return err
	}
	h, ok := parseHead(b, from)
	if !ok {
		return ErrDamage
	}
	made := h
	_, _ = rand.Read(made.tags[:]) // it never fails
	text, r, place := made.text(to), made.rower(), 0
	if _, ok := h.rows(b, func(d digest, n Name) { text, place = r.append(text, place, d, n), place+1 }); !ok {
		return ErrDamage
	}
	return write(filepath.Join(dir, next), text)
}

// Adopt puts the copy in the table's place, once the log is under its key.
func Adopt(dir string) error {
	if os.Rename(filepath.Join(dir, next), filepath.Join(dir, File)) != nil || atomicfile.SyncDir(dir) != nil {
		return errWrite
	}
	return nil
}

// Discard removes the copy, where the log is surely not under its key.
func Discard(dir string) error {
	if err := os.Remove(filepath.Join(dir, next)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errWrite
	}
	return nil
}
