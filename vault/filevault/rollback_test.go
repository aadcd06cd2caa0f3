package filevault_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/filevault"
)

// TestOlderCopyIsNoticed: whoever can write in the folder puts back a file in which a secret
// that was withdrawn still stands.
func TestOlderCopyIsNoticed(t *testing.T) {
	f := filevault.File{Path: filepath.Join(t.TempDir(), "secrets.age"), Identity: identity(t)}
	if err := f.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(authtest.Log(t), f, &vault.Options{Own: []string{"crm/api"}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close(t.Context())
	lease := func() error {
		l, err := v.Own("crm/api").Lease(t.Context(), auth.Grant{})
		if err == nil {
			err = l.Close(t.Context())
		}
		return err
	}
	set := func(value string) {
		t.Helper()
		if err := f.Set(t.Context(), "crm/api", map[string]auth.Secret{"key": auth.NewSecret([]byte(value))}); err != nil {
			t.Fatal(err)
		}
	}
	set("withdrawn")
	if err := lease(); err != nil {
		t.Fatal(err)
	}
	older, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	set("new")
	if err := lease(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.Path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lease(); !errors.Is(err, vault.ErrRolledBack) {
		t.Errorf("an older copy: %v", err)
	}
	for above, want := range map[uint64]error{0: auth.ErrInvalid, 1 << 60: auth.ErrInvalid, vault.MostGeneration: auth.ErrInvalid} {
		if err := f.Raise(t.Context(), above); !errors.Is(err, want) {
			t.Errorf("above %d: %v", above, err)
		}
	}
	if err := f.Raise(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if err := lease(); err != nil {
		t.Errorf("put back on purpose: %v", err)
	}
	set("newer")
	if err := lease(); err != nil {
		t.Errorf("and changed: %v", err)
	}
}
