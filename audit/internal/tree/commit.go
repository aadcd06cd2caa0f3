package tree

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	commitHead = `{"commit":{"size":`
	commitMid  = `,"root":"`
	commitTail = "\"}}\n"

	// CommitMax is the length of the longest commit line, with its newline.
	CommitMax = len(commitHead) + 19 + len(commitMid) + 44 + len(commitTail)
)

// AppendCommit writes the line that ends a batch: the tree's size and root. A batch
// without it is not there.
func AppendCommit(b []byte, size int64, root tlog.Hash) []byte {
	b = append(b, commitHead...)
	b = strconv.AppendInt(b, size, 10)
	b = append(b, commitMid...)
	b = base64.StdEncoding.AppendEncode(b, root[:])
	return append(b, commitTail...)
}

// IsCommit tells a commit line from a leaf.
func IsCommit(line []byte) bool { return bytes.HasPrefix(line, []byte(commitHead)) }
