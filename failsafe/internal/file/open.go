package file

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

// Open opens the journal in a folder, which it makes where there is none, and locks it.
func Open(ctx context.Context, dir string) (*Journal, error) {
	return open(ctx, dir, nil, atomicfile.Write)
}

// replace writes a file anew as a whole.
type replace func(path string, data []byte, mode fs.FileMode) error

// open is Open on a disk that a test brings; nil: the operating system's.
func open(ctx context.Context, dir string, disk segment.Disk, anew replace) (*Journal, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir = filepath.Clean(dir)
	if makeFolder(dir) != nil {
		return nil, ErrFolder
	}
	lock, err := segment.NewLock(filepath.Join(dir, nameLock))
	if err != nil {
		return nil, owned(err)
	}
	j := &Journal{dir: dir, disk: disk, anew: anew, lock: lock, places: places{}, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	if err := j.start(ctx); err != nil {
		_, _ = j.file.Close(), lock.Close()
		return nil, err
	}
	go j.run()
	return j, nil
}

// makeFolder makes a folder, and those above it, so that a power cut leaves them.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(dir)
	if above == dir {
		return fs.ErrNotExist
	}
	if err := makeFolder(above); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return atomicfile.SyncDir(above)
}

func owned(err error) error {
	if errors.Is(err, segment.ErrLocked) {
		return ErrOwned
	}
	return ErrFolder
}

func (j *Journal) path() string { return filepath.Join(j.dir, nameFrames) }

// start opens the file, or makes one, and cuts what a crash left.
func (j *Journal) start(ctx context.Context) error {
	removeTemps(j.dir)
	named, err := os.Lstat(j.path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := j.begin(); err != nil {
			return err
		}
	case err != nil || !named.Mode().IsRegular(): // a link would be replaced one day, or lead to another journal
		return ErrFolder
	}
	if j.file, err = segment.Open(j.path(), j.disk); err != nil {
		return owned(err)
	}
	found, err := frames.Read(j.file, j.file.Size(), func(r frames.Record) error {
		at := j.places[r.Run]
		if !at.next(&r) && !(r.Last && at.sequence == 0) { // whose other records have gone
			return ErrDamaged
		}
		j.places[r.Run] = after(&r)
		return ctx.Err()
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, frames.ErrVersion):
		return ErrVersion
	case err != nil:
		return ErrDamaged
	}
	j.id, j.commits, j.durable = found.ID, found.Commits, found.Good
	if err := j.settle(found); err != nil {
		return err
	}
	if err := j.compact(ctx); err != nil {
		return err
	}
	// For answers, before anybody else takes it. Where there is none, Append says so.
	_ = j.file.Room(0, kept)
	return nil
}

// begin makes a file without records.
func (j *Journal) begin() error {
	// The folder may be of a process that died before its name was durable. One above that
	// is not ours to read is older than that.
	_ = atomicfile.SyncDir(filepath.Dir(j.dir))
	var id frames.ID
	_, _ = rand.Read(id[:]) // never fails
	if j.anew(j.path(), frames.Header(id), 0o600) != nil {
		return ErrFolder
	}
	return nil
}

// settle makes the disk hold what was read, and nothing behind it. What was kept behind
// the end stays kept where there is nothing to cut.
func (j *Journal) settle(found frames.Found) error {
	if j.file.Size() > found.Good && j.file.Cut(found.Good) != nil {
		return ErrLost
	}
	if j.file.Renew(found.Batch) != nil {
		return ErrLost
	}
	return nil
}

func removeTemps(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if atomicfile.IsTemp(e.Name()) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// compact leaves of runs that have ended their last record: who uses their id again is
// told. Where the new file cannot be written the old one is as good.
func (j *Journal) compact(ctx context.Context) error {
	if j.durable < worthwhile {
		return nil
	}
	b, dropped := frames.Header(j.id), int64(0)
	found, err := frames.Read(j.file, j.durable, func(r frames.Record) error {
		if j.places[r.Run].ended && !r.Last {
			dropped += int64(r.Size())
			return ctx.Err()
		}
		b = frames.Append(b, &r)
		return ctx.Err()
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil || found.Good != j.durable:
		return ErrDamaged
	case dropped < j.durable/2:
		return nil
	}
	b = frames.Commit(b, j.id, 0)
	_ = j.file.Close() // not every system replaces a file that is open; the lock beside it stays
	failed := j.anew(j.path(), b, 0o600)
	if j.file, err = segment.Open(j.path(), j.disk); err != nil {
		return owned(err)
	}
	switch {
	case failed == nil:
		j.commits, j.durable = 1, int64(len(b))
	case j.file.Size() != j.durable: // it has the name, and nobody knows for how long
		return ErrFolder
	}
	return nil
}
