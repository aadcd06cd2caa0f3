package segment

import (
	"errors"
	"syscall"
)

// keepSize is FALLOC_FL_KEEP_SIZE: nobody who follows the file sees zeros at its end.
const keepSize = 1

// Sync is for Handle: the size is part of what fdatasync makes durable.
func (h *handle) Sync() error {
	return h.control(func(fd uintptr) error {
		for {
			if err := syscall.Fdatasync(int(fd)); !errors.Is(err, syscall.EINTR) {
				return err
			}
		}
	})
}

// Reserve is for Handle.
func (h *handle) Reserve(offset, length int64) error {
	return h.control(func(fd uintptr) error {
		for {
			if err := syscall.Fallocate(int(fd), keepSize, offset, length); !errors.Is(err, syscall.EINTR) {
				return err
			}
		}
	})
}
