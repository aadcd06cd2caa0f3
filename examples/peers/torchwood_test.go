package peers_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
)

const origin = "acme.example/hr/a"

// writeLog makes a log of more than two tiles, closes it, and returns its folder,
// its key and a proof of each of some lines.
func writeLog(t *testing.T) (dir, key string, proofs map[int64][]byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir = filepath.Join(t.TempDir(), "log")
	err := audit.Create(ctx, dir, origin, nil)
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 600 {
		wg.Go(func() {
			if _, err := log.Append(ctx, audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	proofs = map[int64][]byte{}
	for _, index := range []int64{0, 1, 255, 256, 511, 512, 600} {
		if proofs[index], err = log.Proof(ctx, index); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(ctx); err != nil {
		t.Fatal(err)
	}
	return dir, log.Key(), proofs
}

func policy(t *testing.T, key string) torchwood.Policy {
	t.Helper()
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	return torchwood.ThresholdPolicy(2, torchwood.SingleVerifierPolicy(v), torchwood.OriginPolicy(origin))
}

// lines are the leaves, without the commit lines.
func lines(t *testing.T, dir string) [][]byte {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "seg", "*.jsonl"))
	if err != nil || len(segments) == 0 {
		t.Fatal("no segment", err)
	}
	var text []byte
	for _, name := range segments {
		part, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, part...)
	}
	var leaves [][]byte
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte(`{"commit":`)) {
			leaves = append(leaves, bytes.TrimSuffix(line, []byte("\n")))
		}
	}
	return leaves
}

// TestTorchwoodReadsALog: checkpoint, tiles and proofs are what another
// implementation of the C2SP formats takes them for.
func TestTorchwoodReadsALog(t *testing.T) {
	dir, key, proofs := writeLog(t)
	p := policy(t, key)
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(text, p)
	if err != nil {
		t.Fatal(err)
	}
	leaves := lines(t, dir)
	if checkpoint.Origin != origin || checkpoint.N != int64(len(leaves)) {
		t.Errorf("checkpoint of %s over %d of %d lines", checkpoint.Origin, checkpoint.N, len(leaves))
	}
	tiles, err := torchwood.NewTileFS(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	hashes := torchwood.TileHashReaderWithContext(t.Context(), checkpoint.Tree, tiles)
	for i, leaf := range leaves {
		proof, err := tlog.ProveRecord(checkpoint.N, int64(i), hashes)
		if err == nil {
			err = tlog.CheckRecord(proof, checkpoint.N, checkpoint.Hash, int64(i), tlog.RecordHash(leaf))
		}
		if err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
	}
	for index, proof := range proofs {
		checkProof(t, p, proof, leaves[index])
	}
}

func checkProof(t *testing.T, p torchwood.Policy, proof, leaf []byte) {
	t.Helper()
	if err := torchwood.VerifyProof(p, tlog.RecordHash(leaf), proof); err != nil {
		t.Error(err)
	}
	var wrong *torchwood.VerifyRecordError
	if err := torchwood.VerifyProof(p, tlog.RecordHash(append(leaf, ' ')), proof); !errors.As(err, &wrong) {
		t.Errorf("another line: %v", err)
	}
}

func TestTorchwoodRefusesAnotherKey(t *testing.T) {
	dir, _, _ := writeLog(t)
	_, other, err := note.GenerateKey(zeros{}, origin)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := torchwood.VerifyCheckpoint(text, policy(t, other)); err == nil {
		t.Error("a checkpoint under another key was accepted")
	}
	if vkey, err := os.ReadFile(dir + ".vkey"); err != nil || strings.Count(string(vkey), "\n") != 1 {
		t.Errorf("the key beside the log: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
