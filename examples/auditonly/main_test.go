package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/verify"
)

func TestRunProvesItsLine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	var out bytes.Buffer
	if err := run(t.Context(), &out, dir); err != nil {
		t.Fatal(err)
	}
	proof, last, ok := strings.Cut(out.String(), "audit: ")
	if !ok || !strings.Contains(last, " events, 0 grants, verified, root ") {
		t.Fatalf("printed:\n%s", &out)
	}
	key, err := os.ReadFile(dir + ".vkey")
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{strings.TrimSpace(string(key))}
	segment, err := os.ReadFile(filepath.Join(dir, "seg", strings.Repeat("0", 20)+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	proven := 0
	for line := range bytes.Lines(segment) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if err := verify.Proof([]byte(proof), line, keys); err == nil {
			proven++
			if !bytes.Contains(line, []byte("billing.invoice.release")) {
				t.Errorf("the proof is of another line: %s", line)
			}
		}
	}
	if proven != 1 {
		t.Errorf("the proof fits %d lines", proven)
	}
}

func TestRunRefusesUsedFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	if err := run(t.Context(), new(bytes.Buffer), dir); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), new(bytes.Buffer), dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("run = %v", err)
	}
}
