package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
)

// serviceOf writes a log of one grant.
func serviceOf(t *testing.T, origin string) (dir, key string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "audit")
	if err := audit.Create(t.Context(), dir, origin, nil); err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Decision: "allowed", Grant: "g-1"}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dir, log.Key()
}

func verified(t *testing.T, dir, key string) string {
	t.Helper()
	report, err := verify.Dir(t.Context(), os.DirFS(dir), []string{key})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("audit: %q: %s\n", dir, report)
}

func TestAuditVerifyOfManyLogs(t *testing.T) {
	const a, b = "acme.example/hr/a", "acme.example/hr/b"
	da, ka := serviceOf(t, a)
	db, kb := serviceOf(t, b)
	la, lb := verified(t, da, ka), verified(t, db, kb)
	with := func(args ...string) []string {
		return append([]string{"audit", "verify", "-key", ka, "-key", kb}, args...)
	}
	bad := func(lines string) result { return result{1, lines, "carnet audit verify: not verified\n"} }
	kept := filepath.Join(da, "checkpoint")

	check(t, result{0, la + lb, ""}, with("-expect", a, "-expect", b, da, db)...)
	check(t, result{0, la + lb, ""}, with("-expect", a, "-expect", b, "-checkpoint", kept, da, db)...)
	check(t, result{0, la, ""}, with("-expect", a, da)...)
	check(t, bad(la+fmt.Sprintf("audit: %q: no log was verified, so what is in it is unknown\n", b)), with("-expect", a, "-expect", b, da)...)
	check(t, bad(la+fmt.Sprintf("audit: %q: %s\n", db, verify.Finding{Code: "origin", File: "seg/00000000000000000000.jsonl"})), with("-expect", a, da, db)...)

	another, newer := serviceOf(t, a)
	not := verify.Finding{Code: "rekey", File: "seg/00000000000000000000.jsonl"}
	never := fmt.Sprintf("audit: %q: %s\naudit: %q: %s\n", da, not, another, not)
	got := runWith(t.Context(), with("-key", newer, "-expect", a, da, another)...)
	if got.status != 1 || !strings.HasPrefix(got.stdout, never) {
		t.Errorf("logs that were not under one of their origin's keys: got %#v", got)
	}
	whole, kf := serviceOf(t, a)
	fork := filepath.Join(t.TempDir(), "audit")
	if err := os.CopyFS(filepath.Dir(fork), os.DirFS(filepath.Dir(whole))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(fork+".key", 0o600); err != nil {
		t.Fatal(err)
	}
	for i, dir := range []string{whole, fork} {
		log, err := audit.Open(t.Context(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Outcome: []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeFailure}[i]}); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got = runWith(t.Context(), "audit", "verify", "-key", kf, "-expect", a, whole, fork)
	if got.status != 1 || !strings.Contains(got.stdout, "another log of this origin has another line here (fork), first bad index") {
		t.Errorf("a fork: got %#v", got)
	}
	missing := filepath.Join(t.TempDir(), "none")
	got = runWith(t.Context(), with("-expect", a, "-expect", b, da, missing)...)
	if got.status != 1 || !strings.HasPrefix(got.stdout, la) || !strings.Contains(got.stdout, `"acme.example/hr/b": no log was verified`) || !strings.Contains(got.stderr, "cannot be read") {
		t.Errorf("a folder that is not there: got %#v", got)
	}
	failed := func(problem string) result { return result{1, "", "carnet audit verify: " + problem + "\n"} }
	check(t, failed("a file that -checkpoint names is a checkpoint of none of these logs"), with("-expect", b, "-checkpoint", kept, db)...)
	check(t, failed("the file that -checkpoint names cannot be read: file does not exist"), with("-expect", b, "-checkpoint", kept+"x", db)...)
	check(t, failed("verify: no expected origin given, and logs do not tell which of them are missing"), with("-expect", "", db)...)
}

// TestAuditVerifyWithWitnesses: what must be cosigned, and is not, is refused.
func TestAuditVerifyWithWitnesses(t *testing.T) {
	const witness = "witness.example/w+b9600f90+BB8moJpoPevEOS2uOeST7Y9mF1bVaIhAj44m7Egwf5D2" // some key that never signs
	dir, key := service(t, 2)
	kept := filepath.Join(dir, "checkpoint")
	proof, line := write(t, runWith(t.Context(), "audit", "prove", dir, "2").stdout), write(t, runWith(t.Context(), "audit", "prove", "-line", dir, "2").stdout)
	failed := func(problem string) result { return result{1, "", "carnet audit verify: " + problem + "\n"} }
	known := result{1, "audit: \"known checkpoint\": is not valid under the given keys (known)\n", "carnet audit verify: not verified\n"}
	one := []string{"-proof", proof, "-line", line}
	with := func(args ...string) []string { return append([]string{"audit", "verify", "-key", key}, args...) }

	check(t, result{0, "audit: the event is in the log\n", ""}, with(append(one, "-witness", witness)...)...)
	check(t, failed("verify: not proven: its checkpoint is not valid under the given keys"), with(append(one, "-witness", write(t, witness+"\n"), "-threshold", "1")...)...)
	check(t, known, with("-checkpoint", kept, "-witness", witness, "-threshold", "1", dir)...)
	check(t, known, with("-witness", witness, "-threshold", "1", dir)...)
	prefix(t, result{0, "audit: ", ""}, with("-checkpoint", kept, "-witness", witness, dir)...)
	check(t, failed("verify: the threshold is not between 0 and the number of witnesses"), with("-threshold", "1", dir)...)
	check(t, failed("-witness is neither a key, origin+hash+base64, nor a file that can be read"), with("-witness", "x", dir)...)
	check(t, failed("verify: not a canonical cosignature key of a witness"), with("-witness", key, dir)...)
}
