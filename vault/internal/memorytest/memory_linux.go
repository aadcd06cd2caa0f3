// Package memorytest counts what is left of a secret in the memory of a process. It is for tests:
//
//	if c := memorytest.Told(); c != nil { // the child, which handles the secret
//		v := open(c.Secret())
//		c.Ready()
//		return
//	}
//	n := memorytest.Left(t, "given back", secret) // how many the child had when it was ready
package memorytest

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

const variable = "CARNET_TEST_MEMORY"

// Child is the process whose memory is read. It has the secret masked.
type Child struct {
	What   string // that it is to do
	masked []byte
}

// Told is nil in the parent.
func Told() *Child {
	what, masked, ok := strings.Cut(os.Getenv(variable), ":")
	b, err := hex.DecodeString(masked)
	if !ok || err != nil {
		return nil
	}
	return &Child{what, b}
}

// Secret is a new copy.
func (c *Child) Secret() []byte { return mask(c.masked) }

// Ready waits until the memory was read. What has to be in it is kept until then.
func (c *Child) Ready(kept ...any) {
	for range 3 {
		runtime.GC()
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(kept)
}

// Left runs the test that calls it again, as a child, and counts the copies that it has when
// it is ready.
func Left(t *testing.T, what string, secret []byte, env ...string) int {
	t.Helper()
	test, _, _ := strings.Cut(t.Name(), "/")
	command := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.timeout=2m")
	command.Env = append(append(os.Environ(), env...), variable+"="+what+":"+hex.EncodeToString(mask(secret)))
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	said, _ := lines.ReadString('\n')
	n, err := count(command.Process.Pid, secret)
	denied := errors.Is(err, fs.ErrPermission) && os.Getenv("CI") == ""
	_ = in.Close()
	more, _ := io.ReadAll(lines)
	if ended := command.Wait(); said != "ready\n" || err != nil && !denied || ended != nil {
		t.Fatalf("the child said %q: %v, %v\n%s", said, err, ended, more)
	}
	if denied {
		t.Skip("this system lets nobody read the memory of a child")
	}
	return n
}

const chunk = 1 << 20

// count is how often the needle stands in what the process can write to.
func count(pid int, needle []byte) (int, error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, err
	}
	defer maps.Close()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return 0, err
	}
	defer memory.Close()
	found := 0
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil {
			return 0, err
		}
		if strings.HasPrefix(mode, "rw") {
			found += in(io.NewSectionReader(memory, int64(from), int64(to-from)), needle)
		}
	}
	return found, lines.Err()
}

// in counts in one part of it. What cannot be read, such as a guard page, has none.
func in(r io.Reader, needle []byte) (found int) {
	buffer := make([]byte, 0, chunk+len(needle))
	for {
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		found += bytes.Count(buffer, needle)
		rest := buffer[max(0, len(buffer)-len(needle)+1):]
		buffer = buffer[:copy(buffer, rest)]
		if err != nil || n == 0 {
			return found
		}
	}
}

// mask hides a secret, and shows it again.
func mask(b []byte) []byte {
	masked := bytes.Clone(b)
	for i := range masked {
		masked[i] ^= 0xa5
	}
	return masked
}
