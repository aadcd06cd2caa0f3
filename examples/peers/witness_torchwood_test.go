package peers_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/torchwood"
	tessera "github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/verify"
)

// flip is a folder of tiles in which one bit is another one.
type flip struct {
	tessera.FileFetcher
	level, index uint64
	hash         int
}

// ReadTile is for tessera's client.
func (f flip) ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	data, err := f.FileFetcher.ReadTile(ctx, level, index, p)
	if err == nil && level == f.level && index == f.index {
		data[f.hash*tlog.HashSize] ^= 1
	}
	return data, err
}

// checkpointOf is what a proof carries.
func checkpointOf(t *testing.T, proof []byte) []byte {
	t.Helper()
	_, checkpoint, ok := bytes.Cut(proof, []byte("\n\n"))
	if !ok {
		t.Fatal("a proof without a checkpoint")
	}
	return checkpoint
}

// witnesses are signers of another implementation, and their verifier keys.
func witnesses(t *testing.T, names ...string) (signers []note.Signer, keys []string) {
	t.Helper()
	for i, name := range names {
		s, err := torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize)))
		if err != nil {
			t.Fatal(err)
		}
		signers, keys = append(signers, s), append(keys, s.Verifier().String())
	}
	return signers, keys
}

// cosign adds signatures to the checkpoint of a proof, or to a checkpoint.
func cosign(t *testing.T, text []byte, key string, by ...note.Signer) []byte {
	t.Helper()
	head, msg := []byte(nil), text
	if bytes.HasPrefix(text, []byte("c2sp.org/tlog-proof@v1\n")) {
		msg = checkpointOf(t, text)
		head = text[:len(text)-len(msg)]
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(n, by...)
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(head), signed...)
}

// quorum is torchwood's policy of a log and of some witnesses.
func quorum(t *testing.T, key string, threshold int, keys []string) torchwood.Policy {
	t.Helper()
	var list []torchwood.Policy
	for _, k := range keys {
		v, err := torchwood.NewCosignatureVerifier(k)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, torchwood.SingleVerifierPolicy(v))
	}
	return torchwood.ThresholdPolicy(2, policy(t, key), torchwood.ThresholdPolicy(threshold, list...))
}

// TestCosignedProofsAsTorchwoodSeesThem: for each set of cosigners and each threshold the two
// say the same; of a changed proof, ours takes nothing that torchwood refuses, and nothing at all.
func TestCosignedProofsAsTorchwoodSeesThem(t *testing.T) {
	dir, key, proofs := writeLog(t)
	leaf := lines(t, dir)[1] // there is no other line like it
	signers, keys := witnesses(t, "a.example/w", "b.example/w", "c.example/w")
	for set := range 1 << len(signers) {
		var by []note.Signer
		for i, s := range signers {
			if set>>i&1 == 1 {
				by = append(by, s)
			}
		}
		proof := cosign(t, proofs[1], key, by...)
		for threshold := range len(signers) + 1 {
			ours := verify.Witnesses{Keys: keys, Threshold: threshold}.Proof(proof, leaf, []string{key})
			theirs := torchwood.VerifyProof(quorum(t, key, threshold, keys), tlog.RecordHash(leaf), proof)
			if (ours == nil) != (theirs == nil) || (ours == nil) != (len(by) >= threshold) {
				t.Errorf("cosigned by %d, %d must: ours %v, theirs %v", len(by), threshold, ours, theirs)
			}
		}
	}
	proof := cosign(t, proofs[1], key, signers[0], signers[2])
	by, p := verify.Witnesses{Keys: keys, Threshold: 2}, quorum(t, key, 2, keys)
	laxer := 0
	for i := range len(proof) * 8 {
		bad := bytes.Clone(proof)
		bad[i/8] ^= 1 << (i % 8)
		if err := by.Proof(bad, leaf, []string{key}); !errors.Is(err, verify.ErrProof) {
			t.Errorf("byte %d, bit %d: %v", i/8, i%8, err)
		}
		if torchwood.VerifyProof(p, tlog.RecordHash(leaf), bad) == nil {
			laxer++
		}
	}
	t.Logf("of %d flipped bits torchwood takes %d, and ours none", len(proof)*8, laxer)
}

// TestCosignedCheckpointsAreKnown: a checkpoint that another implementation's witnesses have
// cosigned and kept lies on the log's history, or is found not to.
func TestCosignedCheckpointsAreKnown(t *testing.T) {
	dir, key, proofs := writeLog(t)
	signers, keys := witnesses(t, "a.example/w", "b.example/w")
	newest, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	log := verify.Log{FS: os.DirFS(dir), Keys: []string{key}}
	both := &verify.Options{Witnesses: verify.Witnesses{Keys: keys, Threshold: 2}}
	log.Known = [][]byte{cosign(t, newest, key, signers...), cosign(t, checkpointOf(t, proofs[0]), key, signers...)}
	if r, err := log.Verify(t.Context(), both); err != nil || len(r.Findings) != 0 {
		t.Errorf("got %v, %v", r, err)
	}
	log.Known = [][]byte{cosign(t, newest, key, signers[0])}
	if r, err := log.Verify(t.Context(), both); err != nil || len(r.Findings) != 1 || r.Findings[0].Code != "known" {
		t.Errorf("one of two: got %v, %v", r, err)
	}
}
