package tree

import "golang.org/x/mod/sumdb/tlog"

// PathOf is the file of a tile.
func PathOf(at tlog.Tile) string { return pathOf(at) }
