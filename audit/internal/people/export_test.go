package people

import "io/fs"

// What tests compare with.
var (
	ErrRead  = errRead
	ErrWrite = errWrite
)

// Pretend says how many rows a table has.
func Pretend(t *Table, known int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = known
}

// Known is how many rows it thinks that it has.
func Known(t *Table) int { return t.known }

// FailReplacing makes a table fail before anything is replaced.
func FailReplacing(t *Table, err error) {
	t.swap = func(string, []byte, fs.FileMode) error { return err }
}
