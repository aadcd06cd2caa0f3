// Package site is where a log is built before it gets its name.
//
//	s, err := site.Stake("logs/audit") // nobody else builds there
//	// … fill the folder s.Path() …
//	err = s.Finish(private, verifier)  // or s.Clear()
//
// # Guarantees
//
// After a crash there is a whole log or none, and the next Stake takes over what the
// crash left. An existing log, and a key beside it, are never touched: a log that
// vanished must not begin again by itself.
//
// # Limits
//
// The keys have their names before the log has: they are part of the site until then.
//
// # Errors
//
// They speak for package audit. What is there already is fs.ErrExist, a missing folder
// above fs.ErrNotExist. No error has a path.
//
// # Concurrency
//
// Of many who stake one place, also in other processes, one gets it.
package site

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

// What a log has beside it.
const (
	SuffixKey    = ".key"
	SuffixNext   = ".key.next" // the key of a log that will be rekeyed
	SuffixVerify = ".vkey"

	// Lock is the file, in a log's folder, whose lock is the log's.
	Lock = "LOCK"
)

var errExist = fmt.Errorf("audit: there is a log already: %w", fs.ErrExist)

// Site is a place that was staked.
type Site struct {
	dir, tmp string
	lock     *segment.Lock
	placed   bool // and it could not be taken back: what stands there stays, with its keys
}

// Free is fs.ErrExist where anything of a log stands at dir.
func Free(dir string) error {
	if _, err := os.Lstat(siteOf(dir)); err == nil {
		// A Create that crashed or goes on; Stake finds out which.
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	for _, path := range [...]string{dir, dir + SuffixKey, dir + SuffixVerify} {
		if _, err := os.Lstat(path); err == nil {
			return errExist
		} else if !errors.Is(err, fs.ErrNotExist) {
			return errors.New("audit: the folder for the log cannot be read")
		}
	}
	return nil
}

func siteOf(dir string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".new")
}

// Stake makes the site, or takes over what a crash left of one: its files beside dir
// are of that crash, because they were not there when it began.
func Stake(dir string) (*Site, error) {
	s := &Site{dir: dir, tmp: siteOf(dir)}
	err := os.Mkdir(s.tmp, 0o700)
	left := errors.Is(err, fs.ErrExist)
	if err != nil && !left {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("audit: the folder above the log is missing: %w", fs.ErrNotExist)
		}
		return nil, errors.New("audit: the folder above the log cannot be written")
	}
	// The keys beside dir must not outlive the site that says whose they are.
	if !left && atomicfile.SyncDir(filepath.Dir(dir)) != nil {
		_ = os.Remove(s.tmp)
		return nil, errors.New("audit: the folder above the log cannot be written")
	}
	if s.lock, err = segment.NewLock(filepath.Join(s.tmp, Lock)); err != nil {
		return nil, fmt.Errorf("audit: another Create is at work: %w", fs.ErrExist)
	}
	// Whoever holds the lock is alone, but may have waited for a Create that is done:
	// the log and the keys that are there now are not to be touched.
	if _, err := os.Lstat(dir); err == nil {
		return nil, s.leave(left)
	}
	if left {
		s.Clear()
		return Stake(dir)
	}
	for _, path := range [...]string{dir + SuffixKey, dir + SuffixVerify} {
		if _, err := os.Lstat(path); err == nil {
			return nil, s.leave(left)
		}
	}
	return s, nil
}

// Path is the folder that is the log's until Finish.
func (s *Site) Path() string { return s.tmp }

// leave gives the place up because there is a log. A site that somebody else made may
// be that log by now.
func (s *Site) leave(left bool) error {
	if !left {
		_ = os.RemoveAll(s.tmp)
	}
	_ = s.lock.Close()
	return errExist
}

// Clear removes everything, the site last, and while it is locked.
func (s *Site) Clear() {
	if s.placed {
		_ = s.lock.Close()
		return
	}
	_ = os.Remove(s.dir + SuffixKey)
	_ = os.Remove(s.dir + SuffixVerify)
	if runtime.GOOS == "windows" {
		_ = s.lock.Close() // an open file cannot be removed there
	}
	_ = os.RemoveAll(s.tmp)
	_ = s.lock.Close()
}

// Finish writes the keys, of which the private one may be empty, and gives the log its
// name.
func (s *Site) Finish(private, verifier string) error {
	if private != "" {
		if atomicfile.Write(s.dir+SuffixKey, []byte(private), 0o600) != nil {
			return errors.New("audit: the key could not be written")
		}
	}
	if atomicfile.Write(s.dir+SuffixVerify, []byte(verifier+"\n"), 0o644) != nil {
		return errors.New("audit: the verifier key could not be written")
	}
	if runtime.GOOS == "windows" {
		_ = s.lock.Close() // a folder with an open file cannot be renamed there
	}
	err := os.Rename(s.tmp, s.dir)
	if err == nil && atomicfile.SyncDir(filepath.Dir(s.dir)) != nil {
		err = fs.ErrInvalid
		s.placed = os.Rename(s.dir, s.tmp) != nil
	}
	if err != nil {
		return errors.New("audit: the log could not be put in place")
	}
	return s.lock.Close()
}
