package prefix_test

import (
	"bytes"
	"testing"

	"github.com/carnet-go/carnet/audit/verify/internal/prefix"
)

// TestCommon: each length, and each byte that differs.
func TestCommon(t *testing.T) {
	text := []byte("0123456789abcdefghijklm")
	for n := range len(text) + 1 {
		if got := prefix.Common(text, text[:n]); got != n {
			t.Errorf("%d bytes: %d", n, got)
		}
		if got := prefix.Common(text[:n], text); got != n {
			t.Errorf("of %d bytes: %d", n, got)
		}
		for i := range n {
			other := bytes.Clone(text)
			other[i] ^= 1
			if got := prefix.Common(text[:n], other); got != i {
				t.Errorf("%d bytes, and another one at %d: %d", n, i, got)
			}
		}
	}
}
