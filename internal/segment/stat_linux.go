//go:build linux && (amd64 || arm64)

package segment

import (
	"os"
	"strconv"
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

// openUnnamed makes a file that has no name, and goes with the process.
func openUnnamed(dir string) (*os.File, error) {
	const tmpfile = 0x400000 | syscall.O_DIRECTORY // O_TMPFILE
	return os.OpenFile(dir, os.O_RDWR|os.O_APPEND|tmpfile, 0o600)
}

// link gives a file without a name one, if nobody has it.
func link(fd uintptr, path []byte) error {
	const followSymlink = 0x400 // AT_SYMLINK_FOLLOW: of /proc's link
	from := append(strconv.AppendUint([]byte("/proc/self/fd/"), uint64(fd), 10), 0)
	cwd := atCwd
	_, _, errno := syscall.Syscall6(syscall.SYS_LINKAT, uintptr(cwd), uintptr(unsafe.Pointer(&from[0])), uintptr(cwd), uintptr(unsafe.Pointer(&path[0])), followSymlink, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
