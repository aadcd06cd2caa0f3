package audit_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carnet-go/carnet/audit"
)

// sweepVariable names the folder of the log that the child writes.
const sweepVariable = "CARNET_AUDIT_SWEEP"

// TestSweepChild is a program for the tests that let a system call fail, or the program die in
// it: it makes a log, writes to it, goes on whatever happens, and says what it was told.
func TestSweepChild(t *testing.T) {
	dir := os.Getenv(sweepVariable)
	if dir == "" {
		return
	}
	ctx := context.Background()
	if audit.Create(ctx, dir, origin, nil) == nil {
		fmt.Println("made")
	}
	l, err := audit.Open(ctx, dir, nil)
	if err != nil {
		fmt.Println("closed to all")
		return
	}
	for n := range 5 {
		e := answer()
		e.Grant, e.Actor = fmt.Sprintf("sweep-%d", n), alice
		r, err := l.Append(ctx, e)
		switch {
		case err == nil:
			fmt.Println("ack", r.Index, hex.EncodeToString(r.Leaf[:]))
		case errors.Is(err, audit.ErrNotRecorded):
			fmt.Println("not", n)
		default:
			fmt.Println("unknown", n)
		}
	}
	if l.Erase(ctx, alice) == nil {
		fmt.Println("erased")
	}
	if l.Close(ctx) == nil {
		fmt.Println("done")
	}
}

// sweep is one kind of system call, and what happens to it.
type sweep struct {
	calls, what string
	segments    bool // only those on a segment: what a program writes to others is not a log
	atLeast     int  // how many one thread makes, whichever makes most: strace counts by threads
	// halves are how often, at most, Create says that there is no log, and leaves one without its key:
	// where it cannot sync the folder above once the log has its name.
	halves int
}

// TestEachSystemCallFailsOrKills sweeps over a small program: its n-th call fails, or kills it,
// for each n that a thread of it comes to. What was acknowledged is there, what was refused is not, and the log opens.
func TestEachSystemCallFailsOrKills(t *testing.T) {
	needs(t, "strace")
	for _, s := range []sweep{
		{"fdatasync", "error=EIO", false, 3, 0},
		{"fsync", "error=EIO", false, 6, 0},
		{"write", "error=ENOSPC", true, 3, 0},
		{"write", "error=EIO", true, 3, 0},
		{"fallocate", "error=ENOSPC", true, 1, 0},
		{"renameat", "error=EIO", false, 3, 0},
		{"mkdirat", "error=ENOSPC", false, 3, 0},
		{"unlinkat", "error=EIO", false, 1, 0},
		{"fdatasync", "signal=SIGKILL", false, 3, 0},
		{"fsync", "signal=SIGKILL", false, 6, 0},
		{"write", "signal=SIGKILL", true, 3, 0},
		{"renameat", "signal=SIGKILL", false, 3, 0},
		{"mkdirat", "signal=SIGKILL", false, 3, 0},
		{"unlinkat", "signal=SIGKILL", false, 1, 0},
	} {
		t.Run(s.calls+" "+s.what, func(t *testing.T) { s.run(t) })
	}
}

// run goes on until there is no n-th call any more, two programs at a time.
func (s sweep) run(t *testing.T) {
	var wg sync.WaitGroup
	var halves atomic.Int64
	hits := make([]bool, 2)
	n := 1
	for ; n == 1 || hits[0] && hits[1]; n += len(hits) {
		for i := range hits {
			wg.Go(func() { hits[i] = s.once(t, n+i, &halves) })
		}
		wg.Wait()
		if n > 500 {
			t.Fatal("it does not end")
		}
	}
	if hits[0] {
		n++
	}
	if n -= 1 + len(hits); n < s.atLeast {
		t.Errorf("%d calls, want at least %d", n, s.atLeast)
	}
	if halves.Load() > int64(s.halves) {
		t.Errorf("%d half logs, want at most %d", halves.Load(), s.halves)
	}
	t.Logf("%d calls", n)
}

