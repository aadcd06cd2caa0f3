package audit_test

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit"
)

// private is the n-th key of the tests.
func private(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	return ed25519.NewKeyFromSeed(seed)
}

// vkeyOf is what DIR.vkey has.
func vkeyOf(t testing.TB, dir string) string {
	t.Helper()
	return strings.TrimSpace(string(read(t, dir+".vkey")))
}

func rekey(t testing.TB, dir string, old, next crypto.Signer) string {
	t.Helper()
	vkey, err := audit.Rekey(t.Context(), dir, old, next)
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}

// TestRekeyOfTheKeyBesideTheLog: the log goes on, under the new key only.
func TestRekeyOfTheKeyBesideTheLog(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	before := add(t, l, answer())
	shut(t, l)
	old, oldKey := vkeyOf(t, dir), read(t, dir+".key")
	vkey := rekey(t, dir, nil, nil)
	if vkey == old || vkeyOf(t, dir) != vkey {
		t.Fatalf("%s, %s", vkey, vkeyOf(t, dir))
	}
	kept := dir + ".key." + strings.Split(old, "+")[1]
	if string(read(t, kept)) != string(oldKey) || string(read(t, dir+".key")) == string(oldKey) {
		t.Error("the keys are not where they belong")
	}
	if _, err := os.Lstat(dir + ".key.next"); err == nil {
		t.Error("a key is left")
	}
	for range 3 {
		l = open(t, dir)
		if l.Key() != vkey || l.Recovery() != (audit.Recovery{}) {
			t.Errorf("%s, %+v", l.Key(), l.Recovery())
		}
		add(t, l, answer())
		shut(t, l)
	}
	wellFormed(t, dir)
	if !keeps(t, dir, before) {
		t.Error("a line is lost")
	}
	_ = errors.Is
	_ = filepath.Join
}

func keeps(t testing.TB, dir string, r audit.Receipt) bool { return kept(t, dir, r) }
