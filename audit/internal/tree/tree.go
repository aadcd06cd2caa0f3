// Package tree is the Merkle tree of a log that only grows, and its tiles.
//
//	var t tree.Tree
//	t.Add(tree.LeafHash(append([]byte{0}, line...)))
//	tiles := tree.Folder{Dir: dir}
//	err := tiles.Write(&t)
//	path, err := tree.Prove(os.DirFS(dir), t.Size, t.Root(), 0)
//
// # Guarantees
//
// Hashes are those of RFC 6962, files those of C2SP tlog-tiles with hashes only.
// Appending costs two hashes, and memory does not grow with the tree: it is the
// complete subtrees, the tiles that are being filled, and Full.
//
// # Limits
//
// A Folder trusts the tree; Prove trusts neither the files nor their number. Files
// below Folder that are no tiles are left alone, but for what atomic writes left.
//
// # Errors
//
// They speak for package audit, which passes them on. An error has the name of a tile,
// which is a position in the tree, and neither a path above it nor content.
//
// # Concurrency
//
// Trees and folders have one user at a time. A copy of a Tree is a snapshot that
// another goroutine may read.
package tree

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	height    = 8 // C2SP tlog-tiles
	width     = 1 << height
	fullBytes = width * tlog.HashSize
)

// Tree is an RFC 6962 tree; the zero Tree is empty. What is appended to one of two
// copies never shows in the other, as long as only the newest goes on.
type Tree struct {
	Size int64  // number of leaves
	Full []Tile // that were completed; who has written them takes them away

	depth int
	stack [63]tlog.Hash // of the complete subtrees, the largest first
	rows  [8][]byte     // on each level of tiles, the hashes of the one being filled
}

// LeafHash hashes what stands behind one byte of room, so that nothing is copied.
func LeafHash(roomAndLine []byte) tlog.Hash {
	roomAndLine[0] = 0 // RFC 6962 section 2.1
	return sha256.Sum256(roomAndLine)
}

// Add appends one leaf.
func (t *Tree) Add(leaf tlog.Hash) {
	h, level := leaf, 0
	t.shelve(level, h)
	for n := t.Size; n&1 == 1; n >>= 1 {
		t.depth--
		h = tlog.NodeHash(t.stack[t.depth], h)
		level++
		if level%height == 0 {
			t.shelve(level/height, h)
		}
	}
	t.stack[t.depth] = h
	t.depth++
	t.Size++
}

// shelve puts a complete hash into the tile that it belongs to.
func (t *Tree) shelve(level int, h tlog.Hash) {
	if t.rows[level] == nil {
		t.rows[level] = make([]byte, 0, fullBytes)
	}
	t.rows[level] = append(t.rows[level], h[:]...)
	if len(t.rows[level]) < fullBytes {
		return
	}
	n := (t.Size+1)>>(height*level) - 1
	at := tlog.Tile{H: height, L: level, N: n >> height, W: width}
	t.Full = append(t.Full, Tile{at, t.rows[level]})
	t.rows[level] = nil
}

// Root is the tree's hash.
func (t *Tree) Root() tlog.Hash {
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
func (t *Tree) partial() []Tile {
	var tiles []Tile
	for level, row := range t.rows {
		if len(row) > 0 {
			at := tlog.Tile{H: height, L: level, N: t.filling(level), W: len(row) / tlog.HashSize}
			tiles = append(tiles, Tile{at, row})
		}
	}
	return tiles
}

// filling is the number of the tile that is being filled on a level.
func (t *Tree) filling(level int) int64 { return t.Size >> (height * level) >> height }