// once runs the program and lets its n-th call fail or kill it; false: it had fewer.
func (s sweep) once(t *testing.T, n int, halves *atomic.Int64) bool {
	folder := scratch(t)
	dir, trace := filepath.Join(folder, "audit"), filepath.Join(folder, "trace")
	args := []string{"-f", "-qq", "-o", trace, "-e", "trace=" + s.calls, "-e", fmt.Sprintf("inject=%s:%s:when=%d", s.calls, s.what, n)}
	if s.segments {
		for _, above := range []string{dir, filepath.Join(folder, ".audit.new")} {
			args = append(args, "-P", filepath.Join(above, "seg", "00000000000000000000.jsonl"))
		}
	}
	child := exec.Command("strace", append(args, "--", os.Args[0], "-test.run=^TestSweepChild$", "-test.count=1")...)
	child.Env = append(os.Environ(), sweepVariable+"="+dir, "GOMAXPROCS=1") // so that one thread makes most of them
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, &out
	err := child.Run() // a status is what kills leave
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Error(err)
		return false
	}
	hit := bytes.Contains(text, []byte("(INJECTED)")) || bytes.Contains(text, []byte("killed by SIGKILL"))
	if err := s.judge(dir, out.String(), text); errors.Is(err, errHalf) {
		halves.Add(1)
	} else if err != nil {
		t.Errorf("%s %s, call %d: %v\n%s\n%s", s.calls, s.what, n, err, out.String(), text)
	}
	return hit
}

// judge compares what the program was told with what is there.
func (s sweep) judge(dir, out string, trace []byte) error {
	var acks []audit.Receipt
	var refused []string
	made, failed, forgot := false, false, false
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case "made":
			made = true
		case "ack":
			if len(f) != 3 || failed && s.calls == "fdatasync" {
				return errors.New("acknowledged after a sync had failed")
			}
			index, _ := strconv.ParseInt(f[1], 10, 64)
			leaf, _ := hex.DecodeString(f[2])
			acks = append(acks, audit.Receipt{Index: index, Leaf: [32]byte(leaf)})
		case "not":
			refused, failed = append(refused, "sweep-"+f[1]), true
		case "unknown":
			failed = true
		case "erased":
			forgot = true
		}
	}
	if _, tail, found := bytes.Cut(trace, []byte("(INJECTED)")); found && s.calls == "fdatasync" && made && bytes.Contains(tail, []byte("fdatasync(")) {
		return errors.New("a failed sync was tried again")
	}
	if err := settled(dir, made, acks, refused); err != nil || !made {
		return err
	}
	return met(dir, len(acks) > 0, forgot)
}

// met says whether the log knows alice as it should: if she was in a line, and was not erased.
func met(dir string, acked, forgot bool) error {
	l, err := audit.Open(context.Background(), dir, nil)
	if err != nil {
		return err
	}
	said := false
	for e, err := range l.Events(context.Background()) {
		if err != nil {
			return err
		}
		said = said || e.Action == "audit.erased"
	}
	known := l.Pseudonym(alice) != ""
	if forgot && !said || said && known || acked && !said && !known {
		return fmt.Errorf("erased: %t, said: %t, known: %t", forgot, said, known)
	}
	return l.Close(context.Background())
}

// errHalf: Create has failed, and there is a log that nobody can open.
var errHalf = errors.New("a log without its key")

// settled opens what a program left, and closes it.
func settled(dir string, made bool, acks []audit.Receipt, refused []string) error {
	l, err := audit.Open(context.Background(), dir, nil)
	if err != nil && !made && errors.Is(err, fs.ErrNotExist) {
		err := audit.Create(context.Background(), dir, origin, nil)
		if err != nil && !errors.Is(err, fs.ErrExist) { // a key that could not be removed
			return err
		}
		return nil
	}
	if _, keyless := os.Lstat(dir + ".key"); err != nil && !made && keyless != nil {
		return errHalf
	}
	if err != nil {
		return err
	}
	if err := l.Close(context.Background()); err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(dir, "seg", "*.jsonl"))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, grant := range refused {
			if bytes.Contains(text, []byte(`"`+grant+`"`)) {
				return errors.New("what was not recorded is there")
			}
		}
	}
	return errors.Join(err, sound(dir, acks))
}
