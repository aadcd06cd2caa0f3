package audit

import (
	"bufio"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

// skew is how far the clock may be behind the log: a clock that was set back makes
// everything that has ended live again.
const skew = time.Minute

var (
	errMissing = fmt.Errorf("audit: there is no log: %w", fs.ErrNotExist)
	errInUse   = errors.New("audit: the log is in use")
	errDamage  = errors.New("audit: the log is damaged in a way that no crash explains; it was not changed")
	errShort   = errors.New("audit: the log is shorter than its signed checkpoint; it was not changed")
	errHistory = errors.New("audit: the log's lines are not those that its checkpoint signs; it was not changed")
	errFloor   = errors.New("audit: the log is behind or beside the checkpoint that Options.Floor gives; it was not changed")
	errGenesis = errors.New("audit: the log's first line is not of this log and key; it was not changed")
	errExtra   = errors.New("audit: there is more than one segment; it was not changed")
	errClock   = errors.New("audit: the clock is more than a minute behind the log's newest line")
	errRead    = errors.New("audit: the log cannot be read")
)

// Open locks, verifies and repairs a log. It never creates one: a missing log is
// fs.ErrNotExist. Every line is compared with the commit lines and with the signed
// checkpoint. What a crash leaves behind the last commit is cut and recorded, tiles
// that are missing are written again, and grants that nobody answered are closed as
// unknown; [Log.Recovery] says how much. Anything else that is wrong refuses, and
// nothing is changed.
func Open(ctx context.Context, dir string, o *Options) (*Log, error) {
	return open(ctx, dir, o, nil)
}

// open is Open on a disk that a test brings; nil: the operating system's.
func open(ctx context.Context, dir string, o *Options, disk segment.Disk) (*Log, error) {
	if o == nil {
		o = &Options{}
	}
	dir = filepath.Clean(dir)
	path := filepath.Join(dir, reach.Folder, reach.Name(0))
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, errMissing
	}
	lock, err := segment.NewLock(filepath.Join(dir, fileLock))
	if err != nil {
		return nil, lockError(err)
	}
	file, err := segment.Open(path, disk)
	if err != nil {
		return nil, errors.Join(lockError(err), lock.Close())
	}
	g, err := start(ctx, dir, o, file, lock)
	if err != nil {
		_, _ = file.Close(), lock.Close()
		return nil, err
	}
	go g.run()
	return &Log{g}, nil
}

func lockError(err error) error {
	if errors.Is(err, segment.ErrLocked) {
		return errInUse
	}
	return errRead
}

// start verifies, and then repairs.
func start(ctx context.Context, dir string, o *Options, file *segment.File, lock *segment.Lock) (*log, error) {
	k, err := openKey(dir, file, o.Signer)
	if err != nil {
		return nil, err
	}
	g := newLog(dir, k, file, lock)
	r := replay{log: g, grants: map[string]mark{}}
	if err := r.checkpoints(o.Floor); err != nil {
		return nil, err
	}
	if err := r.lines(ctx); err != nil {
		return nil, err
	}
	if err := r.verdict(); err != nil {
		return nil, err
	}
	if err := r.folders(); err != nil {
		return nil, err
	}
	return g, r.repair()
}

// openKey makes sure that the key is the one of the log's first line.
func openKey(dir string, file *segment.File, signer crypto.Signer) (*key.Key, error) {
	origin, vkey, err := readGenesis(file)
	if err != nil {
		return nil, err
	}
	if signer == nil {
		var named string
		if signer, named, err = key.Read(dir + suffixKey); err != nil {
			return nil, err
		}
		if named != origin {
			return nil, errGenesis
		}
	}
	k, err := key.New(origin, signer)
	if err != nil {
		return nil, err
	}
	if k.Verifier() != vkey {
		return nil, errGenesis
	}
	return k, nil
}

func readGenesis(file *segment.File) (origin, vkey string, err error) {
	text, err := bufio.NewReaderSize(io.NewSectionReader(file, 0, maxLine+1), maxLine+1).ReadSlice('\n')
	if err != nil {
		return "", "", errGenesis
	}
	w, err := parse(text)
	if err != nil || w.API.Operation != actionGenesis || !isOrigin(w.Carnet.Genesis.Origin) {
		return "", "", errGenesis
	}
	return w.Carnet.Genesis.Origin, w.Carnet.Genesis.Key, nil
}

// folders removes what atomic writes left, and compares the tiles with the tree.
func (r *replay) folders() error {
	removeTemps(r.dir)
	segments := filepath.Join(r.dir, reach.Folder)
	removeTemps(segments)
	if entries, err := os.ReadDir(segments); err != nil || len(entries) != 1 {
		return errExtra
	}
	return r.tiles.Check(&r.tree)
}

// removeTemps removes what a crash left of atomic writes in one folder.
func removeTemps(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if atomicfile.IsTemp(e.Name()) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
