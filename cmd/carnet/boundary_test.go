package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBoundaryInitPassesItsCheck(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "boundary")
	file := filepath.Join(dir, "boundary.jsonc")
	check(t, result{0, "wrote " + file + ", with schemas and a mapping beside it; change them, then run carnet boundary check " + dir + "\n", ""}, "boundary", "init", dir)
	got := runWith(t.Context(), "boundary", "check", dir)
	lines := strings.Split(got.stdout, "\n")
	if got.status != 0 || got.stderr != "" || len(lines) != 4 || len(strings.TrimPrefix(lines[0], "boundary: tenant acme, hash ")) != 64 ||
		lines[1] != "boundary: systems 2, operations 2, permits 1, rules 4, schemas 2, mappings 1" ||
		lines[2] != `review: boundary.jsonc:26: opaque operation crm.contact.read: "the CRM publishes no schema"` {
		t.Errorf("got %#v", got)
	}
}

func TestBoundaryInitNeverOverwrites(t *testing.T) {
	failed := func(problem string) result { return result{1, "", "carnet boundary init: " + problem + "\n"} }
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".keep"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, failed("DIR is not empty, and nothing is overwritten"), "boundary", "init", dir)
	if _, err := os.Stat(filepath.Join(dir, "boundary.jsonc")); err == nil {
		t.Error("wrote into a folder that was not empty")
	}
	empty := t.TempDir()
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", empty)
	changed := write(t, "mine")
	if err := os.Rename(changed, filepath.Join(empty, "boundary.jsonc")); err != nil {
		t.Fatal(err)
	}
	check(t, failed("DIR is not empty, and nothing is overwritten"), "boundary", "init", empty)
	if got := read(t, empty, "boundary.jsonc"); got != "mine" {
		t.Errorf("overwrote: %q", got)
	}
	check(t, failed("DIR is no folder that can be read"), "boundary", "init", filepath.Join(empty, "boundary.jsonc"))
	check(t, failed("DIR cannot be made"), "boundary", "init", filepath.Join(empty, "a", "b"))
	check(t, result{2, "", "carnet boundary init: give one DIR\nRun carnet boundary init -h for its arguments and an example.\n"}, "boundary", "init")
}

func TestBoundaryCheckTellsEveryFinding(t *testing.T) {
	dir := t.TempDir()
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	file := filepath.Join(dir, "boundary.jsonc")
	text := read(t, file)
	text = strings.Replace(text, `"operations": ["crm.contact.read", `, `"operations": ["crm.contact.reed", `, 1)
	text = strings.Replace(text, `"input": "employee-to-contact"`, `"input": "employe-to-contact"`, 1)
	text = strings.Replace(text, `"on": ["crm.contact.read"]`, `"on": ["cmr"]`, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, result{
		1,
		`boundary.jsonc:38:20: B140 is not a mapping of the boundary at /systems/1/operations/1/input; did you mean "employee-to-contact"?` + "\n" +
			`boundary.jsonc:58:22: P108 is not an operation of the catalogue at /permits/0/operations/0; did you mean "crm.contact.read"?` + "\n" +
			`boundary.jsonc:66:36: P113 is not an operation or a system of the catalogue at /rules/1/on/0; did you mean "crm"?` + "\n",
		"carnet boundary check: findings: 3\n",
	}, "boundary", "check", dir)
	prefix(t, result{1, "boundary.jsonc:1:1: F101 is missing", "carnet boundary check: findings: 1\n"}, "boundary", "check", t.TempDir())
	prefix(t, result{1, "F106 the folder cannot be read", "carnet boundary check: findings: 1\n"}, "boundary", "check", filepath.Join(dir, "none"))
	check(t, result{2, "", "carnet boundary check: give one DIR\nRun carnet boundary check -h for its arguments and an example.\n"}, "boundary", "check")
}

