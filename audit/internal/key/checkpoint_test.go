package key_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/key"
)

var root = tlog.RecordHash([]byte("root"))

func signed(t testing.TB, k *key.Key) key.Checkpoint {
	t.Helper()
	c, err := k.Checkpoint(4, root)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// noted is any text, signed by k and others.
func noted(t testing.TB, text string, signers ...note.Signer) string {
	t.Helper()
	msg, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return string(msg)
}

func TestACheckpointIsReadAsItWasSigned(t *testing.T) {
	k := made(t, origin, 1)
	c := signed(t, k)
	body := origin + "\n4\n" + root.String() + "\n"
	v, err := note.NewVerifier(k.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := note.Open(c.Note, note.VerifierList(v)); err != nil || n.Text != body {
		t.Errorf("package note reads %v", err)
	}
	for name, open := range map[string]func([]byte) (key.Checkpoint, error){"Open": k.Open, "OpenOwn": k.OpenOwn, "Parse": key.Parse} {
		if got, err := open(c.Note); err != nil || got.Size != 4 || got.Root != root || !bytes.Equal(got.Note, c.Note) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestCheckpointSaysThatTheSignerFailed(t *testing.T) {
	k, err := key.New(origin, &moody{private(1), 3}) // two for New
	if err != nil {
		t.Fatal(err)
	}
	if c, err := k.Checkpoint(4, root); err != key.ErrSigner || c.Note != nil {
		t.Errorf("got %v, want %v", err, key.ErrSigner)
	}
}

// TestCheckpointsThatDoNotOpen, by those who open one, their own one, or any.
func TestCheckpointsThatDoNotOpen(t *testing.T) {
	k, witness := made(t, origin, 1), made(t, "witness.example", 2)
	good := string(signed(t, k).Note)
	head, r := origin+"\n4\n", root.String()+"\n"
	body := head + r
	line := good[strings.Index(good, "— "):]
	for _, c := range []struct {
		name, note       string
		open, own, parse error
	}{
		{"empty", "", key.ErrForeign, key.ErrForeign, key.ErrMalformed},
		{"no signature", body, key.ErrForeign, key.ErrForeign, key.ErrMalformed},
		{"altered", strings.Replace(good, "\n4\n", "\n5\n", 1), key.ErrForeign, key.ErrForeign, nil},
		{"of another key", string(signed(t, made(t, origin, 2)).Note), key.ErrForeign, key.ErrForeign, nil},
		{"of another origin", noted(t, "b\n4\n"+r, k), key.ErrMalformed, key.ErrMalformed, nil},
		{"witnessed", noted(t, body, k, witness), nil, key.ErrMalformed, nil},
		{"witnessed first", noted(t, body, witness, k), nil, key.ErrMalformed, nil},
		{"signed twice", good + line, nil, key.ErrMalformed, nil},
		{"loose base64", good[:len(good)-3] + string(good[len(good)-3]+1) + "=\n", nil, key.ErrMalformed, nil},
		{"extended", noted(t, body+"more\n", k), key.ErrMalformed, key.ErrMalformed, key.ErrMalformed},
		{"no root", noted(t, head, k), key.ErrMalformed, key.ErrMalformed, key.ErrMalformed},
		{"short root", noted(t, head+"AAAA\n", k), key.ErrMalformed, key.ErrMalformed, key.ErrMalformed},
		{"size zero", noted(t, origin+"\n0\n"+r, k), key.ErrMalformed, key.ErrMalformed, key.ErrMalformed},
		{"size below zero", noted(t, origin+"\n-4\n"+r, k), key.ErrMalformed, key.ErrMalformed, key.ErrMalformed},
		{"size with zero", noted(t, origin+"\n04\n"+r, k), key.ErrMalformed, key.ErrMalformed, key.ErrMalformed},
		{"size with sign", noted(t, origin+"\n+4\n"+r, k), key.ErrMalformed, key.ErrMalformed, key.ErrMalformed},
		{"no size", noted(t, origin+"\nx\n"+r, k), key.ErrMalformed, key.ErrMalformed, key.ErrMalformed},
		{"size too large", noted(t, origin+"\n9223372036854775808\n"+r, k), key.ErrMalformed, key.ErrMalformed, key.ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, got := range map[string]struct{ got, want error }{
				"Open": {second(k.Open([]byte(c.note))), c.open}, "OpenOwn": {second(k.OpenOwn([]byte(c.note))), c.own},
				"Parse": {second(key.Parse([]byte(c.note))), c.parse},
			} {
				if got.got != got.want {
					t.Errorf("%s: got %v, want %v", name, got.got, got.want)
				}
			}
		})
	}
}

func second(_ key.Checkpoint, err error) error { return err }

// FuzzCheckpoint: of all notes with one tree, only what the key signed is its own.
func FuzzCheckpoint(f *testing.F) {
	k := made(f, origin, 1)
	good := signed(f, k).Note
	f.Add(good)
	f.Add(append(bytes.Clone(good), '\n'))
	f.Add(append(bytes.Clone(good), good[bytes.Index(good, []byte("— ")):]...))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := k.OpenOwn(b); (err == nil) != bytes.Equal(b, good) {
			t.Errorf("%v for %q", err, b)
		}
		if c, err := key.Parse(b); err == nil && (c.Size < 1 || !bytes.Equal(c.Note, b)) {
			t.Errorf("%+v for %q", c, b)
		}
	})
}
