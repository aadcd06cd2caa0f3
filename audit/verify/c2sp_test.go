package verify_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/carnet-go/carnet/audit/verify"
)

// What another writer, and another witness, have made: testdata/c2sp of package audit.
const (
	vectorKey     = "acme.example/other/log+f9f9dd05+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"
	vectorWitness = "witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"
)

func vector(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", "c2sp", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestProofsOfAnotherWriter are taken, with and without a cosignature, for their own lines alone.
func TestProofsOfAnotherWriter(t *testing.T) {
	lines := map[int64]string{}
	b := vector(t, "log/tile/entries/000.p/15")
	for i := int64(0); len(b) > 0; i++ {
		n := 2 + int(b[0])<<8 + int(b[1])
		lines[i], b = string(b[2:n]), b[n:]
	}
	if len(lines) != 15 {
		t.Fatalf("%d lines", len(lines))
	}
	plain, cosigned := vector(t, "log/checkpoint.15"), vector(t, "cosigned")
	by := verify.Witnesses{Keys: []string{vectorWitness}, Threshold: 1}
	for _, index := range []int64{0, 7, 14} {
		proof := vector(t, fmt.Sprint("proof.", index))
		if !bytes.HasSuffix(proof, plain) {
			t.Fatal("a proof of something else")
		}
		seen := bytes.Replace(proof, plain, cosigned, 1)
		for i, line := range lines {
			if err := verify.Proof(proof, []byte(line), []string{vectorKey}); (err == nil) != (i == index) {
				t.Errorf("proof of line %d, line %d: %v", index, i, err)
			}
			if err := by.Proof(seen, []byte(line), []string{vectorKey}); (err == nil) != (i == index) {
				t.Errorf("cosigned proof of line %d, line %d: %v", index, i, err)
			}
		}
		if by.Proof(proof, []byte(lines[index]), []string{vectorKey}) == nil || verify.Proof(seen, []byte(lines[index]), []string{vectorKey}) == nil {
			t.Error("a cosignature is missed where there is none, or is taken where nobody asks for one")
		}
	}
	for at := range cosigned {
		bad := bytes.Clone(cosigned)
		bad[at] ^= 1
		if err := by.Proof(bytes.Replace(vector(t, "proof.7"), plain, bad, 1), []byte(lines[7]), []string{vectorKey}); err == nil {
			t.Errorf("byte %d of the cosigned checkpoint is another one, and it passes", at)
		}
	}
}

// TestPathsOfTiles: the examples of C2SP tlog-tiles.
func TestPathsOfTiles(t *testing.T) {
	for _, c := range []struct {
		level int
		n     int64
		width int
		want  string
	}{
		{0, 0, 256, "tile/0/000"}, {0, 273, 112, "tile/0/273.p/112"}, {2, 0, 1, "tile/2/000.p/1"}, {1, 1234067, 256, "tile/1/x001/x234/067"},
		{5, 123456078, 2, "tile/5/x123/x456/078.p/2"}, {0, 3057500, 256, "tile/0/x003/x057/500"},
	} {
		if got := verify.TilePath(c.level, c.n, c.width); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	count := map[string]bool{}
	for level := range 4 {
		for n := range int64(300) {
			for width := 1; width <= 256; width++ {
				if name := verify.TilePath(level, n, width); verify.Expected(name, 70_000) {
					count[name] = true
				}
			}
		}
	}
	if len(count) != 273+1+1+1+1 || !count["tile/0/272"] || !count["tile/0/273.p/112"] || !count["tile/1/000"] || !count["tile/1/001.p/17"] || !count["tile/2/000.p/1"] {
		t.Errorf("%d tiles of a tree of 70,000", len(count))
	}
	for _, bad := range []string{"tile/0/1", "tile/0/x001", "tile/0/273", "tile/0/273.p/012", "tile/0/273.p/112/", "tile/00/000", "tile/0/001/234/067", "tile/3/000", "tile/2/000.p/0", "tile/-1/000", "tile/data/000"} {
		if verify.Expected(bad, 70_000) {
			t.Errorf("%s is one", bad)
		}
	}
}
