package key_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/carnet-go/carnet/audit/internal/key"
)

const origin = "acme.example/hr/a"

// private is the n-th key of the tests.
func private(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	return ed25519.NewKeyFromSeed(seed)
}

func made(t testing.TB, origin string, n byte) *key.Key {
	t.Helper()
	k, err := key.New(origin, private(n))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// moody is a signer that is random (0), fails at its n-th signature, signs with another
// key (-1), or is random after its first signature (-2).
type moody struct {
	crypto.Signer
	n int
}

func (m *moody) Sign(r io.Reader, text []byte, o crypto.SignerOpts) ([]byte, error) {
	switch m.n {
	case -1:
		return ed25519.Sign(private(99), text), nil
	case 0:
		sig := make([]byte, ed25519.SignatureSize)
		_, err := rand.Read(sig)
		return sig, err
	case 1:
		return nil, errors.New("quotes a secret")
	}
	if m.n--; m.n < 0 {
		m.n = 0
	}
	return m.Signer.Sign(r, text, o)
}

// odd says that its public key is what it is not.
type odd struct {
	crypto.Signer
	public ed25519.PublicKey
}

func (o odd) Public() crypto.PublicKey { return o.public }

func TestNewRefuses(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, origin string
		signer       crypto.Signer
		wantErr      error
	}{
		{"rsa", origin, rsaKey, key.ErrAlgorithm},
		{"no public key", origin, odd{private(1), nil}, key.ErrPublic},
		{"no name", "", private(1), key.ErrPublic},
		{"random", origin, &moody{private(1), 0}, key.ErrRandom},
		{"signs with another key", origin, &moody{private(1), -1}, key.ErrRandom},
		{"random later", origin, &moody{private(1), -2}, key.ErrRandom},
		{"fails", origin, &moody{private(1), 1}, key.ErrSigner},
		{"fails later", origin, &moody{private(1), 2}, key.ErrSigner},
	} {
		t.Run(c.name, func(t *testing.T) {
			if k, err := key.New(c.origin, c.signer); err != c.wantErr || k != nil {
				t.Errorf("got %v, want %v", err, c.wantErr)
			}
		})
	}
}

func TestVerifierIsTheNotes(t *testing.T) {
	k := made(t, origin, 1)
	want, err := note.NewEd25519VerifierKey(origin, private(1).Public().(ed25519.PublicKey))
	if err != nil || k.Verifier() != want || k.Name() != origin {
		t.Errorf("%s of %s, want %s, %v", k.Verifier(), k.Name(), want, err)
	}
}

