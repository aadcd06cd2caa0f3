package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/carnet-go/carnet/audit/verify"
	"golang.org/x/mod/sumdb/note"
)

var auditVerify = command{
	name:  "audit verify",
	short: "verify a whole log, or the proof of one event",
	usage: `
carnet audit verify -key KEY|FILE [-key ...] [-checkpoint FILE ...] DIR
carnet audit verify -key KEY|FILE -proof FILE -line FILE

  -key         public key of the log, or a file that holds it; may be repeated
  -checkpoint  a checkpoint that was kept elsewhere and must lie on the log's history; may be repeated
  -proof       a c2sp.org/tlog-proof; with -line, and without DIR
  -line        the event that the proof is about, as it stands in the log

DIR is a log that is closed or idle, or a copy of one. Every finding is one line, with the file
and the first bad index. A log does not vouch for itself: take the key from whoever set the
service up, not from where the log is kept.

Example:
  carnet audit verify -key acme.example/hr/a+2c9d31e0+AeD1... /var/lib/acme/audit`,
	run: runAuditVerify,
}

// noKey is said where no key is given.
const noKey = "-key is required: a log does not vouch for itself. The key is one line, origin+hash+base64; " +
	"audit.Create leaves it beside the log as DIR.vkey, audit.Log.Key returns it. Take it from whoever set the service up, not from where the log is kept"

func runAuditVerify(ctx context.Context, c *call) int {
	var keys, checkpoints list
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.Var(&keys, "key", "")
	set.Var(&checkpoints, "checkpoint", "")
	proof, line := set.String("proof", "", ""), set.String("line", "", "")
	if status, done := c.flags(set); done {
		return status
	}
	one := *proof != "" || *line != ""
	switch {
	case len(keys) == 0:
		return c.misused(noKey)
	case one && (*proof == "" || *line == ""):
		return c.misused("-proof and -line belong together")
	case one && (len(c.args) > 0 || len(checkpoints) > 0):
		return c.misused("-proof needs neither DIR nor -checkpoint")
	case !one && len(c.args) != 1:
		return c.misused("give one DIR, after the flags")
	}
	vkeys, err := readKeys(keys)
	if err != nil {
		return c.failed(err)
	}
	if one {
		return c.verifyProof(vkeys, *proof, *line)
	}
	return c.verifyDir(ctx, vkeys, checkpoints, c.args[0])
}

func (c *call) verifyDir(ctx context.Context, vkeys, checkpoints []string, dir string) int {
	var known [][]byte
	for _, file := range checkpoints {
		b, err := readSmall(file, "-checkpoint")
		if err != nil {
			return c.failed(err)
		}
		known = append(known, b)
	}
	log, stop := watch(os.DirFS(dir), c.stderr)
	report, err := verify.Dir(ctx, log, vkeys, known...)
	stop()
	if err != nil {
		return c.failed(err)
	}
	for _, f := range report.Findings {
		fmt.Fprintf(c.stdout, "audit: %s\n", f)
	}
	if len(report.Findings) > 0 {
		fmt.Fprintln(c.stderr, "carnet audit verify: not verified")
		return statusWrong
	}
	fmt.Fprintf(c.stdout, "audit: %s\n", report)
	return statusOK
}

func (c *call) verifyProof(vkeys []string, proofFile, lineFile string) int {
	proof, err := readSmall(proofFile, "-proof")
	if err != nil {
		return c.failed(err)
	}
	line, err := readSmall(lineFile, "-line")
	if err != nil {
		return c.failed(err)
	}
	line = []byte(strings.TrimSuffix(string(line), "\n")) // the newline is not part of the event
	if err := verify.Proof(proof, line, vkeys); err != nil {
		return c.failed(err)
	}
	fmt.Fprintln(c.stdout, "audit: the event is in the log")
	return statusOK
}

// readKeys takes keys as they are, and files that hold one.
func readKeys(values []string) ([]string, error) {
	keys := make([]string, len(values))
	for i, v := range values {
		if _, err := note.NewVerifier(v); err == nil {
			keys[i] = v
			continue
		}
		b, err := readSmall(v, "-key")
		if err != nil {
			return nil, errors.New("-key is neither a key, origin+hash+base64, nor a file that can be read")
		}
		keys[i] = strings.TrimSpace(string(b))
		if _, err := note.NewVerifier(keys[i]); err != nil {
			return nil, errors.New("the file that -key names does not hold one key, origin+hash+base64")
		}
	}
	return keys, nil
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
