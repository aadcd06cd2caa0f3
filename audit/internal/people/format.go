package people

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"

	"github.com/carnet-go/carnet/audit/internal/key"
)

const (
	magic     = "carnet people 1\n"
	plainSize = headSize - len(magic) - key.WrapBytes
	headSize  = 128
	rowSize   = 64
	tagged    = 48 // digest and pseudonym
	tagSize   = rowSize - tagged

	// batch is how many rows are written at once: what a crash leaves is not longer.
	batch = 1024

	// block is the smallest piece of a file that a disk loses as a whole.
	block = 512
)

// head is what is sealed in front of the rows.
type head struct {
	secret     [32]byte // of digests
	generation int64
	born       int64
	tags       [32]byte // secret of them
}

func newHead(generation int64) head {
	h := head{generation: generation, born: generation}
	_, _ = rand.Read(h.secret[:]) // it never fails
	_, _ = rand.Read(h.tags[:])
	return h
}

// text is the head under a key.
func (h *head) text(k *key.Key) []byte {
	plain := make([]byte, plainSize)
	copy(plain, h.secret[:])
	binary.BigEndian.PutUint64(plain[32:], uint64(h.generation))
	binary.BigEndian.PutUint64(plain[40:], uint64(h.born))
	copy(plain[48:], h.tags[:])
	return append([]byte(magic), k.Wrap(magic, plain)...)
}

// parseHead reads what text made; false: it did not, or under another key.
func parseHead(b []byte, k *key.Key) (h head, ok bool) {
	if len(b) < headSize || !bytes.HasPrefix(b, []byte(magic)) {
		return head{}, false
	}
	plain, ok := k.Unwrap(magic, b[len(magic):headSize])
	if !ok {
		return head{}, false
	}
	h = head{secret: [32]byte(plain), generation: int64(binary.BigEndian.Uint64(plain[32:])), born: int64(binary.BigEndian.Uint64(plain[40:])), tags: [32]byte(plain[48:])}
	return h, true
}

// digests are of people, also when the log gets another key.
func (h *head) digests() *key.Keyed { return key.NewKeyed(bytes.Clone(h.secret[:])) }

// rower makes and reads the rows of one generation.
type rower struct {
	tags *key.Keyed
	buf  [16 + tagged]byte // generation, place, digest and pseudonym
}

func (h *head) rower() *rower {
	r := &rower{tags: key.NewKeyed(bytes.Clone(h.tags[:]))}
	binary.BigEndian.PutUint64(r.buf[:], uint64(h.generation))
	return r
}

func (r *rower) tag(place int, row []byte) [tagSize]byte {
	binary.BigEndian.PutUint64(r.buf[8:], uint64(place))
	copy(r.buf[16:], row[:tagged])
	sum := r.tags.Bytes(r.buf[:])
	return [tagSize]byte(sum[:])
}

// append appends the row for a place.
func (r *rower) append(b []byte, place int, d digest, n Name) []byte {
	b = append(append(b, d[:]...), n[:]...)
	tag := r.tag(place, b[len(b)-tagged:])
	return append(b, tag[:]...)
}

// is says whether a row is one of a place.
func (r *rower) is(place int, row []byte) bool {
	tag := r.tag(place, row)
	return subtle.ConstantTimeCompare(tag[:], row[tagged:rowSize]) == 1
}

// rows reads all that are whole, and says where they end. What stands behind is torn, or it is
// damage: false.
func (h *head) rows(b []byte, each func(d digest, n Name)) (end int, ok bool) {
	r := h.rower()
	place, at := 0, headSize
	for ; len(b)-at >= rowSize && r.is(place, b[at:]); place, at = place+1, at+rowSize {
		each(digest(b[at:]), Name(b[at+len(digest{}):]))
	}
	return at, r.torn(place, at, b[at:])
}

// torn says whether a write that was never acknowledged explains rest: one batch, in which
// blocks are missing, or whose end is. A flipped bit makes no such hole.
func (r *rower) torn(place, offset int, rest []byte) bool {
	if len(rest) > batch*rowSize {
		return false
	}
	hole := -1
	for i := 0; len(rest)-i >= rowSize; i, place = i+rowSize, place+1 {
		switch empty := isZero(rest[i : i+rowSize]); {
		case empty && hole < 0:
			if hole = i; i > 0 && (offset+i)%block != 0 {
				return false
			}
		case !empty && (!r.is(place, rest[i:]) || hole >= 0 && (offset+i)%block != 0):
			return false
		case !empty:
			hole = -1
		}
	}
	return true
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
