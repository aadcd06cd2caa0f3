package segment

import (
	"errors"
	"syscall"
	"unsafe"
)

const (
	lockfileExclusive       = 0x2
	lockfileFailImmediately = 0x1
	errorLockViolation      = syscall.Errno(33)

	lockFlags = 0 // a link is followed, and refused afterwards
)

// Lock is for Handle. The byte that is locked lies far behind every end, because a
// locked range could not be read by others.
func (h *handle) Lock() error {
	lock := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")
	return h.control(func(fd uintptr) error {
		at := syscall.Overlapped{OffsetHigh: 0x7fffffff}
		ok, _, err := lock.Call(fd, lockfileExclusive|lockfileFailImmediately, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
		if ok != 0 {
			return nil
		}
		if errors.Is(err, errorLockViolation) {
			return ErrLocked
		}
		return err
	})
}

// Ident is for Handle.
func (h *handle) Ident() (Ident, error) {
	var info syscall.ByHandleFileInformation
	err := h.control(func(fd uintptr) error {
		return syscall.GetFileInformationByHandle(syscall.Handle(fd), &info)
	})
	return Ident{
		ID:    [2]uint64{uint64(info.VolumeSerialNumber), uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow)},
		Links: uint64(info.NumberOfLinks),
		Size:  int64(info.FileSizeHigh)<<32 | int64(info.FileSizeLow),
	}, err
}

// Named is for Handle.
func (h *handle) Named() (Ident, error) { return OS{}.Ident(string(h.path[:len(h.path)-1])) }

// Ident is for Disk.
func (OS) Ident(path string) (Ident, error) {
	h, err := OS{}.Open(path, false)
	if err != nil {
		return Ident{}, err
	}
	id, err := h.Ident()
	if cerr := h.Close(); err == nil {
		err = cerr
	}
	return id, err
}
