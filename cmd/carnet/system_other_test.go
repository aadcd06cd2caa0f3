//go:build !unix

package main

import (
	"os"
	"testing"
)

// mkfifo makes another file that is none, where pipes are made otherwise.
func mkfifo(t *testing.T, name string) {
	t.Helper()
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
}
