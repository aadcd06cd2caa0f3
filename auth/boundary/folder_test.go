package boundary_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/internal/declare"
)

func TestFolders(t *testing.T) {
	good := &fstest.MapFile{Data: []byte(`{"tenant": "acme"}`)}
	beside := func(path string) fstest.MapFS { return fstest.MapFS{boundary.File: good, path: good} }
	schema := whole(t, "")["schemas/count.jsonc"]
	many := fstest.MapFS{boundary.File: good}
	for i := range 1001 {
		many[fmt.Sprintf("mappings/m%d.jsonc", i)] = &fstest.MapFile{}
	}
	for name, test := range map[string]struct {
		dir  fs.FS
		want []string
	}{
		"nil":           {nil, []string{":0:0 F106"}},
		"not there":     {os.DirFS("testdata/nowhere"), []string{":0:0 F106"}},
		"empty":         {fstest.MapFS{}, []string{"boundary.jsonc:1:1 F101"}},
		"other spelled": {fstest.MapFS{"Boundary.jsonc": good}, []string{"Boundary.jsonc:1:1 F102", "boundary.jsonc:1:1 F101"}},
		"also json":     {fstest.MapFS{boundary.File: good, "boundary.json": good}, []string{"boundary.json:1:1 F102"}},
		"hostile name":  {fstest.MapFS{boundary.File: good, "a\nb: sound": good}, []string{":0:0 F102"}},
		"sub-folder":    {fstest.MapFS{boundary.File: good, "more/x.jsonc": good}, []string{"more:1:1 F102"}},
		"folder":        {fstest.MapFS{boundary.File + "/x": good}, []string{"boundary.jsonc:1:1 F103"}},
		"link":          {fstest.MapFS{boundary.File: {Data: []byte("README"), Mode: fs.ModeSymlink}, "README": good}, []string{"boundary.jsonc:1:1 F103"}},
		"device":        {fstest.MapFS{boundary.File: {Mode: fs.ModeDevice}}, []string{"boundary.jsonc:1:1 F103"}},
		"README folder": {fstest.MapFS{boundary.File: good, "README/x": good}, []string{"README:1:1 F103"}},
		"welcome":       {fstest.MapFS{boundary.File: good, "README": good, "README.md": good, ".gitignore": good, ".git/config": good}, nil},
		"unreadable":    {unreadable{fstest.MapFS{boundary.File: good}, boundary.File}, []string{"boundary.jsonc:1:1 F104"}},
		"breaks off":    {breaks{fstest.MapFS{boundary.File: good}}, []string{"boundary.jsonc:1:1 F104"}},
		"empty file":    {folder(""), []string{"boundary.jsonc:1:1 D102"}},
		"empty object":  {folder("{}"), []string{"boundary.jsonc:1:1 B101 /tenant"}},
		"no object":     {folder("[]"), []string{"boundary.jsonc:1:1 D108"}},

		"schemas is a file":   {beside("schemas"), []string{"schemas:1:1 F103"}},
		"schemas is a link":   {fstest.MapFS{boundary.File: good, "schemas": {Data: []byte("x"), Mode: fs.ModeSymlink}}, []string{"schemas:1:1 F103"}},
		"no schemas":          {beside("schemas/README.md"), nil},
		"welcome in a folder": {fstest.MapFS{boundary.File: good, "mappings/README": good, "schemas/.keep": good, "schemas/.git/x": good}, nil},
		"other end":           {beside("schemas/count.json"), []string{"schemas/count.json:1:1 F102"}},
		"other case":          {beside("schemas/Count.jsonc"), []string{"schemas/Count.jsonc:1:1 F102"}},
		"no name":             {beside("schemas/-.jsonc"), []string{"schemas/-.jsonc:1:1 F102"}},
		"folder in a folder":  {beside("mappings/more/x.jsonc"), []string{"mappings/more:1:1 F102"}},
		"hostile in a folder": {beside("mappings/a\nb: sound.jsonc"), []string{":0:0 F102"}},
		"schema is a folder":  {beside("schemas/count.jsonc/x"), []string{"schemas/count.jsonc:1:1 F103"}},
		"schema is a link":    {fstest.MapFS{boundary.File: good, "schemas/count.jsonc": {Data: []byte("x"), Mode: fs.ModeSymlink}}, []string{"schemas/count.jsonc:1:1 F103"}},
		"README is a link":    {fstest.MapFS{boundary.File: good, "schemas/README": {Data: []byte("x"), Mode: fs.ModeSymlink}}, []string{"schemas/README:1:1 F103"}},
		"too many":            {many, []string{"mappings:1:1 F107"}},
		"folder not readable": {locked{beside("schemas/README")}, []string{"schemas:1:1 F106"}},
		"schema not readable": {unreadable{beside("schemas/count.jsonc"), "schemas/count.jsonc"}, []string{"schemas/count.jsonc:1:1 F104"}},
		"without a boundary":  {fstest.MapFS{"schemas/count.jsonc": schema}, []string{"boundary.jsonc:1:1 F101"}},
		"schema alone":        {fstest.MapFS{boundary.File: good, "schemas/count.jsonc": schema}, []string{"schemas/count.jsonc:1:1 F114"}},
		"huge":                {folder("{}" + strings.Repeat(" ", declare.MaxSize)), []string{"boundary.jsonc:1:1 D104"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := boundary.Load(test.dir, nil)
			if got := found(t, err); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A folder that is mounted as a folder of links is loaded from where they lead.
func TestLinksOnDisk(t *testing.T) {
	mount := t.TempDir()
	write := func(path string) {
		if err := os.WriteFile(path, []byte(`{"tenant": "acme"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	version := filepath.Join(mount, "..2027_01_15")
	if err := os.Mkdir(version, 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(version, boundary.File))
	for link, to := range map[string]string{"..data": "..2027_01_15", boundary.File: filepath.Join("..data", boundary.File)} {
		if err := os.Symlink(to, filepath.Join(mount, link)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := boundary.Load(os.DirFS(mount), nil)
	if got := found(t, err); !slices.Equal(got, []string{"boundary.jsonc:1:1 F103"}) {
		t.Errorf("got %q", got)
	}
	data, err := fs.Sub(os.DirFS(mount), "..data")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := boundary.Load(data, nil); err != nil {
		t.Error(err)
	}
}

// unreadable has one file that cannot be opened.
type unreadable struct {
	fstest.MapFS
	path string
}

func (u unreadable) Open(name string) (fs.File, error) {
	if name == u.path {
		return nil, errors.New("canary")
	}
	return u.MapFS.Open(name)
}

// locked has no folder that can be read but the root.
type locked struct{ fstest.MapFS }

func (l locked) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		return nil, errors.New("canary")
	}
	return l.MapFS.ReadDir(name)
}

type breaks struct{ fstest.MapFS }

func (b breaks) Open(name string) (fs.File, error) {
	file, err := b.MapFS.Open(name)
	return broken{file}, err
}

type broken struct{ fs.File }

func (broken) Read([]byte) (int, error) { return 0, errors.New("canary") }

func (b broken) ReadDir(n int) ([]fs.DirEntry, error) { return b.File.(fs.ReadDirFile).ReadDir(n) }
