package audit_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/carnet-go/carnet/audit"
)

// rounds is how often the power goes, in each tier.
func rounds(change, full int) int {
	if os.Getenv("CARNET_FULL") != "" {
		return full
	}
	return change
}

// TestThePowerOfAnExt4DiskGoes: a real file system on an image, and a program that writes a
// log there. The power goes by a copy of the image while nobody writes, and by the ioctl that
// stops the file system where it is, without its journal. What was acknowledged is there.
func TestThePowerOfAnExt4DiskGoes(t *testing.T) {
	needs(t, "root", "/dev/loop-control", "mkfs.ext4", "mount")
	for name, cut := range map[string]func(t *testing.T, d *loop, w *worker) *loop{"copy": copied, "shutdown": stopped} {
		t.Run(name, func(t *testing.T) {
			for range rounds(6, 40) {
				d := newLoop(t)
				log := filepath.Join(d.mounted(t), "audit")
				if err := audit.Create(t.Context(), log, origin, nil); err != nil {
					t.Fatal(err)
				}
				w := work(t, log)
				time.Sleep(time.Duration(30+rand.IntN(150)) * time.Millisecond)
				after := cut(t, d, w)
				acks := w.end(t)
				d.away(t)
				log = filepath.Join(after.mounted(t), "audit")
				if err := settled(log, true, acks, nil); err != nil {
					t.Fatalf("%d acknowledged: %v", len(acks), err)
				}
				after.away(t)
			}
		})
	}
}

// loop is an image of a file system, and where it is mounted.
type loop struct{ image, at string }

func newLoop(t *testing.T) *loop {
	t.Helper()
	d := &loop{filepath.Join(scratch(t), "image"), filepath.Join(t.TempDir(), "mnt")}
	f, err := os.Create(d.image)
	if err == nil {
		err = errors.Join(f.Truncate(24<<20), f.Close(), os.Mkdir(d.at, 0o700))
	}
	if err != nil {
		t.Fatal(err)
	}
	do(t, "mkfs.ext4", "-q", "-F", "-m", "0", d.image)
	return d
}

func do(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// mounted mounts it; the journal is played, as after a power cut. It writes by itself so
// seldom that it does not here.
func (d *loop) mounted(t *testing.T) string {
	t.Helper()
	do(t, "mount", "-o", "loop,commit=300", d.image, d.at)
	t.Cleanup(func() { _ = exec.Command("umount", "-q", "-l", d.at).Run() })
	return d.at
}

func (d *loop) away(t *testing.T) {
	t.Helper()
	do(t, "umount", d.at)
}

// copied stops the program and copies what is in the image by then.
func copied(t *testing.T, d *loop, w *worker) *loop {
	if err := w.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // what is under way to the image arrives
	after := &loop{d.image + ".cut", d.at}
	do(t, "cp", "--sparse=always", d.image, after.image)
	return after
}

// stopped ends the file system as a power cut does. The program sees an error. What it
// acknowledges from then on does not count: Linux 6.18 ends an fdatasync that is under way with
// success although the journal was stopped, which no power cut lets anybody see.
func stopped(t *testing.T, d *loop, w *worker) *loop {
	f, err := os.Open(d.at)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const shutdown, noLogFlush = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN
	how := uint32(noLogFlush)
	w.enough()
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&how))); e != 0 {
		t.Fatal(e)
	}
	select {
	case <-w.ended:
	case <-time.After(10 * time.Second):
		t.Error("the program did not notice that its disk is gone")
	}
	return d
}

// worker is a program that appends until it is ended.
type worker struct {
	cmd   *exec.Cmd
	ended chan struct{}

	mu    sync.Mutex
	acks  []audit.Receipt
	stops bool // what comes does not count
}

func work(t *testing.T, dir string) *worker {
	t.Helper()
	w := &worker{cmd: exec.Command(os.Args[0], "-test.run=^$"), ended: make(chan struct{})}
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

// listen takes what was acknowledged; a line that is not whole was not.
func (w *worker) listen(out io.Reader) {
	defer close(w.ended)
	in := bufio.NewReader(out)
	for {
		text, err := in.ReadString('\n')
		if err != nil {
			return
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
	if !w.stops {
		w.acks = append(w.acks, r)
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
	if len(w.acks) == 0 {
		t.Log("nothing was acknowledged")
	}
	return w.acks
}
