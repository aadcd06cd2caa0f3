package crashtest

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Calls are the system calls that strace must show, with -f, -xx and -s large enough.
const Calls = "open,openat,creat,close,dup,dup2,dup3,write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range,splice," +
	"fsync,fdatasync,sync,syncfs,sync_file_range,truncate,ftruncate,fallocate," +
	"rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat"

// Command is how strace runs a program so that Replay understands what it writes to a file.
func Command(out string, program ...string) []string {
	return append([]string{"strace", "-f", "-qq", "--seccomp-bpf", "-xx", "-s", "16777216", "-e", "signal=none", "-e", "trace=" + Calls, "-o", out, "--"}, program...)
}

// Moment is one at which the power may go: what is not on the disk may be lost, and what the
// program has said until then holds.
type Moment struct {
	Said string // what was written to standard output, all of it
	Call string // what comes next; empty: the program ended
}

// Replay does to a disk what a program did below a folder, and stops at each moment before
// something becomes durable, and at the end. Between two of them nothing is lost that could
// not be lost at the second one too.
func Replay(trace io.Reader, dir string, d *Disk, at func(Moment) error) error {
	r := &replay{dir: dir, disk: d, at: at, open: map[string]*inode{}, begun: map[string]string{}}
	in := bufio.NewReaderSize(trace, 1<<20)
	for {
		text, err := in.ReadString('\n')
		if text != "" {
			if err := r.line(strings.TrimSuffix(text, "\n")); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return at(Moment{Said: r.said.String()})
		}
		if err != nil {
			return err
		}
	}
}

type replay struct {
	dir   string
	disk  *Disk
	at    func(Moment) error
	said  strings.Builder
	open  map[string]*inode // by descriptor; threads share them
	begun map[string]string // by thread, a call that another one's interrupted in the text
}

// line takes one line of the trace: a call, or half of one.
func (r *replay) line(text string) error {
	pid, text, _ := strings.Cut(text, " ")
	text = strings.TrimLeft(text, " ")
	if head, ok := strings.CutSuffix(text, " <unfinished ...>"); ok {
		r.begun[pid] = head
		return nil
	}
	if rest, ok := strings.CutPrefix(text, "<... "); ok {
		_, tail, _ := strings.Cut(rest, " resumed>")
		text = r.begun[pid] + tail
		delete(r.begun, pid)
	}
	name, rest, ok := strings.Cut(text, "(")
	if i := strings.LastIndex(rest, ") "); ok && i >= 0 && !strings.HasPrefix(text, "+++") && !strings.HasPrefix(text, "---") {
		_, result, _ := strings.Cut(rest[i:], "= ")
		return r.call(name, strings.Split(rest[:i], ", "), result)
	}
	return nil
}

// call does what a call did, if it did it.
func (r *replay) call(name string, args []string, result string) error {
	result, _, _ = strings.Cut(result, " ")
	n, err := strconv.Atoi(result)
	if err != nil || n < 0 {
		return nil // it failed, or its thread was killed in it
	}
	switch name {
	case "openat":
		return r.opened(args, result)
	case "close":
		delete(r.open, args[0])
	case "write":
		return r.wrote(args, n)
	case "fsync", "fdatasync":
		return r.synced(name, args[0])
	case "mkdirat":
		return r.change(args[0], args[1], func(above *inode, name string) error {
			above.rename(change{name: newFolder()})
			return nil
		})
	case "unlinkat":
		return r.change(args[0], args[1], func(above *inode, name string) error {
			above.rename(change{name: nil})
			return nil
		})
	case "linkat":
		return r.linked(args)
	case "renameat", "renameat2":
		return r.renamed(args)
	case "pwrite64":
		return r.rewrote(args, n)
	case "ftruncate":
		if f := r.open[args[0]]; f != nil {
			return number(args[1], f.truncate)
		}
	case "fallocate":
		if r.open[args[0]] != nil && !strings.Contains(args[1], "FALLOC_FL_KEEP_SIZE") {
			return fmt.Errorf("crashtest: %s that changes the size", name)
		}
	default:
		return r.strange(name, args)
	}
	return nil
}

// strange refuses a call that might change what the model does not know of.
func (r *replay) strange(name string, args []string) error {
	for _, arg := range args {
		if r.open[arg] != nil {
			return fmt.Errorf("crashtest: %s is not modelled", name)
		}
		if s, err := unquote(arg); err == nil && strings.HasPrefix(s, r.dir) {
			return fmt.Errorf("crashtest: %s is not modelled", name)
		}
	}
	return nil
}

