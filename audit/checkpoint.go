package audit

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkpoint is a tree that the log's key signed: C2SP tlog-checkpoint.
type checkpoint struct {
	size int64
	root tlog.Hash
	note []byte // as signed
}

var (
	errCheckpoint    = errors.New("audit: the checkpoint is malformed")
	errCheckpointKey = errors.New("audit: the checkpoint is not signed by the log's key")
)

// sign makes the checkpoint of a tree.
func (k *key) sign(size int64, root tlog.Hash) (checkpoint, error) {
	msg, err := note.Sign(&note.Note{Text: checkpointText(k.origin, size, root)}, k)
	if err != nil {
		return checkpoint{}, errors.New("audit: the signer failed")
	}
	return checkpoint{size, root, msg}, nil
}

// open reads a checkpoint of this log; signatures of others, such as witnesses, may
// stand beside the log's own.
func (k *key) open(msg []byte) (checkpoint, error) {
	n, err := note.Open(msg, note.VerifierList(k.verify))
	if err != nil {
		return checkpoint{}, errCheckpointKey
	}
	size, root, err := parseCheckpoint(k.origin, n.Text)
	return checkpoint{size, root, msg}, err
}

func checkpointText(origin string, size int64, root tlog.Hash) string {
	return origin + "\n" + strconv.FormatInt(size, 10) + "\n" + root.String() + "\n"
}

func parseCheckpoint(origin, text string) (int64, tlog.Hash, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != origin {
		return 0, tlog.Hash{}, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 {
		return 0, tlog.Hash{}, errCheckpoint
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || checkpointText(origin, size, root) != text {
		return 0, tlog.Hash{}, errCheckpoint
	}
	return size, root, nil
}

// canonical says whether msg is exactly what sign writes: a checkpoint in a log's
// folder has the log's signature and nothing else.
func (k *key) canonical(c checkpoint) bool {
	text := checkpointText(k.origin, c.size, c.root)
	rest, ok := strings.CutPrefix(string(c.note), text+"\n— "+k.origin+" ")
	sig, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(rest, "\n"))
	return ok && err == nil && strings.HasSuffix(rest, "\n") && !strings.Contains(strings.TrimSuffix(rest, "\n"), "\n") &&
		base64.StdEncoding.EncodeToString(sig)+"\n" == rest
}

const (
	commitHead = `{"commit":{"size":`
	commitMid  = `,"root":"`
	commitTail = "\"}}\n"
	commitMax  = len(commitHead) + 19 + len(commitMid) + 44 + len(commitTail)
)

// appendCommit writes the line that ends a batch. A batch without it is not there.
func appendCommit(b []byte, size int64, root tlog.Hash) []byte {
	b = append(b, commitHead...)
	b = strconv.AppendInt(b, size, 10)
	b = append(b, commitMid...)
	b = base64.StdEncoding.AppendEncode(b, root[:])
	return append(b, commitTail...)
}
