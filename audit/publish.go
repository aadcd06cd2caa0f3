package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/carnet-go/carnet/internal/atomicfile"
)

// published is the newest checkpoint that is on the disk.
type published struct {
	mu      sync.Mutex
	now     checkpoint
	changed chan struct{} // closed at the next one
	ended   bool          // there will be none
}

// set wakes those who wait for a proof.
func (p *published) set(c checkpoint) {
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
func (p *published) get() (checkpoint, <-chan struct{}) {
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
	return p.now.size >= size
}

// publish writes the tiles of t, then the checkpoint that covers them, and removes
// the partial tiles that are superseded: at no moment is there a checkpoint whose
// tiles are missing. One at a time.
func (g *log) publish(t *tree) error {
	c, _ := g.published.get()
	if c.size != t.size {
		var err error
		if c, err = g.key.sign(t.size, t.root()); err != nil {
			return err
		}
	}
	g.shipped = len(t.full)
	partial := t.partial()
	for _, tile := range append(slices.Clip(t.full), partial...) {
		if err := writeTile(g.dir, tile); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(filepath.Join(g.dir, fileCheckpoint), c.note, 0o644); err != nil {
		return errors.New("audit: the checkpoint could not be written")
	}
	g.published.set(c)
	g.supersede(partial)
	return nil
}

// supersede removes the partial tiles that are not part of the newest tree. One that
// stays is removed by the next Open.
func (g *log) supersede(now []tile) {
	keep := make([]string, len(now))
	for i, t := range now {
		keep[i] = t.path()
	}
	for _, path := range g.partials {
		if !slices.Contains(keep, path) {
			name := filepath.Join(g.dir, filepath.FromSlash(path))
			_ = os.Remove(name)
			_ = os.Remove(filepath.Dir(name)) // the folder 000.p, where it is empty
		}
	}
	g.partials = keep
}

func writeTile(dir string, t tile) error {
	name := filepath.Join(dir, filepath.FromSlash(t.path()))
	err := makeFolder(filepath.Dir(name))
	if err == nil {
		err = atomicfile.Write(name, t.data, 0o644)
	}
	if err != nil {
		return errors.New("audit: a tile could not be written")
	}
	return nil
}

// makeFolder makes a folder and those above it, durably.
func makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if err := makeFolder(filepath.Dir(dir)); err != nil {
			return err
		}
		return makeFolder(dir)
	case err != nil:
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(dir))
}
