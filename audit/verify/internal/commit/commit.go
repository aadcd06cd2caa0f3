// Package commit is the line with which a batch ends.
//
//	line := commit.Line(size, root)
//	damaged := commit.Resembles(b, line)
//
// # Guarantees
//
// There is one such line behind the lines of a tree. It shares no line with what writes logs.
//
// # Limits
//
// What resembles one may be none.
//
// # Errors
//
// There are none.
//
// # Concurrency
//
// All functions are safe for concurrent use.
package commit

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// Prefix is how a commit line begins, and no event line.
const Prefix = `{"commit":`

// Most is the length of a commit line with the longest number, and of no event line.
const Most = len(Prefix) + len(`{"size":,"root":""}}`) + 19 + 44

// Line is the one commit line that may stand after the lines of a tree, without its newline.
func Line(size int64, root tlog.Hash) []byte {
	b := append(make([]byte, 0, Most), Prefix+`{"size":`...)
	b = append(strconv.AppendInt(b, size, 10), `,"root":"`...)
	return append(base64.StdEncoding.AppendEncode(b, root[:]), `"}}`...)
}

// Resembles reports whether a line is a damaged commit line rather than an event: its
// beginning, or of its length and with most of its bytes.
func Resembles(b, line []byte) bool {
	if len(b) != len(line) {
		return len(b) > 0 && bytes.HasPrefix(line, b)
	}
	same := 0
	for i := range b {
		if b[i] == line[i] {
			same++
		}
	}
	return same > len(b)/2
}
