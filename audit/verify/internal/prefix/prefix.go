// Package prefix tells how far two texts are the same.
//
//	n := prefix.Common(a, b)
//
// # Guarantees
//
// It looks at eight bytes at a time, and reads nothing behind the end of either.
//
// # Limits
//
// The time that it takes tells how far that is: it is not for secrets.
//
// # Errors
//
// There are none.
//
// # Concurrency
//
// Common may be called from anywhere.
package prefix

import (
	"encoding/binary"
	"math/bits"
)

// Common is the length of the longest common prefix.
func Common(a, b []byte) int {
	i, n := 0, min(len(a), len(b))
	for ; n-i >= 8; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
