package verify

import "golang.org/x/mod/sumdb/tlog"

// tree is the right edge of an RFC 6962 tree: all that is needed to add a leaf and to tell
// the root.
type tree struct {
	size int64
	edge []tlog.Hash // roots of the complete subtrees, largest first
	head tlog.Hash   // root of size leaves
	told bool        // head is current
}

// add appends a leaf and visits each subtree of a tile's height, leaf included, that it
// completes; a nil visit is none.
func (t *tree) add(leaf tlog.Hash, visit func(level int, n int64, h tlog.Hash)) {
	if visit == nil {
		visit = func(int, int64, tlog.Hash) {}
	}
	visit(0, t.size, leaf)
	n, h := t.size, leaf
	for height := 1; n&1 == 1; height++ {
		last := len(t.edge) - 1
		h = tlog.NodeHash(t.edge[last], h)
		t.edge = t.edge[:last]
		if n >>= 1; height%tileHeight == 0 {
			visit(height/tileHeight, n, h)
		}
	}
	t.edge = append(t.edge, h)
	t.size++
	t.told = false
}

// root is that of an empty tree, SHA-256 of nothing, where there is no leaf.
func (t *tree) root() tlog.Hash {
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
