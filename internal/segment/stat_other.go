//go:build (darwin || dragonfly || freebsd || linux || netbsd || openbsd) && !(linux && (amd64 || arm64))

package segment

import "syscall"

// stat is syscall.Stat of a path that ends with a zero.
func stat(path []byte, st *syscall.Stat_t) error {
	return syscall.Stat(string(path[:len(path)-1]), st)
}
