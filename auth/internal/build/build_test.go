package build_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"

	"github.com/carnet-go/carnet/auth/internal/build"
)

func TestHashIsOfTheRunningProgram(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(program)
	if got := build.Hash(); got != hex.EncodeToString(sum[:]) || got != build.Hash() {
		t.Errorf("hash %s", got)
	}
}
