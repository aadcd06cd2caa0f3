package audit

import (
	"context"
	"errors"
	"io/fs"

	"github.com/carnet-go/carnet/audit/internal/proof"
)

var errNoProof = errors.New("audit: the log ended before a checkpoint covered the line")

// Proof is a c2sp.org/tlog-proof of one line, with the newest checkpoint in it. It
// waits until one covers the line, which takes up to a second, and at most until ctx
// ends. Who has the line, the proof and the log's [Log.Key] needs nothing else.
func (l *Log) Proof(ctx context.Context, index int64) ([]byte, error) {
	g, err := l.open()
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= g.durable.Lines() {
		return nil, proof.ErrNoLine
	}
	for {
		if err := g.covered(ctx, index); err != nil {
			return nil, err
		}
		c, _ := g.published.Get()
		var text []byte
		if err := g.durable.Bounded(ctx, func() { text, err = proof.Of(g.durable.FS(), c, index) }); err != nil {
			return nil, err
		}
		if newer, _ := g.published.Get(); err == nil || newer.Size == c.Size {
			return text, err
		} // its tiles were superseded meanwhile
	}
}

// covered waits until a checkpoint covers a line.
func (g *log) covered(ctx context.Context, index int64) error {
	for {
		c, changed := g.published.Get()
		switch {
		case index < c.Size:
			return nil
		case changed == nil:
			return errNoProof
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Prove makes the proof of one line from a log's files, and returns the line too. It
// needs neither the key nor the lock, so it also works beside a writer. It trusts the
// files as far as they agree with each other: verifying is the reader's part. Of a line
// that was given up it is ErrNotKept.
func Prove(ctx context.Context, fsys fs.FS, index int64) (text, line []byte, err error) {
	if fsys == nil {
		return nil, nil, errMissing
	}
	return proof.Files(ctx, fsys, index)
}
