package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
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

func TestMappingReport(t *testing.T) {
	dir := t.TempDir()
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	second(t, dir)
	bound, err := boundary.Load(os.DirFS(dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	one := bound.Mapping("employee-to-contact")
	check(t, result{0, strings.TrimRight(one.Report(), "\n") + "\n", ""}, "mapping", "report", dir, "employee-to-contact")
	check(t, result{0, string(one.ReportSVG()), ""}, "mapping", "report", "-svg", dir, "employee-to-contact")
	var all []struct{ Mapping, Hash string }
	if err := json.Unmarshal([]byte(stdoutOf(t, "mapping", "report", "-json", dir)), &all); err != nil || len(all) != 2 || all[1].Mapping != "employee-to-contact" || all[1].Hash != one.Hash() {
		t.Errorf("%+v, %v", all, err)
	}
	for says, args := range map[string][]string{
		"give DIR, and after it":    {},
		"a picture is of one":       {"-svg", dir},
		"say either -json or -svg":  {"-svg", "-json", dir, "again"},
		"a picture is of one mappi": {"-svg", dir, "again", "employee-to-contact"},
	} {
		prefix(t, result{2, "", "carnet mapping report: " + says}, append([]string{"mapping", "report"}, args...)...)
	}
	prefix(t, result{1, "", `carnet mapping report: no mapping "agian"; did you mean "again"?`}, "mapping", "report", "-json", dir, "agian")
}

// TestMappingDiff: what a reviewer of a change wants to see, and nothing else.
func TestMappingDiff(t *testing.T) {
	old, now := t.TempDir(), t.TempDir()
	for _, dir := range []string{old, now} {
		prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	}
	check(t, result{0, "", ""}, "mapping", "diff", old, now)
	file := filepath.Join(now, "mappings", "employee-to-contact.jsonc")
	text := read(t, file)
	if err := os.WriteFile(file, []byte("// a comment changes nothing\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, result{0, "", ""}, "mapping", "diff", old, now)
	second(t, now)
	got := stdoutOf(t, "mapping", "diff", old, now)
	if !strings.HasPrefix(got, "again:\n+ again: employee to contact\n+ destination crm") || strings.Contains(got, "\n- ") || strings.Contains(got, "employee-to-contact") || strings.Count(got, "\n+ hash ") != 3 || !strings.Contains(got, "\n+ carried by crm.contact.tell: POST https://crm.example/contacts\n") {
		t.Errorf("a mapping more:\n%s", got)
	}
	if got := stdoutOf(t, "mapping", "diff", now, old); !strings.HasPrefix(got, "again:\n- again: employee to contact\n- destination") || strings.Contains(got, "+ ") {
		t.Errorf("a mapping less:\n%s", got)
	}
	prefix(t, result{1, now + "/none:\nF106 the folder cannot be read", "carnet mapping diff: findings: 1\n"}, "mapping", "diff", old, now+"/none")
	prefix(t, result{2, "", "carnet mapping diff: give OLD and NEW"}, "mapping", "diff", old)
}

// TestMappingDiffOfAFlow: a field that has another transform is one line less and one more, side
// by side.
func TestMappingDiffOfAFlow(t *testing.T) {
	got := changes(
		[]string{"m: a to b", "set /a <- /a [internal]", "set /b <- /b [internal]", "drop /c: no use [internal]", "leaves internal", "hash 1"},
		[]string{"m: a to b", "set /a <- /a | redact [internal]", "set /b <- /b [internal]", "set /c <- /c [internal]", "leaves internal", "hash 2"})
	want := []string{"- set /a <- /a [internal]", "+ set /a <- /a | redact [internal]", "- drop /c: no use [internal]", "+ set /c <- /c [internal]", "- hash 1", "+ hash 2"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q", got)
	}
	got = changes(
		[]string{"set /a <- /a", "not together /a, /b: restricted", "leaves restricted", "no release is used", "hash of the source's schema 2", "hash 2"},
		[]string{"set /a <- /a", "together /a, /b: restricted", "leaves internal", "not after 2027-01-01", "hash of the source's schema 1", "hash 1"})
	want = []string{
		"- not together /a, /b: restricted", "+ together /a, /b: restricted", "- leaves restricted", "+ leaves internal", "- no release is used", "+ not after 2027-01-01",
		"- hash of the source's schema 2", "+ hash of the source's schema 1", "- hash 2", "+ hash 1",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q", got)
	}
}

// TestMappingDiffShowsGuards: who takes a guard away, and has a reason for another change in the
// same breath, does not hide it behind that.
func TestMappingDiffShowsGuards(t *testing.T) {
	schema := filepath.Join("schemas", "employee.jsonc")
	guard := func(text string) string {
		return strings.Replace(text, `"properties": {`, `"combine": [{"fields": ["/name", "/national_id"], "classification": "restricted"}],`+"\n"+`"properties": {`, 1)
	}
	noise := func(text string) string {
		return strings.Replace(text, `"properties": {`, `"properties": {"sex": {"type": "string", "maxLength": 1, "classification": "internal", "residency": ["*"], "purposes": ["*"]},`, 1)
	}
	old, now := t.TempDir(), t.TempDir()
	for _, dir := range []string{old, now} {
		prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
	}
	edit(t, filepath.Join(old, schema), guard)
	edit(t, filepath.Join(now, schema), noise)
	edit(t, filepath.Join(now, "mappings", "employee-to-contact.jsonc"), func(text string) string {
		return strings.Replace(text, `"drop": {`, `"drop": {"/sex": "not needed",`, 1)
	})
	got := runWith(t.Context(), "mapping", "diff", old, now)
	for _, line := range []string{"+ drop /sex: not needed", "- not together /name, /national_id: restricted", "- hash of the source's schema ", "+ hash of the source's schema ", "- hash ", "+ hash "} {
		if got.status != statusWrong || !strings.Contains(got.stdout, "\n"+line) {
			t.Errorf("no %q in %d:\n%s", line, got.status, got.stdout)
		}
	}
	if strings.Contains(got.stdout, "destination's schema") {
		t.Errorf("the destination's schema is as it was:\n%s", got.stdout)
	}
}

// TestMappingDiffShowsOperations: two operations that exchange their mappings are a change of both,
// and one that goes elsewhere is one.
func TestMappingDiffShowsOperations(t *testing.T) {
	const tell, push = "crm.contact.tell: POST https://crm.example/contacts", "crm.contact.push: PUT https://crm.example/contacts"
	old, now := t.TempDir(), t.TempDir()
	for _, dir := range []string{old, now} {
		prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
		second(t, dir)
	}
	edit(t, filepath.Join(now, boundary.File), func(text string) string {
		return strings.NewReplacer(`"input": "again"`, `"input": "employee-to-contact"`, `"input": "employee-to-contact"`, `"input": "again"`).Replace(text)
	})
	check(t, result{
		statusWrong,
		"again:\n- carried by " + tell + "\n+ carried by " + push + "\n\nemployee-to-contact:\n- carried by " + push + "\n+ carried by " + tell + "\n",
		"",
	}, "mapping", "diff", old, now)
	elsewhere := t.TempDir()
	if err := os.CopyFS(elsewhere, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(elsewhere, boundary.File), func(text string) string {
		return strings.Replace(text, `"path": "/contacts", "input": "again"`, `"path": "/leads", "input": "again"`, 1)
	})
	check(t, result{
		statusWrong,
		"again:\n- carried by " + tell + "\n+ carried by crm.contact.tell: POST https://crm.example/leads\n",
		"",
	}, "mapping", "diff", old, elsewhere)
}

// TestWhere: no two places look like one.
func TestWhere(t *testing.T) {
	directory := auth.System{Name: "people", Kind: auth.KindDirectory, Origin: "ldaps://people.example"}
	for want, op := range map[string]auth.Operation{
		`add ldaps://people.example base "cn={name},ou=x"`:                  {Method: "add", Base: "cn={name},ou=x"},
		`search ldaps://people.example base "ou=x" filter "(cn={name})"`:    {Method: "search", Base: "ou=x", Filter: "(cn={name})"},
		`search ldaps://people.example base "ou=x (cn={name})"`:             {Method: "search", Base: "ou=x (cn={name})"},
		`search ldaps://people.example base "ou=x" filter "(cn=a  {name})"`: {Method: "search", Base: "ou=x", Filter: "(cn=a  {name})"},
	} {
		if got := where(directory, op); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestMappingsWithFunctions of a service: everything but their code is checked and shown, and that
// this is to be read, is said.
func TestMappingsWithFunctions(t *testing.T) {
	old, now := t.TempDir(), t.TempDir()
	for dir, version := range map[string]string{old: "1", now: "2"} {
		prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
		edit(t, filepath.Join(dir, "mappings", "employee-to-contact.jsonc"), custom(`[{"custom.short": {"version": "`+version+`"}}, {"enum": {"map": {"long": "l"}, "else": "s"}}]`))
	}
	const at = "mappings/employee-to-contact.jsonc:9: "
	warning := func(command, version string) string {
		return "carnet " + command + ": " + at + "custom.short, version " + version + ", is code to be read: it is not in this command\n"
	}
	got := runWith(t.Context(), "mapping", "check", old)
	if got.status != statusOK || got.stderr != warning("mapping check", "1") || !strings.Contains(got.stdout, "\ncustom code to be read: custom.short {\"version\":\"1\"}\n") {
		t.Errorf("%+v", got)
	}
	for _, as := range []string{"-json", "-svg"} {
		got := runWith(t.Context(), "mapping", "report", as, old, "employee-to-contact")
		if got.status != statusOK || got.stderr != warning("mapping report", "1") || !strings.Contains(got.stdout, "custom.short") || strings.Contains(got.stdout, "this command") {
			t.Errorf("%+v", got)
		}
	}
	got = runWith(t.Context(), "mapping", "diff", old, now)
	if got.status != statusWrong || got.stderr != warning("mapping diff", "1")+warning("mapping diff", "2") || !strings.Contains(got.stdout, "\n+ custom code to be read: custom.short {\"version\":\"2\"}\n") {
		t.Errorf("%+v", got)
	}
	got = runWith(t.Context(), "boundary", "check", old)
	if got.status != statusOK || got.stderr != "" || !strings.Contains(got.stdout, "\nreview: "+at+"code to be read: custom.short, version 1\n") {
		t.Errorf("%+v", got)
	}
}

// TestMappingsWithWrongFunctions: what is wrong besides the code of a function is found as ever.
func TestMappingsWithWrongFunctions(t *testing.T) {
	for do, want := range map[string]string{
		`[{"custom.short": {}}]`:                                           "M210 does not say which version",
		`[{"custom.short": {"version": "A b"}}]`:                           "M210 does not say which version",
		`[{"custom.Short": {"version": "1"}}]`:                             "M209",
		`[{"custom.short": {"version": "1"}}, {"int.to_string": {}}]`:      "M211",
		`[{"custom.short": {"version": "1"}}, {"redcat": {}}]`:             `did you mean "redact"`,
		`[{"custom.s": {"version": "1"}}, {"custom.s": {"version": "2"}}]`: "M210 is of another version",
	} {
		dir := t.TempDir()
		prefix(t, result{0, "wrote ", ""}, "boundary", "init", dir)
		edit(t, filepath.Join(dir, "mappings", "employee-to-contact.jsonc"), custom(do))
		for _, command := range []string{"mapping", "boundary"} {
			got := runWith(t.Context(), command, "check", dir)
			if got.status != statusWrong || !strings.Contains(got.stdout, want) || got.stderr != "carnet "+command+" check: findings: 1\n" {
				t.Errorf("%s: %+v", do, got)
			}
		}
	}
}

// custom gives a rule of the starter these steps.
func custom(do string) func(string) string {
	return func(text string) string {
		return strings.Replace(text, `"/name": {"from": "/name"}`, `"/name": {"from": "/name", "do": `+do+`, "on_error": "fail"}`, 1)
	}
}

// edit changes a file.
func edit(t *testing.T, file string, change func(string) string) {
	t.Helper()
	text := read(t, file)
	changed := change(text)
	if changed == text {
		t.Fatalf("%s: nothing to change", file)
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
}

// stdoutOf is the standard output.
func stdoutOf(t *testing.T, args ...string) string {
	t.Helper()
	return runWith(t.Context(), args...).stdout
}
