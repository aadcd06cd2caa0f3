//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package segment

import (
	"errors"
	"syscall"
)

// lockFlags: no link is followed, and a pipe holds nobody.
const lockFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// Lock is for Handle. flock, unlike fcntl, also keeps out another part of this
// process, and does not end when somebody else closes the file.
func (h *handle) Lock() error {
	return h.control(func(fd uintptr) error {
		err := syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return ErrLocked
		}
		return err
	})
}

// Ident is for Handle.
func (h *handle) Ident() (Ident, error) {
	var st syscall.Stat_t
	err := h.control(func(fd uintptr) error { return syscall.Fstat(int(fd), &st) })
	return ident(&st), err
}

// Named is for Handle.
func (h *handle) Named() (Ident, error) {
	var st syscall.Stat_t
	err := stat(h.path, &st)
	return ident(&st), err
}

// Ident is for Disk.
func (OS) Ident(path string) (Ident, error) {
	var st syscall.Stat_t
	err := syscall.Stat(path, &st)
	return ident(&st), err
}

func ident(st *syscall.Stat_t) Ident {
	return Ident{
		ID:    [2]uint64{uint64(st.Dev), uint64(st.Ino)},
		Links: uint64(st.Nlink),
		Size:  st.Size,
		Space: st.Blocks * 512,
		Mode:  uint32(st.Mode),
	}
}
