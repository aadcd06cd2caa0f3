package wall

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// plain are the system calls that a Go program needs to compute, and to read and write what is
// open. What else there is, fails with EPERM.
var plain = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_RESTART_SYSCALL,
	unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_BRK, unix.SYS_MINCORE,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_CLOSE,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_GETRANDOM, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
}

// Where the kernel puts what it asks the filter about: see seccomp(2).
const (
	atNumber = 0
	atArch   = 4
	atArg0   = 16
	atArg2   = 32
	atArg3   = 40
)

// uncounted is memory that no limit of a process counts.
const uncounted = unix.MAP_SHARED | unix.MAP_GROWSDOWN | unix.MAP_HUGETLB

// forbid lets the kernel refuse all other system calls, of all threads, for good.
func forbid() bool {
	if arch == 0 {
		return false
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != nil {
		return false
	}
	f := filter()
	program := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	_, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC|unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(f)
	return failed == 0
}

func filter() []unix.SockFilter {
	f := []unix.SockFilter{load(atArch), jump(unix.BPF_JEQ, arch, 1, 0), answer(unix.SECCOMP_RET_KILL_PROCESS), load(atNumber)}
	for _, call := range plain {
		f = append(f, jump(unix.BPF_JEQ, call, 0, 1), answer(unix.SECCOMP_RET_ALLOW))
	}
	f = append(f, only(unix.SYS_CLONE, atArg0, jump(unix.BPF_JSET, unix.CLONE_THREAD, 0, 1))...) // threads, no processes
	f = append(f, only(unix.SYS_TGKILL, atArg0, jump(unix.BPF_JEQ, uint32(os.Getpid()), 0, 1))...)
	f = append(f, only(unix.SYS_PRCTL, atArg0, jump(unix.BPF_JEQ, unix.PR_SET_VMA, 0, 1))...) // the runtime names its memory
	f = append(f, jump(unix.BPF_JEQ, unix.SYS_MMAP, 0, 6),
		load(atArg2), jump(unix.BPF_JSET, unix.PROT_EXEC, 2, 0),
		load(atArg3), jump(unix.BPF_JSET, uncounted, 0, 1),
		refused(), answer(unix.SECCOMP_RET_ALLOW))
	f = append(f, only(unix.SYS_MPROTECT, atArg2, jump(unix.BPF_JSET, unix.PROT_EXEC, 1, 0))...)
	f = append(f, jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), answer(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS))) // its flags no filter can read: the C library tries clone then
	return append(f, refused())
}

// only lets a call through where that holds of an argument.
func only(call, argument uint32, holds unix.SockFilter) []unix.SockFilter {
	return []unix.SockFilter{jump(unix.BPF_JEQ, call, 0, 4), load(argument), holds, answer(unix.SECCOMP_RET_ALLOW), refused()}
}

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

func jump(condition uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | condition | unix.BPF_K, K: k, Jt: yes, Jf: no}
}

func answer(k uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k}
}

func refused() unix.SockFilter { return answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)) }
