package frames

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// block is the smallest piece of a file that a disk loses as a whole.
const block = 512

// torn says whether what stands behind the last commit is what a crash leaves: one batch
// of which nobody was told, whose first record that is not whole begins at an offset.
func (f *Found) torn(file io.ReaderAt, at, size int64) error {
	if size-f.Good > Torn {
		return ErrDamaged
	}
	t := tail{from: f.Good, b: make([]byte, size-f.Good)}
	if _, err := file.ReadAt(t.b, f.Good); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	rest := t.b[at-f.Good:]
	first, more := f.committed(rest)
	switch {
	case len(rest) == 0:
		return nil
	case more || first >= 0 && first+CommitSize != len(rest):
		return ErrDamaged // something was written after it: it was acknowledged
	case first >= 0 && t.lost(at, at+int64(first)):
		return nil
	case first < 0 && (t.lost(at, size) || t.commit(at, f) || cut(rest)):
		return nil
	}
	return ErrDamaged
}

// committed finds the commit that is due behind records that are not whole; more: there
// is another one.
func (f *Found) committed(rest []byte) (first int, more bool) {
	first = -1
	mark := append([]byte{kindCommit}, f.ID[:]...)
	for at := head; at < len(rest); at++ {
		next := bytes.Index(rest[at:], mark)
		if next < 0 {
			break
		}
		at += next
		content, whole, _ := record(bytes.NewReader(rest), int64(at-head), int64(len(rest)))
		if !whole {
			continue
		}
		if first >= 0 || !f.commits(content) {
			return first, true
		}
		first = at - head
	}
	return first, false
}

// cut says whether b is the beginning of a frame and no more.
func cut(b []byte) bool {
	if b[0] != 0 { // no record is that long
		return false
	}
	if len(b) < 4 {
		return true
	}
	n := int64(binary.BigEndian.Uint32(b))
	return n >= leastFrame && n <= most && n > int64(len(b)-head) && (len(b) <= head || b[head] == kindFrame)
}

// tail is a write that may have lost blocks, and where in the file it began.
type tail struct {
	from int64
	b    []byte
}

// piece is the part of the write that stands in the same block of the file as an offset.
func (t tail) piece(at int64) (from, to int64) {
	from = at - at%block
	return max(from, t.from), min(from+block, t.from+int64(len(t.b)))
}

// zero says whether there is nothing but zeros between two offsets.
func (t tail) zero(from, to int64) bool {
	return len(bytes.Trim(t.b[from-t.from:to-t.from], "\x00")) == 0
}

// lost says whether a piece with something of the frame at an offset is missing, so that
// it is not whole.
func (t tail) lost(at, end int64) bool {
	if t.hole(at, min(at+head+1, end)) {
		return true
	}
	b := t.b[at-t.from : end-t.from]
	if len(b) <= head || b[head] != kindFrame {
		return false
	}
	n := int64(binary.BigEndian.Uint32(b))
	return n >= leastFrame && n <= most && t.hole(at, min(at+head+n, end))
}

// hole says whether a piece between two offsets is missing. The first two bytes of a
// record are zero also where nothing is missing.
func (t tail) hole(at, end int64) bool {
	for offset := at; offset < end; {
		from, next := t.piece(offset)
		if next > at+2 && t.zero(from, next) {
			return true
		}
		offset = next
	}
	return false
}

// commit says whether what stands at an offset is the commit that is due, without its end
// or without pieces of it.
func (t tail) commit(at int64, f *Found) bool {
	want := Commit(nil, f.ID, f.Commits)
	end := t.from + int64(len(t.b))
	if end-at > int64(len(want)) {
		return false
	}
	for offset := at; offset < end; {
		_, next := t.piece(offset)
		if !bytes.Equal(t.b[offset-t.from:next-t.from], want[offset-at:next-at]) && !t.zero(offset, next) {
			return false
		}
		offset = next
	}
	return true
}
