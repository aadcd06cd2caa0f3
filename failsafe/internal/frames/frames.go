// Package frames is how the embedded journal writes its file.
//
//	b = frames.Append(b, record)          // of a batch
//	b = frames.Commit(b, file, number)    // ends it
//	found, err := frames.Read(file, size, func(r frames.Record) error { … })
//
// A file begins with a header that names its version and a random id. A record is its
// length, a CRC-32C and its content; a batch is records and a commit, in one write.
//
// # Guarantees
//
// A last batch that a crash has torn is not there: nobody was told of it. A crash ends it
// early, or leaves zeros where whole blocks of it were. What else is wrong is damage, also
// a single bit of the last commit.
//
// # Limits
//
// A checksum is no seal: who may write the file can write records. What stands in them
// is sealed by whoever has the key. A disk that loses a block of the last batch long after
// it was synced looks like a crash.
//
// # Errors
//
// [ErrDamaged] and [ErrVersion].
//
// # Concurrency
//
// All functions share nothing.
package frames

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

var (
	// ErrDamaged means that the file is not what was written.
	ErrDamaged = errors.New("frames: damaged")
	// ErrVersion means that another version of the format was written.
	ErrVersion = errors.New("frames: of another version")
)

const (
	version = "carnet journal 1\n"
	head    = 8       // length and checksum
	most    = 8 << 20 // bytes of a record

	// Torn is the most that a crash can leave behind the last commit.
	Torn = 16 << 20

	kindFrame  = 'F'
	kindCommit = 'C'

	leastFrame = 1 + 2 + 8 + 32 // content of one without run and text

	// CommitSize is how long a commit is.
	CommitSize = head + 1 + len(ID{}) + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ID says which file it is.
type ID [16]byte

// HeaderSize is that of a file without records.
const HeaderSize = len(version) + len(ID{})

// Header is how a file begins.
func Header(id ID) []byte { return append([]byte(version), id[:]...) }

// Record is one frame.
type Record struct {
	Run          string
	Sequence     uint64
	Before       [32]byte
	Last, Answer bool
	Sealed       []byte
}

// Size is how many bytes of the file it takes.
func (r *Record) Size() int { return head + leastFrame + len(r.Run) + len(r.Sealed) }

// Fits says whether a record can be written.
func (r *Record) Fits() bool { return len(r.Run) < 256 && r.Size() <= most }

// Append adds a record to a batch.
func Append(b []byte, r *Record) []byte {
	b, at := begin(b, kindFrame)
	var flags byte
	if r.Last {
		flags |= 1
	}
	if r.Answer {
		flags |= 2
	}
	b = append(b, flags, byte(len(r.Run)))
	b = append(b, r.Run...)
	b = binary.BigEndian.AppendUint64(b, r.Sequence)
	b = append(b, r.Before[:]...)
	return end(append(b, r.Sealed...), at)
}

// Commit ends a batch, which has that number in the file.
func Commit(b []byte, id ID, number uint64) []byte {
	b, at := begin(b, kindCommit)
	b = append(b, id[:]...)
	return end(binary.BigEndian.AppendUint64(b, number), at)
}

func begin(b []byte, kind byte) ([]byte, int) {
	at := len(b)
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0, kind), at
}

func end(b []byte, at int) []byte {
	content := b[at+head:]
	binary.BigEndian.PutUint32(b[at:], uint32(len(content)))
	binary.BigEndian.PutUint32(b[at+4:], crc32.Checksum(content, castagnoli))
	return b
}

// Found is what Read found.
type Found struct {
	ID      ID
	Commits uint64 // how many
	Batch   int64  // where the last batch begins
	Good    int64  // where it ends, with its commit
}

// Read yields all records that were committed, in their order, until yield fails.
func Read(file io.ReaderAt, size int64, yield func(Record) error) (Found, error) {
	f, err := header(file, size)
	if err != nil {
		return f, err
	}
	at := int64(HeaderSize)
	var batch []Record
	for {
		content, ok, err := record(file, at, size)
		if err != nil {
			return f, err
		}
		if !ok {
			return f, f.torn(file, at, size)
		}
		next := at + head + int64(len(content))
		switch {
		case content[0] == kindFrame:
			r, ok := parse(content[1:])
			if !ok || next-f.Good > Torn {
				return f, ErrDamaged
			}
			batch = append(batch, r)
		case f.commits(content):
			for _, r := range batch {
				if err := yield(r); err != nil {
					return f, err
				}
			}
			batch, f.Commits, f.Batch, f.Good = batch[:0], f.Commits+1, f.Good, next
		default:
			return f, ErrDamaged
		}
		at = next
	}
}

func header(file io.ReaderAt, size int64) (f Found, err error) {
	b := make([]byte, HeaderSize)
	if size < int64(HeaderSize) {
		return f, ErrDamaged
	}
	if _, err := file.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return f, err
	}
	if !bytes.HasPrefix(b, []byte("carnet journal ")) {
		return f, ErrDamaged
	}
	if !bytes.HasPrefix(b, []byte(version)) {
		return f, ErrVersion
	}
	copy(f.ID[:], b[len(version):])
	f.Batch, f.Good = int64(HeaderSize), int64(HeaderSize)
	return f, nil
}

// record reads the one at an offset; false: there is none that is whole.
func record(file io.ReaderAt, at, size int64) (content []byte, ok bool, err error) {
	if at < 0 || size-at < head+1 {
		return nil, false, nil
	}
	var h [head]byte
	if _, err := file.ReadAt(h[:], at); err != nil {
		return nil, false, err
	}
	n := int64(binary.BigEndian.Uint32(h[:4]))
	if n < 1 || n > most || n > size-at-head {
		return nil, false, nil
	}
	content = make([]byte, n)
	if _, err := file.ReadAt(content, at+head); err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	return content, crc32.Checksum(content, castagnoli) == binary.BigEndian.Uint32(h[4:]), nil
}

func parse(b []byte) (r Record, ok bool) {
	if len(b) < 2 {
		return r, false
	}
	flags, n := b[0], int(b[1])
	if b = b[2:]; flags > 3 || len(b) < n+40 {
		return r, false
	}
	r.Last, r.Answer = flags&1 > 0, flags&2 > 0
	r.Run, b = string(b[:n]), b[n:]
	r.Sequence, b = binary.BigEndian.Uint64(b), b[8:]
	copy(r.Before[:], b)
	r.Sealed = b[32:]
	return r, true
}

// commits says whether it is the commit that is due.
func (f *Found) commits(content []byte) bool {
	return content[0] == kindCommit && len(content) == 1+len(f.ID)+8 && bytes.Equal(content[1:17], f.ID[:]) &&
		binary.BigEndian.Uint64(content[17:]) == f.Commits
}
