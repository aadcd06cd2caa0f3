package witnessaudit_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/carnet-go/carnet/audit/witnessaudit"
)

type moody struct {
	crypto.Signer
	sign func() ([]byte, error)
}

func (m moody) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return m.sign() }

func TestNewKeyRefuses(t *testing.T) {
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		signer crypto.Signer
		want   error
	}{
		{"", private, witnessaudit.ErrName},
		{"a b", private, witnessaudit.ErrName},
		{"a+b", private, witnessaudit.ErrName},
		{"a\nb", private, witnessaudit.ErrName},
		{"a\u2028b", private, witnessaudit.ErrName},
		{"a\u0000b", private, witnessaudit.ErrName},
		{"a\xff", private, witnessaudit.ErrName},
		{strings.Repeat("a", 256), private, witnessaudit.ErrName},
		{name, nil, witnessaudit.ErrSigner},
		{name, ec, witnessaudit.ErrSigner},
	} {
		if k, err := witnessaudit.NewKey(c.name, c.signer); err != c.want || k != nil || k.Verifier() != "" {
			t.Errorf("%q: got %v, want %v", c.name, err, c.want)
		}
	}
}

// TestASignerThatFailsOrLiesCosignsNothing, and what it did not sign is not remembered.
func TestASignerThatFailsOrLiesCosignsNothing(t *testing.T) {
	log := logOf(t, origin, 1, "a", 9)
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	for name, sign := range map[string]func() ([]byte, error){
		"fails":              func() ([]byte, error) { return nil, io.ErrUnexpectedEOF },
		"signs another":      func() ([]byte, error) { return ed25519.Sign(private, []byte("x")), nil },
		"returns too little": func() ([]byte, error) { return []byte{1}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			key, err := witnessaudit.NewKey("w", moody{private, sign})
			if err != nil {
				t.Fatal(err)
			}
			w := &witness{t: t, dir: filepath.Join(t.TempDir(), "state"), key: key, keys: []string{log.key}}
			if err := witnessaudit.Create(w.dir, key); err != nil {
				t.Fatal(err)
			}
			w.open()
			w.wants(500, "", log.request(9, 0))
			if _, err := os.Stat(w.file(origin)); !errors.Is(err, fs.ErrNotExist) {
				t.Error("something was kept")
			}
		})
	}
}

// TestAKeyIsNoLogs: another type, so that neither the verifier key nor the file of a witness
// passes for those of a log.
func TestAKeyIsNoLogs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	k, err := witnessaudit.CreateKey(path, name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.NewVerifier(k.Verifier()); err == nil {
		t.Error("a note's verifier")
	}
	text := strings.TrimSuffix(string(read(t, path)), "\n")
	if _, err := note.NewSigner(text); err == nil || !strings.HasPrefix(text, "PRIVATE+KEY+"+name+"+") {
		t.Error("a note's signer")
	}
	again, err := witnessaudit.ReadKey(path)
	if err != nil || again.Verifier() != k.Verifier() || !strings.HasPrefix(k.Verifier(), name+"+") {
		t.Errorf("read back: %v", err)
	}
	if fi, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	if _, err := witnessaudit.CreateKey(path, name); !errors.Is(err, fs.ErrExist) || string(read(t, path)) != text+"\n" {
		t.Errorf("overwritten: %v", err)
	}
	if _, err := witnessaudit.CreateKey(filepath.Join(path, "x"), name); err != witnessaudit.ErrKeyWrite {
		t.Errorf("below a file: %v", err)
	}
	if _, err := witnessaudit.CreateKey(path+"2", "a b"); err != witnessaudit.ErrName {
		t.Errorf("a bad name: %v", err)
	}
}

// TestAKeyIsNotPrinted, nor what holds it.
func TestAKeyIsNotPrinted(t *testing.T) {
	log := logOf(t, origin, 1, "a", 9)
	w := witnessOf(t, log.key)
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	for _, v := range []any{w.key, *w.key, w.Witness, struct{ k *witnessaudit.Key }{w.key}} {
		for _, form := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
			text := fmt.Sprintf(form, v)
			for _, secret := range []string{string(seed[:8]), "7 7 7 7 7 7", "0x7, 0x7, 0x7", "07070707", base64.StdEncoding.EncodeToString(seed)[:16]} {
				if strings.Contains(text, secret) {
					t.Errorf("%T as %s: %s", v, form, text)
				}
			}
		}
		if text, err := json.Marshal(v); err == nil && bytes.Contains(text, []byte("Bwc")) {
			t.Errorf("%T: %s", v, text)
		}
	}
}

func TestReadKeyRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if _, err := witnessaudit.CreateKey(path, name); err != nil {
		t.Fatal(err)
	}
	good := string(read(t, path))
	private, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       error
	}{
		{"a log's", private + "\n", 0o600, witnessaudit.ErrKeyText},
		{"empty", "", 0o600, witnessaudit.ErrKeyText},
		{"two parts", "PRIVATE+KEY+a\n", 0o600, witnessaudit.ErrKeyText},
		{"no newline", strings.TrimSuffix(good, "\n"), 0o600, witnessaudit.ErrKeyText},
		{"two newlines", good + "\n", 0o600, witnessaudit.ErrKeyText},
		{"another name", strings.Replace(good, "w1", "w2", 1), 0o600, witnessaudit.ErrKeyText},
		{"large", good + strings.Repeat("\n", 5000), 0o600, witnessaudit.ErrKeyFile},
		{"readable by the group", good, 0o640, witnessaudit.ErrKeyMode},
		{"readable by all", good, 0o604, witnessaudit.ErrKeyMode},
	} {
		t.Run(c.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && c.want == witnessaudit.ErrKeyMode {
				t.Skip("Windows has no modes")
			}
			path := filepath.Join(t.TempDir(), "key")
			if err := errors.Join(os.WriteFile(path, []byte(c.text), 0o600), os.Chmod(path, c.mode)); err != nil {
				t.Fatal(err)
			}
			if k, err := witnessaudit.ReadKey(path); err != c.want || k != nil {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if _, err := witnessaudit.ReadKey(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := witnessaudit.ReadKey(t.TempDir()); err != witnessaudit.ErrKeyFile {
		t.Errorf("a folder: %v", err)
	}
}

// TestReadCheckpoint: what is said of cosignatures is what was verified, and no more.
func TestReadCheckpoint(t *testing.T) {
	log, stranger := logOf(t, origin, 1, "a", 9), logOf(t, origin, 2, "a", 9)
	one, two, three := keyOf(t, "w.example/1", 1), keyOf(t, "w.example/2", 2), keyOf(t, "w.example/3", 3)
	at := time.Unix(1_700_000_000, 0).UTC()
	msg := string(log.checkpoint(9)) + one.SignAt(log.text(9), at) + two.SignAt(log.text(9), at.Add(time.Second))
	vkeys := []string{three.Verifier(), two.Verifier(), one.Verifier()}
	got, err := witnessaudit.ReadCheckpoint([]byte(msg), []string{log.key}, vkeys)
	if err != nil || len(got.Cosignatures) != 2 || got.Cosignatures[0] != (witnessaudit.Cosignature{Witness: "w.example/2", Time: at.Add(time.Second)}) || got.Cosignatures[1].Time != at {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := witnessaudit.ReadCheckpoint([]byte(msg), []string{log.key}, nil); err != nil || len(got.Cosignatures) != 0 || got.Size != 9 {
		t.Errorf("without witnesses: %+v, %v", got, err)
	}
	if got, err := witnessaudit.ReadCheckpoint([]byte(string(log.checkpoint(9))+signedAt(1, one.SignAt(log.text(9), at), log.text(9), 7)), []string{log.key}, vkeys); err != nil || got.Cosignatures[0].Time.Unix() != 7 {
		t.Errorf("of the year 1970: %+v, %v", got, err)
	}
	extended := log.text(9) + "an extension\n"
	if got, err := witnessaudit.ReadCheckpoint([]byte(string(log.sign(extended))+one.SignAt(extended, at)), []string{log.key}, vkeys); err != nil || len(got.Cosignatures) != 1 {
		t.Errorf("an extension line: %+v, %v", got, err)
	}
	for _, c := range []struct {
		name, msg string
		logs      []string
		witnesses []string
		want      error
	}{
		{"another log's key", msg, []string{stranger.key}, vkeys, witnessaudit.ErrForeign},
		{"no key", msg, nil, vkeys, witnessaudit.ErrForeign},
		{"a bad key", msg, []string{"x"}, vkeys, witnessaudit.ErrLogKey},
		{"a log's key for a witness", msg, []string{log.key}, []string{log.key}, witnessaudit.ErrVerifier},
		{"a key in upper case", msg, []string{log.key}, []string{strings.ToUpper(one.Verifier())}, witnessaudit.ErrVerifier},
		{"of other lines", strings.Replace(msg, "\n9\n", "\n8\n", 1), []string{log.key}, vkeys, witnessaudit.ErrForeign},
		{"of another size", string(log.checkpoint(9)) + one.SignAt(log.text(8), at), []string{log.key}, vkeys, witnessaudit.ErrCosignature},
		{"of no time", string(log.checkpoint(9)) + signedAt(1, one.SignAt(log.text(9), at), log.text(9), 0), []string{log.key}, vkeys, witnessaudit.ErrCosignature},
		{"beyond time", string(log.checkpoint(9)) + signedAt(1, one.SignAt(log.text(9), at), log.text(9), 1<<63), []string{log.key}, vkeys, witnessaudit.ErrCosignature},
		{"no signatures", log.text(9) + "\n", []string{log.key}, vkeys, witnessaudit.ErrMalformed},
		{"no note", log.text(9), []string{log.key}, vkeys, witnessaudit.ErrMalformed},
		{"no size", string(log.sign(origin + "\nx\nx\n")), []string{log.key}, vkeys, witnessaudit.ErrMalformed},
	} {
		if got, err := witnessaudit.ReadCheckpoint([]byte(c.msg), c.logs, c.witnesses); err != c.want || got.Size != 0 || got.Cosignatures != nil {
			t.Errorf("%s: got %+v, %v, want %v", c.name, got, err, c.want)
		}
	}
}