// TestBoundaryCheckReadsDirectories as the translator does that calls them.
func TestBoundaryCheckReadsDirectories(t *testing.T) {
	dir := t.TempDir()
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	file := filepath.Join(dir, "boundary.jsonc")
	text := strings.Replace(read(t, file), `"systems": [`, `"systems": [
    {"name": "people", "kind": "directory", "origin": "ldaps://people.example", "operations": [
      {"name": "people.entry.drop", "method": "delete", "base": "people", "effect": "final"},
    ]},`, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runWith(t.Context(), "boundary", "check", dir)
	if want := "L112 is not a DN whose {places} are whole values at /systems/0/operations/0/base\n"; got.status != 1 || !strings.HasSuffix(got.stdout, want) ||
		!strings.HasPrefix(got.stdout, "boundary.jsonc:") {
		t.Errorf("got %#v, want %q", got, want)
	}
}

func TestBoundaryCheckListsTwins(t *testing.T) {
	dir := t.TempDir()
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	file := filepath.Join(dir, "boundary.jsonc")
	text := strings.Replace(read(t, file), `"systems": [`, `"systems": [
    {"name": "lab", "twin_of": "crm", "origin": "https://lab.example", "zone": "partners", "jurisdictions": ["eu"],
     "clearance": {"class": "confidential", "categories": ["pii.contact"], "purposes": ["sales"]}},`, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runWith(t.Context(), "boundary", "check", dir)
	if want := "review: boundary.jsonc:9: system lab is the twin of crm, for canaries\n"; got.status != 0 || !strings.HasSuffix(got.stdout, want) {
		t.Errorf("got %#v, want %q", got, want)
	}
}

func TestBoundaryCheckListsWhatToLookAt(t *testing.T) {
	dir := t.TempDir()
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	file := filepath.Join(dir, "boundary.jsonc")
	text := read(t, file)
	for _, change := range [][2]string{
		{`"output": "opaque",`, `"privileged": true,`}, {`"reason": "the CRM publishes no schema",`, ``},
		{`"until": "2027-06-30T00:00:00Z",`, `"unattended": true,`}, {`["crm.contact.read", "crm.contact.push"]`, `["crm.contact.read"]`},
		{`"residency": ["eu"]}`, `"residency": ["eu"]}, {"name": "harmless", "on": ["crm.contact.push"], "class": "public"}`},
		{`"delegation":`, `"subject": {"issuer": "https://login.acme.example", "claim": "email", "template": "{claim}",
        "domains": {"https://login.acme.example": ["acme.example"]}, "undated": true}, "delegation":`},
	} {
		if !strings.Contains(text, change[0]) {
			t.Fatal(change)
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	reviewed(t, dir, "review: boundary.jsonc:27: privileged operation crm.contact.read\n"+
		"review: boundary.jsonc:35: unreachable operation crm.contact.push: there is no permit\n"+
		"review: boundary.jsonc:56: permit without end sales\n"+
		"review: boundary.jsonc:56: unattended permit sales\n"+
		"review: boundary.jsonc:16: people by e-mail address in system crm\n"+
		"review: boundary.jsonc:16: logins without time in system crm\n")

	text = strings.Replace(text, `["crm.contact.read"],`, `["crm.contact.read", "crm.contact.push"],`, 1)
	schema := filepath.Join(dir, "schemas", "employee.jsonc")
	released := strings.Replace(read(t, schema), `"maxLength": 30, "categories": ["pii.contact"]`, `"maxLength": 30, "categories": ["pii.contact"],
      "release": [{"via": "mask.keep_last", "args": {"n": 4}, "to": "internal", "approved": "DPO-1", "until": "2099-06-30"}]`, 1)
	mapping := filepath.Join(dir, "mappings", "employee-to-contact.jsonc")
	masked := strings.Replace(read(t, mapping), `{"from": "/phone"}`, `{"from": "/phone", "do": [{"mask.keep_last": {"n": 4}}], "on_error": "null"}`, 1)
	for path, text := range map[string]string{file: text, schema: released, mapping: masked} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := runWith(t.Context(), "boundary", "check", dir)
	for _, want := range []string{
		"review: boundary.jsonc:35: unreachable operation crm.contact.push: rule harmless denies everybody\n",
		"review: mappings/employee-to-contact.jsonc:4: mapping employee-to-contact uses releases until 2099-0",
	} {
		if got.status != 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("got %#v, want %q", got, want)
		}
	}
}

// reviewed checks what a sound boundary is reviewed for.
func reviewed(t *testing.T, dir, want string) {
	t.Helper()
	got := runWith(t.Context(), "boundary", "check", dir)
	if _, review, _ := strings.Cut(got.stdout, "mappings 1\n"); got.status != 0 || got.stderr != "" || review != want {
		t.Errorf("got %#v", got)
	}
}
