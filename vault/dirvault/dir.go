// Package dirvault reads mounted secrets: one folder for each path, one file for
// each field.
//
//	v, err := vault.New(log, dirvault.Dir("/run/secrets"), nil)
//	lease, err := v.Lease(ctx, grant, "crm/api") // the files of /run/secrets/crm/api
//
// # Guarantees
//
// All fields of a secret are of one generation, also while Kubernetes swaps the
// volume (its ..data link is followed once, and once more afterwards to see that
// it still leads there). No path and no link leads out of the Dir. What is not a
// secret is refused, not skipped: a link, a pipe, an empty file, one above 1 MiB, one
// that everybody may write.
//
// One newline at the end of a single line of text is dropped, because editors and
// echo put it there and no header or password has one. Everything else is read as
// it stands.
//
// # Limits
//
// Files that everybody may read are read too: Kubernetes mounts them so, and the
// mount decides who sees them. A folder without a ..data link is not swapped
// atomically: whoever writes there while it is read may mix generations. What was read
// is in the secrets that were issued, and nowhere else in the process. Files
// cannot be revoked, and carry no end of their own. Names that begin with a dot are
// not fields. Reading ends with the context between files, not within one.
//
// # Errors
//
// All are of package auth. [auth.ErrUndeclared]: there is no such folder, it has no
// files, or it is no path. [auth.ErrDenied]: not for this process.
// [auth.ErrInvalid]: something there is not a secret. [auth.ErrUnavailable]: the Dir
// is missing, or reading went wrong.
//
// # Concurrency
//
// A Dir is safe for concurrent use.
package dirvault

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"syscall"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// A folder that is swapped again and again while it is read is not there.
const mostSwaps = 5

var errSwapped = errors.New("dirvault: swapped while it was read")

var pathPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)

// Dir is the folder. It follows atomic swaps as Kubernetes makes them. The empty Dir
// has nothing.
type Dir string

// Check says whether the folder is there.
func (d Dir) Check() error {
	root, err := d.open()
	if err != nil {
		return err
	}
	return side(root.Close())
}

// Issue implements vault.Backend.
func (d Dir) Issue(ctx context.Context, path string) (vault.Issued, error) {
	if len(path) > 255 || !pathPattern.MatchString(path) {
		return vault.Issued{}, auth.ErrUndeclared
	}
	root, err := d.open()
	if err != nil {
		return vault.Issued{}, err
	}
	defer root.Close()
	for range mostSwaps {
		if ctx.Err() != nil {
			return vault.Issued{}, auth.ErrUnavailable
		}
		var issued vault.Issued
		if issued, err = read(ctx, root, path); err == nil {
			return issued, nil
		}
		// What was swapped meanwhile may have been missing for that reason only.
		if !errors.Is(err, errSwapped) && !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return vault.Issued{}, side(err)
}

// Revoke implements vault.Backend. Files cannot be revoked.
func (d Dir) Revoke(context.Context, string) error { return nil }

// open is another matter than what is in there: a volume that is not mounted is not
// a secret that nobody declared.
func (d Dir) open() (*os.Root, error) {
	if d == "" {
		return nil, auth.ErrUndeclared
	}
	root, err := os.OpenRoot(string(d))
	switch {
	case err == nil:
		return root, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, auth.ErrDenied
	default:
		return nil, auth.ErrUnavailable
	}
}

// side is the sentinel for an error of the file system.
func side(err error) error {
	var number syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.Is(err, auth.ErrInvalid), errors.Is(err, auth.ErrUndeclared), errors.Is(err, auth.ErrUnavailable):
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return auth.ErrUndeclared
	case errors.Is(err, fs.ErrPermission):
		return auth.ErrDenied
	case errors.As(err, &number), errors.Is(err, errSwapped):
		return auth.ErrUnavailable
	default:
		return auth.ErrInvalid // os.Root: a link leads out
	}
}
