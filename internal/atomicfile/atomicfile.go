// Package atomicfile replaces small files as a whole.
//
//	err := atomicfile.Write("log/checkpoint", note, 0o644)
//
// # Guarantees
//
// After a crash the file has its old content or its new one, never a mixture and
// never none. When Write returned nil it has the new one, also after a power cut.
//
// # Limits
//
// Linux is where the second sentence is promised; on Windows a folder cannot be
// synced. A crash can leave a temporary file, which IsTemp recognises.
//
// # Errors
//
// An error has the cause, such as syscall.ENOSPC, and no path.
//
// # Concurrency
//
// Writers of one path do not disturb each other: the last one wins.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// prefix of temporary files. No file of ours begins with a dot otherwise.
const prefix = ".atomicfile-"

// IsTemp says whether a base name is one of a temporary file that a crash left.
func IsTemp(name string) bool { return strings.HasPrefix(name, prefix) }

// Write replaces the file at path by data, with exactly that mode.
func Write(path string, data []byte, mode fs.FileMode) error {
	return write(osDisk{}, path, data, mode)
}

// SyncDir makes durable which names a folder has.
func SyncDir(dir string) error {
	if err := (osDisk{}).syncDir(dir); err != nil {
		return bare("sync of the folder", err)
	}
	return nil
}

// disk is what a test replaces.
type disk interface {
	create(dir string) (file, error)
	rename(from, to string) error
	remove(path string) error
	syncDir(dir string) error
}

type file interface {
	Name() string
	Write(p []byte) (int, error)
	Chmod(mode fs.FileMode) error
	Sync() error
	Close() error
}

func write(d disk, path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	f, err := d.create(dir)
	if err != nil {
		return bare("create", err)
	}
	if op, err := fill(f, data, mode); err != nil {
		_ = d.remove(f.Name())
		return bare(op, err)
	}
	if err := d.rename(f.Name(), path); err != nil {
		_ = d.remove(f.Name())
		return bare("rename", err)
	}
	if err := d.syncDir(dir); err != nil {
		return bare("sync of the folder", err)
	}
	return nil
}

// fill closes f whatever happens, and names the step that failed. A failed sync is
// never tried again: the next Write makes a new file.
func fill(f file, data []byte, mode fs.FileMode) (string, error) {
	_, err := f.Write(data)
	op := "write"
	if err == nil {
		op, err = "chmod", f.Chmod(mode)
	}
	if err == nil {
		op, err = "sync", f.Sync()
	}
	if cerr := f.Close(); err == nil && cerr != nil {
		op, err = "close", cerr
	}
	return op, err
}

// bare keeps the error number of err and drops the path that stands around it.
func bare(op string, err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return fmt.Errorf("atomicfile: %s: %w", op, number)
	}
	return fmt.Errorf("atomicfile: %s failed", op)
}

type osDisk struct{}

func (osDisk) create(dir string) (file, error) { return os.CreateTemp(dir, prefix+"*") }
func (osDisk) rename(from, to string) error    { return os.Rename(from, to) }
func (osDisk) remove(path string) error        { return os.Remove(path) }
