package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

// prepared makes a log, and a folder of secrets as an orchestrator mounts it.
func prepared(t *testing.T) (dir, secrets string) {
	t.Helper()
	dir, secrets = filepath.Join(t.TempDir(), "log"), t.TempDir()
	if err := audit.Create(t.Context(), dir, "acme.example/billing/a", nil); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(secrets, "billing", "api")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "key"), []byte("correct horse battery"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, secrets
}

func TestRunLeasesAndPrintsNoKey(t *testing.T) {
	dir, secrets := prepared(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out, dir, secrets); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "leased: [secret]\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestRunNeedsItsLogAndItsSecret(t *testing.T) {
	dir, secrets := prepared(t)
	if err := run(t.Context(), new(bytes.Buffer), filepath.Join(dir, "missing"), secrets); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a log: %v", err)
	}
	if err := run(t.Context(), new(bytes.Buffer), dir, t.TempDir()); !errors.Is(err, auth.ErrUndeclared) {
		t.Errorf("without the secret: %v", err)
	}
}
