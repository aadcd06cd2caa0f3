package auth_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestNobodyBringsFacts reads the package's syntax: no exported function takes what
// only the Gate may establish, or evidence in parts; attack 3. Policies are asked
// through an interface, which is no function.
func TestNobodyBringsFacts(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			fn, ok := declaration.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() {
				continue
			}
			seen++
			for _, parameter := range fn.Type.Params.List {
				ast.Inspect(parameter.Type, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok && (id.Name == "Facts" || id.Name == "Decision" || id.Name == "Identity") {
						t.Errorf("%s: %s takes %s from its caller", name, fn.Name.Name, id.Name)
					}
					return true
				})
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d exported functions were read", seen)
	}
}
