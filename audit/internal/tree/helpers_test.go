package tree_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/tree"
)

// grown is a tree of n leaves.
func grown(n int) *tree.Tree {
	var t tree.Tree
	grow(&t, n)
	return &t
}

func grow(t *tree.Tree, n int) {
	for t.Size < int64(n) {
		t.Add(tlog.RecordHash(leaf(t.Size)))
	}
}

func leaf(i int64) []byte { return strconv.AppendInt(nil, i, 10) }

// other is a tree as x/mod computes it.
type other struct {
	hashes []tlog.Hash
	leaves int64
}

func (o *other) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		list[i] = o.hashes[x]
	}
	return list, nil
}

func (o *other) grow(t *testing.T, n int64) {
	t.Helper()
	for ; o.leaves < n; o.leaves++ {
		hashes, err := tlog.StoredHashes(o.leaves, leaf(o.leaves), o)
		if err != nil {
			t.Fatal(err)
		}
		o.hashes = append(o.hashes, hashes...)
	}
}

// scratch is a folder in memory where there is one: no test here is about a disk.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "tree")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// written is a folder with the tiles of n leaves, as a tree of which all is written.
func written(t *testing.T, n int) (*tree.Folder, *tree.Tree) {
	t.Helper()
	f, g := &tree.Folder{Dir: scratch(t)}, grown(n)
	write(t, f, g)
	return f, g
}

func write(t *testing.T, f *tree.Folder, g *tree.Tree) {
	t.Helper()
	if err := f.Write(g); err != nil {
		t.Fatal(err)
	}
	f.Supersede(g)
	g.Full = nil
}

// entries are the files and the empty folders below dir, sorted.
func entries(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			below, err2 := os.ReadDir(filepath.Join(dir, path))
			if err != nil || err2 != nil || len(below) > 0 {
				return err
			}
		}
		list = append(list, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// put writes a file below a folder.
func put(t *testing.T, f *tree.Folder, path string, data []byte) {
	t.Helper()
	name := filepath.Join(f.Dir, path)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, f *tree.Folder, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(f.Dir, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(err.Error(), "audit: ")
}
