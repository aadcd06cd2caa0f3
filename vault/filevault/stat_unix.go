//go:build unix

package filevault

import (
	"io/fs"
	"os"
	"syscall"
)

// links is how many names the file has.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 0
}

// mine says whether the file belongs to whom this process works for. Root is no
// exception: what root writes in somebody's place is root's, and lost to its owner.
func mine(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && uint64(st.Uid) == uint64(os.Geteuid())
}
