package filevault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/segment"
)

const (
	pause    = 5 * time.Millisecond
	patience = time.Second // before somebody is told that there is a wait
)

var (
	errLock       = fmt.Errorf("%w: the lock of the file cannot be made", auth.ErrUnavailable)
	errNoFolder   = fmt.Errorf("%w: there is no folder for the file", auth.ErrUnavailable)
	errNoLock     = fmt.Errorf("%w: the lock of the file is a link or no regular file: find out who made it, and remove it", auth.ErrInvalid)
	errTheirLock  = fmt.Errorf("%w: the lock of the file is somebody else's, which root may not use either: run this as its owner", auth.ErrInvalid)
	errLockIsHeld = fmt.Errorf("%w: another writer has the file: nothing was written", auth.ErrUnavailable)
)

// locked waits until nobody else writes, or the caller leaves.
func (f File) locked(ctx context.Context, do func(key) error) error {
	if f.Path == "" {
		return auth.ErrUndeclared
	}
	k, err := parseKey(f.Identity)
	if err != nil {
		return err
	}
	lock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	return do(k)
}

func (f File) lock(ctx context.Context) (*segment.Lock, error) {
	if ctx.Err() != nil {
		return nil, left(ctx)
	}
	told := time.NewTimer(patience)
	defer told.Stop()
	for {
		lock, err := tryLock(f.Path + ".lock")
		if !errors.Is(err, segment.ErrLocked) {
			return lock, err
		}
		select {
		case <-told.C:
			if f.Waiting != nil {
				f.Waiting()
			}
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", errLockIsHeld, ctx.Err())
		}
	}
}

// tryLock yields segment.ErrLocked where another writer has it.
func tryLock(path string) (*segment.Lock, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && !mine(info) {
		return nil, errTheirLock
	}
	lock, err := segment.NewLock(path)
	switch {
	case err == nil, errors.Is(err, segment.ErrLocked):
		return lock, err
	case errors.Is(err, segment.ErrNoLock):
		return nil, errNoLock
	case errors.Is(err, fs.ErrNotExist):
		return nil, errNoFolder
	}
	if err = side(err); errors.Is(err, auth.ErrDenied) {
		return nil, err
	}
	return nil, errLock
}
