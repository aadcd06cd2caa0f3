package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit"
)

func rekeyed(t *testing.T, args ...string) (vkey string) {
	t.Helper()
	got := runWith(t.Context(), append([]string{"audit", "rekey"}, args...)...)
	if got.status != statusOK || got.stderr != "" || !strings.HasPrefix(got.stdout, "acme.example/hr/a+") {
		t.Fatalf("%#v", got)
	}
	return strings.TrimSuffix(got.stdout, "\n")
}

// TestAuditRekey: the log goes on under a key that is made beside it, or is brought; and who has
// the first one still verifies it, and is told the newest. Who has both does not take the log as
// it was before, in whatever order he gives them.
func TestAuditRekey(t *testing.T) {
	dir, first := serviceOf(t, "acme.example/hr/a")
	proof, line := filepath.Join(t.TempDir(), "proof"), filepath.Join(t.TempDir(), "line")
	check(t, result{0, strings.Replace(verified(t, dir, first), `"`+dir+`": `, "", 1), ""}, "audit", "verify", "-key", first, dir)
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.WriteFile(kept, []byte("no checkpoint"), 0o600); err != nil {
		t.Fatal(err)
	}
	prefix(t, result{1, "", "carnet audit rekey: audit: "}, "audit", "rekey", "-checkpoint", kept, dir)
	prefix(t, result{1, "", "carnet audit rekey: the file that -checkpoint names cannot be read"}, "audit", "rekey", "-checkpoint", kept+"x", dir)
	before := filepath.Join(t.TempDir(), "before")
	if err := os.CopyFS(before, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	second := rekeyed(t, "-checkpoint", filepath.Join(dir, "checkpoint"), dir)
	for _, keys := range [][]string{{first, second}, {second, first}} {
		want := "audit: \"seg/00000000000000000000.jsonl\": " // and what
		got := runWith(t.Context(), "audit", "verify", "-key", keys[0], "-key", keys[1], before)
		if got.status != 1 || !strings.HasPrefix(got.stdout, want) || !strings.Contains(got.stdout, "(rekey)") {
			t.Errorf("set back before its rekey: %#v", got)
		}
	}
	told := "audit: the log goes on under another key, which proofs need from then on: "
	for _, c := range []struct {
		keys []string
		told string
	}{{[]string{"-key", first}, told + second + "\n"}, {[]string{"-key", second}, ""}, {[]string{"-key", first, "-key", second}, ""}, {[]string{"-key", second, "-key", first}, ""}, {[]string{"-key", dir + ".vkey"}, ""}} {
		want := strings.Replace(verified(t, dir, first), `"`+dir+`": `, "", 1) + c.told
		check(t, result{0, want, ""}, append(append([]string{"audit", "verify"}, c.keys...), dir)...)
	}
	check(t, result{0, verified(t, dir, first) + strings.Replace(told, "audit: ", `audit: "`+dir+`": `, 1) + second + "\n", ""},
		"audit", "verify", "-key", first, "-expect", "acme.example/hr/a", dir)
	for name, args := range map[string][]string{proof: {dir, "2"}, line: {"-line", dir, "2"}} {
		got := runWith(t.Context(), append([]string{"audit", "prove"}, args...)...)
		if err := os.WriteFile(name, []byte(got.stdout), 0o600); err != nil || got.status != 0 {
			t.Fatalf("%#v, %v", got, err)
		}
	}
	check(t, result{0, "audit: the event is in the log\n", ""}, "audit", "verify", "-key", second, "-proof", proof, "-line", line)
	prefix(t, result{1, "", "carnet audit verify: verify: not proven"}, "audit", "verify", "-key", first, "-proof", proof, "-line", line)

	other := filepath.Join(t.TempDir(), "other")
	if err := audit.Create(t.Context(), other, "acme.example/hr/a", nil); err != nil {
		t.Fatal(err)
	}
	third := rekeyed(t, "-to", other+".key", dir)
	if text, err := os.ReadFile(other + ".vkey"); err != nil || strings.TrimSpace(string(text)) != third {
		t.Errorf("it is under another key: %v", err)
	}
	if _, err := os.Lstat(dir + ".key"); err == nil {
		t.Error("the old key stands where the log's was")
	}
	check(t, result{1, "", "carnet audit rekey: audit: the log's key is missing, and no signer is given\n"}, "audit", "rekey", dir)
	old := dir + ".key." + strings.Split(second, "+")[1]
	check(t, result{1, "", "carnet audit rekey: " + audit.ErrRekeyed.Error() + "\n"}, "audit", "rekey", "-key", old, dir)
	fourth := rekeyed(t, "-key", other+".key", dir)
	check(t, result{0, strings.Replace(verified(t, dir, first), `"`+dir+`": `, "", 1) + told + fourth + "\n", ""}, "audit", "verify", "-key", first, dir)
}

func TestAuditRekeyRefuses(t *testing.T) {
	dir, _ := serviceOf(t, "acme.example/hr/a")
	usage := result{2, "", "carnet audit rekey: give one DIR, after the flags\nRun carnet audit rekey -h for its arguments and an example.\n"}
	check(t, usage, "audit", "rekey")
	check(t, usage, "audit", "rekey", dir, dir)
	failed := func(problem string) result { return result{1, "", "carnet audit rekey: " + problem + "\n"} }
	check(t, failed("DIR is no folder that can be read"), "audit", "rekey", dir+"x")
	check(t, failed("DIR is no folder that can be read"), "audit", "rekey", dir+".key")
	check(t, failed("the file that -to names cannot be read: file does not exist"), "audit", "rekey", "-to", dir+"x", dir)
	const bad = "is no private key of a log, in a regular file that is its owner's alone: chmod 600 it"
	check(t, failed("the file that -key names "+bad), "audit", "rekey", "-key", dir, dir)
	check(t, failed("the file that -key names "+bad), "audit", "rekey", "-key", dir+".vkey", dir)
	private, err := os.ReadFile(dir + ".key")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key")
	for name, text := range map[string]string{
		"nothing": "", "two lines": string(private) + "x\n", "another hash": strings.Replace(string(private), "+acme.example/hr/a+", "+acme.example/hr/a+0", 1),
		"a witness's": "PRIVATE+KEY+w+00000000+BAAA", "endless": strings.Repeat("x", mostIdentity+1),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := runWith(t.Context(), "audit", "rekey", "-to", file, dir); got != failed("the file that -to names "+bad) {
			t.Errorf("%s: %#v", name, got)
		}
	}
	if err := os.WriteFile(file, private, 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, failed("audit: the new key is or was the log's already"), "audit", "rekey", "-to", file, dir)
	if runtime.GOOS != "windows" {
		if err := os.Chmod(file, 0o640); err != nil {
			t.Fatal(err)
		}
		check(t, failed("the file that -to names "+bad), "audit", "rekey", "-to", file, dir)
	}
	log, err := audit.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, failed("audit: the log is in use"), "audit", "rekey", dir)
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rekeyed(t, dir)
	theirs := "/" // who is not root has none
	if runtime.GOOS == "windows" {
		return
	}
	if os.Geteuid() == 0 {
		theirs = dir
		if err := os.Chown(dir, 65534, -1); err != nil {
			t.Fatal(err)
		}
	}
	check(t, failed("DIR is somebody else's, who could not open it any more: run this as its owner"), "audit", "rekey", theirs)
}
