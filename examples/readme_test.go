package examples_test

import (
	"bytes"
	"encoding/json"
	"go/doc"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is the first fenced block of a language in the README.
func block(t *testing.T, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, "README.md"), "```"+language+"\n")
	text, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("README.md has no block of %s", language)
	}
	return text
}

func TestReadmeCommands(t *testing.T) {
	const want = "\n    git clone https://github.com/carnet-go/carnet && cd carnet\n" +
		"    go run ./examples/quickstart\n    go test ./... ./examples/...\n\n"
	if n := strings.Count(read(t, "README.md"), want); n != 1 {
		t.Errorf("README.md has the commands %d times, as they are typed after each other", n)
	}
}

var counts = regexp.MustCompile(`audit: \d+ events, \d+ grants, verified, root [A-Za-z0-9+/]{43}=`)

// TestReadmeOutput compares what README says is printed with what the quickstart's
// Example prints.
func TestReadmeOutput(t *testing.T) {
	want := ""
	for _, s := range sources(t, func(name string) bool { return name == "examples/quickstart/example_test.go" }) {
		for _, example := range doc.Examples(s.file) {
			want += example.Output
		}
	}
	got := counts.ReplaceAllString(block(t, "text"), "audit: N events, G grants, verified, root BASE64")
	if want == "" || got != want {
		t.Errorf("README.md says\n%s\nand the Example prints\n%s", got, want)
	}
}

// TestReadmeProgram holds that the program of the README is the one that runs.
func TestReadmeProgram(t *testing.T) {
	program := block(t, "go")
	if n := strings.Count(program, "\n"); n > 25 {
		t.Errorf("%d lines", n)
	}
	if !strings.Contains(read(t, "examples/quickstart/main.go"), "\n"+program) {
		t.Error("examples/quickstart/main.go has other code")
	}
}

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\|$")

// TestReadmeModules compares the table of modules with what the root requires.
func TestReadmeModules(t *testing.T) {
	_, table, ok := strings.Cut(read(t, "README.md"), "| module | why |\n")
	if !ok {
		t.Fatal("README.md has no table of modules")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var stated []string
	for _, m := range row.FindAllStringSubmatch(table, -1) {
		if len(m[2]) < 20 {
			t.Errorf("%s has no reason", m[1])
		}
		stated = append(stated, m[1])
	}
	slices.Sort(stated)
	if want := required(t); !slices.Equal(stated, want) {
		t.Errorf("README.md states\n\t%s\nand go.mod requires\n\t%s", strings.Join(stated, "\n\t"), strings.Join(want, "\n\t"))
	}
}

var packageRow = regexp.MustCompile("(?m)^\\| \\[`([^`]+)`\\]")

// TestReadmePackages: each package has one row, and each of them is there.
func TestReadmePackages(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range packageRow.FindAllStringSubmatch(read(t, "README.md"), -1) {
		if _, err := os.Stat(filepath.Join(root(t), m[1])); err != nil || seen[m[1]] {
			t.Errorf("%s: it stands there twice, or %v", m[1], err)
		}
		seen[m[1]] = true
	}
	if len(seen) < 7 {
		t.Errorf("%d packages", len(seen))
	}
}

func required(t *testing.T) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json")
	command.Dir = root(t)
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct{ Require []struct{ Path string } }
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&mod); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, r := range mod.Require {
		paths = append(paths, r.Path)
	}
	slices.Sort(paths)
	return paths
}

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

func TestReadmeLinks(t *testing.T) {
	links := link.FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(links) < 10 {
		t.Fatalf("%d links", len(links))
	}
	for _, m := range links {
		if _, err := os.Stat(filepath.Join(root(t), m[1])); err != nil {
			t.Errorf("%s does not exist", m[1])
		}
	}
}

// TestMigratingPrograms holds that the functions of vault/MIGRATING.md are those that run.
func TestMigratingPrograms(t *testing.T) {
	page, program := read(t, "vault/MIGRATING.md"), read(t, "vault/hashivault/migrating_test.go")
	functions := 0
	for _, part := range strings.Split(page, "```go\n")[1:] {
		text, _, closed := strings.Cut(part, "```\n")
		if !closed || !strings.HasPrefix(text, "func ") {
			continue // what it was before
		}
		functions++
		if !strings.Contains(program, "\n"+text) {
			t.Errorf("migrating_test.go has no\n%s", text)
		}
	}
	if functions != 4 {
		t.Errorf("%d functions", functions)
	}
}
