package examples_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestPitfalls reads every testdata/pitfalls.txt: each trap has a test of its
// package that exists and is never skipped, or waits for the issue that builds what
// it is about.
func TestPitfalls(t *testing.T) {
	tests, waiting := 0, map[string]int{}
	lists := files(t, func(name string) bool { return strings.HasSuffix(name, "testdata/pitfalls.txt") })
	if len(lists) == 0 {
		t.Fatal("no pitfalls.txt")
	}
	for _, list := range lists {
		text, err := os.ReadFile(filepath.Join(root(t), list))
		if err != nil {
			t.Fatal(err)
		}
		in := suite(t, path.Dir(path.Dir(list)))
		for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
			if issue, err := in.check(line); err != nil {
				t.Errorf("%s:%d: %v", list, i+1, err)
			} else if issue != "" {
				waiting[issue]++
			} else {
				tests++
			}
		}
	}
	t.Logf("%d traps in %d packages have their test; waiting for issues: %v", tests, len(lists), waiting)
}

// tests is the test files of one package.
type tests struct {
	functions map[string]*ast.FuncDecl
	literals  map[string]bool // strings, as the names of subtests have them
}

func suite(t *testing.T, dir string) tests {
	t.Helper()
	in := tests{map[string]*ast.FuncDecl{}, map[string]bool{}}
	for _, s := range sources(t, func(name string) bool {
		return path.Dir(name) == dir && strings.HasSuffix(name, "_test.go")
	}) {
		in.add(s.file)
	}
	return in
}

func (in tests) add(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil {
				in.functions[n.Name.Name] = n
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				in.literals[strings.ReplaceAll(text, " ", "_")] = true
			}
		}
		return true
	})
}

var issueName = regexp.MustCompile(`^issue (\d+)$`)

// check reads one line: id, trap and test, separated by tabs. The issue is empty
// where there is a test.
func (in tests) check(line string) (issue string, err error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 3 || fields[0] == "" || fields[1] == "" {
		return "", fmt.Errorf("not id, trap and test, separated by tabs")
	}
	if m := issueName.FindStringSubmatch(fields[2]); m != nil {
		if n, err := strconv.Atoi(m[1]); err != nil || n < 4 || n > 20 {
			return "", fmt.Errorf("%s: no such issue can be waited for", fields[2])
		}
		return fields[2], nil
	}
	name, subtest, _ := strings.Cut(fields[2], "/")
	test, ok := in.functions[name]
	if !ok || !strings.HasPrefix(name, "Test") && !strings.HasPrefix(name, "Fuzz") {
		return "", fmt.Errorf("%s: no such test", name)
	}
	if subtest != "" && !in.literals[subtest] {
		return "", fmt.Errorf("%s: no such subtest", fields[2])
	}
	if in.skips(test, map[string]bool{}) {
		return "", fmt.Errorf("%s: may be skipped", name)
	}
	return "", nil
}

// skips says whether a function, or one of the package that it names, calls
// something named Skip, other than on a system on which the trap cannot be set.
func (in tests) skips(f *ast.FuncDecl, seen map[string]bool) bool {
	if f.Body == nil || seen[f.Name.Name] {
		return false
	}
	seen[f.Name.Name] = true
	found := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			return !elsewhere(n.Cond) || n.Else != nil
		case *ast.SelectorExpr:
			found = found || strings.HasPrefix(n.Sel.Name, "Skip") && n.Sel.Name != "SkipDir" && n.Sel.Name != "SkipAll"
		case *ast.Ident:
			if called, ok := in.functions[n.Name]; ok {
				found = found || in.skips(called, seen)
			}
		}
		return !found
	})
	return found
}

// elsewhere says whether a condition is runtime.GOOS == "…", and not Linux.
func elsewhere(cond ast.Expr) bool {
	is, ok := cond.(*ast.BinaryExpr)
	if !ok || is.Op != token.EQL {
		return false
	}
	goos, okX := is.X.(*ast.SelectorExpr)
	name, okY := is.Y.(*ast.BasicLit)
	return okX && okY && goos.Sel.Name == "GOOS" && name.Value != `"linux"`
}
