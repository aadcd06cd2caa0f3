package frames_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

var id = frames.ID{1, 2, 3}

func sample(n int) (all []frames.Record) {
	for i := range n {
		r := frames.Record{Run: "hire-4711", Sequence: uint64(i + 1), Last: i%2 == 1, Answer: i%3 == 1, Sealed: make([]byte, 1500)}
		_, _ = rand.Read(r.Sealed)
		_, _ = rand.Read(r.Before[:])
		all = append(all, r)
	}
	return all
}

// written is a file of batches, and where each of them ends.
func written(all []frames.Record, sizes ...int) (b []byte, ends []int) {
	b = frames.Header(id)
	for i, n := range sizes {
		for range n {
			b = frames.Append(b, &all[0])
			all = all[1:]
		}
		b = frames.Commit(b, id, uint64(i))
		ends = append(ends, len(b))
	}
	return b, ends
}

func read(b []byte) (all []frames.Record, found frames.Found, err error) {
	found, err = frames.Read(bytes.NewReader(b), int64(len(b)), func(r frames.Record) error {
		all = append(all, r)
		return nil
	})
	return all, found, err
}

func TestReadsWhatWasWritten(t *testing.T) {
	want := sample(6)
	b, _ := written(want, 1, 3, 2)
	got, found, err := read(b)
	if err != nil || !reflect.DeepEqual(got, want) || found.Commits != 3 || found.Good != int64(len(b)) || found.ID != id {
		t.Errorf("%d records, %+v, %v", len(got), found, err)
	}
	none, found, err := read(frames.Header(id))
	if err != nil || none != nil || found.Good != int64(frames.HeaderSize) {
		t.Errorf("of an empty file: %+v, %v", found, err)
	}
	stop := errors.New("stop")
	if _, err := frames.Read(bytes.NewReader(b), int64(len(b)), func(frames.Record) error { return stop }); err != stop {
		t.Error(err)
	}
}

