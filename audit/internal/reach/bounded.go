package reach

import (
	"context"
	"errors"
	"io"
	"io/fs"
)

// bounded runs what may hang, and waits at most until ctx ends. Then work goes on without
// the caller, or never begins, and left is called instead of the caller's going on.
func (x *Extent) bounded(ctx context.Context, work, left func()) error {
	select {
	case x.slots <- struct{}{}:
	case <-ctx.Done():
		left()
		return ctx.Err()
	}
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		work()
		<-x.slots
		select {
		case done <- struct{}{}:
		case <-gone:
			left()
		}
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		close(gone)
		return ctx.Err()
	}
}

// Bounded runs work, which may hang on the disk, and waits at most until ctx ends: then it
// is an error of ctx, and what work is about must not be looked at.
func (x *Extent) Bounded(ctx context.Context, work func()) error {
	return x.bounded(ctx, work, func() {})
}

// FS is the log's folder.
func (x *Extent) FS() fs.FS { return x.fsys }

// open opens one file of the log.
func (x *Extent) open(ctx context.Context, name string) (fs.File, error) {
	var f fs.File
	err := ErrRead
	work := func() { f, err = x.fsys.Open(name) }
	left := func() {
		if err == nil {
			_ = f.Close()
		}
	}
	if err := x.bounded(ctx, work, left); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, ErrRead
	}
	return f, nil
}

// read fills p from an offset. Where it gives up, nobody uses p and the file any more.
func (c *Cursor) read(ctx context.Context, p []byte, offset int64) error {
	file, ok := c.file.(io.ReaderAt)
	if !ok {
		return ErrRead
	}
	var n int
	var failed error
	closing := c.file
	work := func() { n, failed = file.ReadAt(p, offset) }
	if err := c.x.bounded(ctx, work, func() { _ = closing.Close() }); err != nil {
		c.over, c.file, c.buf = true, nil, nil
		return err
	}
	if failed != nil && !errors.Is(failed, io.EOF) || n < len(p) {
		return ErrRead // what is durable was taken away
	}
	return nil
}
