//go:build unix

package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func mkfifo(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestProgram is what another process runs: the whole program. By itself it has nothing
// to do.
func TestProgram(t *testing.T) {
	if args := os.Getenv("CARNET_TEST_ARGS"); args != "" {
		os.Args = append([]string{"carnet"}, strings.Split(args, "\n")...)
		main()
	}
}

// program is the whole program in another process, which before prepares, in a shell.
func program(t *testing.T, before string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, "/bin/sh", "-c", before+`exec "$0" -test.run='^TestProgram$'`, os.Args[0])
	c.Env = append(os.Environ(), "CARNET_TEST_ARGS="+strings.Join(args, "\n"))
	return c
}

// vaultOf is a new file and its key.
func vaultOf(t *testing.T) (key, file string) {
	t.Helper()
	dir := t.TempDir()
	key, file = filepath.Join(dir, "vault.key"), filepath.Join(dir, "secrets.age")
	vaulted(t, nil, statusOK, "init", "-identity", key, file)
	return key, file
}

// TestSignalsEndAWait in order, with the status and word of an interrupt; but nohup is
// obeyed.
func TestSignalsEndAWait(t *testing.T) {
	key, file := vaultOf(t)
	for _, c := range []struct {
		name, before string
		signal       syscall.Signal
		status       int
	}{{"SIGINT", "", syscall.SIGINT, statusWrong}, {"SIGTERM", "", syscall.SIGTERM, statusWrong}, {"SIGHUP", "", syscall.SIGHUP, statusWrong}, {"nohup", `trap "" HUP; `, syscall.SIGHUP, statusOK}} {
		t.Run(c.name, func(t *testing.T) {
			p := program(t, c.before, "vault", "set", "-identity", key, file, "crm/api", "id", "key")
			var stderr strings.Builder
			p.Stderr = &stderr
			in, err := p.StdinPipe()
			if err == nil {
				err = p.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			// More than a pipe holds: when it is written the program has begun to read.
			if _, err := io.WriteString(in, "canary\n"+strings.Repeat("x", mostInput)); err != nil {
				t.Fatal(err)
			}
			if err := p.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			if c.status == statusOK {
				_ = in.Close()
			}
			_ = p.Wait()
			if p.ProcessState.ExitCode() != c.status || strings.Contains(stderr.String(), "interrupted") != (c.status != statusOK) {
				t.Errorf("%v: %s", p.ProcessState, &stderr)
			}
		})
	}
}
