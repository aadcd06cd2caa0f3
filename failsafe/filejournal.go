package failsafe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

const (
	fileFrames = "frames"
	fileLock   = "lock"

	// kept is the space that only answers may use: what has begun can end.
	kept = 1 << 20
	// mostBatch bounds what one crash can leave behind the last commit.
	mostBatch = 8 << 20
	// worthwhile is from when on a file is written anew without what has ended.
	worthwhile = 4 << 20
)

var (
	errFull    = fmt.Errorf("%w: the disk has no space", ErrJournal)
	errLost    = fmt.Errorf("%w: somebody else removed, moved or changed the journal, or the disk failed; no more is written", ErrJournal)
	errClosed  = fmt.Errorf("%w: the journal is closed", ErrJournal)
	errTooLong = fmt.Errorf("%w: the state is too large", ErrJournal)
	errFolder  = fmt.Errorf("%w: the folder cannot be made or read", ErrJournal)
)

// fileJournal is the embedded Journal: one file, and one write and one fdatasync for
// all who wait.
type fileJournal struct {
	dir  string
	disk segment.Disk
	lock *segment.Lock
	file *segment.File
	id   frames.ID

	mu      sync.Mutex
	batch   *batch
	free    chan struct{} // closed when there is room again; nil: there is
	closed  bool
	durable int64
	wake    chan struct{}
	ended   chan struct{}
	commits uint64 // of the one goroutine that writes
	result  error
}

// batch is what is written together.
type batch struct {
	all, answers []byte // all of it, and what of it is an answer
	done         chan struct{}
	err, refused error // of answers, and of the rest
}

// OpenJournal opens the embedded journal in a folder, which it makes where there is none,
// and locks it: ErrOwned. What a crash left behind the last commit is cut; anything else
// that is wrong is ErrDamaged, and nothing is changed. A file that is mostly of runs that
// have ended is written anew without them.
func OpenJournal(ctx context.Context, dir string) (Journal, error) {
	return openJournal(ctx, dir, nil)
}

// openJournal is OpenJournal on a disk that a test brings; nil: the operating system's.
func openJournal(ctx context.Context, dir string, disk segment.Disk) (*fileJournal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errFolder
	}
	lock, err := segment.NewLock(filepath.Join(dir, fileLock))
	if err != nil {
		return nil, owned(err)
	}
	j := &fileJournal{dir: dir, disk: disk, lock: lock, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	if err := j.start(ctx); err != nil {
		return nil, errors.Join(err, j.file.Close(), lock.Close())
	}
	go j.run()
	return j, nil
}

func owned(err error) error {
	if errors.Is(err, segment.ErrLocked) {
		return ErrOwned
	}
	return errFolder
}

func (j *fileJournal) path() string { return filepath.Join(j.dir, fileFrames) }

// start opens the file, or makes one, and cuts what a crash left.
func (j *fileJournal) start(ctx context.Context) (err error) {
	removeTemps(j.dir)
	if _, err := os.Lstat(j.path()); errors.Is(err, fs.ErrNotExist) {
		var id frames.ID
		_, _ = rand.Read(id[:]) // never fails
		if err := atomicfile.Write(j.path(), frames.Header(id), 0o600); err != nil {
			return errFolder
		}
	}
	if j.file, err = segment.Open(j.path(), j.disk); err != nil {
		return owned(err)
	}
	live, total := int64(0), int64(0)
	last := map[string]bool{}
	found, err := frames.Read(j.file, j.file.Size(), func(r frames.Record) error {
		total += int64(len(r.Sealed))
		if last[r.Run] = last[r.Run] || r.Last; !r.Last {
			live += int64(len(r.Sealed))
		}
		return ctx.Err()
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, frames.ErrVersion):
		return fmt.Errorf("%w: it is of another version", ErrDamaged)
	case err != nil:
		return ErrDamaged
	}
	j.id, j.commits, j.durable = found.ID, found.Commits, found.Good
	if err := j.file.Cut(found.Good); err != nil {
		return errLost
	}
	if err := j.file.Renew(max(int64(frames.HeaderSize), found.Good-frames.Torn)); err != nil {
		return errLost
	}
	return j.compact(ctx, last)
}

