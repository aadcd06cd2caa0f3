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

// Output is standard output, in a place that nobody else writes to: what is printed from now on,
// by whatever was made of standard output before, goes nowhere.
func Output() (*os.File, error) {
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = nowhere.Close() }()
	own, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(own), "output"), unix.Dup3(int(nowhere.Fd()), 1, 0)
}

// Raise raises what walls there are around this process, which goes on writing to out.
func Raise(life time.Duration, memory int64, out *os.File) (up Wall) {
	runtime.GOMAXPROCS(1) // from now on the runtime reads no files to find that
	// Rather this process than another, where there is no memory left.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	alone := closeOthers(int(out.Fd()))
	if limit(life, memory) {
		up |= Limits
	}
	if forbid() && alone {
		up |= Calls
	}
	return up
}

// closeOthers closes what somebody may have left open, but out, and what the runtime waits with:
// that is its own, as it would not have passed an exec.
func closeOthers(out int) bool {
	const own = "/proc/self/fd"
	entries, err := os.ReadDir(own)
	for _, entry := range entries {
		fd, _ := strconv.Atoi(entry.Name())
		to, gone := os.Readlink(filepath.Join(own, entry.Name()))
		flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		waits := flags&unix.FD_CLOEXEC != 0 && (to == "anon_inode:[eventpoll]" || to == "anon_inode:[eventfd]")
		if fd > 2 && fd != out && gone == nil && !waits {
			_ = unix.Close(fd)
		}
	}
	return err == nil
}

// limit bounds what the process takes. Memory comes on top of what it has, as what the runtime
// keeps for itself depends on how the program was built.
func limit(life time.Duration, memory int64) bool {
	data, address, ok := sizes()
	seconds := uint64((life + time.Second - 1) / time.Second)
	for resource, most := range map[int]uint64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_NOFILE: 3, unix.RLIMIT_CPU: seconds + 1,
		unix.RLIMIT_DATA: data + uint64(memory), unix.RLIMIT_AS: address + 2*uint64(memory) + reserved,
	} {
		var now unix.Rlimit
		ok = unix.Getrlimit(resource, &now) == nil && ok
		most = min(most, now.Max) // somebody may have set less
		ok = unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}) == nil && ok
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) == nil && ok
}

// reserved is how much address space the runtime may set aside without using it.
const reserved = 1 << 30

// sizes are what counts for RLIMIT_DATA and RLIMIT_AS now, in bytes.
func sizes() (data, address uint64, ok bool) {
	status, err := os.ReadFile("/proc/self/status")
	data, ok1 := size(status, "\nVmData:")
	address, ok2 := size(status, "\nVmSize:")
	return data, address, err == nil && ok1 && ok2
}

func size(status []byte, name string) (uint64, bool) {
	_, after, found := bytes.Cut(status, []byte(name))
	kilobytes, _, _ := bytes.Cut(bytes.TrimSpace(after), []byte(" kB"))
	n, err := strconv.ParseUint(string(kilobytes), 10, 64)
	return n << 10, found && err == nil
}
