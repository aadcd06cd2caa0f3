package replay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

// chunkBytes is how much one goroutine hashes at a time.
const chunkBytes = 1 << 20

// chunk is some whole lines.
type chunk struct {
	text  []byte
	lines []line
	done  chan struct{} // closed when lines are there
}

// line is what can be told of a line without those before it.
type line struct {
	text   []byte // with its newline
	commit bool
	leaf   tlog.Hash
	fact   carry.Fact
}

// scan hands out the chunks of a file in their order, while others are read and hashed.
// It ends behind the last newline, or where yield says so.
func scan(ctx context.Context, in io.ReaderAt, size int64, yield func(*chunk) (bool, error)) error {
	workers := runtime.GOMAXPROCS(0)
	s := scanner{in: in, size: size, order: make(chan *chunk, 2*workers), work: make(chan *chunk, 2*workers)}
	ctx, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	group.Go(func() { s.read(ctx) })
	for range workers {
		group.Go(s.hash)
	}
	for c := range s.order {
		<-c.done
		if more, err := yield(c); err != nil || !more {
			return err
		}
	}
	return s.err
}

type scanner struct {
	in    io.ReaderAt
	size  int64
	order chan *chunk
	work  chan *chunk
	err   error // of read; after order is closed
}

// read cuts the file into chunks.
func (s *scanner) read(ctx context.Context) {
	defer close(s.order)
	defer close(s.work)
	var rest []byte
	for offset := int64(0); offset < s.size; {
		text := make([]byte, len(rest)+int(min(chunkBytes, s.size-offset)))
		n := copy(text, rest)
		got, err := s.in.ReadAt(text[n:], offset)
		if err != nil && !errors.Is(err, io.EOF) || n+got < len(text) {
			s.err = reach.ErrRead
			return
		}
		offset += int64(got)
		end := bytes.LastIndexByte(text, '\n') + 1
		if rest = text[end:]; len(rest) > reach.MaxLine+1 {
			offset = s.size // what stands here is no line
		}
		c := &chunk{text: text[:end], done: make(chan struct{})}
		for _, to := range [...]chan *chunk{s.work, s.order} {
			select {
			case to <- c:
			case <-ctx.Done():
				s.err = ctx.Err()
				return
			}
		}
	}
}

func (s *scanner) hash() {
	var facts carry.Reader
	var room []byte
	for c := range s.work {
		for text := range bytes.Lines(c.text) {
			l := line{text: text, commit: tree.IsCommit(text)}
			if n := len(text) - 1; !l.commit && n > 0 && n <= reach.MaxLine {
				room = append(append(room[:0], 0), text[:n]...)
				l.leaf = tree.LeafHash(room)
				l.fact = facts.Read(text[:n])
			}
			c.lines = append(c.lines, l)
		}
		close(c.done)
	}
}
