// Package filevault keeps secrets in one file, encrypted with age.
//
//	key, err := filevault.NewIdentity() // kept elsewhere, mode 0600
//	file := filevault.File{Path: "secrets.age", Identity: key}
//	err = file.Create(ctx)
//	err = file.Set(ctx, "crm/api", map[string]auth.Secret{"key": secret})
//	v, err := vault.New(log, file, nil)
//
// # Guarantees
//
// The file is for its owner alone: it is made with mode 0600, and is neither read nor
// changed where others may read or write it, where it is a link, or has a second name, or
// by anybody but its owner. That includes root: a file that root replaced would be root's,
// and the service that owned it could not read it any more. Run as the owner instead, such
// as with sudo -u. Each change replaces the file as a whole, under a lock (the file's name
// with ".lock", its owner's too) that all writers on the machine share: after a crash it
// has its old content or its new one, and two writers do not lose each other's change.
// Plain text never reaches the disk.
//
// The file is encrypted to one identity, and each change leaves it encrypted to that one
// alone, also where somebody had added another. That of [NewHybridIdentity] is X25519 and
// ML-KEM-768 at once: who keeps a copy until there is a quantum computer gains nothing. A
// copy from before Rekey stays what it was. What looks like a key, public or mistyped, is
// not taken for a passphrase; of a bare line from the middle of one nobody can tell.
//
// A version is a number that rises over the whole file and is never given again, also
// not after Delete. What is read is checked as a whole: one form only, the one that is
// written here. Nothing is cached: each Issue reads and decrypts the file.
//
// # Limits
//
// The file cannot tell that it is an older copy of itself: that the vault does, by the
// generation that its log has seen last. A file at another path, or by another name of its
// folder, is another store, and a new log has seen nothing. Whoever knows the public half of
// the identity besides can put a file of their own there: do not publish it. Rekey changes
// neither the copies of the file that exist nor the secrets in them: change those too.
//
// An SSH key is for who has no age identity: ssh-rsa is RSA-OAEP, both kinds leave four
// bytes of the public key's hash in the file, and neither is any protection from a quantum
// computer. Its public half is known to each host that it is offered to: take a key that
// is for the file alone. One with a passphrase of its own, of another kind, in an agent or
// on a token does not open the file.
//
// An age identity, X25519 or the post-quantum hybrid, opens the file in well under a
// millisecond, and so does an SSH key of ed25519; RSA takes a few. A passphrase takes half
// a second to a second and 256 MiB for each Issue, as scrypt is meant to: it is for people,
// a service takes an identity. A file that asks for more work than that is refused.
//
// A secret has at most 64 fields of at most 64 KiB; the file at most 4 MiB. Stored
// secrets cannot be revoked, and carry no end of their own. The decrypted file is
// overwritten after use, and what was read is in the secrets that were issued and nowhere
// else; the buffers of the reader of SSH keys, and the text of the identity while it is
// parsed, are not overwritten. A crash can leave a temporary file named .atomicfile-*, which
// holds nothing but cipher text and is never read.
//
// File locks are those of the system: on a network file system they may keep nobody out.
// On Windows there are no modes, owners are not compared, and the folder's rights decide.
//
// # Errors
//
// All are of package auth, some with a sentence that says what to do, none with a path
// or a value. [auth.ErrUndeclared]: there is nothing at that path, or a zero File.
// [auth.ErrDenied]: the identity does not open the file, or the system does not let this
// process at it. [auth.ErrInvalid]: the identity is none, has a passphrase of its own, or
// is for Rekey the old one; the file may be used by others, is somebody else's, is no
// regular file, or is damaged; the same of its lock; or there is more to write than may be.
// [auth.ErrUnavailable]: there is no file, it cannot be read, or, with the context's error,
// the caller left or another writer had the file for as long as the caller waited; nothing
// was written. [auth.ErrUnknown]: writing went wrong; the file has its old content or its
// new one. Damage to the few bytes that wrap the key looks like a wrong identity, and is
// ErrDenied.
//
// # Concurrency
//
// A File is safe for concurrent use, also by many processes. Readers do not wait for
// writers; a change waits for the one before it, until its context ends. A caller that leaves while a passphrase is worked on leaves that to end by
// itself.
package filevault

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// pathPattern is that of package vault.
var pathPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)

var fieldPattern = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

const (
	longestPath = 255
	mostFields  = 64
	mostValue   = 64 << 10
)

