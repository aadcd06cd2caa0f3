package audit

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/reopen"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

var (
	errNoLine    = errors.New("audit: the log has no such line")
	errOtherLine = errors.New("audit: the line is not the one that the log's tree has at its index")
	errNoProof   = errors.New("audit: the log ended before a checkpoint covered the line")
)

// Proof is a c2sp.org/tlog-proof of one line, with the newest checkpoint in it. It
// waits until one covers the line, which takes up to a second, and at most until ctx
// ends. Who has the line, the proof and the log's [Log.Key] needs nothing else.
func (l *Log) Proof(ctx context.Context, index int64) ([]byte, error) {
	g, err := l.open()
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= g.durable.Lines() {
		return nil, errNoLine
	}
	for {
		c, changed := g.published.Get()
		if index < c.Size {
			proof, err := prove(os.DirFS(g.dir), c, index)
			if newer, _ := g.published.Get(); err == nil || newer.Size == c.Size {
				return proof, err
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			continue // its tiles were superseded meanwhile
		}
		if changed == nil {
			return nil, errNoProof
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Prove makes the proof of one line from a log's files, and returns the line too. It
// needs neither the key nor the lock, so it also works beside a writer. It trusts the
// files as far as they agree with each other: verifying is the reader's part.
func Prove(ctx context.Context, fsys fs.FS, index int64) (proof, line []byte, err error) {
	if fsys == nil {
		return nil, nil, errMissing
	}
	var c key.Checkpoint
	var path tlog.RecordProof
	for range 3 { // a writer may supersede tiles between two reads
		if c, err = readCheckpoint(fsys); err != nil {
			return nil, nil, err
		}
		if index < 0 || index >= c.Size {
			return nil, nil, errNoLine
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
	if line, err = readLine(ctx, fsys, c.Size, index); err != nil {
		return nil, nil, err
	}
	if tlog.CheckRecord(path, c.Size, c.Root, index, tlog.RecordHash(line)) != nil {
		return nil, nil, errOtherLine
	}
	return proofText(path, c, index), line, nil
}

// readCheckpoint reads DIR/checkpoint without judging its signature.
func readCheckpoint(fsys fs.FS) (key.Checkpoint, error) {
	text, err := fs.ReadFile(fsys, reopen.Checkpoint)
	if err != nil {
		return key.Checkpoint{}, errors.New("audit: the log's checkpoint cannot be read")
	}
	return key.Parse(text)
}

// readLine finds the line with an index. What stands behind the last whole line of the
// files is not looked at: a writer may be at it.
func readLine(ctx context.Context, fsys fs.FS, size, index int64) ([]byte, error) {
	parts, err := reach.List(fsys)
	if err != nil {
		return nil, err
	}
	c := reach.New(fsys, parts, size).From(index)
	defer c.Close()
	line, err := c.Next(ctx)
	return line.Text, err
}

// prove makes a proof in the tree of c.
func prove(fsys fs.FS, c key.Checkpoint, index int64) ([]byte, error) {
	path, err := tree.Prove(fsys, c.Size, c.Root, index)
	if err != nil {
		return nil, err
	}
	return proofText(path, c, index), nil
}

func proofText(path tlog.RecordProof, c key.Checkpoint, index int64) []byte {
	b := []byte("c2sp.org/tlog-proof@v1\nindex ")
	b = append(strconv.AppendInt(b, index, 10), '\n')
	for _, h := range path {
		b = append(append(b, h.String()...), '\n')
	}
	return append(append(b, '\n'), c.Note...)
}
