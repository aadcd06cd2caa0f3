package audit

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/queue"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/tree"
	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

const (
	fileLock       = "LOCK"
	fileCheckpoint = "checkpoint"

	suffixKey    = ".key"
	suffixVerify = ".vkey"

	actionGenesis    = own + "genesis"
	actionCheckpoint = own + "checkpoint"
	actionRecovered  = own + "recovered"
)

var errExist = fmt.Errorf("audit: there is a log already: %w", fs.ErrExist)

// Create makes a log, once: an existing one is fs.ErrExist, and so is a key that an
// earlier log left beside it, because a log that vanished must not begin again by
// itself. The folder above dir must exist. origin names this one log in the world,
// such as acme.example/hr/a: names as Event has them, joined by slashes; replicas have
// an origin each.
//
// It leaves dir, DIR.vkey with the key for those who verify and, where Options has no
// Signer, DIR.key. After a crash there is a whole log or none.
func Create(ctx context.Context, dir, origin string, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !isOrigin(origin) {
		return errors.New("audit: an origin is names of a-z, 0-9, dot, dash and underscore, joined by slashes")
	}
	dir = filepath.Clean(dir)
	if err := exists(dir); err != nil {
		return err
	}
	k, private, err := createKey(origin, o.Signer)
	if err != nil {
		return err
	}
	site, err := stake(dir)
	if err != nil {
		return err
	}
	if err := site.build(ctx, k, private); err != nil {
		site.clear()
		return err
	}
	return nil
}

func createKey(origin string, signer crypto.Signer) (*key.Key, ed25519.PrivateKey, error) {
	if signer != nil {
		k, err := key.New(origin, signer)
		return k, nil, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, errors.New("audit: no randomness")
	}
	k, err := key.New(origin, private)
	return k, private, err
}

// exists is errExist where anything of a log stands at dir.
func exists(dir string) error {
	if _, err := os.Lstat(siteOf(dir)); err == nil {
		// A Create that crashed or goes on; stake finds out which.
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	for _, path := range [...]string{dir, dir + suffixKey, dir + suffixVerify} {
		if _, err := os.Lstat(path); err == nil {
			return errExist
		} else if !errors.Is(err, fs.ErrNotExist) {
			return errors.New("audit: the folder for the log cannot be read")
		}
	}
	return nil
}

// site is where a log is built before it gets its name.
type site struct {
	dir, tmp string
	lock     *segment.Lock
}

func siteOf(dir string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".new")
}

// stake makes the site, or takes over what a crash left of one: its files beside dir
// are of that crash, because they were not there when it began.
func stake(dir string) (*site, error) {
	s := &site{dir: dir, tmp: siteOf(dir)}
	err := os.Mkdir(s.tmp, 0o700)
	left := errors.Is(err, fs.ErrExist)
	if err != nil && !left {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("audit: the folder above the log is missing: %w", fs.ErrNotExist)
		}
		return nil, errors.New("audit: the folder above the log cannot be written")
	}
	if s.lock, err = segment.NewLock(filepath.Join(s.tmp, fileLock)); err != nil {
		return nil, fmt.Errorf("audit: another Create is at work: %w", fs.ErrExist)
	}
	// Whoever holds the lock is alone, but may have waited for a Create that is done:
	// the log and the keys that are there now are not to be touched.
	if _, err := os.Lstat(dir); err == nil {
		return nil, s.leave(left)
	}
	if left {
		s.clear()
		return stake(dir)
	}
	for _, path := range [...]string{dir + suffixKey, dir + suffixVerify} {
		if _, err := os.Lstat(path); err == nil {
			return nil, s.leave(left)
		}
	}
	return s, nil
}

// leave gives the place up because there is a log. A site that somebody else made may
// be that log by now.
func (s *site) leave(left bool) error {
	if !left {
		_ = os.RemoveAll(s.tmp)
	}
	_ = s.lock.Close()
	return errExist
}

// clear removes everything, the site last, and while it is locked.
func (s *site) clear() {
	_ = os.Remove(s.dir + suffixKey)
	_ = os.Remove(s.dir + suffixVerify)
	if runtime.GOOS == "windows" {
		_ = s.lock.Close() // an open file cannot be removed there
	}
	_ = os.RemoveAll(s.tmp)
	_ = s.lock.Close()
}

func (s *site) build(ctx context.Context, k *key.Key, private ed25519.PrivateKey) error {
	if err := s.fill(ctx, k); err != nil {
		return err
	}
	if private != nil {
		if atomicfile.Write(s.dir+suffixKey, []byte(k.Text(private)), 0o600) != nil {
			return errors.New("audit: the key could not be written")
		}
	}
	if atomicfile.Write(s.dir+suffixVerify, []byte(k.Verifier()+"\n"), 0o644) != nil {
		return errors.New("audit: the verifier key could not be written")
	}
	if runtime.GOOS == "windows" {
		_ = s.lock.Close() // a folder with an open file cannot be renamed there
	}
	if os.Rename(s.tmp, s.dir) != nil || atomicfile.SyncDir(filepath.Dir(s.dir)) != nil {
		return errors.New("audit: the log could not be put in place")
	}
	return s.lock.Close()
}

// fill writes the first lines and their checkpoint.
func (s *site) fill(ctx context.Context, k *key.Key) error {
	seg := filepath.Join(s.tmp, reach.Folder)
	if os.Mkdir(seg, 0o700) != nil { // the checkpoint's write syncs this name too
		return errors.New("audit: the log's folders could not be made")
	}
	file, err := segment.Create(filepath.Join(seg, reach.Name(0)), nil)
	if err != nil {
		return errors.New("audit: the log's first segment could not be made")
	}
	defer file.Close()
	g := newLog(s.tmp, k, file, s.lock)
	if err := g.record(Event{Action: actionGenesis, Outcome: OutcomeSuccess}, extra{genesis: k.Verifier()}); err != nil {
		return err
	}
	g.commit(queue.NewBatch(), nil, nil, true)
	if err := g.seal(); err != nil {
		return err
	}
	if atomicfile.SyncDir(seg) != nil {
		return errors.New("audit: the log's folders could not be synced")
	}
	return ctx.Err()
}

func newLog(dir string, k *key.Key, file *segment.File, lock *segment.Lock) *log {
	return &log{
		dir: dir, key: k, file: file, lock: lock, queue: queue.New(), tiles: tree.Folder{Dir: dir},
		closing: make(chan struct{}), ended: make(chan struct{}), last: map[string]*int64{},
		durable: reach.New(os.DirFS(dir), []reach.Part{{}}, 0),
	}
}
