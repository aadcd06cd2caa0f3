package tree_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/tree"
)

func TestRootsAreWhatOthersCompute(t *testing.T) {
	var g tree.Tree
	var o other
	for n := range int64(600) {
		o.grow(t, n)
		grow(&g, int(n))
		want, err := tlog.TreeHash(n, &o)
		if err != nil {
			t.Fatal(err)
		}
		if g.Size != n || g.Root() != want {
			t.Fatalf("root of %d leaves differs", n)
		}
	}
}

func TestLeafHash(t *testing.T) {
	if got, want := tree.LeafHash([]byte("xline")), tlog.RecordHash([]byte("line")); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestTilesAreWhatOthersCompute at sizes around the borders of tiles on three levels,
// in one folder that grows: each file is right, and there is no other.
func TestTilesAreWhatOthersCompute(t *testing.T) {
	f := &tree.Folder{Dir: scratch(t)}
	var g tree.Tree
	var o other
	for _, n := range []int64{1, 2, 255, 256, 257, 511, 600, 1024, 65_535, 65_536, 65_537, 66_000} {
		o.grow(t, n)
		grow(&g, int(n))
		write(t, f, &g)
		var want []string
		for _, at := range tlog.NewTiles(8, 0, n) {
			path := strings.Replace(at.Path(), "tile/8/", "tile/", 1)
			want = append(want, path)
			data, err := tlog.ReadTileData(at, &o)
			if err != nil || !bytes.Equal(data, read(t, f, path)) {
				t.Errorf("%d leaves: %s differs, %v", n, path, err)
			}
		}
		slices.Sort(want)
		if got := entries(t, f.Dir); !slices.Equal(got, want) {
			t.Errorf("%d leaves: %d files, want %d", n, len(got), len(want))
		}
	}
}

// TestACopyIsASnapshot: a tree is written while its original grows.
func TestACopyIsASnapshot(t *testing.T) {
	g := grown(250)
	snapshot := *g
	grow(g, 600)
	f, same := &tree.Folder{Dir: scratch(t)}, grown(250)
	if snapshot.Size != 250 || snapshot.Root() != same.Root() || len(snapshot.Full) != 0 {
		t.Error("the copy grew")
	}
	write(t, f, &snapshot)
	if err := f.Check(same); err != nil {
		t.Error(err)
	}
}

func TestProve(t *testing.T) {
	for _, n := range []int{1, 2, 256, 257, 600} {
		f, g := written(t, n)
		for i := range g.Size {
			path, err := tree.Prove(os.DirFS(f.Dir), g.Size, g.Root(), i)
			if err != nil {
				t.Fatalf("%d of %d: %v", i, n, err)
			}
			if err := tlog.CheckRecord(path, g.Size, g.Root(), i, tlog.RecordHash(leaf(i))); err != nil {
				t.Errorf("%d of %d: %v", i, n, err)
			}
		}
	}
}

func TestProveTree(t *testing.T) {
	for _, n := range []int{1, 2, 256, 257, 600} {
		f, g := written(t, n)
		for i := int64(1); i <= g.Size; i += 1 + i/7 {
			path, err := tree.ProveTree(os.DirFS(f.Dir), g.Size, g.Root(), i)
			if err != nil {
				t.Fatalf("%d of %d: %v", i, n, err)
			}
			if err := tlog.CheckTree(path, g.Size, g.Root(), i, grown(int(i)).Root()); err != nil {
				t.Errorf("%d of %d: %v", i, n, err)
			}
		}
		for _, i := range []int64{-1, 0, g.Size + 1} {
			if path, err := tree.ProveTree(os.DirFS(f.Dir), g.Size, g.Root(), i); err == nil || path != nil {
				t.Errorf("%d of %d: a proof", i, n)
			}
		}
	}
}

// TestProveFromTilesThatHaveGrown: the tile of an older root is full meanwhile.
func TestProveFromTilesThatHaveGrown(t *testing.T) {
	old := grown(100)
	f, _ := written(t, 300)
	path, err := tree.Prove(os.DirFS(f.Dir), old.Size, old.Root(), 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckRecord(path, old.Size, old.Root(), 7, tlog.RecordHash(leaf(7))); err != nil {
		t.Error(err)
	}
}

func TestProveTrustsNoTile(t *testing.T) {
	for name, spoil := range map[string]func(f *tree.Folder){
		"gone":  func(f *tree.Folder) { _ = os.RemoveAll(f.Dir + "/tile") },
		"short": func(f *tree.Folder) { put(t, f, "tile/0/000.p/200", make([]byte, 100)) },
		"other": func(f *tree.Folder) { put(t, f, "tile/0/000.p/200", make([]byte, 200*32)) },
	} {
		t.Run(name, func(t *testing.T) {
			f, g := written(t, 200)
			spoil(f)
			const want = "the log's tiles do not match its checkpoint"
			if path, err := tree.Prove(os.DirFS(f.Dir), g.Size, g.Root(), 1); text(err) != want || path != nil {
				t.Errorf("got %v, want %s", err, want)
			}
			if path, err := tree.ProveTree(os.DirFS(f.Dir), g.Size, g.Root(), 77); text(err) != want || path != nil {
				t.Errorf("of a tree: got %v, want %s", err, want)
			}
		})
	}
}
