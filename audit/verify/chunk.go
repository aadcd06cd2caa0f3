package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"iter"
	"runtime"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/verify/internal/commit"
)

// chunkSize is large against a line and small against memory.
const chunkSize = 256 << 10

// chunk is some whole lines. One goroutine reads the file, several hash and parse, and the
// caller sees the chunks in the order of the file.
type chunk struct {
	buf   []byte
	lines []line
	read  int           // bytes of the file
	err   error         // of reading
	ready chan struct{} // has one element when lines are read
}

// chunks yields the lines of a segment in chunks that are valid until the next one. It ends
// at the end of the file, with an error, or with a line that is too long to be held.
func chunks(ctx context.Context, f io.Reader, ring keyring) iter.Seq[*chunk] {
	return func(yield func(*chunk) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()

		workers := runtime.GOMAXPROCS(0)
		free := make(chan *chunk, 2*workers+2)
		todo, ordered := make(chan *chunk, cap(free)), make(chan *chunk, cap(free))
		for range cap(free) {
			free <- nil // a small log needs one
		}
		wg.Go(func() { split(ctx, f, free, todo, ordered) })
		for range workers {
			wg.Go(func() { parse(todo, ring) })
		}
		for c := range ordered {
			<-c.ready
			if !yield(c) {
				return
			}
			free <- c
		}
	}
}

// split reads the file and cuts it behind a newline. What follows the newline goes to the
// front of the next chunk.
func split(ctx context.Context, f io.Reader, free <-chan *chunk, todo, ordered chan<- *chunk) {
	defer close(todo)
	defer close(ordered)
	var rest []byte
	for last := false; !last; {
		var c *chunk
		select {
		case <-ctx.Done():
			return
		case c = <-free:
		}
		if c == nil {
			c = &chunk{buf: make([]byte, 0, chunkSize), ready: make(chan struct{}, 1)}
		}
		c.buf = append(append(c.buf[:0], '\n'), rest...) // each line stands behind a newline
		n, err := io.ReadFull(f, c.buf[len(c.buf):chunkSize])
		c.buf, c.read, c.err = c.buf[:len(c.buf)+n], n, nil
		if last = err != nil; last && err != io.EOF && err != io.ErrUnexpectedEOF {
			c.err = err
		}
		if !last {
			cut := bytes.LastIndexByte(c.buf, '\n') + 1 // at least 1
			if last = len(c.buf)-cut > maxLine; !last { // else no newline came: too long
				rest = append(rest[:0], c.buf[cut:]...)
				c.buf = c.buf[:cut]
			}
		}
		ordered <- c
		todo <- c
	}
}

// parse hashes and reads the lines of chunks.
func parse(todo <-chan *chunk, ring keyring) {
	r := lineReader{ring: ring}
	for c := range todo {
		c.lines = c.lines[:0]
		for start := 1; start < len(c.buf); {
			c.lines = append(c.lines, line{start: start, end: len(c.buf), torn: true})
			l := &c.lines[len(c.lines)-1]
			if i := bytes.IndexByte(c.buf[start:], '\n'); i >= 0 {
				l.end, l.torn = start+i, false
			}
			b := c.buf[l.start:l.end]
			if l.commit = bytes.HasPrefix(b, []byte(commit.Prefix)); !l.commit && !l.long() {
				l.leaf = leafHash(c.buf[l.start-1 : l.end])
				r.read(b, &l.facts)
			}
			start = l.end + 1
		}
		c.ready <- struct{}{}
	}
}

// leafHash is the hash of a line, RFC 6962 section 2.1. It needs a byte before the line, a
// newline that nobody needs again, so that the line is not copied.
func leafHash(behind []byte) tlog.Hash {
	behind[0] = 0
	return sha256.Sum256(behind)
}
