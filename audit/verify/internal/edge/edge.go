// Package edge is the right edge of an RFC 6962 tree: all that is needed to add a leaf and to
// tell the root.
//
//	var t edge.Tree
//	t.Add(leaf, visit)
//	root := t.Root()
//
// # Guarantees
//
// It holds one hash for each doubling of the leaves. It shares no line with what writes logs.
//
// # Limits
//
// It proves nothing: what was visited is for others to keep.
//
// # Errors
//
// There are none.
//
// # Concurrency
//
// A Tree is one goroutine's.
package edge

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree is one of so many leaves. The zero Tree is empty.
type Tree struct {
	Size int64
	edge []tlog.Hash // roots of the complete subtrees, largest first
	head tlog.Hash   // root of Size leaves
	told bool        // head is current
}

// Clone shares nothing with t.
func (t *Tree) Clone() Tree { return Tree{Size: t.Size, edge: slices.Clone(t.edge)} }

// Add appends a leaf and visits each subtree of a tile's height, leaf included, that it
// completes; a nil visit is none.
func (t *Tree) Add(leaf tlog.Hash, visit func(level int, n int64, h tlog.Hash)) {
	if visit == nil {
		visit = func(int, int64, tlog.Hash) {}
	}
	visit(0, t.Size, leaf)
	n, h := t.Size, leaf
	for height := 1; n&1 == 1; height++ {
		last := len(t.edge) - 1
		h = tlog.NodeHash(t.edge[last], h)
		t.edge = t.edge[:last]
		if n >>= 1; height%TileHeight == 0 {
			visit(height/TileHeight, n, h)
		}
	}
	t.edge = append(t.edge, h)
	t.Size++
	t.told = false
}

// Root is that of an empty tree, SHA-256 of nothing, where there is no leaf.
func (t *Tree) Root() tlog.Hash {
	if t.told {
		return t.head
	}
	t.told = true
	t.head, _ = tlog.TreeHash(0, nil)
	for i := len(t.edge) - 1; i >= 0; i-- {
		if i == len(t.edge)-1 {
			t.head = t.edge[i]
			continue
		}
		t.head = tlog.NodeHash(t.edge[i], t.head)
	}
	return t.head
}
