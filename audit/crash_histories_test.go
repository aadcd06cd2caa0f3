package audit_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/internal/crashtest"
	"github.com/carnet-go/carnet/audit/verify"
)

// What the histories come to, so that nobody makes them fewer without noticing: moments at
// which the power may go, and what it may leave. Who changes the format changes them.
const (
	crashMoments = 1953
	crashImages  = 16653
	// crashLeft are those in which Create did not end and cannot be called again before
	// somebody removes the key that it left. They need a file system that keeps a newer name
	// of a folder and loses an older one.
	crashLeft = 0
)

// TestAPowerCutInEveryHistory: each of histories, with the power gone at each moment, and each
// subset of what was not synced lost: pages, names, lengths. What was acknowledged is there.
func TestAPowerCutInEveryHistory(t *testing.T) {
	lab, moments := newLab(t), 0
	played(t, "TestCrashChild", historiesVariable, len(histories()), func(n int, d *crashtest.Disk, text string) {
		moments++
		lab.moment(d, acknowledged(text, n))
	})
	images := lab.end()
	t.Logf("%d histories, %d moments, %d images; %d of them before there was a log", len(histories()), moments, images, lab.none)
	if moments != crashMoments || images != crashImages || oneImageIn == 1 && lab.left != crashLeft {
		t.Errorf("%d moments, %d images and %d keys left, want %d, %d and %d", moments, images, lab.left, crashMoments, crashImages, crashLeft)
	}
}

