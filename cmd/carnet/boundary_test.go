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
	check(t, result{0, "wrote " + file + "; change it, then run carnet boundary check " + dir + "\n", ""}, "boundary", "init", dir)
	got := runWith(t.Context(), "boundary", "check", dir)
	lines := strings.Split(got.stdout, "\n")
	if got.status != 0 || got.stderr != "" || len(lines) != 4 || len(strings.TrimPrefix(lines[0], "boundary: tenant acme, hash ")) != 64 ||
		lines[1] != "boundary: systems 1, operations 1, permits 1, rules 2" ||
		lines[2] != `review: boundary.jsonc:18: opaque operation crm.contact.read: "the CRM publishes no schema"` {
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
	text = strings.Replace(text, `"operations": ["crm.contact.read"]`, `"operations": ["crm.contact.reed"]`, 1)
	text = strings.Replace(text, `"on": ["crm.contact.read"]`, `"on": ["cmr"]`, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, result{
		1,
		`boundary.jsonc:40:22: P108 is not an operation of the catalogue at /permits/0/operations/0; did you mean "crm.contact.read"?` + "\n" +
			`boundary.jsonc:48:36: P113 is not an operation or a system of the catalogue at /rules/1/on/0; did you mean "crm"?` + "\n",
		"carnet boundary check: findings: 2\n",
	}, "boundary", "check", dir)
	prefix(t, result{1, "boundary.jsonc:1:1: F101 is missing", "carnet boundary check: findings: 1\n"}, "boundary", "check", t.TempDir())
	prefix(t, result{1, "F106 the folder cannot be read", "carnet boundary check: findings: 1\n"}, "boundary", "check", filepath.Join(dir, "none"))
	check(t, result{2, "", "carnet boundary check: give one DIR\nRun carnet boundary check -h for its arguments and an example.\n"}, "boundary", "check")
}

func TestBoundaryCheckListsWhatToLookAt(t *testing.T) {
	dir := t.TempDir()
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	file := filepath.Join(dir, "boundary.jsonc")
	text := read(t, file)
	text = strings.Replace(text, `"output": "opaque",`, `"privileged": true,`, 1)
	text = strings.Replace(text, `"reason": "the CRM publishes no schema",`, ``, 1)
	text = strings.Replace(text, `"until": "2027-06-30T00:00:00Z",`, `"unattended": true,`, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runWith(t.Context(), "boundary", "check", dir)
	_, review, _ := strings.Cut(got.stdout, "rules 2\n")
	want := "review: boundary.jsonc:18: privileged operation crm.contact.read\n" +
		"review: boundary.jsonc:37: permit without end sales-reads\n" +
		"review: boundary.jsonc:37: unattended permit sales-reads\n"
	if got.status != 0 || got.stderr != "" || review != want {
		t.Errorf("got %#v", got)
	}
}
