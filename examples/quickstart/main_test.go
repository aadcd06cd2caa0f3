package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/verify"
)

var lastLine = regexp.MustCompile(`^audit: \d+ events, \d+ grants, verified, root [A-Za-z0-9+/]{43}=$`)

var token = regexp.MustCompile(`tk1\.[A-Za-z0-9_.-]+`)

// masked is a line as the README may show it: counts, root and tokens differ from run
// to run.
func masked(line string) string {
	if lastLine.MatchString(line) {
		return "audit: N events, G grants, verified, root BASE64"
	}
	return token.ReplaceAllString(line, "TOKEN")
}

// names are the files and folders directly below dir.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := []string{}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

// digest is one hash over all files below dir.
func digest(t *testing.T, dir string) [32]byte {
	t.Helper()
	h := sha256.New()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		h.Write([]byte(name + "\x00"))
		h.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return [32]byte(h.Sum(nil))
}

// build compiles a command of this project.
func build(t *testing.T, what string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, what).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

func TestRunLeavesWhatAStrangerVerifies(t *testing.T) {
	carnet := build(t, "github.com/carnet-go/carnet/cmd/carnet")
	for range 2 {
		dir := filepath.Join(t.TempDir(), "demo")
		var out bytes.Buffer
		if err := run(t.Context(), &out, dir); err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if last := lines[len(lines)-1]; !lastLine.MatchString(last) {
			t.Errorf("the last line is %q", last)
		}
		if got, want := names(t, dir), []string{"audit", "audit.vkey", "boundary", "journal"}; !slices.Equal(got, want) {
			t.Errorf("left %v, want %v", got, want)
		}
		key, err := os.ReadFile(filepath.Join(dir, "audit.vkey"))
		if err != nil {
			t.Fatal(err)
		}
		report, err := verify.Dir(t.Context(), os.DirFS(filepath.Join(dir, "audit")), []string{strings.TrimSpace(string(key))})
		if err != nil || "audit: "+report.String() != lines[len(lines)-1] {
			t.Errorf("verify = %v, %v", report, err)
		}
		audit := []string{"audit", "verify", "-key", filepath.Join(dir, "audit.vkey"), filepath.Join(dir, "audit")}
		said, err := exec.CommandContext(t.Context(), carnet, audit...).CombinedOutput()
		if err != nil || !strings.Contains(string(said), report.String()) {
			t.Errorf("carnet: %v\n%s", err, said)
		}
		flip(t, filepath.Join(dir, "audit", "seg", strings.Repeat("0", 20)+".jsonl"))
		if said, err := exec.CommandContext(t.Context(), carnet, audit...).CombinedOutput(); err == nil {
			t.Errorf("carnet verifies a log with another byte:\n%s", said)
		}
	}
}

func flip(t *testing.T, name string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestKilledServiceIsTakenUp: wherever it is killed, the next one finds out what stands
// there, and takes it back; what cannot be taken back waits for a person.
func TestKilledServiceIsTakenUp(t *testing.T) {
	quickstart := build(t, ".")
	for step, want := range map[string]string{
		"account":  "resumed alice-okafor: rolled back at payroll: auth: denied: no permit\nleft of 9007199254741009: directory 0 erp 0; the CRM keeps 2 contacts\n",
		"payroll":  "resumed alice-okafor: rolled back at payroll: auth: denied: no permit\nleft of 9007199254741009: directory 0 erp 0; the CRM keeps 2 contacts\n",
		"contact":  "resumed alice-okafor: rolled back at contact: auth: denied: no permit\nleft of 9007199254741009: directory 0 erp 0; the CRM keeps 2 contacts\n",
		"announce": "resumed alice-okafor: failsafe: parked at announce: unknown\nleft of 9007199254741009: directory 1 erp 1; the CRM keeps 3 contacts\n",
	} {
		said, err := exec.CommandContext(t.Context(), quickstart, "-kill", step).CombinedOutput()
		if err != nil || !strings.HasPrefix(string(said), "killed in the middle of "+step+"\n") || !strings.Contains(string(said), want) || !strings.Contains(string(said), ", verified, root ") {
			t.Errorf("%s: %v\n%s", step, err, said)
		}
	}
	if said, err := exec.CommandContext(t.Context(), quickstart, "-kill", "nothing").CombinedOutput(); err == nil || !strings.Contains(string(said), "-kill takes account, payroll, contact or announce") {
		t.Errorf("%v\n%s", err, said)
	}
	if said, err := exec.CommandContext(t.Context(), quickstart, "-child").CombinedOutput(); err == nil || !strings.Contains(string(said), "in which world") {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestRunRefusesUsedFolder(t *testing.T) {
	dir := t.TempDir()
	if err := run(t.Context(), new(bytes.Buffer), dir); err != nil {
		t.Fatal(err)
	}
	before := digest(t, dir)
	if err := run(t.Context(), new(bytes.Buffer), dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("run = %v", err)
	}
	if digest(t, dir) != before {
		t.Error("the log of the first run has changed")
	}
}

func TestCommandSaysWhyAndExits1(t *testing.T) {
	quickstart, dir := build(t, "."), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), quickstart, "-dir", dir).CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 1 || !strings.Contains(string(said), "choose an empty one") {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestRunWithoutFolderLeavesNothing(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary)
	if err := run(t.Context(), new(bytes.Buffer), ""); err != nil {
		t.Fatal(err)
	}
	if left := names(t, temporary); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(bytes.Buffer), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("run = %v", err)
	}
}

func TestProgramFitsOnAPage(t *testing.T) {
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n > 150 {
		t.Errorf("main.go has %d lines", n)
	}
}
