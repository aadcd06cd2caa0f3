package cursor_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/cursor"
)

const rekeyed = "acme.example/a"

// newSeal is another key's.
func newSeal(b []byte) string { return seal(append(bytes.Clone(b), "new"...)) }

// files are the names in a folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestACursorUnderANewKeyGoesOn: it is made ready, and counts when it is adopted.
func TestACursorUnderANewKeyGoesOn(t *testing.T) {
	s := delivered(t, 5)
	old, err := os.ReadFile(s.file())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is left of an earlier attempt is replaced
		if err := cursor.Ready(s.dir, rekeyed, seal, newSeal); err != nil {
			t.Fatal(err)
		}
		if now, err := os.ReadFile(s.file()); err != nil || !bytes.Equal(now, old) {
			t.Errorf("the cursor was touched: %v", err)
		}
	}
	for range 2 {
		if err := cursor.Adopt(s.dir, rekeyed, newSeal); err != nil {
			t.Fatal(err)
		}
	}
	if names := files(t, s.dir); len(names) != 1 {
		t.Errorf("%q", names)
	}
	if err := cursor.Ready(s.dir, rekeyed, newSeal, seal); err != nil { // and back, which opens it
		t.Fatal(err)
	}
	if err := cursor.Adopt(s.dir, rekeyed, seal); err != nil {
		t.Fatal(err)
	}
	s.log.add(1)
	if from, err := s.again(t); err != nil || from != 5 {
		t.Errorf("from %d, %v", from, err)
	}
}

// TestWhatIsNotOfTheKeyIsNotAdopted: nor is a cursor sealed anew that the old key has not sealed.
func TestWhatIsNotOfTheKeyIsNotAdopted(t *testing.T) {
	s := delivered(t, 5)
	old, err := os.ReadFile(s.file())
	if err != nil {
		t.Fatal(err)
	}
	if err := cursor.Ready(s.dir, rekeyed, newSeal, seal); err != nil {
		t.Fatal(err)
	}
	if names := files(t, s.dir); len(names) != 1 {
		t.Errorf("a cursor of another key was sealed: %q", names)
	}
	if err := cursor.Ready(s.dir, rekeyed, seal, newSeal); err != nil {
		t.Fatal(err)
	}
	if err := cursor.Adopt(s.dir, rekeyed, seal); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(s.file()); err != nil || !bytes.Equal(now, old) || len(files(t, s.dir)) != 1 {
		t.Errorf("%q, %v", files(t, s.dir), err)
	}
	if err := cursor.Ready(s.dir, rekeyed, seal, newSeal); err != nil {
		t.Fatal(err)
	}
	if err := cursor.Discard(s.dir); err != nil || len(files(t, s.dir)) != 1 {
		t.Errorf("%q, %v", files(t, s.dir), err)
	}
}

// TestCursorsThatCannotBeSealedAnew are an error: their feeds would get everything again.
func TestCursorsThatCannotBeSealedAnew(t *testing.T) {
	if err := cursor.Ready(filepath.Join(t.TempDir(), "none"), rekeyed, seal, newSeal); err != nil {
		t.Errorf("a log without feeds: %v", err)
	}
	s := delivered(t, 5)
	if err := os.MkdirAll(filepath.Join(s.file()+".next", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := cursor.Ready(s.dir, rekeyed, seal, newSeal); err != cursor.ErrRekey {
		t.Errorf("a folder has its name: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"ready": cursor.Ready(file, rekeyed, seal, newSeal), "adopt": cursor.Adopt(file, rekeyed, seal), "discard": cursor.Discard(file),
	} {
		if err != cursor.ErrRekey {
			t.Errorf("%s, no folder: %v", name, err)
		}
	}
}