// place is the folder that a path begins in, and the rest of it; nil: it is not ours.
func (r *replay) place(folder, quoted string) (*inode, string, error) {
	path, err := unquote(quoted)
	if err != nil {
		return nil, "", err
	}
	if rest, ok := strings.CutPrefix(path, r.dir); ok && (rest == "" || rest[0] == '/') {
		return r.disk.root, strings.Trim(rest, "/"), nil
	}
	if strings.HasPrefix(path, "/") || folder == "AT_FDCWD" {
		return nil, "", nil
	}
	return r.open[folder], path, nil
}

func (r *replay) opened(args []string, fd string) error {
	from, path, err := r.place(args[0], args[1])
	delete(r.open, fd)
	if err != nil || from == nil {
		return err
	}
	if strings.Contains(args[2], "O_TMPFILE") {
		r.open[fd] = &inode{} // which has no name
		return nil
	}
	n := look(from, path)
	if n == nil {
		above, name := split(from, path)
		if above == nil || !strings.Contains(args[2], "O_CREAT") {
			return errNoName
		}
		n = &inode{}
		above.rename(change{name: n})
	}
	if strings.Contains(args[2], "O_TRUNC") && len(n.data) > 0 {
		n.truncate(0)
	}
	r.open[fd] = n
	return nil
}

// wrote is a write at the end: the log's files are opened for appending, and others are new.
func (r *replay) wrote(args []string, n int) error {
	f := r.open[args[0]]
	if f == nil && args[0] != "1" {
		return nil
	}
	text, err := unquote(args[1])
	if err != nil || len(text) < n {
		return fmt.Errorf("crashtest: a write of %d bytes that the trace does not show", n)
	}
	if f == nil {
		r.said.WriteString(text[:n])
	} else {
		f.write(len(f.data), []byte(text[:n]))
	}
	return nil
}

func (r *replay) rewrote(args []string, n int) error {
	f := r.open[args[0]]
	if f == nil {
		return nil
	}
	text, err := unquote(args[1])
	if err != nil || len(text) < n {
		return fmt.Errorf("crashtest: a write of %d bytes that the trace does not show", n)
	}
	return number(args[3], func(at int) { f.write(at, []byte(text[:n])) })
}

func (r *replay) synced(name, fd string) error {
	f := r.open[fd]
	if f == nil {
		return nil
	}
	if loose := r.disk.Loose(); loose > maxLoose {
		return fmt.Errorf("crashtest: %d pages and names that are not synced are too many for all subsets", loose)
	} else if loose > 0 {
		if err := r.at(Moment{r.said.String(), name}); err != nil {
			return err
		}
	}
	f.sync()
	return nil
}

func (r *replay) change(folder, path string, do func(above *inode, name string) error) error {
	from, rest, err := r.place(folder, path)
	if err != nil || from == nil {
		return err
	}
	above, name := split(from, rest)
	if above == nil {
		return errNoName
	}
	return do(above, name)
}

func (r *replay) renamed(args []string) error {
	return r.change(args[0], args[1], func(from *inode, old string) error {
		return r.change(args[2], args[3], func(to *inode, name string) error {
			if from != to || from.now[old] == nil {
				return errors.New("crashtest: a rename into another folder is not modelled")
			}
			from.rename(change{old: nil, name: from.now[old]})
			return nil
		})
	})
}

// linked gives an open file a name: it had none.
func (r *replay) linked(args []string) error {
	from, err := unquote(args[1])
	if err != nil {
		return err
	}
	fd, ok := strings.CutPrefix(from, "/proc/self/fd/")
	n := r.open[fd]
	return r.change(args[2], args[3], func(above *inode, name string) error {
		if !ok || n == nil {
			return errors.New("crashtest: a second name of a file is not modelled")
		}
		above.rename(change{name: n})
		return nil
	})
}

func number(text string, do func(n int)) error {
	n, err := strconv.Atoi(text)
	if err == nil {
		do(n)
	}
	return err
}

// unquote reads a string as -xx writes it.
func unquote(s string) (string, error) {
	s, ok := strings.CutPrefix(s, `"`)
	s, end := strings.CutSuffix(s, `"`)
	if !ok || !end {
		return "", os.ErrInvalid
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
	return string(raw), err
}
