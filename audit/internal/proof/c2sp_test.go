package proof_test

import (
	"bytes"
	"crypto/ed25519"
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
	seed := bytes.Repeat([]byte{9}, ed25519.SeedSize)
	k, err := key.New("acme.example/other/log", ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	if want := "acme.example/other/log+f9f9dd05+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"; k.Verifier() != want {
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
