// Package build names the running program.
//
//	hash := build.Hash()
//
// # Concurrency
//
// Hash may be called concurrently: it reads the program once.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"sync"
)

// Hash is hexadecimal SHA-256 of the running executable; empty: it cannot be read, so
// nothing vouches for the build.
func Hash() string { return hash() }

var hash = sync.OnceValue(func() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
})
