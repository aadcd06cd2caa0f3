package audit_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/carnet-go/carnet/audit"
)

func TestCreateMakesALogOnce(t *testing.T) {
	dir := create(t)
	if err := audit.Create(t.Context(), dir, origin, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want ErrExist", err)
	}
	if runtime.GOOS != "windows" {
		for name, want := range map[string]fs.FileMode{dir: 0o700, dir + ".key": 0o600, dir + ".vkey": 0o644} {
			if fi, err := os.Stat(name); err != nil || fi.Mode().Perm() != want {
				t.Errorf("%s: %v, %v", filepath.Base(name), fi.Mode(), err)
			}
		}
	}
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(entries) != 3 {
		t.Errorf("%v, %v", entries, err)
	}
	l := open(t, dir)
	if got := string(read(t, dir+".vkey")); got != l.Key()+"\n" {
		t.Errorf("%q, want %q", got, l.Key())
	}
	if _, err := note.NewVerifier(l.Key()); err != nil {
		t.Error(err)
	}
}

func TestCreateRefuses(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	write(t, file, nil)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(folder, "audit")
	for _, c := range []struct {
		name, dir, origin string
		ctx               context.Context
		signer            crypto.Signer
		want              error
	}{
		{name: "existing file", dir: file, origin: origin, want: fs.ErrExist},
		{name: "folder above missing", dir: filepath.Join(folder, "none", "audit"), origin: origin, want: fs.ErrNotExist},
		{name: "above is a file", dir: filepath.Join(file, "audit"), origin: origin},
		{name: "ctx ended", dir: dir, origin: origin, ctx: done, want: context.Canceled},
		{name: "no origin", dir: dir},
		{name: "plus", dir: dir, origin: "acme+a"},
		{name: "space", dir: dir, origin: "acme a"},
		{name: "newline", dir: dir, origin: "acme\na"},
		{name: "upper", dir: dir, origin: "Acme"},
		{name: "double slash", dir: dir, origin: "acme//a"},
		{name: "end slash", dir: dir, origin: "acme/"},
		{name: "dots", dir: dir, origin: "acme/../b"},
		{name: "long", dir: dir, origin: strings.Repeat("a/", 128) + "a"},
		{name: "rsa", dir: dir, origin: origin, signer: rsaKey},
		{name: "not deterministic", dir: dir, origin: origin, signer: &moody{private, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.ctx == nil {
				c.ctx = t.Context()
			}
			err := audit.Create(c.ctx, c.dir, c.origin, &audit.Options{Signer: c.signer})
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
				t.Errorf("left %v", entries)
			}
		})
	}
}

// moody is a signer that is random (0), or fails at its n-th signature.
type moody struct {
	crypto.Signer
	n int
}

func (m *moody) Sign(r io.Reader, text []byte, o crypto.SignerOpts) ([]byte, error) {
	switch m.n {
	case 0:
		sig := make([]byte, ed25519.SignatureSize)
		_, err := rand.Read(sig)
		return sig, err
	case 1:
		return nil, errors.New("quotes a secret")
	}
	m.n--
	return m.Signer.Sign(r, text, o)
}

// TestAVanishedLogDoesNotBeginAgain: rm -r of the log and a restart that creates what
// is missing must not give a young log.
func TestAVanishedLogDoesNotBeginAgain(t *testing.T) {
	dir := create(t)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := audit.Create(t.Context(), dir, origin, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want ErrExist", err)
	}
	if _, err := audit.Open(t.Context(), dir, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("Open created something")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(t.Context(), dir, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: got %v, want ErrNotExist", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("Open created %v", entries)
	}
}

// TestACrashInCreateLeavesNoHalfLog: whatever of a site is left, the next Create makes
// a whole log; one that goes on is left alone.
func TestACrashInCreateLeavesNoHalfLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	site := filepath.Join(filepath.Dir(dir), ".audit.new")
	if err := os.MkdirAll(filepath.Join(site, "seg"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir+".key", []byte("half"))
	write(t, filepath.Join(site, "LOCK"), nil)
	write(t, segmentOf(site), []byte("half"))
	if err := audit.Create(t.Context(), dir, origin, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(site); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the site is still there")
	}
	if _, err := reopens(t, dir); err != nil {
		t.Error(err)
	}
}

func TestCreateAtTheSameTimeMakesOneLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	results := make(chan error)
	for range 8 {
		go func() { results <- audit.Create(t.Context(), dir, origin, nil) }()
	}
	made := 0
	for range 8 {
		switch err := <-results; {
		case err == nil:
			made++
		case !errors.Is(err, fs.ErrExist):
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d logs were made", made)
	}
	if _, err := reopens(t, dir); err != nil {
		t.Error(err)
	}
}

func TestASignerOfOnesOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := &audit.Options{Signer: private}
	if err := audit.Create(t.Context(), dir, origin, o); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir + ".key"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a key was written")
	}
	refuses(t, dir, nil, "key is missing")
	l, err := audit.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, answer())
	shut(t, l)
}
