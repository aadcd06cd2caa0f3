package tree_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/tree"
)

const vectors = "../../testdata/c2sp"

// bundle is the entries of a bundle: C2SP tlog-tiles.
func bundle(t *testing.T) (list [][]byte) {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(vectors + "/log/tile/entries/000.p/15"))
	if err != nil {
		t.Fatal(err)
	}
	for len(b) > 0 {
		n := 2 + int(b[0])<<8 + int(b[1])
		list = append(list, b[2:n])
		b = b[n:]
	}
	return list
}

// TestTilesOfAnotherWriter: of the same leaves we write the same files, byte for byte, and come
// to the roots that it signed.
func TestTilesOfAnotherWriter(t *testing.T) {
	sizes := 0
	var now tree.Tree
	for i, entry := range bundle(t) {
		now.Add(tree.LeafHash(append([]byte{0}, entry...)))
		size := i + 1
		signed, err := os.ReadFile(filepath.FromSlash(fmt.Sprintf("%s/log/checkpoint.%d", vectors, size)))
		if os.IsNotExist(err) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		sizes++
		if lines := strings.Split(string(signed), "\n"); lines[1] != fmt.Sprint(size) || lines[2] != now.Root().String() {
			t.Errorf("%d leaves: root %s, want %s", size, now.Root(), lines[2])
		}
		dir := t.TempDir()
		if err := (&tree.Folder{Dir: dir}).Write(&now); err != nil {
			t.Fatal(err)
		}
		for name, data := range files(t, dir) {
			if want := string(slurp(t, filepath.FromSlash(vectors+"/log/"+name))); string(data) != want || want == "" {
				t.Errorf("%d leaves: %s is another file", size, name)
			}
		}
		if n := len(files(t, dir)); n != 1 {
			t.Errorf("%d leaves: %d files", size, n)
		}
	}
	if sizes != 7 {
		t.Errorf("%d sizes", sizes)
	}
}

func slurp(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// files are those below a folder.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	list := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			name, _ := filepath.Rel(dir, path)
			list[filepath.ToSlash(name)] = slurp(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestPathsOfTiles: the examples of C2SP tlog-tiles, and those of x/mod in its height.
func TestPathsOfTiles(t *testing.T) {
	for _, c := range []struct {
		at   tlog.Tile
		want string
	}{
		{tlog.Tile{H: 8, L: 0, N: 0, W: 256}, "tile/0/000"},
		{tlog.Tile{H: 8, L: 0, N: 1, W: 5}, "tile/0/001.p/5"},
		{tlog.Tile{H: 8, L: 0, N: 273, W: 112}, "tile/0/273.p/112"}, // of a tree of 70,000
		{tlog.Tile{H: 8, L: 2, N: 0, W: 1}, "tile/2/000.p/1"},
		{tlog.Tile{H: 8, L: 1, N: 1234067, W: 256}, "tile/1/x001/x234/067"},
		{tlog.Tile{H: 8, L: 5, N: 123456078, W: 2}, "tile/5/x123/x456/078.p/2"},
		{tlog.Tile{H: 8, L: 0, N: 3057500, W: 256}, "tile/0/x003/x057/500"},
	} {
		if got := tree.PathOf(c.at); got != c.want {
			t.Errorf("%+v: %s, want %s", c.at, got, c.want)
		}
	}
}
