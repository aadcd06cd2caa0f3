package people

import (
	"path/filepath"

	"github.com/carnet-go/carnet/audit/internal/key"
)

// Reseal is for a log that gets another key. It puts a copy of the table, whose head is sealed
// under that one, beside the table, before anything says that the key is another one. The next
// Open takes the one of both that its key opens, and Repair removes the other: so a crash at any
// moment loses nobody, a change of keys that does not happen needs nothing undone, and doing it
// twice is the same as once. Nobody else may have the table.
func Reseal(dir string, from, to *key.Key) error {
	b, err := read(filepath.Join(dir, File))
	if err != nil {
		return err
	}
	h, ok := parseHead(b, from)
	if !ok {
		return ErrDamage
	}
	copy(b, h.text(to))
	return write(filepath.Join(dir, next), b)
}
