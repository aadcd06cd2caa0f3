// Package proof makes the proof of one line from a log's files.
//
//	text, err := proof.Of(fsys, checkpoint, index)
//	text, line, err := proof.Files(ctx, fsys, index) // with the newest checkpoint there
//
// # Guarantees
//
// A proof is a c2sp.org/tlog-proof@v1. Of a line that Files returns it is the proof.
//
// # Limits
//
// The files are trusted as far as they agree with each other: verifying is the reader's
// part.
//
// # Errors
//
// They speak for package audit, which passes them on, and have no path.
//
// # Concurrency
//
// Files may be read beside a writer: what he supersedes meanwhile is tried again.
package proof

import (
	"context"
	"errors"
	"io/fs"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

// ErrNoLine is an index that the log does not have, or not under a checkpoint.
var ErrNoLine = errors.New("audit: the log has no such line")

var (
	errOtherLine  = errors.New("audit: the line is not the one that the log's tree has at its index")
	errCheckpoint = errors.New("audit: the log's checkpoint cannot be read")
)

// Checkpoint is the file with the newest checkpoint, in a log's folder.
const Checkpoint = "checkpoint"

// Of makes a proof in the tree of a checkpoint.
func Of(fsys fs.FS, c key.Checkpoint, index int64) ([]byte, error) {
	path, err := tree.Prove(fsys, c.Size, c.Root, index)
	if err != nil {
		return nil, err
	}
	return text(path, c, index), nil
}

// Files makes a proof, and returns the line too. The checkpoint's signature is not judged.
func Files(ctx context.Context, fsys fs.FS, index int64) (proof, line []byte, err error) {
	var c key.Checkpoint
	var path tlog.RecordProof
	for range 3 { // a writer may supersede tiles between two reads
		if c, err = read(fsys); err != nil {
			return nil, nil, err
		}
		if index < 0 || index >= c.Size {
			return nil, nil, ErrNoLine
		}
		if path, err = tree.Prove(fsys, c.Size, c.Root, index); err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if line, err = lineOf(ctx, fsys, c.Size, index); err != nil {
		return nil, nil, err
	}
	if tlog.CheckRecord(path, c.Size, c.Root, index, tlog.RecordHash(line)) != nil {
		return nil, nil, errOtherLine
	}
	return text(path, c, index), line, nil
}

func read(fsys fs.FS) (key.Checkpoint, error) {
	text, err := fs.ReadFile(fsys, Checkpoint)
	if err != nil {
		return key.Checkpoint{}, errCheckpoint
	}
	return key.Parse(text)
}

// lineOf finds the line with an index. What stands behind the last whole line of the
// files is not looked at: a writer may be at it.
func lineOf(ctx context.Context, fsys fs.FS, size, index int64) ([]byte, error) {
	parts, err := reach.List(fsys)
	if err != nil {
		return nil, err
	}
	c := reach.New(fsys, parts, size).From(index)
	defer c.Close()
	line, err := c.Next(ctx)
	return line.Text, err
}

func text(path tlog.RecordProof, c key.Checkpoint, index int64) []byte {
	b := []byte("c2sp.org/tlog-proof@v1\nindex ")
	b = append(strconv.AppendInt(b, index, 10), '\n')
	for _, h := range path {
		b = append(append(b, h.String()...), '\n')
	}
	return append(append(b, '\n'), c.Note...)
}
