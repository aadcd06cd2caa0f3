package site_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/site"
)

const origin = "acme.example/hr/a"

// beside is a log's place with a key beside it, or none.
func beside(t *testing.T, has bool) (dir string, k *key.Key) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "audit")
	k, private, err := key.Make(origin)
	if err != nil {
		t.Fatal(err)
	}
	if has {
		if err := os.WriteFile(dir+site.SuffixKey, []byte(k.Text(private)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, k
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func former(dir string, k *key.Key) string {
	return dir + site.SuffixKey + "." + strings.Split(k.Verifier(), "+")[1]
}

// TestHandOver of a file to a file, of a file to a signer, of a signer to a file and to another
// one; as often as it is called.
func TestHandOver(t *testing.T) {
	for name, c := range map[string]struct{ from, to bool }{"files": {true, true}, "to a signer": {true, false}, "to a file": {false, true}, "signers": {}} {
		dir, old := beside(t, c.from)
		var private string
		if c.from {
			private = text(t, dir+site.SuffixKey)
		}
		next, _, err := key.Make(origin)
		if err != nil {
			t.Fatal(err)
		}
		if c.to {
			if next, err = site.Next(dir, &old.Public); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := site.HandOver(dir, old.Verifier(), next.Verifier()); err != nil {
				t.Fatal(err)
			}
		}
		if text(t, dir+site.SuffixVerify) != next.Verifier()+"\n" {
			t.Errorf("%s: another verifier key", name)
		}
		if c.from && text(t, former(dir, old)) != private {
			t.Errorf("%s: the old key is lost", name)
		}
		signer, named, err := key.Read(dir + site.SuffixKey)
		if (err == nil) != c.to {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			if k, err := key.New(named, signer); err != nil || k.Verifier() != next.Verifier() {
				t.Errorf("%s: another key, %v", name, err)
			}
		}
		if _, err := os.Lstat(dir + site.SuffixNext); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a key is left", name)
		}
	}
}

// TestAKeyOfSomebodyElseStays, and one that the log is not under does not take its place.
func TestAKeyOfSomebodyElseStays(t *testing.T) {
	dir, stranger := beside(t, true)
	_, old := beside(t, false)
	if _, err := site.Next(dir, &old.Public); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if _, err := site.Next(dir, &stranger.Public); err != nil {
		t.Fatal(err)
	}
	kept := text(t, dir+site.SuffixKey)
	_, another := beside(t, false)
	if err := site.HandOver(dir, old.Verifier(), another.Verifier()); err != nil {
		t.Fatal(err)
	}
	if text(t, dir+site.SuffixKey) != kept {
		t.Error("it is gone")
	}
	text(t, dir+site.SuffixNext)
}

// TestHandOverThatFails says so, and the old key is there.
func TestHandOverThatFails(t *testing.T) {
	for name, c := range map[string]func(dir string, old *key.Key) string{
		"the old key's name": former,
		"DIR.vkey":           func(dir string, _ *key.Key) string { return dir + site.SuffixVerify },
	} {
		dir, old := beside(t, true)
		next, err := site.Next(dir, &old.Public)
		if err != nil {
			t.Fatal(err)
		}
		in := c(dir, old)
		if err := os.MkdirAll(filepath.Join(in, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := site.HandOver(dir, old.Verifier(), next.Verifier()); err == nil || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.RemoveAll(in); err != nil {
			t.Fatal(err)
		}
		if err := site.HandOver(dir, old.Verifier(), next.Verifier()); err != nil || text(t, former(dir, old)) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, old := beside(t, false)
	if _, err := site.Next(filepath.Join(t.TempDir(), "none", "audit"), &old.Public); err == nil {
		t.Error("no folder, and a key in it")
	}
}
