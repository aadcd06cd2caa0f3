package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/audit/verify"
	"golang.org/x/mod/sumdb/note"
)

var auditVerify = command{
	name:  "audit verify",
	short: "verify a whole log, or the proof of one event",
	usage: `
carnet audit verify -key KEY|FILE [-key ...] [-checkpoint FILE ...] DIR
carnet audit verify -key KEY|FILE [-key ...] -expect ORIGIN [-expect ...] DIR ...
carnet audit verify -key KEY|FILE -proof FILE -line FILE

  -key         public key of a log, or a file that holds it; may be repeated. Of a log that was rekeyed
               an older key will do, and the newest is printed; who has both gives both, the older
               one first: that matters where the log has given up the line between the two
  -expect      origin of a log that must be there; may be repeated, and every log must be one of them
  -checkpoint  a checkpoint that was kept elsewhere and must lie on its log's history; may be repeated
  -witness     cosignature key of a witness, or a file that holds it; may be repeated
  -threshold   how many of them must have cosigned what -proof or -checkpoint names; 0 if absent
  -proof       a c2sp.org/tlog-proof; with -line, and without DIR
  -line        the event that the proof is about, as it stands in the log

DIR is a log that is closed or idle, or a copy of one. Every finding is one line, with the file
and the first bad index. A log does not vouch for itself: take the key from whoever set the
service up, not from where the log is kept. Nor do several logs tell that one of them is
missing: the origins that -expect names do, and what is in one that is missing is unknown.

Example:
  carnet audit verify -key acme.example/hr/a+2c9d31e0+AeD1... /var/lib/acme/audit`,
	run: runAuditVerify,
}

// noKey is said where no key is given.
const noKey = "-key is required: a log does not vouch for itself. The key is one line, origin+hash+base64; " +
	"audit.Create leaves it beside the log as DIR.vkey, audit.Log.Key returns it. Take it from whoever set the service up, not from where the log is kept"

// claims is what the command line says about logs and proofs.
type claims struct {
	keys, expected, checkpoints, witnesses list
	threshold                              int
	proof, line                            string
}

func runAuditVerify(ctx context.Context, c *call) int {
	var a claims
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.Var(&a.keys, "key", "")
	set.Var(&a.expected, "expect", "")
	set.Var(&a.checkpoints, "checkpoint", "")
	set.Var(&a.witnesses, "witness", "")
	set.IntVar(&a.threshold, "threshold", 0, "")
	set.StringVar(&a.proof, "proof", "", "")
	set.StringVar(&a.line, "line", "", "")
	if status, done := c.flags(set); done {
		return status
	}
	if problem := a.misused(len(c.args)); problem != "" {
		return c.misused(problem)
	}
	vkeys, err := readKeys(a.keys, "-key")
	if err != nil {
		return c.failed(err)
	}
	witnesses, err := readKeys(a.witnesses, "-witness")
	if err != nil {
		return c.failed(err)
	}
	by := verify.Witnesses{Keys: witnesses, Threshold: a.threshold}
	switch {
	case a.proof != "":
		return c.verifyProof(vkeys, by, a.proof, a.line)
	case len(a.expected) > 0:
		return c.verifyLogs(ctx, vkeys, by, a)
	}
	return c.verifyDir(ctx, vkeys, by, a.checkpoints)
}

// misused says what is wrong with the arguments; empty: nothing.
func (a *claims) misused(dirs int) string {
	one := a.proof != "" || a.line != ""
	switch {
	case len(a.keys) == 0:
		return noKey
	case one && (a.proof == "" || a.line == ""):
		return "-proof and -line belong together"
	case one && (dirs > 0 || len(a.checkpoints) > 0 || len(a.expected) > 0):
		return "-proof needs neither DIR nor -checkpoint nor -expect"
	case one:
		return ""
	case dirs == 0 || dirs > 1 && len(a.expected) == 0:
		return "give one DIR, after the flags, or several with -expect for each log that must be there"
	}
	return ""
}

func (c *call) verifyDir(ctx context.Context, vkeys []string, by verify.Witnesses, checkpoints []string) int {
	known, err := readCheckpoints(checkpoints)
	if err != nil {
		return c.failed(err)
	}
	tell, stop := watch(c.stderr)
	log := verify.Log{FS: os.DirFS(c.args[0]), Keys: vkeys, Known: known}
	report, err := log.Verify(ctx, &verify.Options{Progress: tell, Witnesses: by})
	stop()
	if err != nil {
		return c.failed(err)
	}
	for _, f := range report.Findings {
		fmt.Fprintf(c.stdout, "audit: %s\n", f)
	}
	if len(report.Findings) > 0 {
		return c.notVerified()
	}
	fmt.Fprintf(c.stdout, "audit: %s\n", report)
	if !slices.Contains(vkeys, report.Key) {
		fmt.Fprintf(c.stdout, "audit: "+wentOn+"\n", report.Key)
	}
	return statusOK
}

// wentOn is said of a log that was rekeyed, to who has an older key only.
const wentOn = "the log goes on under another key, which proofs need from then on: %s"

