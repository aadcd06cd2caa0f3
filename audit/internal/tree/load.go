package tree

import (
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// Load is the tree of the first size leaves, from the tiles below fsys of a tree of
// published leaves, which are no fewer. Whoever uses it compares its root with one that
// he trusts: the tiles that it was made of are then right, and others were not read.
func Load(fsys fs.FS, size, published int64) (*Tree, error) {
	t := &Tree{Size: size}
	if size < 0 || size > published {
		return nil, errTiles
	}
	for level := range t.rows {
		w := int(size >> (height * level) & (width - 1))
		if w == 0 {
			continue
		}
		row, err := loadRow(fsys, tlog.Tile{H: height, L: level, N: t.filling(level), W: w}, published)
		if err != nil {
			return nil, err
		}
		t.rows[level] = append(make([]byte, 0, fullBytes), row[:w*tlog.HashSize]...)
	}
	t.stackRows()
	return t, nil
}

// loadRow reads the tile that begins with at: full by now, or as it was published.
func loadRow(fsys fs.FS, at tlog.Tile, published int64) ([]byte, error) {
	now := at
	now.W = int(min(published>>(height*at.L)-at.N<<height, width))
	data, err := fs.ReadFile(fsys, pathOf(now))
	if err != nil || len(data) != now.W*tlog.HashSize {
		return nil, errTiles
	}
	return data, nil
}

// stackRows makes the complete subtrees of the rows, the largest first.
func (t *Tree) stackRows() {
	for level := len(t.rows) - 1; level >= 0; level-- {
		row := t.rows[level]
		for bit := height - 1; bit >= 0; bit-- {
			n := tlog.HashSize << bit
			if len(row)&n == 0 {
				continue
			}
			t.stack[t.depth] = fold(row[:n])
			t.depth++
			row = row[n:]
			if len(row) == 0 {
				break
			}
		}
	}
}

// fold is the hash of a complete subtree.
func fold(hashes []byte) tlog.Hash {
	if len(hashes) == tlog.HashSize {
		return tlog.Hash(hashes)
	}
	half := len(hashes) / 2
	return tlog.NodeHash(fold(hashes[:half]), fold(hashes[half:]))
}
