package proof_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/proof"
)

const vectors = "../../testdata/c2sp/"

func vector(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(vectors + name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCheckpointsAndProofsOfAnotherWriter: under its key we sign the same checkpoints, and from its
// tiles we make the same proofs, byte for byte.
func TestCheckpointsAndProofsOfAnotherWriter(t *testing.T) {
	seed, err := base64.StdEncoding.DecodeString("7KZj9JkBfSNlwnx6dnkVjUPP7BMwvbJZKQr70NIXd6A=")
	if err != nil {
		t.Fatal(err)
	}
	k, err := key.New("example.com/log/testdata", ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	if want := "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"; k.Verifier() != want {
		t.Fatalf("the key is %s, want %s", k.Verifier(), want)
	}
	for _, size := range []int64{1, 2, 3, 5, 8, 13, 15} {
		theirs := vector(t, fmt.Sprint("log/checkpoint.", size))
		c, err := k.OpenOwn(theirs)
		if err != nil || c.Size != size {
			t.Fatalf("%d: %+v, %v", size, c, err)
		}
		if ours, err := k.Checkpoint(c.Size, c.Root); err != nil || string(ours.Note) != string(theirs) {
			t.Errorf("%d: %q, %v, want %q", size, ours.Note, err, theirs)
		}
		if size != 15 {
			continue
		}
		for _, index := range []int64{0, 7, 14} {
			want := vector(t, fmt.Sprint("proof.", index))
			if got, err := proof.Of(os.DirFS(vectors+"log"), c, index); err != nil || string(got) != string(want) {
				t.Errorf("line %d: %q, %v, want %q", index, got, err, want)
			}
		}
	}
}