// File is the file. It is a vault.Backend. A zero File has nothing.
type File struct {
	Path string // of the file

	// Identity is an age identity (a line AGE-SECRET-KEY-…, or the file of age-keygen); a
	// private SSH key without a passphrase, ed25519 or RSA of 2048 bits or more, in the form
	// of OpenSSH, PKCS #1 or PKCS #8; or a passphrase of 12 bytes or more on one line.
	Identity auth.Secret

	Waiting func() // called once by a change that has waited a second for another writer; nil: nobody is told
}

// Entry is what List tells of one path: no values.
type Entry struct {
	Path    string
	Version string   // as Issue gives it
	Fields  []string // names, sorted
	Set     time.Time
}

// Create makes the file, without secrets. It never overwrites.
func (f File) Create(ctx context.Context) error {
	if f.Path != "" && f.exists() {
		return errThere // and there is no lock of ours beside somebody else's file
	}
	return f.locked(ctx, func(k key) error {
		if f.exists() {
			return errThere
		}
		return f.write(ctx, k, &store{})
	})
}

// Check says whether the file is there and the identity opens it.
func (f File) Check() error {
	s, err := f.read(context.Background())
	s.wipe()
	return err
}

// Issue implements vault.Backend. It yields no id: what is stored cannot be revoked.
func (f File) Issue(ctx context.Context, path string) (vault.Issued, error) {
	if !isPath(path) {
		return vault.Issued{}, auth.ErrUndeclared
	}
	s, err := f.read(ctx)
	if err != nil {
		return vault.Issued{}, err
	}
	defer s.wipe()
	e := s.at(path)
	if e == nil {
		return vault.Issued{}, auth.ErrUndeclared
	}
	return vault.Issued{Version: e.versionText(), Fields: e.secrets(), Store: f.store(), Generation: s.last}, nil
}

// store names the file for the vault's log, which keeps no names.
func (f File) store() string {
	if path, err := filepath.Abs(f.Path); err == nil {
		return path
	}
	return f.Path
}

// Raise makes the file newer than a generation: for an older copy that was put back on
// purpose, and that a vault refuses because its log knows a newer one. The number is the
// count of the log's newest event vault.generation. One that is not above the file's own is
// ErrInvalid.
func (f File) Raise(ctx context.Context, above uint64) error {
	return f.change(ctx, func(s *store) error {
		if above < s.last || above >= vault.MostGeneration {
			return errGeneration
		}
		s.last = above + 1
		return nil
	})
}

// Revoke implements vault.Backend. It does nothing.
func (f File) Revoke(context.Context, string) error { return nil }

// Set writes fields at path, in place of all that stood there, as a new version.
func (f File) Set(ctx context.Context, path string, fields map[string]auth.Secret) error {
	e, err := newEntry(path, fields)
	if err != nil {
		return err
	}
	defer e.wipe()
	return f.change(ctx, func(s *store) error { return s.set(e) })
}

// Delete removes the path; where there is nothing, it is ErrUndeclared.
func (f File) Delete(ctx context.Context, path string) error {
	return f.change(ctx, func(s *store) error {
		if !s.remove(path) {
			return auth.ErrUndeclared
		}
		return nil
	})
}

// List is what the file holds, sorted by path.
func (f File) List(ctx context.Context) ([]Entry, error) {
	s, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.wipe()
	all := make([]Entry, len(s.entries))
	for i := range s.entries {
		all[i] = s.entries[i].described()
	}
	return all, nil
}

// Rekey encrypts the file to another identity or passphrase; this one opens it no more.
// To the same one it is ErrInvalid: whoever asks for it expects a change.
func (f File) Rekey(ctx context.Context, to auth.Secret) error {
	next, err := parseKey(to)
	if err != nil {
		return err
	}
	return f.replace(ctx, &next, func(*store) error { return nil })
}

// change is replace under the same identity.
func (f File) change(ctx context.Context, do func(*store) error) error {
	return f.replace(ctx, nil, do)
}

// replace reads, changes and writes, and nobody else writes meanwhile.
func (f File) replace(ctx context.Context, next *key, do func(*store) error) error {
	if err := f.changeable(); err != nil {
		return err
	}
	return f.locked(ctx, func(k key) error {
		s, err := f.open(ctx, k)
		if err != nil {
			return err
		}
		defer s.wipe()
		if err := do(s); err != nil {
			return err
		}
		if next != nil {
			if next.same(k) {
				return errSame
			}
			k = *next
		}
		return f.write(ctx, k, s)
	})
}

func isPath(s string) bool { return len(s) <= longestPath && pathPattern.MatchString(s) }

// left is the error of a caller that has left.
func left(ctx context.Context) error { return fmt.Errorf("%w: %w", auth.ErrUnavailable, ctx.Err()) }
