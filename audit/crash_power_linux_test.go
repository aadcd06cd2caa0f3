package audit_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
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
				w.begun(t)
				time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
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
