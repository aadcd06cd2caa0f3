package examples_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// module is the root module's path.
const module = "github.com/carnet-go/carnet"

var update = flag.Bool("update", false, "rewrite what is committed in testdata")

// root is the folder of the root module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// files are the paths, relative to the root, of the files of all modules that match.
func files(t *testing.T, match func(name string) bool) []string {
	t.Helper()
	var found []string
	top := root(t)
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != top && strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(top, name)
		if rel = filepath.ToSlash(rel); err == nil && !d.IsDir() && match(rel) {
			found = append(found, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// source is a parsed Go file.
type source struct {
	name string // relative to the root
	file *ast.File
	set  *token.FileSet
}

// sources are the Go files that match, testdata left out: what stands there is not
// code of ours that runs.
func sources(t *testing.T, match func(name string) bool) []source {
	t.Helper()
	var parsed []source
	for _, name := range files(t, func(name string) bool {
		return path.Ext(name) == ".go" && !strings.Contains(name, "testdata/") && match(name)
	}) {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(root(t), name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, source{name, file, set})
	}
	return parsed
}

// TestCoreIsReadable holds that a reviewer reads a core package in one sitting.
func TestCoreIsReadable(t *testing.T) {
	const most = 2500
	lines := map[string]int{}
	for _, name := range files(t, func(name string) bool {
		return path.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go")
	}) {
		content, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			t.Fatal(err)
		}
		lines[path.Dir(name)] += strings.Count(string(content), "\n")
	}
	for _, core := range []string{"mapping", "audit", "auth", "vault", "failsafe"} {
		if n := lines[core]; n == 0 || n >= most {
			t.Errorf("%s has %d lines without tests, of less than %d", core, n, most)
		}
	}
}
