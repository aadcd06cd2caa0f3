package segment

import (
	"errors"
	"os"
)

// ErrNoLock means that something else than a regular file has the lock's name: a link
// would make and lock a file elsewhere.
var ErrNoLock = errors.New("segment: the lock is a link or no regular file")

// Lock is a lock on a file that exists for nothing else. A nil Lock holds nothing.
type Lock struct{ f *handle }

// NewLock makes the file where it is missing, and locks it; ErrLocked, ErrNoLock.
func NewLock(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|lockFlags, 0o600)
	if err != nil {
		if occupied(path) {
			return nil, ErrNoLock
		}
		return nil, bare(err)
	}
	if occupied(path) {
		_ = f.Close()
		return nil, ErrNoLock
	}
	h := &handle{File: f}
	if err := h.Lock(); err != nil {
		_ = f.Close()
		return nil, bare(err)
	}
	// Who had the lock may have removed the file meanwhile: a lock on what has no name
	// keeps nobody out.
	if open, err := f.Stat(); err != nil || !isAt(open, path) {
		_ = f.Close()
		return nil, ErrLocked
	}
	return &Lock{f: h}, nil
}

// occupied says whether the name is there, and no regular file's.
func occupied(path string) bool {
	named, err := os.Lstat(path)
	return err == nil && !named.Mode().IsRegular()
}

func isAt(open os.FileInfo, path string) bool {
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(open, named)
}

// Close gives the lock back; the file stays.
func (l *Lock) Close() error {
	if l == nil || l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	return bare(f.Close())
}
