package tree

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/internal/atomicfile"
)

const folder = "tile" // below the log's

var errRead = errors.New("audit: the log cannot be read")

// Folder is the tiles of one log on the disk.
type Folder struct {
	Dir      string   // of the log
	partials []string // partial tiles that are there
}

// Write writes the tiles of t that are full, and those that are being filled.
func (f *Folder) Write(t *Tree) error {
	for _, tile := range append(slices.Clip(t.Full), t.partial()...) {
		name := f.name(tile.path())
		err := makeFolder(filepath.Dir(name))
		if err == nil {
			err = atomicfile.Write(name, tile.data, 0o644)
		}
		if err != nil {
			return errors.New("audit: a tile could not be written")
		}
	}
	return nil
}

// Supersede removes the partial tiles that are not part of t. One that stays is
// removed after the next Check.
func (f *Folder) Supersede(t *Tree) {
	keep := paths(t.partial())
	for _, path := range f.partials {
		if !slices.Contains(keep, path) {
			_ = os.Remove(f.name(path))
			_ = os.Remove(filepath.Dir(f.name(path))) // the folder 000.p, where it is empty
		}
	}
	f.partials = keep
}

// Missing are those of tiles that have no file. A file that differs is an error.
func (f *Folder) Missing(tiles []Tile) ([]Tile, error) {
	var missing []Tile
	for _, t := range tiles {
		there, err := f.same(t.path(), t.data)
		if err != nil {
			return nil, err
		}
		if !there {
			missing = append(missing, t)
		}
	}
	return missing, nil
}

// Check compares the files with t, but for full tiles, which Missing compares, and
// removes what atomic writes left.
func (f *Folder) Check(t *Tree) error { return f.check(t, folder) }

// Settled says whether the tiles that Check has seen, and no others, are those of t.
func (f *Folder) Settled(t *Tree) bool {
	want, have := paths(t.partial()), slices.Clone(f.partials)
	slices.Sort(want)
	slices.Sort(have)
	return len(t.Full) == 0 && slices.Equal(want, have)
}

func (f *Folder) name(path string) string { return filepath.Join(f.Dir, filepath.FromSlash(path)) }

func (f *Folder) check(t *Tree, path string) error {
	entries, err := os.ReadDir(f.name(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errRead
	}
	for _, e := range entries {
		below := path + "/" + e.Name()
		switch {
		case atomicfile.IsTemp(e.Name()):
			_ = os.Remove(f.name(below))
		case e.IsDir():
			err = f.check(t, below)
		default:
			err = f.checkTile(t, below)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkTile judges one file.
func (f *Folder) checkTile(t *Tree, path string) error {
	at, err := tlog.ParseTilePath("tile/8/" + strings.TrimPrefix(path, folder+"/"))
	if err != nil || at.L < 0 {
		return nil
	}
	filling := int64(-1)
	if at.L < len(t.rows) {
		filling = t.filling(at.L)
	}
	if at.W == width && at.N < filling {
		return nil
	}
	f.partials = append(f.partials, path)
	var want []byte
	switch {
	case at.N < filling:
		want, err = f.whole(t, at)
	case at.N == filling:
		want = t.rows[at.L]
	}
	if err != nil {
		return err
	}
	if len(want) < at.W*tlog.HashSize {
		return tileError(path, "covers lines that the log does not have")
	}
	_, err = f.same(path, want[:at.W*tlog.HashSize])
	return err
}

// whole is the tile that a partial one became. It was compared, or is missing and
// waits in t.Full to be written.
func (f *Folder) whole(t *Tree, at tlog.Tile) ([]byte, error) {
	at.W = width
	for _, full := range t.Full {
		if full.at == at {
			return full.data, nil
		}
	}
	data, err := os.ReadFile(f.name(pathOf(at)))
	if err != nil {
		return nil, errRead
	}
	return data, nil
}

// same compares one file with what the tree says; false: it is missing.
func (f *Folder) same(path string, want []byte) (bool, error) {
	got, err := os.ReadFile(f.name(path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, errRead
	}
	if !bytes.Equal(got, want) {
		return false, tileError(path, "differs from the lines; tiles are derived from them: remove it and open the log again")
	}
	return true, nil
}

// tileError names a tile, which is a position in the tree and nobody's content.
func tileError(path, problem string) error {
	return errors.New("audit: " + path + " " + problem)
}

func paths(tiles []Tile) []string {
	list := make([]string, len(tiles))
	for i, t := range tiles {
		list[i] = t.path()
	}
	return list
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
