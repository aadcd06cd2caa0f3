package audit

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/people"
	"github.com/carnet-go/carnet/audit/internal/queue"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/replay"
	"github.com/carnet-go/carnet/audit/internal/site"
	"github.com/carnet-go/carnet/audit/internal/tree"
	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

const (
	actionGenesis    = replay.ActionGenesis
	actionCheckpoint = replay.ActionCheckpoint
	actionRecovered  = own + "recovered"
	actionErased     = carry.ActionErased
)

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
	if err := site.Free(dir); err != nil {
		return err
	}
	k, private, err := createKey(origin, o.Signer)
	if err != nil {
		return err
	}
	s, err := site.Stake(dir)
	if err != nil {
		return err
	}
	if err = fill(ctx, s.Path(), k); err == nil {
		err = s.Finish(k.Text(private), k.Verifier())
	}
	if err != nil {
		s.Clear()
	}
	return err
}

func createKey(origin string, signer crypto.Signer) (*key.Key, ed25519.PrivateKey, error) {
	if signer != nil {
		k, err := key.New(origin, signer)
		return k, nil, err
	}
	return key.Make(origin)
}

// fill writes the first lines and their checkpoint.
func fill(ctx context.Context, dir string, k *key.Key) error {
	seg := filepath.Join(dir, reach.Folder)
	if os.Mkdir(seg, 0o700) != nil { // the checkpoint's write syncs this name too
		return errors.New("audit: the log's folders could not be made")
	}
	file, err := segment.Create(filepath.Join(seg, reach.Name(0)), nil)
	if err != nil {
		return errors.New("audit: the log's first segment could not be made")
	}
	defer file.Close()
	if err := people.Create(dir, k); err != nil {
		return err
	}
	g := newLog(dir, k)
	g.state = carry.New(k.Name(), k.Verifier())
	g.now.file, g.durable = file, reach.New(os.DirFS(dir), []reach.Part{{}}, 0)
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

func newLog(dir string, k *key.Key) *log {
	return &log{
		dir: dir, key: k, queue: queue.New(), tiles: tree.Folder{Dir: dir},
		closing: make(chan struct{}), ended: make(chan struct{}),
	}
}
