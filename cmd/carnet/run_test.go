package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
)

// result is all that a run of the command shows.
type result struct {
	status         int
	stdout, stderr string
}

func runWith(ctx context.Context, args ...string) result {
	var stdout, stderr bytes.Buffer
	status := run(ctx, args, nil, &stdout, &stderr)
	return result{status, stdout.String(), stderr.String()}
}

// check runs the command and compares everything.
func check(t *testing.T, want result, args ...string) {
	t.Helper()
	if got := runWith(t.Context(), args...); got != want {
		t.Errorf("carnet %s\ngot  %#v\nwant %#v", strings.Join(args, " "), got, want)
	}
}

// prefix checks a run of which only the beginning of the output is written down.
func prefix(t *testing.T, want result, args ...string) {
	t.Helper()
	got := runWith(t.Context(), args...)
	if got.status != want.status || !strings.HasPrefix(got.stdout, want.stdout) || !strings.HasPrefix(got.stderr, want.stderr) ||
		(want.stdout == "") != (got.stdout == "") || (want.stderr == "") != (got.stderr == "") {
		t.Errorf("carnet %s\ngot  %#v\nwant %#v", strings.Join(args, " "), got, want)
	}
}

const overviewText = `carnet verifies logs, checks boundaries, tells which runs wait, and keeps secrets.

  carnet audit verify     verify a whole log, or the proof of one event
  carnet audit prove      print the proof of one event, or the event
  carnet audit erase      forget whose pseudonym in a log was somebody's
  carnet audit rekey      let a log that is not in use go on under another key
  carnet audit witness    vouch, on another machine, that logs only grow
  carnet boundary init    write a commented boundary to start from
  carnet boundary check   check a boundary, and list what to look at in a review
  carnet mapping check    check a boundary's mappings, and print which field flows where
  carnet mapping report   say which field flows where, for people, tools or a page
  carnet mapping diff     say which flows are others than before
  carnet format           print what an editor checks our files with
  carnet run list         list the runs in a journal that wait, or are under way
  carnet run show         print what a journal remembers of one run, without its data
  carnet vault init       make an encrypted file for secrets, and the identity that opens it
  carnet vault set        write a secret, in place of what stood there
  carnet vault list       list paths, versions and fields, without values
  carnet vault remove     remove a secret
  carnet vault rekey      encrypt the file to another identity
  carnet vault raise      make an older copy of the file newer than a generation
  carnet version          print the version that this command was built from

Run any with -h for its arguments and an example.
`

const auditText = `carnet verifies logs, checks boundaries, tells which runs wait, and keeps secrets.

  carnet audit verify     verify a whole log, or the proof of one event
  carnet audit prove      print the proof of one event, or the event
  carnet audit erase      forget whose pseudonym in a log was somebody's
  carnet audit rekey      let a log that is not in use go on under another key
  carnet audit witness    vouch, on another machine, that logs only grow

Run any with -h for its arguments and an example.
`

const versionHelp = "carnet version: print the version that this command was built from\n\ncarnet version\n\nExample:\n  carnet version\n"

func TestCommandLine(t *testing.T) {
	more := "\nRun carnet help for what there is.\n"
	for _, c := range []struct {
		args string
		want result
	}{
		{"", result{2, "", overviewText}},
		{"help", result{0, overviewText, ""}},
		{"-h", result{0, overviewText, ""}},
		{"--help", result{0, overviewText, ""}},
		{"audit", result{2, "", auditText}},
		{"audit -h", result{0, auditText, ""}},
		{"help audit", result{0, auditText, ""}},
		{"help version", result{0, versionHelp, ""}},
		{"version -h", result{0, versionHelp, ""}},
		{"version --help", result{0, versionHelp, ""}},
		{"version x", result{2, "", "carnet version: takes no argument\nRun carnet version -h for its arguments and an example.\n"}},
		{"versoin", result{2, "", `carnet: no command "versoin"; did you mean "version"?` + more}},
		{"audit verfy DIR", result{2, "", `carnet: no command "audit verfy"; did you mean "audit verify"?` + more}},
		{"audti prove", result{2, "", `carnet: no command "audti prove"; did you mean "audit prove"?` + more}},
		{"verify DIR", result{2, "", `carnet: no command "verify DIR"; did you mean "audit verify"?` + more}},
		{"chekc", result{2, "", `carnet: no command "chekc"; did you mean "boundary check"?` + more}},
		{"help prov", result{2, "", `carnet: no command "prov"; did you mean "audit prove"?` + more}},
		{"deploy", result{2, "", `carnet: no command "deploy"` + more}},
		{"-x", result{2, "", `carnet: no command "-x"` + more}},
	} {
		check(t, c.want, strings.Fields(c.args)...)
	}
}

