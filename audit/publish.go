package audit

import (
	"errors"
	"path/filepath"
	"sync"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/tree"
	"github.com/carnet-go/carnet/internal/atomicfile"
)

// published is the newest checkpoint that is on the disk.
type published struct {
	mu      sync.Mutex
	now     key.Checkpoint
	changed chan struct{} // closed at the next one
	ended   bool          // there will be none
}

// set wakes those who wait for a proof.
func (p *published) set(c key.Checkpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = c
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// end wakes them for the last time.
func (p *published) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// get is the newest checkpoint, and a channel that the next one closes; nil: none
// will come.
func (p *published) get() (key.Checkpoint, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil && !p.ended {
		p.changed = make(chan struct{})
	}
	if p.ended {
		return p.now, nil
	}
	return p.now, p.changed
}

func (p *published) covers(size int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now.Size >= size
}

// publish writes the tiles of t, then the checkpoint that covers them, and removes
// the partial tiles that are superseded: at no moment is there a checkpoint whose
// tiles are missing. One at a time.
func (g *log) publish(t *tree.Tree) error {
	c, _ := g.published.get()
	if c.Size != t.Size {
		var err error
		if c, err = g.key.Checkpoint(t.Size, t.Root()); err != nil {
			return err
		}
	}
	g.shipped = len(t.Full)
	if err := g.tiles.Write(t); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(g.dir, fileCheckpoint), c.Note, 0o644); err != nil {
		return errors.New("audit: the checkpoint could not be written")
	}
	g.published.set(c)
	g.tiles.Supersede(t)
	return nil
}
