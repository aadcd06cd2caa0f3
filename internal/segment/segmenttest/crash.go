package segmenttest

import "iter"

// Images are all contents that a power cut during one write could leave: old is what
// was synced before, p what was being appended. Any subset of p's blocks may have
// reached the disk, and the length may be the old one, the new one, or at the end of
// any block between: what is missing within the length reads as zeros.
func Images(old, p []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		pieces := split(int64(len(old)), p)
		lengths := []int{len(old)}
		for _, b := range pieces {
			lengths = append(lengths, b.end)
		}
		for kept := range 1 << len(pieces) {
			whole := make([]byte, len(old)+len(p))
			copy(whole, old)
			for i, b := range pieces {
				if kept>>i&1 == 1 {
					copy(whole[b.start:b.end], p[b.start-len(old):])
				}
			}
			for _, n := range lengths {
				if !yield(append([]byte(nil), whole[:n]...)) {
					return
				}
			}
		}
	}
}

type piece struct{ start, end int }

// split cuts what is appended at offset at the borders of the file's blocks.
func split(offset int64, p []byte) []piece {
	var pieces []piece
	for start, end := int(offset), int(offset)+len(p); start < end; {
		next := min((start/Block+1)*Block, end)
		pieces = append(pieces, piece{start, next})
		start = next
	}
	return pieces
}
