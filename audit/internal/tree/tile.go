package tree

import (
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Tile is one file of hashes.
type Tile struct {
	at   tlog.Tile
	data []byte
}

func (t Tile) path() string { return pathOf(t.at) }

// pathOf is where C2SP tlog-tiles puts a tile, below the log's folder.
func pathOf(at tlog.Tile) string {
	return folder + "/" + strings.TrimPrefix(at.Path(), "tile/8/")
}

var errTiles = errors.New("audit: the log's tiles do not match its checkpoint")

// Prove is the path from a leaf to the root of a tree, from the tiles below fsys.
func Prove(fsys fs.FS, size int64, root tlog.Hash, index int64) (tlog.RecordProof, error) {
	hashes := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, reader{fsys})
	path, err := tlog.ProveRecord(size, index, hashes)
	if err != nil {
		return nil, errTiles
	}
	return path, nil
}

// ProveTree is the path by which a tree of the size old, at least 1, is the beginning of a
// larger one, or the same: RFC 6962 section 2.1.2.
func ProveTree(fsys fs.FS, size int64, root tlog.Hash, old int64) (tlog.TreeProof, error) {
	hashes := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, reader{fsys})
	path, err := tlog.ProveTree(size, old, hashes)
	if err != nil {
		return nil, errTiles
	}
	return path, nil
}

// reader reads tiles; tlog checks what it reads against the root.
type reader struct{ fsys fs.FS }

// Height is for tlog.TileReader.
func (reader) Height() int { return height }

// SaveTiles is for tlog.TileReader.
func (reader) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles is for tlog.TileReader. A partial tile may have grown meanwhile.
func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, at := range tiles {
		b, err := fs.ReadFile(r.fsys, pathOf(at))
		if err != nil && at.W < width {
			whole := at
			whole.W = width
			b, err = fs.ReadFile(r.fsys, pathOf(whole))
		}
		if err != nil || len(b) < at.W*tlog.HashSize {
			return nil, errTiles
		}
		data[i] = b[:at.W*tlog.HashSize]
	}
	return data, nil
}
