package memorytest

import (
	"bytes"
	"os"
	"runtime"
	"testing"
	"testing/iotest"
)

// TestIn: each is counted once, wherever it stands in what is read at a time.
func TestIn(t *testing.T) {
	needle := []byte("needle-4711")
	for _, at := range [][]int{{}, {0}, {chunk - 5}, {chunk - len(needle), chunk}, {0, chunk - 1, 2*chunk + 7, 3*chunk - len(needle)}} {
		memory := make([]byte, 3*chunk)
		for _, i := range at {
			copy(memory[i:], needle)
		}
		if got := in(bytes.NewReader(memory), needle); got != len(at) {
			t.Errorf("at %v: %d", at, got)
		}
		if got := in(iotest.HalfReader(bytes.NewReader(memory)), needle); got != len(at) {
			t.Errorf("at %v, by halves: %d", at, got)
		}
	}
	if got := in(iotest.ErrReader(os.ErrPermission), needle); got != 0 {
		t.Errorf("of what cannot be read: %d", got)
	}
}

// TestCount finds what this process has.
func TestCount(t *testing.T) {
	mine := mask([]byte("what no other memory has"))
	if n, err := count(os.Getpid(), mine); err != nil || n < 1 {
		t.Errorf("%d, %v", n, err)
	}
	runtime.KeepAlive(mine)
	if _, err := count(0, mine); err == nil {
		t.Error("of no process")
	}
}
