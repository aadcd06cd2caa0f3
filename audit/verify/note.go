package verify

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/verify/internal/edge"
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

// open verifies a checkpoint that the log alone has signed.
func (k keyring) open(msg []byte) (checkpoint, bool) { return k.cosigned(msg, cosigners{}) }

// cosigned verifies a checkpoint of the log that witnesses may have signed too. It encodes
// what it has understood again and compares: x/mod accepts stray bits in base64, skips
// signatures of unknown keys and repeated ones, and would let somebody without the key
// change bytes that nobody notices.
func (k keyring) cosigned(msg []byte, by cosigners) (checkpoint, bool) {
	if len(msg) > maxNote {
		return checkpoint{}, false
	}
	n, err := note.Open(msg, readers{k.known, by})
	if err != nil {
		return checkpoint{}, false
	}
	c, ok := parseCheckpoint(n.Text)
	again := append([]byte(c.text()), '\n')
	var witnesses, logs []string
	for _, s := range n.Sigs {
		sig, err := base64.StdEncoding.DecodeString(s.Base64)
		again = fmt.Appendf(again, "— %s %s\n", s.Name, base64.StdEncoding.EncodeToString(sig))
		if _, cosigns := by.find(s.Name, s.Hash); cosigns {
			witnesses = append(witnesses, s.Name)
			continue
		}
		logs, c.signer = append(logs, s.Name), s.Hash
		ok = ok && err == nil
	}
	own := len(logs) == 1 && logs[0] == c.origin // one key, and the origin's
	return c, ok && own && by.met(witnesses) && bytes.Equal(msg, again)
}

func parseCheckpoint(text string) (checkpoint, bool) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return checkpoint{}, false
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, ok := edge.ParseHash(lines[2])
	return checkpoint{origin: lines[0], size: size, root: root}, ok && err == nil && size >= 0
}

// text is the one encoding of a checkpoint without signatures.
func (c checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.origin, c.size, c.root)
}
