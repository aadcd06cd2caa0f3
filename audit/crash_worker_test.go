package audit_test

import (
	"bufio"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
)

// worker is a program that appends until it is ended.
type worker struct {
	cmd   *exec.Cmd
	first chan struct{} // closed with the first acknowledgement
	ended chan struct{}

	mu    sync.Mutex
	acks  []audit.Receipt
	stops bool // what comes does not count
}

func work(t *testing.T, dir string) *worker {
	t.Helper()
	w := &worker{cmd: exec.Command(os.Args[0], "-test.run=^$"), first: make(chan struct{}), ended: make(chan struct{})}
	w.cmd.Env = append(os.Environ(), "CARNET_AUDIT_CHILD="+dir)
	out, err := w.cmd.StdoutPipe()
	if err == nil {
		err = w.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go w.listen(out)
	return w
}

// begun waits for the first acknowledgement.
func (w *worker) begun(t *testing.T) {
	t.Helper()
	select {
	case <-w.first:
	case <-w.ended:
		t.Fatal("the program ended by itself")
	case <-time.After(time.Minute):
		t.Fatal("the program acknowledges nothing")
	}
}

// listen takes what was acknowledged; a line that is not whole was not.
func (w *worker) listen(out io.Reader) {
	defer close(w.ended)
	in := bufio.NewReader(out)
	for {
		text, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if strings.HasPrefix(text, "error") {
			w.enough() // it ends now
		}
		index, digits, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
		n, err := strconv.ParseInt(index, 10, 64)
		leaf, hexErr := hex.DecodeString(digits)
		if err == nil && hexErr == nil && len(leaf) == 32 {
			w.heard(audit.Receipt{Index: n, Leaf: [32]byte(leaf)})
		}
	}
}

func (w *worker) heard(r audit.Receipt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stops {
		return
	}
	if w.acks = append(w.acks, r); len(w.acks) == 1 {
		close(w.first)
	}
}

// enough ends what counts.
func (w *worker) enough() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stops = true
}

// end kills the program, and is what it had acknowledged.
func (w *worker) end(t *testing.T) []audit.Receipt {
	t.Helper()
	_ = w.cmd.Process.Kill()
	<-w.ended
	_ = w.cmd.Wait()
	return w.acks
}
