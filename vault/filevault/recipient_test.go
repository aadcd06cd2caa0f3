package filevault_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

func hybrid(t testing.TB) auth.Secret {
	t.Helper()
	key, err := filevault.NewHybridIdentity()
	must(t, err)
	return key
}

// recipients are the types of those that the header of the file names.
func recipients(t testing.TB, f filevault.File) (types []string) {
	t.Helper()
	sealed, err := os.ReadFile(f.Path)
	must(t, err)
	header, _, ok := bytes.Cut(sealed, []byte("\n--- "))
	if !ok {
		t.Fatal("no header")
	}
	for line := range strings.Lines(string(header)) {
		if words := strings.Fields(line); words[0] == "->" {
			types = append(types, words[1])
		}
	}
	return types
}

// TestOneRecipient: the file is encrypted to its identity in that identity's way, to nobody
// else, and to none of before. What a quantum computer breaks is not there beside what it
// does not.
func TestOneRecipient(t *testing.T) {
	kinds := map[string]auth.Secret{"X25519": identity(t), "mlkem768x25519": hybrid(t), "ssh-ed25519": secret(sshFile(t, "ed25519")), "ssh-rsa": secret(sshFile(t, "rsa"))}
	for kind, key := range kinds {
		made := filevault.File{Path: filepath.Join(t.TempDir(), "secrets.age"), Identity: key}
		must(t, made.Create(t.Context()))
		must(t, made.Set(t.Context(), "crm/api", fields("key", canary)))
		moved := file(t)
		old := moved
		must(t, moved.Rekey(t.Context(), key))
		moved.Identity = key
		if err := old.Check(); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s: the identity of before: %v", kind, err)
		}
		for name, f := range map[string]filevault.File{"made": made, "moved": moved} {
			want(t, f, "crm/api", "1", "key", canary)
			if got := recipients(t, f); !slices.Equal(got, []string{kind}) {
				t.Errorf("%s, %s: encrypted to %q", kind, name, got)
			}
			for other, key := range kinds {
				if err := (filevault.File{Path: f.Path, Identity: key}).Check(); other != kind && !errors.Is(err, auth.ErrDenied) {
					t.Errorf("%s, %s: opened by %s: %v", kind, name, other, err)
				}
			}
		}
	}
}

// smuggled is a recipient that does not say that it is no post-quantum one: age would not
// put it beside one that is.
type smuggled struct{ to age.Recipient }

func (s smuggled) Wrap(key []byte) ([]*age.Stanza, error) { return s.to.Wrap(key) }

// TestForeignRecipient: a file that age has encrypted to others too is read, and the first
// change leaves them out.
func TestForeignRecipient(t *testing.T) {
	key := text(t, hybrid(t))
	ours, err := age.ParseHybridIdentity(key)
	must(t, err)
	theirs, err := age.GenerateX25519Identity()
	must(t, err)
	f := filevault.File{Path: filepath.Join(t.TempDir(), "secrets.age"), Identity: secret(key)}
	empty := `{"format":"carnet-vault/1","last":0,"paths":{}}` + "\n"
	if _, err := age.Encrypt(new(bytes.Buffer), ours.Recipient(), theirs.Recipient()); err == nil {
		t.Error("age mixes a post-quantum recipient with another one")
	}
	must(t, os.WriteFile(f.Path, seal(t, empty, smuggled{ours.Recipient()}, theirs.Recipient()), 0o600))
	if got := recipients(t, f); len(got) != 2 {
		t.Fatalf("encrypted to %q", got)
	}
	must(t, f.Check())
	must(t, f.Set(t.Context(), "crm/api", fields("key", canary)))
	want(t, f, "crm/api", "1", "key", canary)
	if got := recipients(t, f); !slices.Equal(got, []string{"mlkem768x25519"}) {
		t.Errorf("still encrypted to %q", got)
	}
	if err := (filevault.File{Path: f.Path, Identity: secret(theirs.String())}).Check(); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("still opened: %v", err)
	}
}

// TestNewHybridIdentity makes another one each time, in the form that age knows.
func TestNewHybridIdentity(t *testing.T) {
	one, two := hybrid(t), hybrid(t)
	if _, err := age.ParseHybridIdentity(text(t, one)); err != nil || !strings.HasPrefix(text(t, one), "AGE-SECRET-KEY-PQ-1") {
		t.Error("another form")
	}
	if filevault.Same(one, two) || !filevault.Same(one, one) {
		t.Error("not one key of its own each time")
	}
}
