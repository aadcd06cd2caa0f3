package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth/boundary"
)

func TestMappingCheckPrintsWhatFlows(t *testing.T) {
	dir := t.TempDir()
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	second(t, dir)
	bound, err := boundary.Load(os.DirFS(dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	report := func(name string) string { return strings.TrimRight(bound.Mapping(name).Report(), "\n") + "\n" }
	one, two := report("employee-to-contact"), report("again")
	if !strings.Contains(one, "national_id") || !strings.Contains(one, "phone") {
		t.Errorf("the report says nothing: %q", one)
	}
	check(t, result{0, two + "\n" + one, ""}, "mapping", "check", dir)
	check(t, result{0, one, ""}, "mapping", "check", dir, "employee-to-contact")
	check(t, result{0, one + "\n" + two, ""}, "mapping", "check", dir, "employee-to-contact", "again")
}

// second adds a mapping that comes first in the alphabet.
func second(t *testing.T, dir string) {
	t.Helper()
	from, to := filepath.Join(dir, "mappings", "employee-to-contact.jsonc"), filepath.Join(dir, "mappings", "again.jsonc")
	for path, text := range map[string]string{
		to: strings.Replace(read(t, from), `"employee-to-contact"`, `"again"`, 1),
		filepath.Join(dir, boundary.File): strings.Replace(read(t, dir, boundary.File), `      "operations": [`, `      "operations": [
        {"name": "crm.contact.tell", "method": "POST", "path": "/contacts", "input": "again", "effect": "once"},`, 1),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMappingCheckTellsEveryFinding(t *testing.T) {
	dir := t.TempDir()
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	file := filepath.Join(dir, "mappings", "employee-to-contact.jsonc")
	text := strings.Replace(read(t, file), `"mapping": "employee-to-contact"`, `"mapping": "to-contact"`, 1)
	text = strings.Replace(text, `"to": "contact"`, `"to": "contcat"`, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, result{
		1,
		`mappings/employee-to-contact.jsonc:5:14: F111 is not the name of the file at /mapping` + "\n" +
			`mappings/employee-to-contact.jsonc:7:9: F112 is not a schema of the boundary at /to; did you mean "contact"?` + "\n",
		"carnet mapping check: findings: 2\n",
	}, "mapping", "check", dir)
	prefix(t, result{1, "boundary.jsonc:1:1: F101 is missing", "carnet mapping check: findings: 1\n"}, "mapping", "check", t.TempDir())
}

func TestMappingCheckCommandLine(t *testing.T) {
	dir := t.TempDir()
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	check(t, result{2, "", "carnet mapping check: give DIR, and after it the names of mappings\nRun carnet mapping check -h for its arguments and an example.\n"}, "mapping", "check")
	check(t, result{1, "", "carnet mapping check: no mapping \"employe-to-contact\"; did you mean \"employee-to-contact\"?\n"}, "mapping", "check", dir, "employe-to-contact")
	check(t, result{2, "", "carnet mapping check: flags come before the arguments; an argument that begins with - comes after --\nRun carnet mapping check -h for its arguments and an example.\n"}, "mapping", "check", dir, "-h")
	check(t, result{1, "", "carnet mapping check: no mapping \"-h\"\n"}, "mapping", "check", "--", dir, "-h")
	check(t, result{1, "", "carnet mapping check: no mapping \"contact\"\n"}, "mapping", "check", dir, "employee-to-contact", "contact")
}
