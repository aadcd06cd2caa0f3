//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// openFile follows no link, and waits for no pipe.
func openFile(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err == nil {
		return file, nil
	}
	if named, lerr := os.Lstat(name); lerr == nil && !named.Mode().IsRegular() {
		return nil, errOpenKey
	}
	return nil, err
}

// mine says whether the file belongs to whom this process works for, root too.
func mine(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && uint64(st.Uid) == uint64(os.Geteuid())
}
