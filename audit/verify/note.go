package verify

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxNote bounds what is read of a checkpoint; a real one has about 250 bytes.
const maxNote = 4 << 10

// checkpoint is a C2SP checkpoint whose signature was verified.
type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
	signer uint32 // key hash
}

// open verifies a checkpoint. It encodes what it has understood again and compares: x/mod
// accepts stray bits in base64, skips signatures of unknown keys and repeated ones, and
// would let somebody without the key change bytes that nobody notices.
func (k keyring) open(msg []byte) (checkpoint, bool) {
	if len(msg) > maxNote {
		return checkpoint{}, false
	}
	n, err := note.Open(msg, k.known)
	if err != nil || len(n.Sigs) != 1 {
		return checkpoint{}, false
	}
	c, ok := parseCheckpoint(n.Text)
	sig, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if !ok || err != nil {
		return checkpoint{}, false
	}
	c.signer = n.Sigs[0].Hash
	// The signature's name is the origin, or else this differs.
	again := fmt.Appendf(nil, "%s\n— %s %s\n", c.text(), c.origin, base64.StdEncoding.EncodeToString(sig))
	return c, bytes.Equal(msg, again)
}

func parseCheckpoint(text string) (checkpoint, bool) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return checkpoint{}, false
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, ok := parseHash(lines[2])
	return checkpoint{origin: lines[0], size: size, root: root}, ok && err == nil && size >= 0
}

// text is the one encoding of a checkpoint without signatures.
func (c checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.origin, c.size, c.root)
}

// parseHash refuses stray bits: they decode to the same hash, so it compares the text.
func parseHash(s string) (tlog.Hash, bool) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) != tlog.HashSize {
		return tlog.Hash{}, false
	}
	h := tlog.Hash(raw)
	return h, h.String() == s
}
