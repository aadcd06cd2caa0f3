package key

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a tree that the log's key signed: C2SP tlog-checkpoint.
type Checkpoint struct {
	Size int64
	Root tlog.Hash
	Note []byte // as signed
}

var (
	errMalformed = errors.New("audit: the checkpoint is malformed")
	errForeign   = errors.New("audit: the checkpoint is not signed by the log's key")
)

// Checkpoint signs a tree.
func (k *Key) Checkpoint(size int64, root tlog.Hash) (Checkpoint, error) {
	msg, err := note.Sign(&note.Note{Text: textOf(k.origin, size, root)}, k)
	if err != nil {
		return Checkpoint{}, errSigner
	}
	return Checkpoint{size, root, msg}, nil
}

// Open reads a checkpoint of this log; signatures of others, such as witnesses, may
// stand beside the log's own.
func (k *Public) Open(msg []byte) (Checkpoint, error) {
	n, err := note.Open(msg, note.VerifierList(k.verifier))
	if err != nil {
		return Checkpoint{}, errForeign
	}
	size, root, err := parseText(k.origin, n.Text)
	return Checkpoint{size, root, msg}, err
}

// OpenOwn opens what must be exactly what Checkpoint makes: a checkpoint in a log's
// folder has the log's signature and nothing else.
func (k *Public) OpenOwn(msg []byte) (Checkpoint, error) {
	c, err := k.Open(msg)
	if err != nil {
		return c, err
	}
	rest, _ := strings.CutPrefix(string(msg), textOf(k.origin, c.Size, c.Root)+"\n— "+k.origin+" ")
	sig, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(rest, "\n"))
	if err != nil || base64.StdEncoding.EncodeToString(sig)+"\n" != rest {
		return Checkpoint{}, errMalformed
	}
	return c, nil
}

// Parse reads a checkpoint of any log without judging its signature.
func Parse(msg []byte) (Checkpoint, error) {
	body, _, _ := strings.Cut(string(msg), "\n\n")
	origin, _, _ := strings.Cut(body, "\n")
	size, root, err := parseText(origin, body+"\n")
	return Checkpoint{size, root, msg}, err
}

func textOf(origin string, size int64, root tlog.Hash) string {
	return origin + "\n" + strconv.FormatInt(size, 10) + "\n" + root.String() + "\n"
}

func parseText(origin, text string) (int64, tlog.Hash, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != origin {
		return 0, tlog.Hash{}, errMalformed
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 {
		return 0, tlog.Hash{}, errMalformed
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || textOf(origin, size, root) != text {
		return 0, tlog.Hash{}, errMalformed
	}
	return size, root, nil
}
