package audit

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// tileError names a tile, which is a position in the tree and nobody's content.
func tileError(path, problem string) error {
	return errors.New("audit: " + path + " " + problem)
}

// sameTile compares one file with what the lines say; false: it is missing.
func (r *replay) sameTile(path string, want []byte) (bool, error) {
	got, err := os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(path)))
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

// folders removes what atomic writes left, and compares the files below tile with the
// tree. Files that are no tiles are nobody's business here.
func (r *replay) folders() error {
	removeTemps(r.dir)
	segments := filepath.Join(r.dir, folderSegments)
	removeTemps(segments)
	if entries, err := os.ReadDir(segments); err != nil || len(entries) != 1 {
		return errExtra
	}
	return r.folder(folderTiles)
}

func (r *replay) folder(path string) error {
	name := filepath.Join(r.dir, filepath.FromSlash(path))
	removeTemps(name)
	entries, err := os.ReadDir(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errRead
	}
	for _, e := range entries {
		below := path + "/" + e.Name()
		if e.IsDir() {
			err = r.folder(below)
		} else {
			err = r.tileFile(below)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tileFile judges one file. Full tiles were compared when their last line was read.
func (r *replay) tileFile(path string) error {
	at, err := tlog.ParseTilePath("tile/8/" + strings.TrimPrefix(path, "tile/"))
	if err != nil || at.L < 0 {
		return nil
	}
	filling := int64(-1) // number of the tile that is being filled on this level
	if at.L < len(r.tree.rows) {
		filling = r.tree.size >> (tileHeight * at.L) >> tileHeight
	}
	if at.W == tileWidth && at.N < filling {
		return nil
	}
	r.partials = append(r.partials, path)
	var want []byte
	switch {
	case at.N < filling:
		want, err = r.fullTile(at)
	case at.N == filling:
		want = r.tree.rows[at.L]
	}
	if err != nil {
		return err
	}
	if len(want) < at.W*tlog.HashSize {
		return tileError(path, "covers lines that the log does not have")
	}
	_, err = r.sameTile(path, want[:at.W*tlog.HashSize])
	return err
}

// fullTile is the tile that a partial one became. It was compared, or is missing and
// waits to be written.
func (r *replay) fullTile(at tlog.Tile) ([]byte, error) {
	at.W = tileWidth
	for _, t := range r.tree.full {
		if t.at == at {
			return t.data, nil
		}
	}
	data, err := os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(tilePath(at))))
	if err != nil {
		return nil, errRead
	}
	return data, nil
}

// settled says whether the tiles on the disk are exactly those of the tree.
func (r *replay) settled() bool {
	want := r.tree.partial()
	if len(r.tree.full) > 0 || len(want) != len(r.partials) {
		return false
	}
	have := map[string]bool{}
	for _, path := range r.partials {
		have[path] = true
	}
	for _, t := range want {
		if !have[t.path()] {
			return false
		}
	}
	return true
}