// TestTornAtEveryByte: what a crash cut off is the last batch, whole or not, and
// nothing before it (pitfall 18).
func TestTornAtEveryByte(t *testing.T) {
	want := sample(4)
	b, ends := written(want, 2, 2)
	for n := ends[0]; n < len(b); n++ {
		got, found, err := read(b[:n])
		if err != nil || len(got) != 2 || found.Good != int64(ends[0]) {
			t.Fatalf("%d of %d bytes: %d records, %+v, %v", n, len(b), len(got), found, err)
		}
	}
	for n := range frames.HeaderSize {
		if _, _, err := read(b[:n]); err != frames.ErrDamaged {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestEveryBitFlip is damage, also in the last batch, wherever the blocks of the disk lie.
func TestEveryBitFlip(t *testing.T) {
	for shift := range 16 {
		all := sample(4)
		for i := range all {
			all[i].Sealed = all[i].Sealed[:900]
		}
		all[0].Sealed = all[0].Sealed[:900-shift*57]
		b, ends := written(all, 1, 1, 2)
		if shift < 4 { // the last batch begins right before a block
			all[0].Sealed = all[0].Sealed[:len(all[0].Sealed)-ends[1]%512-shift]
			b, _ = written(all, 1, 1, 2)
		}
		for i := range b {
			for bit := range 8 {
				if shift > 4 && bit != (i+shift)%8 {
					continue
				}
				b[i] ^= 1 << bit
				if got, found, err := read(b); err == nil {
					t.Fatalf("bit %d of byte %d of %d: %d records, %+v", bit, i, len(b), len(got), found)
				}
				b[i] ^= 1 << bit
			}
		}
	}
}

// TestEveryBitFlipInACommit: wherever it lies in its blocks, and also of a number that
// ends in zeros.
func TestEveryBitFlipInACommit(t *testing.T) {
	for long := range 520 {
		r := sample(1)[0]
		r.Sealed = r.Sealed[:200+long]
		b, _ := written([]frames.Record{r}, 1)
		for i := len(b) - frames.CommitSize; i < len(b); i++ {
			b[i] ^= 1 << (i % 8)
			if _, _, err := read(b); err != frames.ErrDamaged {
				t.Fatalf("frame of %d, byte %d of %d: %v", len(r.Sealed), i, len(b), err)
			}
			b[i] ^= 1 << (i % 8)
		}
	}
}

// TestPowerCut: of the last batch any blocks and any end may be missing. Then it is not
// there, or whole, and what came before it is.
func TestPowerCut(t *testing.T) {
	images := 0
	for long := 1; long < 1100; long += 13 {
		all := sample(4)
		all[0].Sealed, all[1].Sealed = all[0].Sealed[:long], all[1].Sealed[:300]
		all[2].Sealed, all[3].Sealed = all[2].Sealed[:700], all[3].Sealed[:long/3]
		b, ends := written(all, 1, 3)
		for image := range segmenttest.Images(b[:ends[0]], b[ends[0]:]) {
			images++
			got, found, err := read(image)
			torn := len(got) == 1 && found.Good == int64(ends[0]) && found.Commits == 1
			whole := len(got) == 4 && found.Good == int64(len(b)) && found.Batch == int64(ends[0]) && bytes.Equal(image, b)
			if err != nil || !torn && !whole {
				t.Fatalf("first frame of %d, %d of %d bytes: %d records, %+v, %v", long, len(image), len(b), len(got), found, err)
			}
		}
	}
	if images < 5_000 {
		t.Errorf("%d images", images)
	}
}

// TestLostBlocks of the last batch are a crash, although its commit is there.
func TestLostBlocks(t *testing.T) {
	want := sample(4)
	b, ends := written(want, 1, 3)
	for at := (ends[0] + 511) / 512 * 512; at+512 < len(b)-40; at += 512 {
		changed := bytes.Clone(b)
		clear(changed[at : at+512])
		got, found, err := read(changed)
		if err != nil || len(got) != 1 || found.Good != int64(ends[0]) {
			t.Errorf("block at %d: %d records, %+v, %v", at, len(got), found, err)
		}
	}
	early := bytes.Clone(b)
	clear(early[512:1024]) // of the first batch, which was acknowledged
	if _, _, err := read(early); err != frames.ErrDamaged {
		t.Errorf("a lost block before the last batch: %v", err)
	}
}

// TestStrangers: other versions, other files and batches that were cut out.
func TestStrangers(t *testing.T) {
	want := sample(4)
	b, ends := written(want, 1, 1, 2)
	newer := bytes.Replace(b, []byte("carnet journal 1\n"), []byte("carnet journal 2\n"), 1)
	if _, _, err := read(newer); err != frames.ErrVersion {
		t.Errorf("of a newer version: %v", err)
	}
	cut := append(bytes.Clone(b[:ends[0]]), b[ends[1]:]...)
	if _, _, err := read(cut); err != frames.ErrDamaged {
		t.Errorf("with a batch cut out: %v", err)
	}
	twice := append(bytes.Clone(b), b[ends[1]:]...)
	if _, _, err := read(twice); err != frames.ErrDamaged {
		t.Errorf("with a batch twice: %v", err)
	}
	other := append(bytes.Clone(b), frames.Commit(nil, frames.ID{9}, 3)...)
	if _, _, err := read(other); err != frames.ErrDamaged {
		t.Errorf("with another file's commit: %v", err)
	}
}

// TestStrangeTails: what a crash does not leave is not cut off.
func TestStrangeTails(t *testing.T) {
	b, ends := written(sample(2), 1, 1)
	frame := b[ends[0] : ends[1]-frames.CommitSize]
	number := func(n uint64) []byte { return frames.Commit(bytes.Clone(frame), id, n) }
	flipped := func(b []byte) []byte { b = bytes.Clone(b); b[len(frame)/2] ^= 1; return b }
	lost := func(b []byte) []byte { at := 512 - ends[1]%512; b = bytes.Clone(b); clear(b[at : at+512]); return b }
	if _, _, err := read(append(bytes.Clone(b), lost(number(2))...)); err != nil {
		t.Fatal(err) // that is a crash
	}
	for name, tail := range map[string][]byte{
		"text":                           []byte("hello, world, this is no record"),
		"short text":                     []byte("hi"),
		"text of the length of a commit": []byte("hello, world, this is no record.."),
		"a long record":                  {0, 0x80, 0, 1, 1, 2, 3, 4, 'F'},
		"another kind":                   {0, 0, 5, 0, 1, 2, 3, 4, 'X', 1},
		"a frame that is none":           record('F', 1),
		"a frame with a flag":            record('F', append([]byte{4, 0}, make([]byte, 60)...)...),
		"a frame without its run":        record('F', append([]byte{0, 200}, make([]byte, 60)...)...),
		"a commit of the past":           frames.Commit(nil, id, 1),
		"a commit of the future":         number(3),
		"flipped, and one more":          append(flipped(number(2)), number(3)...),
		"flipped, and the next":          append(flipped(number(2)), frame...),
		"flipped, of another number":     flipped(number(7)),
		"lost, and one more":             append(lost(number(2)), number(3)...),
		"lost, and the next":             append(lost(number(2)), frame...),
		"lost, of another number":        lost(number(7)),
		"more than a batch":              make([]byte, frames.Torn+1),
		"frames without end":             bytes.Repeat(frame, frames.Torn/len(frame)+2),
	} {
		t.Run(name, func(t *testing.T) {
			if got, found, err := read(append(bytes.Clone(b), tail...)); err != frames.ErrDamaged {
				t.Errorf("%d records, %+v, %v", len(got), found, err)
			}
		})
	}
}

// record is one with a checksum and any content.
func record(kind byte, content ...byte) []byte {
	content = append([]byte{kind}, content...)
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)))
	return append(b, content...)
}

