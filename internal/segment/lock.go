package segment

import "os"

// Lock is a lock on a file that exists for nothing else. A nil Lock holds nothing.
type Lock struct{ f *handle }

// NewLock makes the file where it is missing, and locks it; ErrLocked.
func NewLock(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, bare(err)
	}
	h := &handle{f}
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
