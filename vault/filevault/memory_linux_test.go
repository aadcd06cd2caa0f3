package filevault_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
	"github.com/carnet-go/carnet/vault/internal/memorytest"
)

// TestNothingStaysInMemory: what was read is in the secret that was issued, and nowhere else.
func TestNothingStaysInMemory(t *testing.T) {
	if child := memorytest.Told(); child != nil {
		key, err := os.ReadFile(os.Getenv("CARNET_TEST_DIR") + "/key")
		if err != nil {
			t.Fatal(err)
		}
		file := filevault.File{Path: os.Getenv("CARNET_TEST_DIR") + "/secrets.age", Identity: auth.NewSecret(key)}
		issued, err := file.Issue(t.Context(), "crm/api")
		if err != nil {
			t.Fatal(err)
		}
		if child.What == "wiped" {
			for _, s := range issued.Fields {
				s.Wipe()
			}
		}
		child.Ready(issued)
		return
	}
	for what, want := range map[string]int{"issued": 1, "wiped": 0} {
		dir, secret := t.TempDir(), rand.Text()+rand.Text()
		key, err := filevault.NewIdentity()
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Use(func(b []byte) error { return os.WriteFile(filepath.Join(dir, "key"), b, 0o600) }); err != nil {
			t.Fatal(err)
		}
		file := filevault.File{Path: filepath.Join(dir, "secrets.age"), Identity: key}
		if err := file.Create(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := file.Set(t.Context(), "crm/api", map[string]auth.Secret{"key": auth.NewSecret([]byte(secret)), "x": auth.NewSecret([]byte("x"))}); err != nil {
			t.Fatal(err)
		}
		if got := memorytest.Left(t, what, []byte(secret), "CARNET_TEST_DIR="+dir); got != want {
			t.Errorf("%s: %d copies, want %d", what, got, want)
		}
	}
}
