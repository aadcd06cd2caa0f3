package examples_test

import (
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const linkedList = "testdata/linked.txt"

const linkedHead = `# Which modules each package of the root module links, and each program of
# testdata/alone, which uses one package alone. Rewritten by
#
#	go test ./examples -run TestLinkedModules -update
#
# A module that appears here needs its reason in the table of the README.
`

// TestLinkedModules compares what is linked with what was reviewed.
func TestLinkedModules(t *testing.T) {
	var b strings.Builder
	b.WriteString(linkedHead)
	packages := list(t, root(t), "./...")
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		if ours(name) {
			fmt.Fprintln(&b, line(short(name), reached(packages, name)))
		}
	}
	for _, dir := range alone(t) {
		fmt.Fprintln(&b, line(dir, built(t, dir)))
	}
	if *update {
		if err := os.WriteFile(linkedList, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(linkedList)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("linked modules differ from %s:\n%s", linkedList, differences(string(want), got))
	}
}

func line(name string, modules []string) string {
	if len(modules) == 0 {
		modules = []string{"nothing"}
	}
	return name + ": " + strings.Join(modules, " ")
}

// reached are the modules of all that a package imports.
func reached(packages map[string]node, name string) []string {
	modules := map[string]bool{}
	for _, dep := range packages[name].Deps {
		if m := packages[dep].Module; m != nil && m.Path != module {
			modules[m.Path] = true
		}
	}
	return slices.Sorted(maps.Keys(modules))
}

// alone are the programs that use one package of ours, and none that stands above it.
func alone(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("testdata/alone/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no programs: %v", err)
	}
	for i := range dirs {
		dirs[i] = filepath.ToSlash(dirs[i])
	}
	return dirs
}

// built compiles a program and reads from the binary what was linked into it.
func built(t *testing.T, dir string) []string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), path.Base(dir))
	command := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, "./"+dir)
	command.Env = append(os.Environ(), "GOWORK=off", "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for _, m := range info.Deps {
		if m.Path != module {
			modules = append(modules, m.Path)
		}
	}
	slices.Sort(modules)
	return modules
}

// TestAloneImportsOne keeps the programs of testdata/alone what they are for.
func TestAloneImportsOne(t *testing.T) {
	for _, dir := range alone(t) {
		n := list(t, ".", "./"+dir)[path.Join(module, "examples", dir)]
		var imported []string
		for _, name := range n.Imports {
			if ours(name) {
				imported = append(imported, strings.ReplaceAll(short(name), "/", "-"))
			}
		}
		if !slices.Equal(imported, []string{path.Base(dir)}) {
			t.Errorf("%s imports %v", dir, imported)
		}
	}
}

// differences are the lines that only one of two texts has.
func differences(want, got string) string {
	var b strings.Builder
	for _, side := range []struct{ sign, has, hasNot string }{{"-", want, got}, {"+", got, want}} {
		others := strings.Split(side.hasNot, "\n")
		for _, l := range strings.Split(side.has, "\n") {
			if !slices.Contains(others, l) {
				fmt.Fprintf(&b, "%s %s\n", side.sign, l)
			}
		}
	}
	return b.String()
}
