package audit

import (
	"errors"
	"path/filepath"

	"github.com/carnet-go/carnet/audit/internal/proof"
	"github.com/carnet-go/carnet/audit/internal/tree"
	"github.com/carnet-go/carnet/internal/atomicfile"
)

// publish writes the tiles of t, then the checkpoint that covers them, and removes
// the partial tiles that are superseded: at no moment is there a checkpoint whose
// tiles are missing. One at a time.
func (g *log) publish(t *tree.Tree) error {
	c, _ := g.published.Get()
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
	if err := atomicfile.Write(filepath.Join(g.dir, proof.Checkpoint), c.Note, 0o644); err != nil {
		return errors.New("audit: the checkpoint could not be written")
	}
	g.published.Set(c)
	g.tiles.Supersede(t)
	return nil
}
