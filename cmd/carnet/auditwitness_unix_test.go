//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit/witnessaudit"
)

// start runs the command in a process of its own, and says where it listens.
func start(t *testing.T, args ...string) (*exec.Cmd, string) {
	t.Helper()
	p := program(t, "", append([]string{"audit", "witness", "-listen", "127.0.0.1:0"}, args...)...)
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "carnet audit witness: listening on ")
	if err != nil || !ok {
		_ = p.Process.Kill()
		t.Fatalf("it said %q, %v", line, p.Wait())
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	return p, url
}

// TestSignalsEndAWitness in order: it is no failure, and the next one finds its folder free.
func TestSignalsEndAWitness(t *testing.T) {
	dir, _ := newWitness(t)
	logFile := newLog(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p, _ := start(t, "-state", dir, "-log", logFile)
		check(t, result{statusWrong, "", "carnet audit witness: witnessaudit: the witness's folder is in use\n"},
			"audit", "witness", "-listen", "127.0.0.1:0", "-state", dir, "-log", logFile)
		if err := errors.Join(p.Process.Signal(signal), p.Wait()); err != nil {
			t.Errorf("%v: %v", signal, err)
		}
	}
}

// TestSIGKILLForgetsNothingThatWasCosigned: whoever holds a cosignature finds that the witness,
// after however many crashes, remembers at least that tree.
func TestSIGKILLForgetsNothingThatWasCosigned(t *testing.T) {
	dir, vkey := newWitness(t)
	logFile := newLog(t)
	logDir := strings.TrimSuffix(logFile, ".vkey")
	key, most, kill := grown(t, logDir, 1), int64(0), 0
	for wait := time.Millisecond; kill < 8 || most == 0 && kill < 20; kill++ {
		p, url := start(t, "-state", dir, "-log", logFile)
		client, err := witnessaudit.NewClient(url, vkey, &witnessaudit.ClientOptions{Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond+wait*5/4)
		time.AfterFunc(wait, func() { _ = p.Process.Kill() })
		for ctx.Err() == nil {
			w, err := witnessaudit.NewWatcher(logDir, []string{key}, []*witnessaudit.Client{client}, nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := w.Round(ctx)
			if err != nil || errors.Is(r.Witnesses[0].Err, witnessaudit.ErrForgot) || errors.Is(r.Witnesses[0].Err, witnessaudit.ErrFork) {
				t.Fatalf("after %d crashes: %+v, %v", kill, r, err)
			}
			most = max(most, r.Cosigned)
			grown(t, logDir, 1)
		}
		cancel()
		client.Close()
		_ = p.Wait()
		if wait += 3 * time.Millisecond; kill >= 8 { // a busy machine
			wait *= 2
		}
	}
	p, url := start(t, "-state", dir, "-log", logFile)
	vouched(t, url, vkey, key, logDir, nil, nil)
	if err := errors.Join(p.Process.Signal(syscall.SIGTERM), p.Wait()); err != nil {
		t.Error(err)
	}
	temps, err := filepath.Glob(filepath.Join(dir, ".atomicfile-*"))
	if err != nil || len(temps) > kill {
		t.Errorf("%d files are left, %v", len(temps), err)
	}
	if most == 0 {
		t.Error("nothing was cosigned before a crash")
	}
	if _, err := os.Stat(filepath.Join(dir, "LOCK")); err != nil {
		t.Error(err)
	}
}
