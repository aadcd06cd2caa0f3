package siv_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping/internal/siv"
)

// bytesOf are those of hexadecimal digits, with space between them.
func bytesOf(t *testing.T, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRFC5297: the examples of appendix A, the second one with three data.
func TestRFC5297(t *testing.T) {
	for name, v := range map[string]struct {
		key, text, sealed string
		data              []string
	}{
		"A.1": {
			"fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff", "11223344 55667788 99aabbcc ddee",
			"85632d07 c6e8f37f 950acd32 0a2ecc93 40c02b96 90c4dc04 daef7f6a fe5c",
			[]string{"10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627"},
		},
		"A.2": {
			"7f7e7d7c 7b7a7978 77767574 73727170 40414243 44454647 48494a4b 4c4d4e4f",
			"74686973 20697320 736f6d65 20706c61 696e7465 78742074 6f20656e 63727970 74207573 696e6720 5349562d 414553",
			"7bdb6e3b 432667eb 06f4d14b ff2fbd0f cb900f2f ddbe4043 26601965 c889bf17 dba77ceb 094fa663 b7a3f748 ba8af829 ea64ad54 4a272e9c 485b62a3 fd5c0d",
			[]string{"00112233 44556677 8899aabb ccddeeff deaddada deaddada ffeeddcc bbaa9988 77665544 33221100", "10203040 50607080 90a0", "09f91102 9d74e35b d84156c5 635688c0"},
		},
	} {
		s, text, sealed := siv.New(bytesOf(t, v.key)), bytesOf(t, v.text), bytesOf(t, v.sealed)
		var data [][]byte
		for _, digits := range v.data {
			data = append(data, bytesOf(t, digits))
		}
		if got := s.Seal([]byte("before"), text, data...); string(got) != "before"+string(sealed) {
			t.Errorf("%s: sealed as %x", name, got)
		}
		if got, ok := s.Open([]byte("before"), sealed, data...); !ok || string(got) != "before"+string(text) {
			t.Errorf("%s: opened as %x, %v", name, got, ok)
		}
		if _, ok := s.Open(nil, sealed, append(data, nil)...); ok {
			t.Errorf("%s: opened with one more, empty", name)
		}
	}
}

// TestMACsThatCount: with keys and data of bytes that count up from zero, the texts whose MAC has bits at
// the edges of the counter, as found for Project Wycheproof.
func TestMACsThatCount(t *testing.T) {
	var up []byte
	for i := range 64 {
		up = append(up, byte(i))
	}
	for _, v := range []struct {
		key, data    int // bytes
		text, sealed string
	}{
		{32, 16, "fd1fef36075ad8d4add16d36036ed5d4", "ffffffffffffffffffffffffffffffffede59e1eb1a079ddc7d53cbdd7a7f21a"},
		{48, 16, "29e81a2131d4289c8b0535bbef776e1a", "fffffffffffffffffffffffffffffffffcac8ab42185e70c42e57ba06325f7a6"},
		{64, 0, "8dbfee9580e7e2bc66100a674497f4e1", "000000000000000000000000000000007ef8aa7e4dd49d9cfa09e9cb574fd90d"},
		{64, 16, "bfa1733d07afa03cb3f2eeb81bbde037", "000000000000000000000000000000004ce637d6ca9cdf1c2feb0d140865cddb"},
		{64, 0, "72543a9a07a3c18a280060653432c05c", "ffffffffffffffffffffffffffffffff3db09cc48f2780859351901d1014ae06"},
		{64, 16, "404aa73280eb830afde284ba6b18d48a", "ffffffffffffffffffffffffffffffff0fae016c086fc20546b374c24f3ebad0"},
		{64, 0, "ff4d7cdeb8f3c4e37a05a91ee26e2a84", "ffffffffffffffffffffffff7fffffffb0a9da80307785ecc1545966c64844de"},
		{64, 16, "cd53e1763fbb8663afe74dc1bd443e52", "ffffffffffffffffffffffff7fffffff82b74728b73fc76c14b6bdb999625008"},
		{64, 0, "6eb52fc95a5185a3bd2a30d3058414ab", "ffffffffffffffff7fffffffffffffff21518997d2d5c4ac067bc0ab21a27af1"},
		{64, 16, "5cabb261dd19c72368c8d40c5aae007d", "ffffffffffffffff7fffffffffffffff134f143f559d862cd39924747e886e27"},
		{64, 0, "114cc36e58faceb2e6a2344a679ea4c3", "fffffffffffffffffffffffffffffffe2f849650d6e89e2668e990219195719c"},
		{64, 16, "23525ec6dfb28c323340d09538b4b015", "fffffffffffffffffffffffffffffffe1d9a0bf851a0dca6bd0b74fecebf654a"},
	} {
		s, text, sealed := siv.New(up[:v.key]), bytesOf(t, v.text), bytesOf(t, v.sealed)
		if got := s.Seal(nil, text, up[:v.data]); !bytes.Equal(got, sealed) {
			t.Errorf("%s: sealed as %x", v.text, got)
		}
		if got, ok := s.Open(nil, sealed, up[:v.data]); !ok || !bytes.Equal(got, text) {
			t.Errorf("%s: opened as %x, %v", v.text, got, ok)
		}
	}
}

// TestEveryByteCounts: of what was sealed, of its length, and of the data.
func TestEveryByteCounts(t *testing.T) {
	s := siv.New(bytes.Repeat([]byte{7}, 64))
	for _, size := range []int{0, 1, 15, 16, 17, 32, 100} {
		text, data := bytes.Repeat([]byte("x"), size), []byte("some data")
		sealed := s.Seal(nil, text, data)
		if got, ok := s.Open(nil, sealed, data); !ok || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes: %x, %v", size, got, ok)
		}
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1 << (i % 8)
			if got, ok := s.Open([]byte("b"), bad, data); ok || string(got) != "b" {
				t.Errorf("%d bytes: another byte %d opens as %x", size, i, got)
			}
			if _, ok := s.Open(nil, sealed[:i], data); ok {
				t.Errorf("%d bytes: the first %d open", size, i)
			}
		}
		if _, ok := s.Open(nil, append(sealed, 0), data); ok {
			t.Errorf("%d bytes: one more opens", size)
		}
		for _, other := range [][][]byte{nil, {[]byte("some dat")}, {[]byte("some"), []byte(" data")}, {data, data}} {
			if _, ok := s.Open(nil, sealed, other...); ok {
				t.Errorf("%d bytes: opened with %q", size, other)
			}
		}
	}
}

// TestKeys holds what is one, that it is copied, and that it is forgotten.
func TestKeys(t *testing.T) {
	for size := range 80 {
		if is := siv.New(make([]byte, size)) != nil; is != (size == 32 || size == 48 || size == 64) {
			t.Errorf("a key of %d bytes: %v", size, is)
		}
	}
	key := bytes.Repeat([]byte{7}, 64)
	s := siv.New(key)
	before := s.Seal(nil, []byte("text"))
	clear(key)
	if after := s.Seal(nil, []byte("text")); !bytes.Equal(before, after) {
		t.Error("the key was kept and not copied")
	}
	if s.Wipe(); *s != (siv.SIV{}) {
		t.Error("something is left of a key")
	}
}

// TestNothingIsAllocated but for the key.
func TestNothingIsAllocated(t *testing.T) {
	s, text, data := siv.New(make([]byte, 64)), make([]byte, 100), make([]byte, 30)
	sealed, opened := make([]byte, 0, 200), make([]byte, 0, 200)
	if n := testing.AllocsPerRun(100, func() {
		sealed = s.Seal(sealed[:0], text, data)
		if _, ok := s.Open(opened, sealed, data); !ok {
			t.Error("not opened")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
