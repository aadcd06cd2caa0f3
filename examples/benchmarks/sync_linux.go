package main

import (
	"errors"
	"os"
	"syscall"
)

// datasync makes durable what was written.
func datasync(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
