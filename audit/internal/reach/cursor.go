package reach

import (
	"bytes"
	"context"
	"io"
	"io/fs"

	"github.com/carnet-go/carnet/audit/internal/tree"
)

// MaxLine is the longest leaf: C2SP tlog-tiles say its length in 16 bits.
const MaxLine = 65_535

// Line is one leaf.
type Line struct {
	Index int64
	Text  []byte // without its newline; valid until the next call
}

// Cursor reads lines from one on. Close gives its file back.
type Cursor struct {
	x     *Extent
	index int64 // of the line that comes next

	part Part
	file fs.File
	at   place  // of what stands at the beginning of rest
	buf  []byte // twice the longest line; nil: nothing was read yet
	rest []byte // of buf, what was read and not looked at
	over bool   // a read that nobody waits for still has file and buf
}

// From is a cursor that begins with the line of an index.
func (x *Extent) From(index int64) *Cursor { return &Cursor{x: x, index: max(index, 0)} }

// Index is that of the line that comes next.
func (c *Cursor) Index() int64 { return c.index }

// Next is the next line; io.EOF where no more is durable yet, and Next may be called
// again; ErrNotKept where the line was there once. After another error than io.EOF a
// cursor is of no use.
func (c *Cursor) Next(ctx context.Context) (Line, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Line{}, err
		}
		if bytes.IndexByte(c.rest, '\n') < 0 { // what was read is durable
			if err := c.enter(ctx); err != nil {
				return Line{}, err
			}
		}
		text, err := c.line(ctx)
		if err != nil {
			return Line{}, err
		}
		if text == nil { // the segment ends here
			if err := c.ended(); err != nil {
				return Line{}, err
			}
			continue
		}
		if tree.IsCommit(text) {
			continue
		}
		index := c.at.index
		c.at.index++
		c.x.pass(c.part.First, c.at)
		if index < c.index {
			continue
		}
		c.index = index + 1
		return Line{index, text[:len(text)-1]}, nil
	}
}

// Wait returns when Next has something to say; io.EOF: the log was closed, and no more
// comes.
func (c *Cursor) Wait(ctx context.Context) error {
	changed, ended := c.x.more(c.index)
	switch {
	case ended:
		return io.EOF
	case changed == nil:
		return nil
	}
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close gives the file back.
func (c *Cursor) Close() {
	c.leave()
	c.over = true
}

// Skip goes on with another line, which lies ahead.
func (c *Cursor) Skip(index int64) {
	c.leave()
	c.index = max(c.index, index)
}

// enter makes sure that the segment of the next line is open, and knows its end.
func (c *Cursor) enter(ctx context.Context) error {
	if c.over {
		return ErrRead
	}
	if c.index >= c.x.Lines() {
		return io.EOF
	}
	part, at, err := c.x.find(c.index)
	if err != nil {
		return err
	}
	if c.file != nil && part.First == c.part.First {
		c.part.Bytes = part.Bytes
		return nil
	}
	c.leave()
	f, err := c.x.open(ctx, Path(part.First))
	if err != nil {
		if c.x.Kept() > c.index {
			return ErrNotKept // it went meanwhile
		}
		return err
	}
	if c.buf == nil {
		c.buf = make([]byte, 2*(MaxLine+1))
	}
	c.part, c.file, c.at, c.rest = part, f, at, nil
	return nil
}

// ended leaves a segment that has no more lines, unless it should have the next one.
func (c *Cursor) ended() error {
	part, _, err := c.x.find(c.index)
	if err == nil && part.First == c.part.First {
		err = ErrRead
	}
	c.leave()
	return err
}

// leave closes the segment.
func (c *Cursor) leave() {
	if c.file != nil {
		_ = c.file.Close()
	}
	c.file, c.rest = nil, nil
}

// line is the next one of the open segment, with its newline, or nil behind the last.
func (c *Cursor) line(ctx context.Context) ([]byte, error) {
	for {
		if n := bytes.IndexByte(c.rest, '\n'); n >= 0 {
			text := c.rest[:n+1]
			c.rest = c.rest[n+1:]
			c.at.offset += int64(n) + 1
			return text, nil
		}
		if len(c.rest) == len(c.buf) {
			return nil, ErrRead // no writer wrote that
		}
		n := copy(c.buf, c.rest)
		from := c.at.offset + int64(n)
		room := c.buf[n:min(int64(len(c.buf)), int64(n)+c.part.Bytes-from)]
		if len(room) == 0 && n == 0 { // a commit ends it
			return nil, nil
		}
		if len(room) == 0 {
			return nil, ErrRead
		}
		if err := c.read(ctx, room, from); err != nil {
			return nil, err
		}
		c.rest = c.buf[:n+len(room)]
	}
}
