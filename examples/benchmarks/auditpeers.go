package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"github.com/carnet-go/carnet/audit"
)

// groupCommit is a committer that only writes: many lines with one write and one sync, and one channel
// that wakes their callers.
type groupCommit struct {
	file *os.File
	line []byte
	wake chan struct{}
	end  chan struct{}

	mu   sync.Mutex
	next *together
}

// together are the lines of one write.
type together struct {
	text []byte
	done chan struct{}
	err  error
}

func newTogether() *together { return &together{done: make(chan struct{})} }

func newGroup(dir string, size int) (*groupCommit, error) {
	f, err := os.OpenFile(filepath.Join(dir, "group"), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	g := &groupCommit{file: f, line: make([]byte, size), wake: make(chan struct{}, 1), end: make(chan struct{}), next: newTogether()}
	_, _ = rand.Read(g.line) // never fails
	go g.run()
	return g, nil
}

func (g *groupCommit) run() {
	defer close(g.end)
	for range g.wake {
		g.mu.Lock()
		now := g.next
		g.next = newTogether()
		g.mu.Unlock()
		if len(now.text) > 0 {
			_, err := g.file.Write(now.text)
			now.err = errors.Join(err, datasync(g.file))
		}
		close(now.done)
	}
}

// append returns when a line is on the disk.
func (g *groupCommit) append() error {
	g.mu.Lock()
	mine := g.next
	mine.text = append(mine.text, g.line...)
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
	<-mine.done
	return mine.err
}

func (g *groupCommit) close() {
	close(g.wake)
	<-g.end
	_ = g.file.Close()
}

// logTessera compares with the log of the same kind that others use. It answers when an entry has
// its place and is on the disk.
func logTessera(ctx context.Context, s *session) (lines []line, err error) {
	klog.LogToStderr(false) // it tells of each checkpoint
	klog.SetOutput(io.Discard)
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	err = s.record(ctx, func(path string, log *audit.Log) error {
		size, err := lineSize(ctx, log, path)
		if err != nil {
			return err
		}
		add, stop, err := openTessera(background, filepath.Join(filepath.Dir(path), "tessera"))
		if err != nil {
			return err
		}
		entry := make([]byte, size)
		theirs := func() (float64, error) {
			return spread(ctx, s.events(), crowd, func(int) error {
				_, err := add(ctx, tessera.NewEntry(entry))()
				return err
			})
		}
		c, err := s.compare(ctx, s.few, appended(ctx, log, s.events(), crowd), theirs)
		lines = []line{{
			name: "audit/tessera", value: 1 / c.ratio, least: true, target: 5,
			detail: fmt.Sprintf("Append of %d callers %s for an event, Add of tessera with POSIX storage, of entries of %d bytes that are there, %s; min/min %.2f, %d rounds", crowd, ns(c.ours), size, ns(c.theirs), 1/c.least, c.rounds),
		}}
		ctx, cancel := afterwards(ctx)
		defer cancel()
		return errors.Join(err, stop(ctx))
	})
	return lines, err
}

// openTessera is a new log with its defaults.
func openTessera(ctx context.Context, dir string) (tessera.AddFn, func(context.Context) error, error) {
	private, _, err := note.GenerateKey(rand.Reader, "carnet.invalid/tessera")
	if err != nil {
		return nil, nil, err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, nil, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, nil, err
	}
	appender, stop, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithCheckpointInterval(time.Second).WithBatching(tessera.DefaultBatchMaxSize, tessera.DefaultBatchMaxAge))
	if err != nil {
		return nil, nil, err
	}
	return appender.Add, stop, nil
}
