package tree_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/tree"
)

// TestCheck opens a folder of 300 leaves that something happened to.
func TestCheck(t *testing.T) {
	const differs = " differs from the lines; tiles are derived from them: remove it and open the log again"
	const beyond = " covers lines that the log does not have"
	for name, c := range map[string]struct {
		spoil   func(t *testing.T, f *tree.Folder)
		want    string
		settled bool
	}{
		"nothing":         {func(*testing.T, *tree.Folder) {}, "", true},
		"a foreign file":  {func(t *testing.T, f *tree.Folder) { put(t, f, "tile/x/notes", nil) }, "", true},
		"a temporary one": {func(t *testing.T, f *tree.Folder) { put(t, f, "tile/0/.atomicfile-1", nil) }, "", true},
		"partial gone":    {func(t *testing.T, f *tree.Folder) { remove(t, f, "tile/0/001.p/44") }, "", false},
		"all gone":        {func(t *testing.T, f *tree.Folder) { remove(t, f, "tile") }, "", false},
		"partial, superseded": {func(t *testing.T, f *tree.Folder) {
			put(t, f, "tile/0/000.p/7", read(t, f, "tile/0/000")[:7*32])
		}, "", false},
		"partial, of less": {func(t *testing.T, f *tree.Folder) {
			put(t, f, "tile/0/001.p/7", read(t, f, "tile/0/001.p/44")[:7*32])
		}, "", false},
		"another for another": {func(t *testing.T, f *tree.Folder) {
			put(t, f, "tile/0/001.p/7", read(t, f, "tile/0/001.p/44")[:7*32])
			remove(t, f, "tile/0/001.p/44")
		}, "", false},
		"partial, superseded, differs": {func(t *testing.T, f *tree.Folder) {
			put(t, f, "tile/0/000.p/7", make([]byte, 7*32))
		}, "tile/0/000.p/7" + differs, false},
		"partial, superseded, of a tile that is gone": {func(t *testing.T, f *tree.Folder) {
			put(t, f, "tile/0/000.p/7", read(t, f, "tile/0/000")[:7*32])
			remove(t, f, "tile/0/000")
		}, "the log cannot be read", false},
		"partial differs":   {func(t *testing.T, f *tree.Folder) { put(t, f, "tile/0/001.p/44", make([]byte, 44*32)) }, "tile/0/001.p/44" + differs, false},
		"partial too short": {func(t *testing.T, f *tree.Folder) { put(t, f, "tile/0/001.p/44", nil) }, "tile/0/001.p/44" + differs, false},
		"level 1 differs":   {func(t *testing.T, f *tree.Folder) { put(t, f, "tile/1/000.p/1", make([]byte, 32)) }, "tile/1/000.p/1" + differs, false},
		"partial of more":   {func(t *testing.T, f *tree.Folder) { put(t, f, "tile/0/001.p/45", make([]byte, 45*32)) }, "tile/0/001.p/45" + beyond, false},
		"tile not yet full": {func(t *testing.T, f *tree.Folder) { put(t, f, "tile/0/001", make([]byte, 8192)) }, "tile/0/001" + beyond, false},
		"tile of no lines":  {func(t *testing.T, f *tree.Folder) { put(t, f, "tile/0/002", make([]byte, 8192)) }, "tile/0/002" + beyond, false},
		"level of no lines": {func(t *testing.T, f *tree.Folder) { put(t, f, "tile/9/000", nil) }, "tile/9/000" + beyond, false},
		"no folder": {func(t *testing.T, f *tree.Folder) {
			remove(t, f, "tile")
			put(t, f, "tile", nil)
		}, "the log cannot be read", false},
	} {
		t.Run(name, func(t *testing.T) {
			was, g := written(t, 300)
			c.spoil(t, was)
			f := &tree.Folder{Dir: was.Dir}
			if err := f.Check(g); text(err) != c.want {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if c.want != "" {
				return
			}
			if got := f.Settled(g); got != c.settled {
				t.Errorf("settled: %t", got)
			}
			write(t, f, g)
			if again := (&tree.Folder{Dir: f.Dir}); again.Check(g) != nil || !again.Settled(g) {
				t.Error("it is not settled after it was written again")
			}
		})
	}
}

func TestCheckRemovesTemporaryFilesOnly(t *testing.T) {
	f, g := written(t, 3)
	put(t, f, "tile/.atomicfile-1", nil)
	put(t, f, "tile/0/000.p/.atomicfile-2", nil)
	put(t, f, "tile/0/000.p/notes", nil)
	if err := f.Check(g); err != nil {
		t.Fatal(err)
	}
	if got, want := entries(t, f.Dir), []string{"tile/0/000.p/3", "tile/0/000.p/notes"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestMissing: full tiles are compared as they are completed, and those that have no
// file are written again; what a partial one became is known meanwhile.
func TestMissing(t *testing.T) {
	f, _ := written(t, 600)
	g := grown(600)
	of1 := read(t, f, "tile/0/001")
	remove(t, f, "tile/0/001")
	missing, err := f.Missing(g.Full)
	if err != nil || len(missing) != 1 {
		t.Fatalf("%d are missing, %v", len(missing), err)
	}
	g.Full = missing
	f = &tree.Folder{Dir: f.Dir}
	if err := f.Check(g); err != nil || f.Settled(g) {
		t.Fatalf("settled %t, %v", f.Settled(g), err)
	}
	put(t, f, "tile/0/001.p/9", of1[:9*32])
	f = &tree.Folder{Dir: f.Dir}
	if err := f.Check(g); err != nil {
		t.Fatal(err)
	}
	write(t, f, g)
	want := []string{"tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"}
	if got := entries(t, f.Dir); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if missing, err := f.Missing(grown(600).Full); err != nil || len(missing) != 0 {
		t.Errorf("%d are missing, %v", len(missing), err)
	}
	put(t, f, "tile/0/000", make([]byte, 8192))
	const differs = "tile/0/000 differs from the lines; tiles are derived from them: remove it and open the log again"
	if _, err := f.Missing(grown(600).Full); text(err) != differs {
		t.Errorf("got %v", err)
	}
	remove(t, f, "tile/0/000")
	put(t, f, "tile/0/000/x", nil)
	if _, err := f.Missing(grown(600).Full); text(err) != "the log cannot be read" {
		t.Errorf("got %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, inTheWay := range []string{"tile", "tile/0", "tile/0/000.p", "tile/0/000.p/5/x"} {
		t.Run(inTheWay, func(t *testing.T) {
			f := &tree.Folder{Dir: scratch(t)}
			put(t, f, inTheWay, nil)
			if err := f.Write(grown(5)); text(err) != "a tile could not be written" {
				t.Errorf("got %v", err)
			}
		})
	}
	gone := &tree.Folder{Dir: "\x00"}
	if err := gone.Write(grown(1)); text(err) != "a tile could not be written" {
		t.Errorf("got %v", err)
	}
}

func remove(t *testing.T, f *tree.Folder, path string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(f.Dir, path)); err != nil {
		t.Fatal(err)
	}
}
