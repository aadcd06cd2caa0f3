package audit

import (
	"crypto/sha256"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8 // C2SP tlog-tiles
	tileWidth  = 1 << tileHeight
	tileBytes  = tileWidth * tlog.HashSize
)

// tree is an RFC 6962 tree that only grows. It keeps the roots of its complete
// subtrees and the tiles that are being filled, so appending costs two hashes and
// memory does not grow with the log. A copy is a snapshot: what is appended to one of
// them never shows in the other, as long as only the newest goes on.
type tree struct {
	size  int64
	depth int
	stack [63]tlog.Hash // of the complete subtrees, the largest first
	rows  [8][]byte     // on each level of tiles, the hashes of the one being filled
	full  []tile        // that were completed and are not yet published
}

// tile is one file of hashes.
type tile struct {
	at   tlog.Tile
	data []byte
}

// path is where C2SP tlog-tiles puts it, below the log's folder.
func (t tile) path() string { return tilePath(t.at) }

func tilePath(at tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(at.Path(), "tile/8/")
}

// leafHash hashes what stands behind one byte of room, so that nothing is copied.
func leafHash(roomAndLine []byte) tlog.Hash {
	roomAndLine[0] = 0 // RFC 6962 section 2.1
	return sha256.Sum256(roomAndLine)
}

// add appends one leaf.
func (t *tree) add(leaf tlog.Hash) {
	h, level := leaf, 0
	t.shelve(level, h)
	for n := t.size; n&1 == 1; n >>= 1 {
		t.depth--
		h = tlog.NodeHash(t.stack[t.depth], h)
		level++
		if level%tileHeight == 0 {
			t.shelve(level/tileHeight, h)
		}
	}
	t.stack[t.depth] = h
	t.depth++
	t.size++
}

// shelve puts a complete hash into the tile that it belongs to.
func (t *tree) shelve(level int, h tlog.Hash) {
	if t.rows[level] == nil {
		t.rows[level] = make([]byte, 0, tileBytes)
	}
	t.rows[level] = append(t.rows[level], h[:]...)
	if len(t.rows[level]) < tileBytes {
		return
	}
	n := (t.size+1)>>(tileHeight*level) - 1
	at := tlog.Tile{H: tileHeight, L: level, N: n >> tileHeight, W: tileWidth}
	t.full = append(t.full, tile{at, t.rows[level]})
	t.rows[level] = nil
}

// root is the tree's hash.
func (t *tree) root() tlog.Hash {
	if t.depth == 0 {
		return sha256.Sum256(nil)
	}
	r := t.stack[t.depth-1]
	for i := t.depth - 2; i >= 0; i-- {
		r = tlog.NodeHash(t.stack[i], r)
	}
	return r
}

// partial are the tiles that are being filled.
func (t *tree) partial() []tile {
	var tiles []tile
	for level, row := range t.rows {
		if len(row) > 0 {
			n := t.size >> (tileHeight * level) >> tileHeight
			at := tlog.Tile{H: tileHeight, L: level, N: n, W: len(row) / tlog.HashSize}
			tiles = append(tiles, tile{at, row})
		}
	}
	return tiles
}