func (c *call) verifyLogs(ctx context.Context, vkeys []string, by verify.Witnesses, a claims) int {
	known, err := readCheckpoints(a.checkpoints)
	if err != nil {
		return c.failed(err)
	}
	logs := make([]verify.Log, len(c.args))
	for i, dir := range c.args {
		logs[i] = verify.Log{FS: os.DirFS(dir), Keys: vkeys}
	}
	if !handOut(known, logs, c.args) {
		return c.failed(errors.New("a file that -checkpoint names is a checkpoint of none of these logs"))
	}
	tell, stop := watch(c.stderr)
	reports, err := verify.Logs(ctx, logs, a.expected, &verify.Options{Progress: tell, Witnesses: by})
	stop()
	if err != nil && len(reports.Logs) == 0 {
		return c.failed(err)
	}
	c.print(reports, vkeys)
	switch {
	case err != nil:
		return c.failed(err)
	case !reports.Clean():
		return c.notVerified()
	}
	return statusOK
}

func (c *call) print(reports verify.Reports, vkeys []string) {
	for i, r := range reports.Logs {
		for _, f := range r.Findings {
			fmt.Fprintf(c.stdout, "audit: %q: %s\n", c.args[i], f)
		}
		if len(r.Findings) == 0 {
			fmt.Fprintf(c.stdout, "audit: %q: %s\n", c.args[i], r)
			if r.Key != "" && !slices.Contains(vkeys, r.Key) {
				fmt.Fprintf(c.stdout, "audit: %q: "+wentOn+"\n", c.args[i], r.Key)
			}
		}
	}
	for _, origin := range reports.Unknown {
		fmt.Fprintf(c.stdout, "audit: %q: no log was verified, so what is in it is unknown\n", origin)
	}
}

func (c *call) notVerified() int {
	fmt.Fprintln(c.stderr, "carnet audit verify: not verified")
	return statusWrong
}

// handOut gives each checkpoint to the logs of its origin, and reports whether there is one
// for each. The origin is what a log's own checkpoint says: where that is not true, the log
// is not verified anyway.
func handOut(known [][]byte, logs []verify.Log, dirs []string) bool {
	taken := make([]bool, len(known))
	for i := range logs {
		own, _ := readSmall(filepath.Join(dirs[i], "checkpoint"), "DIR")
		origin, _, _ := bytes.Cut(own, []byte("\n"))
		for j, k := range known {
			if text, _, _ := bytes.Cut(k, []byte("\n")); len(origin) > 0 && bytes.Equal(text, origin) {
				logs[i].Known, taken[j] = append(logs[i].Known, k), true
			}
		}
	}
	return !slices.Contains(taken, false)
}

func readCheckpoints(files []string) (known [][]byte, err error) {
	for _, file := range files {
		b, err := readSmall(file, "-checkpoint")
		if err != nil {
			return nil, err
		}
		known = append(known, b)
	}
	return known, nil
}

func (c *call) verifyProof(vkeys []string, by verify.Witnesses, proofFile, lineFile string) int {
	proof, err := readSmall(proofFile, "-proof")
	if err != nil {
		return c.failed(err)
	}
	line, err := readSmall(lineFile, "-line")
	if err != nil {
		return c.failed(err)
	}
	line = []byte(strings.TrimSuffix(string(line), "\n")) // the newline is not part of the event
	if err := by.Proof(proof, line, vkeys); err != nil {
		return c.failed(err)
	}
	fmt.Fprintln(c.stdout, "audit: the event is in the log")
	return statusOK
}

// readKeys takes keys as they are, and files that hold one.
func readKeys(values []string, argument string) ([]string, error) {
	keys := make([]string, len(values))
	for i, v := range values {
		if isKey(v) {
			keys[i] = v
			continue
		}
		b, err := readSmall(v, argument)
		if err != nil {
			return nil, fmt.Errorf("%s is neither a key, origin+hash+base64, nor a file that can be read", argument)
		}
		keys[i] = strings.TrimSpace(string(b))
		if !isKey(keys[i]) {
			return nil, fmt.Errorf("the file that %s names does not hold one key, origin+hash+base64", argument)
		}
	}
	return keys, nil
}

// isKey tells a verifier key, of a log or a witness, from the name of a file.
func isKey(s string) bool {
	_, err := note.NewVerifier(s)
	return err == nil || verify.Witnesses{Keys: []string{s}}.Check() == nil
}

// maxSmall bounds what is read whole; an event is at most 65,535 bytes.
const maxSmall = 128 << 10

// readSmall reads a file that an argument names. Its error names the argument.
func readSmall(file, argument string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the file that %s names cannot be read: %w", argument, cause(err))
	}
	if info.Size() > maxSmall {
		return nil, fmt.Errorf("the file that %s names is too large to be one", argument)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the file that %s names cannot be read: %w", argument, cause(err))
	}
	return b, nil
}

// cause says why without a path.
func cause(err error) error {
	for _, known := range []error{fs.ErrNotExist, fs.ErrPermission} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("it is no regular file")
}
