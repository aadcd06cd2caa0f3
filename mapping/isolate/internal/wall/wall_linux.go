package wall

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Path is the program that this process runs, also where another file has its name by now.
func Path() (string, error) { return "/proc/self/exe", nil }

// Start starts a process that dies with the calling thread, which the caller is bound to, in a
// network of its own where the kernel lets it have one.
func Start(command func() (*exec.Cmd, error)) (*exec.Cmd, Wall, error) {
	for _, alone := range []uintptr{syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC, 0} {
		started, err := command()
		if err != nil {
			return nil, 0, err
		}
		started.Dir, started.SysProcAttr = "/", &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: alone}
		err = started.Start()
		switch {
		case err == nil && alone != 0:
			return started, Network, nil
		case err == nil || alone == 0:
			return started, 0, err
		}
	}
	panic("unreachable")
}

// Raise raises what walls there are around this process.
func Raise(life time.Duration, memory int64) (up Wall) {
	runtime.GOMAXPROCS(1)  // from now on the runtime reads no files to find that
	alone := closeOthers() // before it may open nothing itself
	if limit(life, memory) {
		up |= Limits
	}
	if forbid() && alone {
		up |= Calls
	}
	return up
}

// closeOthers closes what somebody may have left open, but what the runtime waits with.
func closeOthers() bool {
	const own = "/proc/self/fd"
	entries, err := os.ReadDir(own)
	for _, entry := range entries {
		fd, _ := strconv.Atoi(entry.Name())
		to, gone := os.Readlink(filepath.Join(own, entry.Name()))
		if fd > 2 && gone == nil && to != "anon_inode:[eventpoll]" && to != "anon_inode:[eventfd]" {
			_ = unix.Close(fd)
		}
	}
	return err == nil
}

// limit bounds what the process takes. Memory comes on top of what it has, as what the runtime
// keeps for itself depends on how the program was built.
func limit(life time.Duration, memory int64) bool {
	has, ok := dataSize()
	seconds := uint64((life + time.Second - 1) / time.Second)
	for resource, most := range map[int]uint64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_NOFILE: 3, unix.RLIMIT_CPU: seconds + 1, unix.RLIMIT_DATA: has + uint64(memory),
	} {
		ok = unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}) == nil && ok
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) == nil && ok
}

// dataSize is what counts for RLIMIT_DATA now, in bytes.
func dataSize() (uint64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	_, after, found := bytes.Cut(status, []byte("\nVmData:"))
	kilobytes, _, _ := bytes.Cut(bytes.TrimSpace(after), []byte(" kB"))
	n, wrong := strconv.ParseUint(string(kilobytes), 10, 64)
	return n << 10, err == nil && found && wrong == nil
}
