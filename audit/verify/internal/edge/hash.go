package edge

import (
	"encoding/base64"

	"golang.org/x/mod/sumdb/tlog"
)

// ParseHash refuses stray bits: they decode to the same hash, so it compares the text.
func ParseHash(s string) (tlog.Hash, bool) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) != tlog.HashSize {
		return tlog.Hash{}, false
	}
	h := tlog.Hash(raw)
	return h, h.String() == s
}
