package replay

import (
	"bytes"
	"encoding/json"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

// block is the smallest piece of a file that a disk loses as a whole.
const block = 512

// torn says whether a write that was never acknowledged explains rest: one batch, in
// which blocks are missing, or whose end is. Batches are synced one after the other,
// so there is never a second one behind it.
func torn(rest []byte, offset int64, t tree.Tree) bool {
	if bytes.IndexByte(rest, 0) >= 0 {
		return holes(rest, offset) && !goesOn(rest)
	}
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			return unfinished(rest, t)
		}
		if !isLine(rest[:end]) {
			return false
		}
		t.Add(tlog.RecordHash(rest[:end]))
		rest = rest[end+1:]
	}
	return true
}

// goesOn says whether something stands behind a commit line.
func goesOn(rest []byte) bool {
	for line := range bytes.Lines(rest) {
		if rest = rest[len(line):]; tree.IsCommit(line) && len(rest) > 0 {
			return true
		}
	}
	return false
}

// holes says whether the zeros in rest are whole blocks of the file, or begin where
// the write began. A flipped bit makes no such hole.
func holes(rest []byte, offset int64) bool {
	for i := 0; i < len(rest); {
		if rest[i] != 0 {
			i++
			continue
		}
		start := i
		for i < len(rest) && rest[i] == 0 {
			i++
		}
		from, to := offset+int64(start), offset+int64(i)
		if start != 0 && from%block != 0 || i != len(rest) && to%block != 0 {
			return false
		}
	}
	return true
}

var event = []byte(`{"activity_id":`)

// unfinished says whether b is the beginning of the line that would come next.
func unfinished(b []byte, t tree.Tree) bool {
	commit := tree.AppendCommit(nil, t.Size, t.Root())
	return bytes.HasPrefix(commit, b) || bytes.HasPrefix(event, b) || bytes.HasPrefix(b, event)
}

func isLine(b []byte) bool {
	return len(b) <= reach.MaxLine && bytes.HasPrefix(b, event) && json.Valid(b)
}
