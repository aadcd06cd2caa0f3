package witnessaudit

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// maxProof is how many hashes a proof has: C2SP tlog-witness.
	maxProof = 63
	// maxRequest is more than a proof and a checkpoint take.
	maxRequest = maxNote + 4<<10

	pathAdd  = "/add-checkpoint"
	typeSize = "text/x.tlog.size"
)

// request is the body of add-checkpoint.
type request struct {
	old   int64
	proof tlog.TreeProof
	note  []byte
}

func (r *request) bytes() []byte {
	var b bytes.Buffer
	b.WriteString("old " + strconv.FormatInt(r.old, 10) + "\n")
	for _, h := range r.proof {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(r.note)
	return b.Bytes()
}

// parseRequest takes the one encoding of a request.
func parseRequest(body []byte) (*request, bool) {
	head, msg, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return nil, false
	}
	first, rest, _ := strings.Cut(string(head), "\n")
	text, ok := strings.CutPrefix(first, "old ")
	if !ok {
		return nil, false
	}
	r := &request{note: msg}
	if r.old, ok = parseSize(text); !ok {
		return nil, false
	}
	if rest == "" {
		return r, true
	}
	lines := strings.Split(rest, "\n")
	if len(lines) > maxProof {
		return nil, false
	}
	for _, line := range lines {
		h, err := tlog.ParseHash(line)
		if err != nil || h.String() != line {
			return nil, false
		}
		r.proof = append(r.proof, h)
	}
	return r, true
}
