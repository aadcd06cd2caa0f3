package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mutants has those that no test can tell from the verifier, each with the reason: file,
// function, what was changed and which one of equal ones, a tab, and why.
const mutantsFile = "testdata/mutants.txt"

// readers are files about how lines are read, not about what is right: FuzzLine compares that
// with encoding/json, and TestLineAfterAnother with itself.
var readers = []string{"chunk.go", "json.go", "line.go", "shape.go"}

// switchboard is added to the copy of each package: it makes one check at a time say the opposite.
const switchboard = `package %s

import (
	"os"
	"strconv"
)

var mutant, _ = strconv.Atoi(os.Getenv("CARNET_MUTANT"))

func not(n int, is bool) bool { return is != (n == mutant) }

func none(n int, err error) error {
	if n == mutant {
		return nil
	}
	return err
}
`

// TestEachCheckIsTested: a copy of this package, and of those inside of it, in which one condition, one operand of it, or
// one returned error or answer at a time is turned into its opposite, fails these tests. It
// runs in the full tier: hundreds of runs of all of them.
func TestEachCheckIsTested(t *testing.T) {
	if os.Getenv("CARNET_FULL") == "" || os.Getenv("CARNET_MUTANT") != "" {
		t.Skip("set CARNET_FULL to run it")
	}
	dir := t.TempDir()
	names, binary := mutate(t, dir)
	if out, err := attempt(t.Context(), binary, 0); err != nil {
		t.Fatalf("without a change: %v\n%s", err, out)
	}
	want := equivalents(t)
	survived := make([]bool, len(names))
	parallel(len(names), func(i int) {
		_, err := attempt(t.Context(), binary, i+1)
		survived[i] = err == nil
		if _, listed := want[names[i]]; survived[i] && !listed {
			t.Errorf("survives: %s", names[i])
		}
	})
	count := 0
	for i, name := range names {
		if _, listed := want[name]; listed && !survived[i] {
			t.Errorf("%s is in %s, and a test fails", name, mutantsFile)
		}
		if delete(want, name); survived[i] {
			count++
		}
	}
	for name := range want {
		t.Errorf("%s is in %s, and not in the package", name, mutantsFile)
	}
	t.Logf("%d mutants, %d of them survived", len(names), count)
}

// slow are tests that find what others find too, and take longer.
const slow = "Flip|Cut|Written|Agree|Fork|Restored|Another|TilesOfWhat|CosignedProofs|Stray|Ends"

// attempt runs the tests against one mutant, the quick ones first; nil: nobody noticed. One
// that goes on for ever, or takes all memory, is noticed.
func attempt(ctx context.Context, binary string, n int) (out []byte, err error) {
	for _, limit := range []string{`ulimit -t 15; exec "$0" -test.skip "$1" -test.failfast`, `ulimit -t 90; exec "$0" -test.failfast`} {
		c := exec.CommandContext(ctx, "sh", "-c", "ulimit -v 8000000; "+limit, binary, slow)
		c.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "CARNET_FULL=") }),
			"CARNET_MUTANT="+strconv.Itoa(n), "GOMAXPROCS=1")
		if out, err = c.CombinedOutput(); err != nil {
			break
		}
	}
	return out, err
}

// equivalents reads the list of those that change nothing.
func equivalents(t *testing.T) map[string]string {
	text, err := os.ReadFile(filepath.FromSlash(mutantsFile))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, why, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || why == "" || list[name] != "" {
			t.Errorf("%s: not a mutant and a reason: %q", mutantsFile, line)
		}
		list[name] = why
	}
	return list
}