// TestSize is what a record takes, and what fits.
func TestSize(t *testing.T) {
	r := frames.Record{Run: "hire-4711", Sealed: []byte("sealed")}
	if got := len(frames.Append(nil, &r)); got != r.Size() {
		t.Errorf("%d bytes, said %d", got, r.Size())
	}
	if got := len(frames.Commit(nil, id, 1)); got != frames.CommitSize {
		t.Errorf("a commit has %d bytes", got)
	}
	for _, c := range []struct {
		run, sealed int
		want        bool
	}{{255, 0, true}, {256, 0, false}, {0, 8<<20 - 51, true}, {0, 8<<20 - 50, false}, {255, 8<<20 - 60, false}} {
		r := frames.Record{Run: strings.Repeat("r", c.run), Sealed: make([]byte, c.sealed)}
		if r.Fits() != c.want {
			t.Errorf("%d and %d bytes: fits %v", c.run, c.sealed, r.Fits())
		}
		if b, _ := written([]frames.Record{r}, 1); c.want {
			if got, _, err := read(b); err != nil || len(got) != 1 {
				t.Errorf("%d and %d bytes: %v", c.run, c.sealed, err)
			}
		}
	}
}

// failing is a file that cannot be read from an offset on.
type failing struct {
	b    []byte
	from int64
}

func (f failing) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > f.from {
		return 0, syscall.EIO
	}
	return bytes.NewReader(f.b).ReadAt(p, at)
}

// TestUnreadable: a disk that does not read is no end of the file.
func TestUnreadable(t *testing.T) {
	b, ends := written(sample(2), 1, 1)
	b = append(b, 0, 0) // a torn tail
	for _, from := range []int{0, frames.HeaderSize, frames.HeaderSize + 8, ends[0], ends[1]} {
		if _, err := frames.Read(failing{b, int64(from)}, int64(len(b)), func(frames.Record) error { return nil }); !errors.Is(err, syscall.EIO) {
			t.Errorf("from %d on: %v", from, err)
		}
	}
}

// FuzzRead never panics, what it reads is written again as it was, and whatever stands
// behind a commit takes nothing away from what stands before it.
func FuzzRead(f *testing.F) {
	whole, ends := written(sample(2), 1, 1)
	b, _ := written(sample(3), 1, 2)
	f.Add(b)
	f.Add(b[:len(b)-3])
	f.Add(frames.Header(id))
	f.Add(b[:len(b)-frames.CommitSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, end := range append(ends, frames.HeaderSize) {
			behind := append(bytes.Clone(whole[:end]), b...)
			if _, found, err := read(behind); err == nil && found.Good < int64(end) {
				t.Errorf("%x behind %d bytes takes away", b, end)
			}
		}
		got, found, err := read(b)
		if err != nil || found.Commits != 1 {
			return
		}
		again := frames.Header(found.ID)
		for i := range got {
			again = frames.Append(again, &got[i])
		}
		if again = frames.Commit(again, found.ID, 0); !bytes.Equal(again, b[:found.Good]) {
			t.Errorf("%x is read as %x", b, again)
		}
	})
}
