package edge

import (
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// The tiles of C2SP tlog-tiles.
const (
	TileHeight = 8 // levels
	TileWidth  = 1 << TileHeight
	MaxLevel   = 7 // 256 to the power of 8 lines is more than an int64 counts
)

// TilePath is the file of a tile.
func TilePath(level int, n int64, width int) string {
	t := tlog.Tile{H: TileHeight, L: level, N: n, W: width}
	return "tile/" + strings.TrimPrefix(t.Path(), "tile/8/")
}

// Width is how many hashes a tile has in a tree of this size.
func Width(level int, n, size int64) int {
	return int(max(0, min(size>>(TileHeight*level)-n*TileWidth, TileWidth)))
}

// Expected reports whether a tree of this size has this file.
func Expected(name string, size int64) bool {
	rest, ok := strings.CutPrefix(name, "tile/")
	t, err := tlog.ParseTilePath("tile/8/" + rest)
	return ok && err == nil && t.L >= 0 && t.L <= MaxLevel && t.W == Width(t.L, t.N, size)
}
