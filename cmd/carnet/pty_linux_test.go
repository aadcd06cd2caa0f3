package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// pty is a terminal: what is written to the first half is typed at the second.
func pty(t *testing.T) (hands, terminal *os.File) {
	t.Helper()
	hands, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals here")
	}
	t.Cleanup(func() { hands.Close() })
	var number, locked uint32
	ioctl(t, hands, syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	ioctl(t, hands, syscall.TIOCGPTN, unsafe.Pointer(&number))
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals here")
	}
	t.Cleanup(func() { terminal.Close() })
	return hands, terminal
}

func ioctl(t *testing.T, f *os.File, request uintptr, value unsafe.Pointer) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(value)); errno != 0 {
		t.Fatal(errno)
	}
}

// echoes says whether what is typed shows, and lines are edited.
func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	var state syscall.Termios
	ioctl(t, terminal, syscall.TCGETS, unsafe.Pointer(&state))
	const all = syscall.ECHO | syscall.ICANON | syscall.ISIG
	return state.Lflag&all == all
}

// asked waits for the question, or ends with the test.
func asked(t *testing.T, shown *os.File, question string) {
	t.Helper()
	got, b := "", make([]byte, 1)
	for !strings.HasSuffix(got, question) {
		if _, err := shown.Read(b); err != nil {
			t.Fatalf("instead of a question: %q, %v", got, err)
		}
		got += string(b)
	}
}

// TestTerminal asks at a real one: nothing is cut, an end is seen, nothing is shown.
func TestTerminal(t *testing.T) {
	longest := strings.Repeat("x", mostTyped-1)
	for name, c := range map[string]struct {
		keys, want string
		err        error
	}{"value": {"canary\r", "canary", nil}, "longest": {longest + "\r", longest, nil}, "cut": {longest + "xx\r", "", errTyped}, "end": {"\x04", "", errNoInput}} {
		t.Run(name, func(t *testing.T) {
			hands, terminal := pty(t)
			read, shown, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			defer shown.Close()
			in := newConsole(t.Context(), terminal, shown)
			if !in.person() || !echoes(t, terminal) {
				t.Fatal("no terminal")
			}
			done := make(chan struct{})
			var got []byte
			go func() {
				defer close(done)
				got, err = in.ask("value")
			}()
			asked(t, read, "value: ")
			if echoes(t, terminal) {
				t.Error("what is typed shows")
			}
			go func() { _, _ = hands.WriteString(c.keys) }()
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Fatal("the answer is not taken")
			}
			if string(got) != c.want || err != c.err {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if !echoes(t, terminal) {
				t.Error("what is typed does not show any more")
			}
		})
	}
}

// TestASignalBringsTheEchoBack, whichever ends the program at its question.
func TestASignalBringsTheEchoBack(t *testing.T) {
	key, file := vaultOf(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		_, terminal := pty(t)
		read, shown, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p := program(t, "", "vault", "set", "-identity", key, file, "crm/api", "key")
		p.Stdin, p.Stderr = terminal, shown
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		shown.Close()
		asked(t, read, "key: ")
		if echoes(t, terminal) {
			t.Error("what is typed shows")
		}
		if err := p.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		var rest bytes.Buffer
		_, _ = rest.ReadFrom(read)
		_ = p.Wait()
		read.Close()
		if p.ProcessState.ExitCode() != statusWrong || rest.String() != "\ncarnet vault set: interrupted\n" || !echoes(t, terminal) {
			t.Errorf("%v: %v, %q, echo %v", signal, p.ProcessState, &rest, echoes(t, terminal))
		}
	}
}
