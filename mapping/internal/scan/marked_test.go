package scan

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// TestMarked: the first byte that is marked is the first that the table calls not plain.
func TestMarked(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	var b [8]byte
	check := func() {
		want := 8
		for i, c := range b {
			if class[c] != plain {
				want = i
				break
			}
		}
		if got := bits.TrailingZeros64(marked(binary.LittleEndian.Uint64(b[:]))) >> 3; got != want {
			t.Fatalf("% x: %d, want %d", b, got, want)
		}
	}
	for at := range b { // each byte at each place, among those that are nearest to what is looked for
		for c := range 256 {
			for _, around := range "a!#\x7f\xe1\xe3=;[]" {
				for i := range b {
					b[i] = byte(around)
				}
				b[at] = byte(c)
				check()
			}
		}
	}
	for range 1_000_000 {
		binary.LittleEndian.PutUint64(b[:], source.Uint64())
		check()
	}
}
