package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/carnet-go/carnet/audit/internal/cursor"
	"github.com/carnet-go/carnet/audit/internal/people"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/reopen"
	"github.com/carnet-go/carnet/internal/segment"
)

var (
	errMissing = fmt.Errorf("audit: there is no log: %w", fs.ErrNotExist)
	errGenesis = errors.New("audit: the log's origin is none that Create makes; it was not changed")
	errOptions = errors.New("audit: SegmentBytes or SegmentAge is negative")
)

// Open locks, verifies and repairs a log. It never creates one: a missing log is
// fs.ErrNotExist. It reads the newest segment, and the one before where the signed
// checkpoint is not further: every line is compared with the commit lines and with the
// checkpoint, and what was before it with the tiles. What a crash leaves behind the last
// commit is cut and recorded, tiles that are missing are written again, and grants that
// nobody answered are closed as unknown; [Log.Recovery] says how much. Anything else that
// is wrong there refuses, and nothing is changed. What is wrong in older segments is not
// noticed: package verify reads all of them. When ctx ends while the disk hangs the work
// goes on without the caller, and is undone; until then the log is in use.
func Open(ctx context.Context, dir string, o *Options) (*Log, error) {
	return open(ctx, dir, o, nil)
}

// open is Open on a disk that a test brings; nil: the operating system's.
func open(ctx context.Context, dir string, o *Options, disk segment.Disk) (*Log, error) {
	if o == nil {
		o = &Options{}
	}
	if o.SegmentBytes < 0 || o.SegmentAge < 0 {
		return nil, errOptions
	}
	feeds, err := o.permit()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir = filepath.Clean(dir)
	if _, busy := opening.LoadOrStore(dir, true); busy {
		return nil, reopen.ErrInUse
	}
	done := make(chan opened)
	go func() {
		l, err := start(ctx, dir, o, feeds, disk)
		opening.Delete(dir) // before anybody is told: he may close it, and open it again
		select {
		case done <- opened{l, err}:
		case <-ctx.Done():
			_ = l.Close(context.Background())
		}
	}()
	select {
	case r := <-done:
		return r.log, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// opening are the folders of logs that are being opened: a disk that hangs holds one
// goroutine for each, however often it is tried.
var opening sync.Map

// opened is how an Open ended.
type opened struct {
	log *Log
	err error
}

// start judges what is there, and then repairs it.
func start(ctx context.Context, dir string, o *Options, feeds []cursor.Config, disk segment.Disk) (*Log, error) {
	if entries, err := os.ReadDir(filepath.Join(dir, reach.Folder)); errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, errMissing
	}
	f, err := reopen.Find(ctx, dir, o.Signer, o.Floor, disk)
	if err != nil {
		return nil, err
	}
	if !isOrigin(f.Key.Name()) {
		f.Close()
		return nil, errGenesis
	}
	t, err := people.Open(dir, f.Key, people.Want{Generation: f.State.Erased(), Anew: o.NewPeople, Disk: disk})
	if err != nil {
		f.Close()
		return nil, err
	}
	g, err := repair(dir, o, f, t)
	if err == nil {
		err = g.feed(ctx, feeds)
	}
	if err != nil {
		_ = t.Close()
		f.Close()
		return nil, err
	}
	go g.run()
	g.feeds.Start()
	return &Log{g}, nil
}
