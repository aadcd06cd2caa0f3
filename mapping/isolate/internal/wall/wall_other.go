//go:build !linux

package wall

import (
	"os"
	"os/exec"
	"time"
)

// Path is the program that this process runs.
func Path() (string, error) { return os.Executable() }

// Start starts a process.
func Start(command func() (*exec.Cmd, error)) (*exec.Cmd, Wall, error) {
	started, err := command()
	if err != nil {
		return nil, 0, err
	}
	return started, 0, started.Start()
}

// Output is standard output. What prints goes nowhere, if it was not made before.
func Output() (*os.File, error) {
	out := os.Stdout
	os.Stdout = os.Stderr
	return out, nil
}

// Raise raises nothing here.
func Raise(time.Duration, int64, *os.File) Wall { return 0 }