// played has a child, which is a test of this package, play so many histories, in the folders of
// their numbers below that which a variable names, and calls do at each moment of each, with the
// disk and what the child has said.
func played(t *testing.T, child, variable string, histories int, do func(n int, d *crashtest.Disk, text string)) {
	t.Helper()
	base := scratch(t)
	for n := range histories {
		if err := os.Mkdir(filepath.Join(base, fmt.Sprint(n)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	trace := filepath.Join(scratch(t), "trace")
	command := crashtest.Command(trace, os.Args[0], "-test.run=^"+child+"$", "-test.count=1")
	program := exec.CommandContext(t.Context(), command[0], command[1:]...)
	program.Env = append(os.Environ(), variable+"="+base)
	if out, err := program.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for n := range histories {
		f, err := os.Open(trace)
		if err != nil {
			t.Fatal(err)
		}
		d := crashtest.NewDisk()
		err = crashtest.Replay(bufio.NewReader(f), filepath.Join(base, fmt.Sprint(n)), d, func(m crashtest.Moment) error {
			do(n, d, m.Said)
			return nil
		})
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// said is what a child has acknowledged of one history.
type said struct {
	made bool
	acks []audit.Receipt
}

func acknowledged(text string, history int) (s said) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[1] != fmt.Sprint(history) {
			continue
		}
		switch f[0] {
		case "made":
			s.made = true
		case "ack":
			index, _ := strconv.ParseInt(f[2], 10, 64)
			leaf, _ := hex.DecodeString(f[3])
			s.acks = append(s.acks, audit.Receipt{Index: index, Leaf: [32]byte(leaf)})
		}
	}
	return s
}

// lab looks at images on several goroutines, at each once.
type lab struct {
	t    *testing.T
	seen map[string]bool
	todo chan func()
	ends sync.Once
	wg   sync.WaitGroup
	mu   sync.Mutex
	none int // images without a log
	left int // and of them, those in which a key prevents another one
}

func newLab(t *testing.T) *lab {
	t.Helper()
	needs(t, "strace")
	l := &lab{t: t, seen: map[string]bool{}, todo: make(chan func(), 64)}
	t.Cleanup(func() { l.end() })
	for range runtime.GOMAXPROCS(0) {
		l.wg.Go(func() {
			for f := range l.todo {
				f()
			}
		})
	}
	return l
}

// end waits until all images were looked at, and is how many there were.
func (l *lab) end() int {
	l.ends.Do(func() { close(l.todo) })
	l.wg.Wait()
	return len(l.seen)
}

// moment looks at all that the power leaves if it goes now.
func (l *lab) moment(d *crashtest.Disk, s said) {
	l.images(d, fmt.Sprintf("%t %x", s.made, s.acks), func(image crashtest.Image) { l.look(image, s) })
}

// images has each image looked at that no other moment had, knowing the same.
func (l *lab) images(d *crashtest.Disk, known string, look func(image crashtest.Image)) {
	for image := range d.Images() {
		image = named(image)
		key := fmt.Sprintf("%x %s", image.Sum(), known)
		if !l.seen[key] {
			if l.seen[key] = true; len(l.seen)%oneImageIn == 0 {
				l.todo <- func() { look(image) }
			}
		}
	}
}

// written has an image looked at in a folder, and tells of the problem.
func (l *lab) written(image crashtest.Image, known string, problem func(dir string) error) {
	folder, err := os.MkdirTemp("/dev/shm", "audit")
	if err != nil {
		folder = l.t.TempDir()
	}
	defer func() { _ = os.RemoveAll(folder) }()
	err = image.Write(folder)
	if err == nil {
		err = problem(filepath.Join(folder, "audit"))
	}
	if err != nil {
		l.t.Errorf("%s: %v\n%s", known, err, listing(image))
	}
}

// named gives temporary files names that are the same each time.
func named(image crashtest.Image) crashtest.Image {
	out := crashtest.Image{}
	for name, data := range image {
		if dir, base := filepath.Split(name); strings.HasPrefix(base, ".atomicfile-") {
			for n := 0; ; n++ {
				if name = dir + fmt.Sprintf(".atomicfile-%d", n); out[name] == nil {
					break
				}
			}
		}
		out[name] = data
	}
	return out
}

// look opens one image. What was acknowledged is there, and what is there verifies.
func (l *lab) look(image crashtest.Image, s said) {
	l.written(image, fmt.Sprintf("%d acknowledged, made: %t", len(s.acks), s.made), func(dir string) error {
		opened, err := audit.Open(context.Background(), dir, nil)
		if err != nil && !s.made {
			return l.remake(dir)
		}
		if err != nil {
			return err
		}
		if err := opened.Close(context.Background()); err != nil {
			return err
		}
		return sound(dir, s.acks)
	})
}

// remake makes the log that a crash has prevented.
func (l *lab) remake(dir string) error {
	_, nolog := os.Lstat(dir)
	err := audit.Create(context.Background(), dir, origin, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.none++
	switch {
	case err == nil:
		return sound(dir, nil)
	case errors.Is(err, fs.ErrExist) && nolog != nil: // it refuses, and nothing is lost
		l.left++
		return nil
	}
	return err
}

// sound says what is wrong with a log that was closed.
func sound(dir string, acks []audit.Receipt) error { return soundFrom(dir, 0, acks) }

// soundFrom is of a log that has its lines from one on.
func soundFrom(dir string, kept int64, acks []audit.Receipt) error {
	vkey, err := os.ReadFile(dir + ".vkey")
	if err != nil {
		return err
	}
	report, err := verify.Dir(context.Background(), os.DirFS(dir), []string{strings.TrimSpace(string(vkey))})
	if err != nil || len(report.Findings) > 0 {
		return fmt.Errorf("%v, %w", report, err)
	}
	leaves, err := leavesOf(dir)
	if err != nil {
		return err
	}
	for _, r := range acks {
		if at := r.Index - kept; at >= int64(len(leaves)) || at >= 0 && leaves[at] != r.Leaf {
			return fmt.Errorf("line %d is lost", r.Index)
		}
	}
	return nil
}

// leavesOf are the hashes of all lines of the segments of a log.
func leavesOf(dir string) (leaves [][32]byte, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "seg", "*.jsonl"))
	slices.Sort(names)
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for _, line := range lines(b) {
			leaves = append(leaves, tlog.RecordHash(line))
		}
	}
	return leaves, err
}

func listing(image crashtest.Image) string {
	var b strings.Builder
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range image {
			if !yield(name) {
				return
			}
		}
	}) {
		if image[name] == nil {
			fmt.Fprintf(&b, "%s/\n", name)
		} else {
			fmt.Fprintf(&b, "%s %d bytes\n", name, len(image[name]))
		}
	}
	return b.String()
}

// needs skips a test where something is not there, in one line with the reason; where the
// environment says that crash tests are required, it fails.
func needs(t *testing.T, what ...string) {
	t.Helper()
	var reason string
	for _, name := range what {
		switch _, err := os.Stat(name); {
		case name == "root":
			if os.Geteuid() != 0 {
				reason = "not root"
			}
		case strings.HasPrefix(name, "/"):
			if errors.Is(err, fs.ErrNotExist) {
				reason = name + " is missing"
			}
		default:
			if _, err := exec.LookPath(name); err != nil {
				reason = name + " is not installed"
			}
		}
	}
	switch {
	case reason == "":
	case os.Getenv("CARNET_CRASH") == "require":
		t.Fatalf("crash tests are required: %s", reason)
	default:
		t.Skipf("SKIP: %s", reason)
	}
}
