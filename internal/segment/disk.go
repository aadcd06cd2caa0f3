package segment

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Disk is what files need of an operating system, so that a test can bring one that
// fails. OS is the real one.
type Disk interface {
	// Open opens a file for reading and appending; create makes it, exclusively.
	Open(path string, create bool) (Handle, error)
	// Ident says which file has the path now.
	Ident(path string) (Ident, error)
	// Rewrite replaces bytes of a file in place, and syncs it.
	Rewrite(path string, p []byte, offset int64) error
	// Unnamed makes a file in a folder that has no name yet; errors.ErrUnsupported where
	// there is no way.
	Unnamed(dir string) (Handle, error)
	// Folder opens a folder.
	Folder(path string) (Names, error)
}

// Names are what an open folder has.
type Names interface {
	Sync() error // which names there are
	Remove(name string) error
	Close() error
}

// Handle is an open file.
type Handle interface {
	io.ReaderAt
	Write(p []byte) (int, error) // at the end, whatever the end is
	Ident() (Ident, error)
	Named() (Ident, error)  // which file has the path now, under which this one was opened
	Link(path string) error // names what has no name; an existing file is fs.ErrExist
	Truncate(size int64) error
	Sync() error                        // the data and what is needed to read them
	Reserve(offset, length int64) error // keeps the size; errors.ErrUnsupported where there is no way
	Lock() error                        // ErrLocked; ends with Close
	Close() error
}

// Ident says which file it is, and how long.
type Ident struct {
	ID    [2]uint64 // device and inode
	Links uint64    // names that it has
	Size  int64
	Space int64  // bytes that it takes on the disk; 0: nobody can say
	Mode  uint32 // type and permissions; 0 where there are none
}

// OS is the operating system's Disk.
type OS struct{}

// Open is for Disk.
func (OS) Open(path string, create bool) (Handle, error) {
	flag := os.O_RDWR | os.O_APPEND
	if create {
		flag |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return &handle{f, append([]byte(path), 0)}, nil
}

// Rewrite is for Disk. It needs a descriptor of its own: Linux appends what is
// written at an offset through one that appends.
func (OS) Rewrite(path string, p []byte, offset int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	h := &handle{File: f}
	if _, err = f.WriteAt(p, offset); err == nil {
		err = h.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Unnamed is for Disk.
func (OS) Unnamed(dir string) (Handle, error) {
	f, err := openUnnamed(dir)
	if err != nil {
		return nil, err
	}
	return &handle{File: f}, nil
}

// Link is for Handle.
func (h *handle) Link(path string) error {
	h.path = append([]byte(path), 0)
	return h.control(func(fd uintptr) error { return link(fd, h.path) })
}

// Folder is for Disk.
func (OS) Folder(path string) (Names, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &names{f, path}, nil
}

type names struct {
	f    *os.File
	path string
}

// Sync is for Names.
func (n *names) Sync() error {
	if runtime.GOOS == "windows" {
		return nil // it has no call that syncs a folder
	}
	return n.f.Sync()
}

// Remove is for Names.
func (n *names) Remove(name string) error { return os.Remove(filepath.Join(n.path, name)) }

// Close is for Names.
func (n *names) Close() error { return n.f.Close() }

type handle struct {
	*os.File
	path []byte // with a zero behind it
}

// control runs f with the descriptor, which cannot be closed meanwhile.
func (h *handle) control(f func(fd uintptr) error) error {
	c, err := h.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := c.Control(func(fd uintptr) { ferr = f(fd) }); err != nil {
		return err
	}
	return ferr
}

// full says whether a cause is a lack of space: of the disk, a quota or a limit.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// bare drops the path that an error of the operating system has.
func bare(err error) error {
	var number syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrLocked):
		return ErrLocked
	case errors.Is(err, ErrReplaced):
		return ErrReplaced
	case errors.Is(err, fs.ErrNotExist):
		return fs.ErrNotExist
	case errors.Is(err, fs.ErrExist):
		return fs.ErrExist
	case errors.As(err, &number):
		return number
	}
	return errors.New("segment: the disk failed")
}
