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

// Raise raises nothing here.
func Raise(time.Duration, int64) Wall { return 0 }
