package verify

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"slices"
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
	c, ok := h.ring.open(alone(msg))
	if !ok || len(msg) > maxNote {
		h.report.add(Finding{codeKnown, cosignedFile, -1})
		return nil
	}
	h.known = append(h.known, c)
	slices.SortStableFunc(h.known, func(a, b checkpoint) int { return cmp.Compare(a.size, b.size) })
	return nil
}

// alone is a note with the first of its signatures, which is the log's.
func alone(msg []byte) []byte {
	text, signatures, _ := bytes.Cut(msg, []byte("\n\n"))
	first, _, _ := bytes.Cut(signatures, []byte("\n"))
	return bytes.Join([][]byte{text, nil, first, nil}, []byte("\n"))
}
