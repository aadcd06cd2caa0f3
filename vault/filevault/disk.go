package filevault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/atomicfile"
)

const (
	mode      = 0o600
	others    = 0o077
	mostBytes = 4 << 20
	mostSwaps = 5 // a file that is replaced again and again while it is opened is not there
)

var (
	errMissing = fmt.Errorf("%w: there is no file", auth.ErrUnavailable)
	errThere   = fmt.Errorf("%w: the file is there already, and nothing is overwritten", auth.ErrInvalid)
	errShared  = fmt.Errorf("%w: others may use the file: give it mode 0600, and ask who has read it", auth.ErrInvalid)
	errTheirs  = fmt.Errorf("%w: the file is somebody else's, which root may not use either: run this as its owner", auth.ErrInvalid)
	errNoFile  = fmt.Errorf("%w: it is a link, has a second name, or is no regular file", auth.ErrInvalid)
	errLarge   = fmt.Errorf("%w: the file is, or would be, larger than 4 MiB", auth.ErrInvalid)
	errBarred  = fmt.Errorf("%w: the system does not let this process at the file", auth.ErrDenied)
	errRead    = fmt.Errorf("%w: the file cannot be read", auth.ErrUnavailable)
	errWrite   = fmt.Errorf("%w: writing went wrong: the file has its old content or its new one", auth.ErrUnknown)

	errSwapped = errors.New("filevault: replaced while it was opened")
)

// read is open for those who change nothing.
func (f File) read(ctx context.Context) (*store, error) {
	if f.Path == "" {
		return nil, auth.ErrUndeclared
	}
	k, err := parseKey(f.Identity)
	if err != nil {
		return nil, err
	}
	return f.open(ctx, k)
}

// open reads, decrypts and checks the file.
func (f File) open(ctx context.Context, k key) (*store, error) {
	sealed, err := f.sealed(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := k.unseal(ctx, sealed)
	if err != nil {
		return nil, err
	}
	s, ok := parse(plain)
	if !ok {
		clear(plain)
		return nil, errDamaged
	}
	return s, nil
}

func (f File) sealed(ctx context.Context) ([]byte, error) {
	for range mostSwaps {
		if ctx.Err() != nil {
			return nil, left(ctx)
		}
		b, err := readOnce(f.Path)
		if err != errSwapped {
			return b, err
		}
	}
	return nil, errRead
}

func readOnce(path string) ([]byte, error) {
	// A pipe that took the file's place must not hold us.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, side(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, errRead
	}
	if err := fit(path, info); err != nil {
		return nil, err
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(file, b); err != nil {
		return nil, errRead
	}
	return b, nil
}

// fit says whether what was opened is what path names, and may be believed.
func fit(path string, open fs.FileInfo) error {
	named, err := os.Lstat(path)
	if err != nil {
		return errSwapped
	}
	switch {
	case !named.Mode().IsRegular():
		return errNoFile
	case !os.SameFile(named, open):
		return errSwapped
	case links(open) > 1:
		return errNoFile
	case !mine(open):
		return errTheirs
	case open.Mode().Perm()&others != 0 && runtime.GOOS != "windows":
		return errShared
	case open.Size() > mostBytes:
		return errLarge
	}
	return nil
}

func (f File) exists() bool {
	_, err := os.Lstat(f.Path)
	return !errors.Is(err, fs.ErrNotExist)
}

// changeable finds what is wrong with the file before there is a lock: one beside a
// mistyped name would stay, and one beside somebody else's file would keep them out.
func (f File) changeable() error {
	info, err := os.Lstat(f.Path)
	switch {
	case f.Path == "":
		return auth.ErrUndeclared
	case err != nil:
		return side(err)
	case !info.Mode().IsRegular():
		return errNoFile
	case !mine(info):
		return errTheirs
	}
	return nil
}

// write encrypts s and replaces the file. It is the last step: with an error other
// than ErrUnknown, nothing was written.
func (f File) write(ctx context.Context, k key, s *store) error {
	sealed, err := k.seal(ctx, s.encode())
	switch {
	case err != nil:
		return err
	case len(sealed) > mostBytes:
		return errLarge
	case ctx.Err() != nil:
		return left(ctx)
	}
	switch err := atomicfile.Write(f.Path, sealed, mode); {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return errBarred
	default:
		return errWrite
	}
}

// side is the error for one of the file system, which quotes the path.
func side(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errMissing
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return errBarred
	default:
		return errRead
	}
}
