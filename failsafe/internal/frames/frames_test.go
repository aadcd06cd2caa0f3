package frames_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"reflect"
	"testing"

	"github.com/carnet-go/carnet/failsafe/internal/frames"
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

// TestEveryBitFlip is damage, also in the last batch, or nothing is lost.
func TestEveryBitFlip(t *testing.T) {
	want := sample(3)
	b, _ := written(want, 1, 1, 1)
	for i := range b {
		changed := bytes.Clone(b)
		changed[i] ^= 1 << (i % 8)
		if got, _, err := read(changed); err == nil && i >= frames.HeaderSize && len(got) < len(want) && !lastCommit(i, b) {
			t.Fatalf("byte %d: %d records and no error", i, len(got))
		}
	}
}

// lastCommit says whether a byte is of the last commit: without it the batch before was
// never there.
func lastCommit(i int, b []byte) bool { return i >= len(b)-8-1-16-8 }

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
	large := frames.Record{Sealed: make([]byte, 8<<20)}
	if large.Fits() || !want[0].Fits() {
		t.Error("fits")
	}
}

// FuzzRead never panics, and what it reads is written again as it was.
func FuzzRead(f *testing.F) {
	b, _ := written(sample(3), 1, 2)
	f.Add(b)
	f.Add(b[:len(b)-3])
	f.Add(frames.Header(id))
	f.Fuzz(func(t *testing.T, b []byte) {
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