func removeTemps(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if atomicfile.IsTemp(e.Name()) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// compact leaves of runs that have ended their last frame: who uses their id again is
// told.
func (j *fileJournal) compact(ctx context.Context, ended map[string]bool) error {
	if j.durable < worthwhile {
		return nil
	}
	b, dropped := frames.Header(j.id), int64(0)
	_, err := frames.Read(j.file, j.durable, func(r frames.Record) error {
		if ended[r.Run] && !r.Last {
			dropped += int64(len(r.Sealed))
			return nil
		}
		b = frames.Append(b, &r)
		return ctx.Err()
	})
	if err != nil || dropped < j.durable/2 {
		return err
	}
	b = frames.Commit(b, j.id, 0)
	if err := atomicfile.Write(j.path(), b, 0o600); err != nil {
		return errFolder
	}
	_ = j.file.Close()
	if j.file, err = segment.Open(j.path(), j.disk); err != nil {
		return owned(err)
	}
	j.commits, j.durable = 1, int64(len(b))
	return nil
}

// Append is for Journal.
func (j *fileJournal) Append(ctx context.Context, f Frame) error {
	r := frames.Record(f)
	if !r.Fits() {
		return errTooLong
	}
	for {
		b, full, err := j.put(&r)
		if err != nil {
			return err
		}
		if full != nil {
			select {
			case <-full:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case <-b.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if r.Answer {
			return b.err
		}
		return b.refused
	}
}

// put adds a frame to the batch that is written next, or says what to wait for.
func (j *fileJournal) put(r *frames.Record) (b *batch, full chan struct{}, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, nil, errClosed
	}
	if j.batch != nil && len(j.batch.all)+len(r.Sealed) > mostBatch {
		if j.free == nil {
			j.free = make(chan struct{})
		}
		return nil, j.free, nil
	}
	if j.batch == nil {
		j.batch = &batch{done: make(chan struct{})}
		select {
		case j.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
	j.batch.all = frames.Append(j.batch.all, r)
	if r.Answer {
		j.batch.answers = frames.Append(j.batch.answers, r)
	}
	return j.batch, nil, nil
}

// run writes until the journal is closed and nobody waits.
func (j *fileJournal) run() {
	defer close(j.ended)
	for range j.wake {
		for j.next() {
		}
	}
	j.result = errors.Join(j.file.Close(), j.lock.Close())
}

// next writes one batch; false: there is none.
func (j *fileJournal) next() bool {
	j.mu.Lock()
	b := j.batch
	j.batch = nil
	if j.free != nil {
		close(j.free)
		j.free = nil
	}
	j.mu.Unlock()
	if b == nil {
		return false
	}
	defer close(b.done)
	text := b.all
	if b.refused = j.room(len(text), kept); b.refused != nil {
		text = b.answers
	}
	if len(text) == 0 {
		return true
	}
	text = frames.Commit(text, j.id, j.commits)
	if b.err = j.room(len(text), 0); b.err == nil {
		b.err = outcomeOf(j.file.Append(text))
	}
	if b.err != nil {
		b.refused = b.err
		return true
	}
	j.commits++
	j.mu.Lock()
	j.durable = j.file.Size()
	j.mu.Unlock()
	return true
}

func (j *fileJournal) room(n int, margin int64) error {
	return outcomeOf(j.file.Room(int64(n)+64, margin)) // and the commit
}

func outcomeOf(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, segment.ErrFull):
		return errFull
	}
	return errLost
}

// Frames is for Journal: the runs in the order in which they began.
func (j *fileJournal) Frames(ctx context.Context) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		j.mu.Lock()
		size, closed := j.durable, j.closed
		j.mu.Unlock()
		if closed {
			yield(Frame{}, errClosed)
			return
		}
		var order []string
		runs := map[string][]Frame{}
		_, err := frames.Read(io.NewSectionReader(j.file, 0, size), size, func(r frames.Record) error {
			if runs[r.Run] == nil {
				order = append(order, r.Run)
			}
			if r.Last { // what came before is done with
				runs[r.Run] = runs[r.Run][:0]
			}
			runs[r.Run] = append(runs[r.Run], Frame(r))
			return ctx.Err()
		})
		if err != nil {
			if ctx.Err() == nil {
				err = ErrDamaged
			}
			yield(Frame{}, err)
			return
		}
		for _, run := range order {
			for _, f := range runs[run] {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

// Close is for Journal: it writes what waits and gives the lock back.
func (j *fileJournal) Close(ctx context.Context) error {
	j.mu.Lock()
	if !j.closed {
		j.closed = true
		close(j.wake)
	}
	j.mu.Unlock()
	select {
	case <-j.ended:
		return j.result
	case <-ctx.Done():
		return ctx.Err()
	}
}
