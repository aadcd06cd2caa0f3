package verify

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"

	"github.com/carnet-go/carnet/audit/verify/internal/cosign"
)

// cosignedFile is the newest checkpoint that witnesses have signed, as whoever runs the log has
// kept it: it is known only to him, but it must lie on the log's history as any other.
const cosignedFile = "cosigned"

// cosigned reads it. Which witnesses there are is not asked here: who asks gives it as known.
func (h *history) cosigned() error {
	msg, err := readFile(h.log, cosignedFile, maxNote+1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c, ok := h.ring.open(cosign.Without(msg))
	if !ok || len(msg) > maxNote {
		h.report.add(Finding{codeKnown, cosignedFile, -1})
		return nil
	}
	h.known = append(h.known, c)
	slices.SortStableFunc(h.known, func(a, b checkpoint) int { return cmp.Compare(a.size, b.size) })
	return nil
}
