package verify

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/verify/internal/edge"
)

// ErrProof: the proof does not show that the line is in a log of the given keys.
var ErrProof = errors.New("verify: not proven")

const (
	proofHeader = "c2sp.org/tlog-proof@v1\n"
	maxHashes   = 63 // a tree of more lines than an int64 counts would need more
	maxProof    = 64 + maxHashes*45 + maxNote
)

// Proof verifies that a line, without its newline, is in a log, with nothing but the keys.
// The proof is a c2sp.org/tlog-proof@v1, as Log.Proof and carnet audit prove make it, and in
// that one encoding. Of a log that was rekeyed proofs are under the key that it was under when
// they were made, which Report.Key tells to who has an older one. One with an extra line is refused: nobody has signed what it says.
func Proof(proof, line []byte, vkeys []string) error {
	return prove(proof, line, vkeys, cosigners{})
}

func prove(proof, line []byte, vkeys []string, by cosigners) error {
	ring, err := newKeyring(vkeys)
	if err != nil {
		return err
	}
	p, ok := parseProof(proof)
	if !ok {
		return fmt.Errorf("%w: the proof is malformed", ErrProof)
	}
	c, ok := ring.cosigned(p.note, by)
	if !ok {
		return fmt.Errorf("%w: its checkpoint is not valid under the given keys", ErrProof)
	}
	if len(line) > maxLine || tlog.CheckRecord(p.path, c.size, c.root, p.index, tlog.RecordHash(line)) != nil {
		return fmt.Errorf("%w: the line is not the one that it is about", ErrProof)
	}
	return nil
}

// proof is a parsed tlog-proof.
type proof struct {
	index int64
	path  tlog.RecordProof
	note  []byte
}

// parseProof encodes what it understood again, so there is one encoding of each proof.
func parseProof(b []byte) (proof, bool) {
	if len(b) > maxProof {
		return proof{}, false
	}
	head, note, found := bytes.Cut(b, []byte("\n\n"))
	lines := strings.Split(strings.TrimPrefix(string(head), proofHeader), "\n")
	number, named := strings.CutPrefix(lines[0], "index ")
	index, err := strconv.ParseInt(number, 10, 64)
	if !found || !named || err != nil || index < 0 || len(lines)-1 > maxHashes {
		return proof{}, false
	}
	p := proof{index: index, note: note}
	for _, line := range lines[1:] {
		h, ok := edge.ParseHash(line)
		if !ok {
			return proof{}, false
		}
		p.path = append(p.path, h)
	}
	return p, bytes.Equal(b, p.text())
}

func (p proof) text() []byte {
	b := fmt.Appendf(nil, "%sindex %d\n", proofHeader, p.index)
	for _, h := range p.path {
		b = fmt.Appendf(b, "%s\n", h)
	}
	return append(append(b, '\n'), p.note...)
}