// TestEachCommandHasHelp: -h, what follows -h on the same line, and an example.
func TestEachCommandHasHelp(t *testing.T) {
	for _, c := range commands() {
		args := append(strings.Fields(c.name), "-h")
		got := runWith(t.Context(), args...)
		if got.status != 0 || got.stderr != "" || !strings.Contains(got.stdout, "Example:\n  carnet "+c.name) {
			t.Errorf("%s: got %#v", c.name, got)
		}
		if asked := runWith(t.Context(), append([]string{"help"}, args[:len(args)-1]...)...); asked != got {
			t.Errorf("help %s: got %#v", c.name, asked)
		}
		if bad := runWith(t.Context(), append(args[:len(args)-1:len(args)-1], "-no-such-flag")...); bad.status != 2 || bad.stdout != "" ||
			!strings.HasPrefix(bad.stderr, "carnet "+c.name+": flag provided but not defined: -no-such-flag\n") {
			t.Errorf("%s -no-such-flag: got %#v", c.name, bad)
		}
	}
}

func TestVersion(t *testing.T) {
	prefix(t, result{status: 0, stdout: "carnet "}, "version")
	for _, c := range []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{}, "carnet (unknown), Go (unknown)"},
		{debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.2.0"}}, "carnet v0.2.0, Go go1.26.8"},
		{debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{
			{Key: "GOOS", Value: "linux"}, {Key: "vcs.revision", Value: "0a1b"}, {Key: "vcs.modified", Value: "true"},
		}}, "carnet (devel) 0a1b (modified), Go go1.26.8"},
	} {
		if got := versionText(&c.info); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// service writes a log as a service does, and returns where, and its key.
func service(t *testing.T, events int) (dir, key string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "audit")
	if err := audit.Create(t.Context(), dir, "acme.example/hr/a", nil); err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if _, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Decision: "allowed", Grant: fmt.Sprintf("g-%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dir, log.Key()
}

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, file ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(file...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAuditVerify(t *testing.T) {
	dir, key := service(t, 3)
	report, err := verify.Dir(t.Context(), os.DirFS(dir), []string{key})
	if err != nil || len(report.Findings) > 0 || report.Grants != 3 {
		t.Fatal(report, err)
	}
	good := result{0, fmt.Sprintf("audit: %d events, 3 grants, verified, root %s\n", report.Events, strings.Fields(report.String())[6]), ""}
	kept := filepath.Join(dir, "checkpoint")
	check(t, good, "audit", "verify", "-key", key, dir)
	check(t, good, "audit", "verify", "-key="+dir+".vkey", dir)
	_, elsewhere := serviceOf(t, "acme.example/hr/z")
	check(t, good, "audit", "verify", "-key", elsewhere, "-key", write(t, "  "+key+"\r\n"), dir)
	check(t, good, "audit", "verify", "-key", key, "-checkpoint", kept, "-checkpoint", kept, dir)

	usage := func(problem string) result {
		return result{2, "", "carnet audit verify: " + problem + "\nRun carnet audit verify -h for its arguments and an example.\n"}
	}
	check(t, usage(noKey), "audit", "verify", dir)
	check(t, usage(noKey), "audit", "verify")
	check(t, usage("give one DIR, after the flags, or several with -expect for each log that must be there"), "audit", "verify", "-key", key)
	check(t, usage("give one DIR, after the flags, or several with -expect for each log that must be there"), "audit", "verify", "-key", key, dir, dir)
	check(t, usage("flag provided but not defined: -keys-from-dir"), "audit", "verify", "-keys-from-dir", dir)
	check(t, usage("flag needs an argument: -key"), "audit", "verify", "-key")

	failed := func(problem string) result { return result{1, "", "carnet audit verify: " + problem + "\n"} }
	check(t, failed("-key is neither a key, origin+hash+base64, nor a file that can be read"), "audit", "verify", "-key", "acme", dir)
	check(t, failed("-key is neither a key, origin+hash+base64, nor a file that can be read"), "audit", "verify", "-key", dir, dir)
	check(t, failed("the file that -key names does not hold one key, origin+hash+base64"), "audit", "verify", "-key", kept, dir)
	check(t, failed("the file that -key names does not hold one key, origin+hash+base64"), "audit", "verify", "-key", write(t, key+"\n"+key), dir)
	check(t, failed("the file that -checkpoint names cannot be read: file does not exist"), "audit", "verify", "-key", key, "-checkpoint", kept+"x", dir)
	check(t, failed("the file that -checkpoint names cannot be read: it is no regular file"), "audit", "verify", "-key", key, "-checkpoint", dir, dir)
	check(t, failed("the file that -checkpoint names is too large to be one"), "audit", "verify", "-key", key, "-checkpoint", write(t, strings.Repeat("x", 1<<20)), dir)
	check(t, failed(`verify: "." cannot be read: file does not exist`), "audit", "verify", "-key", key, dir+"x")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := runWith(ctx, "audit", "verify", "-key", key, dir); got != failed("interrupted") {
		t.Errorf("got %#v", got)
	}
}

func TestAuditVerifyTellsEveryFinding(t *testing.T) {
	dir, key := service(t, 3)
	_, other := service(t, 0)
	file := filepath.Join(dir, "seg", "00000000000000000000.jsonl")
	text := read(t, file)
	report, err := verify.Dir(t.Context(), os.DirFS(dir), []string{key})
	if err != nil {
		t.Fatal(err)
	}
	bad := func(findings string) result { return result{1, findings, "carnet audit verify: not verified\n"} }
	const seg = `audit: "seg/00000000000000000000.jsonl": `
	if err := os.WriteFile(file, []byte(strings.Replace(text, `"g-1"`, `"g-9"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a\nb"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	index := -1
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, `{"commit":`) {
			index++
		}
		if strings.Contains(line, `"g-1"`) {
			break
		}
	}
	check(t, bad(fmt.Sprintf("%sa line does not match its hash in the tree (line), first bad index %d\n"+
		`audit: "a\nb": does not belong to the log (stray)`+"\n", seg, index)), "audit", "verify", "-key", key, dir)
	if err := os.Remove(filepath.Join(dir, "a\nb")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	prefix(t, bad(seg+"the genesis event names an origin or key that was not given (key), first bad index 0\n"), "audit", "verify", "-key", other, dir)
	check(t, bad("audit: \"known checkpoint\": is not valid under the given keys (known)\n"), "audit", "verify", "-key", key, "-checkpoint", write(t, "x"), dir)
	if err := os.WriteFile(file, []byte(text+`{"x":1}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	prefix(t, bad(fmt.Sprintf("%sthe last batch has no commit line: the log is in use or was not closed (torn), first bad index %d\n", seg, report.Events)),
		"audit", "verify", "-key", key, dir)
}

func TestAuditProveAndVerifyOffline(t *testing.T) {
	dir, key := service(t, 3)
	proof := runWith(t.Context(), "audit", "prove", dir, "2")
	line := runWith(t.Context(), "audit", "prove", "-line", dir, "2")
	if proof.status != 0 || line.status != 0 || !strings.HasPrefix(proof.stdout, "c2sp.org/tlog-proof@v1\nindex 2\n") || !strings.HasSuffix(line.stdout, "}\n") {
		t.Fatalf("got %#v, %#v", proof, line)
	}
	p, l := write(t, proof.stdout), write(t, line.stdout)
	check(t, result{0, "audit: the event is in the log\n", ""}, "audit", "verify", "-key", key, "-proof", p, "-line", l)
	check(t, result{0, "audit: the event is in the log\n", ""}, "audit", "verify", "-key", key, "-proof", p, "-line", write(t, strings.TrimSpace(line.stdout)))

	failed := func(problem string) result { return result{1, "", "carnet audit verify: " + problem + "\n"} }
	check(t, failed("verify: not proven: the line is not the one that it is about"), "audit", "verify", "-key", key, "-proof", p, "-line", write(t, line.stdout+"\n"))
	check(t, failed("verify: not proven: the proof is malformed"), "audit", "verify", "-key", key, "-proof", l, "-line", p)
	_, other := service(t, 0)
	check(t, failed("verify: not proven: its checkpoint is not valid under the given keys"), "audit", "verify", "-key", other, "-proof", p, "-line", l)
	check(t, failed("the file that -proof names cannot be read: file does not exist"), "audit", "verify", "-key", key, "-proof", p+"x", "-line", l)
	check(t, failed("the file that -line names cannot be read: file does not exist"), "audit", "verify", "-key", key, "-proof", p, "-line", l+"x")

	usage := func(problem string) result {
		return result{2, "", "carnet audit verify: " + problem + "\nRun carnet audit verify -h for its arguments and an example.\n"}
	}
	check(t, usage("-proof and -line belong together"), "audit", "verify", "-key", key, "-proof", p)
	check(t, usage("-proof and -line belong together"), "audit", "verify", "-key", key, "-line", l, dir)
	check(t, usage("-proof needs neither DIR nor -checkpoint nor -expect"), "audit", "verify", "-key", key, "-proof", p, "-line", l, dir)
	check(t, usage(noKey), "audit", "verify", "-proof", p, "-line", l)

	usage = func(problem string) result {
		return result{2, "", "carnet audit prove: " + problem + "\nRun carnet audit prove -h for its arguments and an example.\n"}
	}
	check(t, usage("give DIR and INDEX, after the flags"), "audit", "prove", dir)
	check(t, usage("INDEX is a number from 0"), "audit", "prove", dir, "two")
	check(t, usage("INDEX is a number from 0"), "audit", "prove", "--", dir, "-1")
	prefix(t, result{1, "", "carnet audit prove: audit: "}, "audit", "prove", dir, "4711")
	prefix(t, result{1, "", "carnet audit prove: audit: "}, "audit", "prove", dir+"x", "0")
}

// broken cannot be written to.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestOutputThatCannotBeWritten(t *testing.T) {
	dir, _ := service(t, 0)
	var stderr bytes.Buffer
	if status := run(t.Context(), []string{"audit", "prove", dir, "0"}, nil, broken{}, &stderr); status != 1 {
		t.Errorf("got %d, %s", status, stderr.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

// TestWhatCannotBeWrittenIsNoSuccess: a report that nobody can read is none.
func TestWhatCannotBeWrittenIsNoSuccess(t *testing.T) {
	var stderr bytes.Buffer
	if status := run(t.Context(), []string{"version"}, nil, full{}, &stderr); status != statusWrong || stderr.Len() == 0 {
		t.Errorf("status %d, %q", status, stderr.String())
	}
}
