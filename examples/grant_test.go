package examples_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestGrantIsMadeInOnePlace reads the syntax of the whole tree: what makes a Grant,
// or the state behind one, stands in auth/gate.go, once each.
func TestGrantIsMadeInOnePlace(t *testing.T) {
	var made []string
	for _, s := range sources(t, func(string) bool { return true }) {
		for _, what := range grantsMade(s.file, path.Dir(s.name) == "auth") {
			made = append(made, s.name+": "+what)
		}
	}
	slices.Sort(made)
	if want := []string{"auth/gate.go: Grant{…}", "auth/gate.go: grant{…}"}; !slices.Equal(made, want) {
		t.Errorf("Grants are made by\n\t%s\nand may be made by\n\t%s", strings.Join(made, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// grantsMade are the expressions that make more than the zero Grant: literals with
// content, new, conversions, and variables of the type behind it. Inside says that
// the file is of package auth, where the type needs no qualifier.
func grantsMade(file *ast.File, inside bool) []string {
	var made []string
	named := func(e ast.Expr) (string, bool) {
		switch e := e.(type) {
		case *ast.Ident:
			return e.Name, inside && (e.Name == "Grant" || e.Name == "grant")
		case *ast.SelectorExpr:
			x, ok := e.X.(*ast.Ident)
			return e.Sel.Name, ok && x.Name == "auth" && e.Sel.Name == "Grant"
		}
		return "", false
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if name, ok := named(n.Type); ok && (len(n.Elts) > 0 || name == "grant") {
				made = append(made, name+"{…}")
			}
			made = append(made, elided(n, named)...)
		case *ast.CallExpr:
			if name, ok := named(n.Fun); ok {
				made = append(made, name+"(…)")
			}
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "new" && len(n.Args) == 1 {
				if name, ok := named(n.Args[0]); ok && name == "grant" {
					made = append(made, "new("+name+")")
				}
			}
		case *ast.ValueSpec:
			if name, ok := named(n.Type); ok && name == "grant" {
				made = append(made, "var "+name)
			}
		}
		return true
	})
	return made
}

// elided are the literals inside a slice, an array or a map that leave their type out.
func elided(list *ast.CompositeLit, named func(ast.Expr) (string, bool)) []string {
	var element ast.Expr
	switch t := list.Type.(type) {
	case *ast.ArrayType:
		element = t.Elt
	case *ast.MapType:
		element = t.Value
	}
	if star, ok := element.(*ast.StarExpr); ok {
		element = star.X
	}
	name, ok := named(element)
	if !ok {
		return nil
	}
	var made []string
	for _, e := range list.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			e = pair.Value
		}
		if inner, ok := e.(*ast.CompositeLit); ok && inner.Type == nil {
			made = append(made, name+"{…}")
		}
	}
	return made
}

func TestGrantsMadeAreSeen(t *testing.T) {
	for code, want := range map[string]string{
		`var _ = Grant{}`:                "",
		`var _ Grant`:                    "",
		`var _ = Grant{g}`:               "Grant{…}",
		`var _ = &grant{id: "x"}`:        "grant{…}",
		`var _ = &grant{}`:               "grant{…}",
		`var _ = new(grant)`:             "new(grant)",
		`var g grant`:                    "var grant",
		`var _ = Grant(other)`:           "Grant(…)",
		`var _ = []Grant{g}`:             "",
		`var _ = []Grant{{g}}`:           "Grant{…}",
		`var _ = []grant{{id: "x"}}`:     "grant{…}",
		`var _ = []*grant{{}}`:           "grant{…}",
		`var _ = map[int]Grant{1: {g}}`:  "Grant{…}",
		`func f() { _ = auth.Grant{x} }`: "Grant{…}",
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package auth\n"+code, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(grantsMade(file, true), ", "); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}
