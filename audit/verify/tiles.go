package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/verify/internal/edge"
)

// The tiles of C2SP tlog-tiles.
const (
	tileHeight = edge.TileHeight
	tileWidth  = edge.TileWidth
	maxLevel   = edge.MaxLevel
)

// tiles compares the hashes of a tree that grows with those in the files.
type tiles struct {
	log     fs.FS
	size    int64                      // of the tree that the files are of
	found   func(Finding)              // a file is missing, or has not its length
	differs func(level int, f Finding) // a hash is not that of the lines
	levels  [maxLevel + 1]tile
	err     error // of reading
}

// tile is the newest one of a level.
type tile struct {
	file string // empty: none yet
	n    int64
	data []byte // all hashes that are there
}

// check compares one hash.
func (t *tiles) check(level int, n int64, h tlog.Hash) {
	if level > maxLevel || n >= t.size>>(tileHeight*level) {
		return
	}
	at := t.at(level, n)
	i := int(n%tileWidth) * tlog.HashSize
	if i+tlog.HashSize <= len(at.data) && tlog.Hash(at.data[i:i+tlog.HashSize]) != h {
		t.differs(level, Finding{codeTile, at.file, n << (tileHeight * level)})
	}
}

// at is the tile that has hash n of a level.
func (t *tiles) at(level int, n int64) *tile {
	at := &t.levels[level]
	if (at.file == "" || at.n != n/tileWidth) && t.err == nil {
		t.err = t.load(level, n/tileWidth)
	}
	return at
}

// load reads a tile. Where that of this size is missing, a full or a partial one of another
// size still tells which lines are right, and where the tree begins to differ.
func (t *tiles) load(level int, n int64) error {
	want := edge.Width(level, n, t.size)
	at := &t.levels[level]
	at.n, at.file = n, edge.TilePath(level, n, want)
	first := func(i int) int64 { return (n*tileWidth + int64(i)) << (tileHeight * level) }
	data, err := readFile(t.log, at.file, tileWidth*tlog.HashSize+1)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		at.data, err = t.other(level, n)
		index := t.size // those of the other tile go on
		if have := len(at.data) / tlog.HashSize; have < want {
			index = first(have)
		}
		t.found(Finding{codeMissing, at.file, index})
	case err == nil && len(data) != want*tlog.HashSize:
		t.found(Finding{codeTile, at.file, first(min(len(data)/tlog.HashSize, want-1))})
		fallthrough
	default:
		at.data = data
	}
	return err
}

// ahead is the hashes of lines that may follow, as far as the newest tile of leaves has them.
func (t *tiles) ahead(index int64) []tlog.Hash {
	if index >= t.size {
		return nil
	}
	var hashes []tlog.Hash
	data := t.at(0, index).data
	for i := int(index%tileWidth) * tlog.HashSize; i+tlog.HashSize <= len(data); i += tlog.HashSize {
		hashes = append(hashes, tlog.Hash(data[i:i+tlog.HashSize]))
	}
	return hashes
}

// other reads the full tile or the widest partial one; none is no error.
func (t *tiles) other(level int, n int64) ([]byte, error) {
	full := edge.TilePath(level, n, tileWidth)
	if data, err := readFile(t.log, full, tileWidth*tlog.HashSize); !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	entries, err := fs.ReadDir(t.log, full+".p")
	if err != nil {
		return nil, nil // it is missing, or no folder: a finding already
	}
	widest := 0
	for _, e := range entries {
		if w, err := strconv.Atoi(e.Name()); err == nil && w < tileWidth && e.Type().IsRegular() {
			widest = max(widest, w)
		}
	}
	if widest == 0 {
		return nil, nil
	}
	return readFile(t.log, edge.TilePath(level, n, widest), tileWidth*tlog.HashSize)
}

// readFile reads at most limit bytes. Its error says which file, not why: a cause may
// quote a path of the machine.
func readFile(log fs.FS, name string, limit int64) ([]byte, error) {
	f, err := log.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, unreadable(name, err)
	}
	defer f.Close()
	data := make([]byte, limit)
	n, err := io.ReadFull(f, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, unreadable(name, err)
	}
	return data[:n], nil
}

// unreadable keeps what a caller can branch on.
func unreadable(name string, err error) error {
	for _, known := range []error{fs.ErrPermission, fs.ErrNotExist} {
		if errors.Is(err, known) {
			return fmt.Errorf("verify: %q cannot be read: %w", name, known)
		}
	}
	return fmt.Errorf("verify: %q cannot be read", name)
}