// mutate builds the tests of a copy in which a variable says which check is changed.
func mutate(t *testing.T, dir string) (names []string, binary string) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no ulimit on Windows")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	inside, ierr := filepath.Glob(filepath.FromSlash("internal/*/*.go"))
	if err != nil || ierr != nil {
		t.Fatal(err, ierr)
	}
	m := &mutator{fset: token.NewFileSet(), seen: map[string]int{}}
	overlay := map[string]string{}
	for i, name := range slices.Concat(files, inside) {
		if strings.HasSuffix(name, "_test.go") || slices.Contains(readers, name) {
			continue
		}
		at, of := filepath.Dir(filepath.Join(here, name)), "verify"
		if filepath.Dir(name) != "." {
			of = filepath.Base(at)
		}
		overlay[filepath.Join(here, name)] = write(t, filepath.Join(dir, fmt.Sprint(i, ".go")), m.file(t, name))
		overlay[filepath.Join(at, "switchboard.go")] = write(t, filepath.Join(dir, of+".switchboard.go"), fmt.Appendf(nil, switchboard, of))
	}
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "verify.test")
	c := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", write(t, filepath.Join(dir, "overlay.json"), list), "-o", binary, ".")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return m.names, binary
}

func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// mutator numbers what can be changed.
type mutator struct {
	fset     *token.FileSet
	names    []string
	seen     map[string]int
	in, body string
}

// file is a copy of a file with its switches.
func (m *mutator) file(t *testing.T, name string) []byte {
	f, err := parser.ParseFile(m.fset, name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	m.in = filepath.ToSlash(name)
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			m.body = fn.Name.Name
			m.block(fn.Body, fn.Type)
		}
	}
	var b bytes.Buffer
	if err := format.Node(&b, m.fset, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// block looks for checks in one function, and goes into those inside of it.
func (m *mutator) block(body *ast.BlockStmt, of *ast.FuncType) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			m.block(n.Body, n.Type)
			return false
		case *ast.IfStmt:
			m.condition(&n.Cond)
		case *ast.SwitchStmt:
			if n.Tag == nil {
				for _, c := range n.Body.List {
					for i := range c.(*ast.CaseClause).List {
						m.condition(&c.(*ast.CaseClause).List[i])
					}
				}
			}
		case *ast.ReturnStmt:
			m.answers(n, of)
		}
		return true
	})
}

// condition wraps a condition and its operands.
func (m *mutator) condition(e *ast.Expr) {
	text := m.text(*e)
	m.operands(*e)
	m.wrap(e, "not", text)
}

func (m *mutator) operands(e ast.Expr) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		m.operands(e.X)
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			m.operands(e.X)
		}
	case *ast.BinaryExpr:
		if e.Op == token.LAND || e.Op == token.LOR {
			m.condition(&e.X)
			m.condition(&e.Y)
		}
	}
}

// answers wraps errors and yes or no that a function returns.
func (m *mutator) answers(r *ast.ReturnStmt, of *ast.FuncType) {
	if of.Results == nil {
		return
	}
	var types []ast.Expr
	for _, f := range of.Results.List {
		for range max(1, len(f.Names)) {
			types = append(types, f.Type)
		}
	}
	if len(types) != len(r.Results) {
		return // what another function answers is changed there
	}
	for i := range types {
		id, ok := types[i].(*ast.Ident)
		given, plain := r.Results[i].(*ast.Ident)
		switch {
		case ok && id.Name == "bool":
			m.condition(&r.Results[i])
		case ok && id.Name == "error" && !(plain && given.Name == "nil"):
			m.wrap(&r.Results[i], "none", m.text(r.Results[i]))
		}
	}
}

func (m *mutator) wrap(e *ast.Expr, how, text string) {
	name := fmt.Sprintf("%s %s %s %s", m.in, m.body, how, text)
	m.seen[name]++
	if m.seen[name] > 1 {
		name += fmt.Sprintf(" #%d", m.seen[name])
	}
	m.names = append(m.names, name)
	*e = &ast.CallExpr{Fun: ast.NewIdent(how), Args: []ast.Expr{&ast.BasicLit{Kind: token.INT, Value: strconv.Itoa(len(m.names))}, *e}}
}

func (m *mutator) text(e ast.Expr) string {
	var b bytes.Buffer
	_ = printer.Fprint(&b, m.fset, e)
	text := strings.Join(strings.Fields(b.String()), " ")
	return text[:min(len(text), 60)]
}
