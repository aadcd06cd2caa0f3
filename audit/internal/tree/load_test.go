package tree_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/tree"
)

// TestLoad: the tree of any size that tiles cover is the one that grew to it, and grows on
// like it.
func TestLoad(t *testing.T) {
	for _, published := range []int{1, 255, 256, 257, 1000, 65_536, 66_000} {
		dir := scratch(t)
		tiles := tree.Folder{Dir: dir}
		if err := tiles.Write(grown(published)); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{0, 1, 2, 3, 128, 255, 256, 257, 511, 512, 999, 1000, 65_535, 65_536, 65_537, 66_000} {
			got, err := tree.Load(os.DirFS(dir), int64(size), int64(published))
			if size > published {
				if err == nil {
					t.Errorf("%d of %d", size, published)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%d of %d: %v", size, published, err)
			}
			want := grown(size)
			for range 3 {
				if got.Root() != want.Root() || got.Size != want.Size {
					t.Fatalf("%d of %d: another tree at %d", size, published, got.Size)
				}
				grow(got, int(got.Size)+200)
				grow(want, int(want.Size)+200)
			}
		}
	}
}

// TestLoadTrustsNothing: a tile that is missing or has another length is an error, and one
// that differs another root.
func TestLoadTrustsNothing(t *testing.T) {
	dir := scratch(t)
	tiles := tree.Folder{Dir: dir}
	if err := tiles.Write(grown(300)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "tile/0/001.p/44")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func() error{
		"missing": func() error { return os.Remove(name) },
		"short":   func() error { return os.WriteFile(name, whole[:43*32], 0o600) },
		"long":    func() error { return os.WriteFile(name, append(whole, 0), 0o600) },
		"flipped": func() error { b := append([]byte(nil), whole...); b[7] ^= 1; return os.WriteFile(name, b, 0o600) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		got, err := tree.Load(os.DirFS(dir), 300, 300)
		if what == "flipped" {
			if err != nil || got.Root() == grown(300).Root() {
				t.Errorf("%s: %v", what, err)
			}
		} else if err == nil || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