// TestDigestsAreKeyed: equal under one key and origin, from many goroutines, and
// different under any other.
func TestDigestsAreKeyed(t *testing.T) {
	k := made(t, origin, 1)
	p, f := k.Seal("i", "s"), k.Fingerprint([]byte("secret"))
	if form := regexp.MustCompile(`^[0-9a-f]{64}$`); !form.MatchString(p) || !form.MatchString(f) {
		t.Errorf("%s, %s", p, f)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			again := made(t, origin, 1)
			for range 50 {
				for _, k := range []*key.Key{k, again} {
					if k.Seal("i", "s") != p || k.Fingerprint([]byte("secret")) != f {
						t.Error("it is another one")
					}
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]string{}
	for name, text := range map[string]string{
		"seal": p, "of another key": made(t, origin, 2).Seal("i", "s"),
		"of another origin": made(t, "acme.example/hr/b", 1).Seal("i", "s"),
		"of is and nobody":  k.Seal("is", ""), "of nobody and is": k.Seal("", "is"),
		"fingerprint": f, "of nothing": k.Fingerprint(nil),
		"of another key too": made(t, origin, 2).Fingerprint([]byte("secret")),
		// what a seal digests, so that the two keys differ
		"of the same bytes": k.Fingerprint([]byte("\x00\x00\x00\x00\x00\x00\x00\x01i\x00\x00\x00\x00\x00\x00\x00\x01s")),
	} {
		if seen[text] != "" {
			t.Errorf("%s is %s", name, seen[text])
		}
		seen[text] = name
	}
}

// TestOnlyTheKeyUnwraps, and only for the purpose that was meant.
func TestOnlyTheKeyUnwraps(t *testing.T) {
	k, secret := made(t, origin, 1), []byte("of thirty-two bytes, more or less")
	sealed := k.Wrap("one", secret)
	if got, ok := made(t, origin, 1).Unwrap("one", sealed); !ok || !bytes.Equal(got, secret) || len(sealed) != len(secret)+key.WrapBytes {
		t.Errorf("%q, %t, %d bytes", got, ok, len(sealed))
	}
	if bytes.Equal(sealed, k.Wrap("one", secret)) || bytes.Contains(sealed, secret) {
		t.Error("it tells that two secrets are equal, or which")
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, ok := k.Unwrap("one", bad); ok {
			t.Errorf("byte %d flipped", i)
		}
	}
	for name, not := range map[string]func() ([]byte, bool){
		"purpose": func() ([]byte, bool) { return k.Unwrap("two", sealed) },
		"key":     func() ([]byte, bool) { return made(t, origin, 2).Unwrap("one", sealed) },
		"origin":  func() ([]byte, bool) { return made(t, "acme.example/hr/b", 1).Unwrap("one", sealed) },
		"nothing": func() ([]byte, bool) { return k.Unwrap("one", nil) },
	} {
		if _, ok := not(); ok {
			t.Errorf("another %s", name)
		}
	}
}

func TestReadWhatTextSays(t *testing.T) {
	k := made(t, origin, 1)
	text := k.Text(private(1))
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, named, err := key.Read(path)
	if err != nil || named != origin || !private(1).Equal(signer) {
		t.Errorf("%s, %v", named, err)
	}
	s, err := note.NewSigner(strings.TrimSuffix(text, "\n"))
	if err != nil || s.Name() != origin || s.KeyHash() != k.KeyHash() {
		t.Errorf("package note reads it otherwise: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	good := made(t, origin, 1).Text(private(1))
	parts := strings.Split(good, "+")
	joined := func(i int, part string) string {
		list := append([]string(nil), parts...)
		list[i] = part
		return strings.Join(list, "+")
	}
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		wantErr    error
	}{
		{"large", good + strings.Repeat("\n", 5000), 0o600, key.ErrFile},
		{"readable by the group", good, 0o640, key.ErrMode},
		{"readable by all", good, 0o604, key.ErrMode},
		{"empty", "", 0o600, key.ErrText},
		{"few parts", "PRIVATE+KEY+a+b", 0o600, key.ErrText},
		{"no base64", joined(4, "!\n"), 0o600, key.ErrText},
		{"short", joined(4, "AQ==\n"), 0o600, key.ErrText},
		{"another head", joined(0, "private"), 0o600, key.ErrText},
		{"another hash", joined(3, "00000000"), 0o600, key.ErrText},
		{"another origin", joined(2, "acme.example/hr/b"), 0o600, key.ErrText},
		{"no origin", joined(2, ""), 0o600, key.ErrText},
		{"another algorithm", joined(4, "Ag"+parts[4][2:]), 0o600, key.ErrText},
		{"no newline", strings.TrimSuffix(good, "\n"), 0o600, key.ErrText},
		{"two newlines", good + "\n", 0o600, key.ErrText},
	} {
		t.Run(c.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && c.wantErr == key.ErrMode {
				t.Skip("Windows has no modes")
			}
			path := filepath.Join(t.TempDir(), "key")
			if err := errors.Join(os.WriteFile(path, []byte(c.text), 0o600), os.Chmod(path, c.mode)); err != nil {
				t.Fatal(err)
			}
			if signer, named, err := key.Read(path); err != c.wantErr || signer != nil || named != "" {
				t.Errorf("got %v, want %v", err, c.wantErr)
			}
		})
	}
	dir := t.TempDir()
	if _, _, err := key.Read(dir); err != key.ErrFile {
		t.Errorf("a folder: got %v, want %v", err, key.ErrFile)
	}
	if _, _, err := key.Read(filepath.Join(dir, "none")); err != key.ErrMissing {
		t.Errorf("no file: got %v, want %v", err, key.ErrMissing)
	}
	if runtime.GOOS != "windows" {
		link := filepath.Join(dir, "link")
		if err := os.Symlink("none", link); err != nil {
			t.Fatal(err)
		}
		if _, _, err := key.Read(link); err != key.ErrFile {
			t.Errorf("a link: got %v, want %v", err, key.ErrFile)
		}
	}
}
