package peers_test

import (
	"errors"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	tessera "github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"
)

// TestTesseraReadsALog: its client takes checkpoint and tiles as they stand in the folder, and
// proves each line, and each smaller tree, with hashes that it computes itself.
func TestTesseraReadsALog(t *testing.T) {
	dir, key, _ := writeLog(t)
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	files := tessera.FileFetcher{Root: dir}
	checkpoint, _, _, err := tessera.FetchCheckpoint(t.Context(), files.ReadCheckpoint, v, origin)
	if err != nil {
		t.Fatal(err)
	}
	leaves := lines(t, dir)
	if checkpoint.Size != uint64(len(leaves)) {
		t.Errorf("a checkpoint over %d of %d lines", checkpoint.Size, len(leaves))
	}
	builder, err := tessera.NewProofBuilder(t.Context(), checkpoint.Size, files.ReadTile)
	if err != nil {
		t.Fatal(err)
	}
	for i, leaf := range leaves {
		index := uint64(i)
		path, err := builder.InclusionProof(t.Context(), index)
		if err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		hash := rfc6962.DefaultHasher.HashLeaf(leaf)
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, checkpoint.Size, hash, path, checkpoint.Hash); err != nil {
			t.Errorf("line %d: %v", i, err)
		}
		hash[0] ^= 1
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, checkpoint.Size, hash, path, checkpoint.Hash); err == nil {
			t.Errorf("line %d: another one is proven", i)
		}
	}
}

// TestTesseraSeesALogGrow: what it knew of a log, its newer checkpoint continues; and another
// log of the same origin and key does not.
func TestTesseraSeesALogGrow(t *testing.T) {
	dir, key, proofs := writeLog(t)
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	files := tessera.FileFetcher{Root: dir}
	for index := range proofs { // each carries a checkpoint of the time when it was made
		follow := tessera.UnilateralConsensus(files.ReadCheckpoint)
		tracker, err := tessera.NewLogStateTracker(t.Context(), files.ReadTile, checkpointOf(t, proofs[index]), v, origin, follow)
		if err != nil {
			t.Fatal(err)
		}
		before := tracker.Latest()
		if _, _, _, err := tracker.Update(t.Context()); err != nil {
			t.Errorf("from %d lines: %v", before.Size, err)
		}
		if after := tracker.Latest(); after.Size < before.Size || after.Size != uint64(len(lines(t, dir))) {
			t.Errorf("from %d lines to %d", before.Size, after.Size)
		}
	}
	for _, index := range []int64{0, 511} {
		checkpoint, _, _, err := tessera.FetchCheckpoint(t.Context(), files.ReadCheckpoint, v, origin)
		if err != nil {
			t.Fatal(err)
		}
		builder, err := tessera.NewProofBuilder(t.Context(), checkpoint.Size, files.ReadTile)
		if err != nil {
			t.Fatal(err)
		}
		path, err := builder.ConsistencyProof(t.Context(), uint64(index+1), checkpoint.Size)
		if err != nil {
			t.Fatal(err)
		}
		wrong := rfc6962.DefaultHasher.HashLeaf([]byte("another history"))
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(index+1), checkpoint.Size, path, wrong, checkpoint.Hash); err == nil {
			t.Errorf("another history of %d lines goes on to this one", index+1)
		}
	}
}

// TestTesseraRefusesAChangedTile, so that the tests above read what they seem to read.
func TestTesseraRefusesAChangedTile(t *testing.T) {
	dir, key, _ := writeLog(t)
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	files := tessera.FileFetcher{Root: dir}
	checkpoint, _, _, err := tessera.FetchCheckpoint(t.Context(), files.ReadCheckpoint, v, origin)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(level, index uint64, hash int) error {
		builder, err := tessera.NewProofBuilder(t.Context(), checkpoint.Size, flip{files, level, index, hash}.ReadTile)
		if err != nil {
			return err
		}
		path, err := builder.InclusionProof(t.Context(), 300)
		if err != nil {
			return err
		}
		return proof.VerifyInclusion(rfc6962.DefaultHasher, 300, checkpoint.Size, rfc6962.DefaultHasher.HashLeaf(lines(t, dir)[300]), path, checkpoint.Hash)
	}
	if err := flipped(9, 0, 0); err != nil {
		t.Error(err)
	}
	var root proof.RootMismatchError
	if err := flipped(0, 1, 301-256); !errors.As(err, &root) {
		t.Errorf("its neighbour's hash: %v", err)
	}
	if err := flipped(1, 0, 0); !errors.As(err, &root) {
		t.Errorf("a hash of the upper tile: %v", err)
	}
}
