//go:build linux && (amd64 || arm64)

package segment

import (
	"syscall"
	"unsafe"
)

// atCwd is AT_FDCWD: a relative path is one from the working folder.
const atCwd = -0x64

// stat is syscall.Stat of a path that ends with a zero. That copies its path each time,
// and this is asked twice for each append.
func stat(path []byte, st *syscall.Stat_t) error {
	cwd := atCwd
	_, _, errno := syscall.Syscall6(sysStat, uintptr(cwd), uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(st)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
