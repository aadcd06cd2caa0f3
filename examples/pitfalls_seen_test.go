package examples_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

func TestPitfallsAreSeen(t *testing.T) {
	const code = `package p_test
func TestWhole(t *testing.T) { t.Run("a b", nil) }
func TestSkips(t *testing.T) { if testing.Short() { t.Skip("slow") } }
func TestSkipsBelow(t *testing.T) { helper(t) }
func TestElsewhere(t *testing.T) { if runtime.GOOS == "windows" { t.Skip("no modes") } }
func TestLinux(t *testing.T) { if runtime.GOOS == "linux" { t.Skip("slow") } }
func FuzzWhole(f *testing.F) {}
func helper(t *testing.T) { t.SkipNow() }`
	file, err := parser.ParseFile(token.NewFileSet(), "", code, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	in := tests{map[string]*ast.FuncDecl{}, map[string]bool{}}
	in.add(file)
	for line, want := range map[string]string{
		"A1\ttrap\tTestWhole":       "",
		"A1\ttrap\tFuzzWhole":       "",
		"A1\ttrap\tTestElsewhere":   "",
		"A1\ttrap\tTestLinux":       "TestLinux: may be skipped",
		"A1\ttrap\tTestWhole/a_b":   "",
		"A1\ttrap\tissue 4":         "",
		"A1\ttrap\tissue 3":         "issue 3: no such issue can be waited for",
		"A1\ttrap\tissue 99":        "issue 99: no such issue can be waited for",
		"A1\ttrap\tTestWhole/other": "TestWhole/other: no such subtest",
		"A1\ttrap\tTestNone":        "TestNone: no such test",
		"A1\ttrap\thelper":          "helper: no such test",
		"A1\ttrap\tTestSkips":       "TestSkips: may be skipped",
		"A1\ttrap\tTestSkipsBelow":  "TestSkipsBelow: may be skipped",
		"A1\ttrap":                  "not id, trap and test, separated by tabs",
		"A1 trap TestWhole":         "not id, trap and test, separated by tabs",
		"":                          "not id, trap and test, separated by tabs",
	} {
		got := ""
		if _, err := in.check(line); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
