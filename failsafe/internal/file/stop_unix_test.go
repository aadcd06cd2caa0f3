//go:build unix

package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/file"
)

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // a signal takes a moment
}

// stopped is a process that owns a journal, and was stopped while it writes.
func stopped(t *testing.T) (p *process, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "journal")
	p = start(t, dir)
	select {
	case <-p.spoke:
	case <-time.After(time.Minute):
		t.Fatal("it does not start")
	}
	p.signal(t, syscall.SIGSTOP)
	return p, dir
}

// TestAStoppedOwnerIsTheOwner: nobody else gets in, however long it sleeps; when it is
// dead somebody does.
func TestAStoppedOwnerIsTheOwner(t *testing.T) {
	p, dir := stopped(t)
	for range 10 {
		if _, err := file.Open(t.Context(), dir); err != file.ErrOwned {
			t.Fatalf("got %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	acked := map[string]int{}
	p.kill(t, acked)
	j := open(t, dir, nil)
	if holds(t, j, acked) == 0 {
		t.Error("nothing is there")
	}
}

// TestAStoppedOwnerThatWasTakenOver: somebody who knows better has put a copy in place and
// taken the locks away. When the first wakes up it writes nothing any more.
func TestAStoppedOwnerThatWasTakenOver(t *testing.T) {
	p, dir := stopped(t)
	if err := errors.Join(copyFile(framesOf(dir), framesOf(dir)+"-copy"), os.Rename(framesOf(dir)+"-copy", framesOf(dir)), os.Remove(filepath.Join(dir, "lock"))); err != nil {
		t.Fatal(err)
	}
	j := open(t, dir, nil)
	n := holds(t, j, nil)
	p.signal(t, syscall.SIGCONT)
	_ = p.Wait() // it ends by itself
	acked := map[string]int{}
	if said := p.said(acked); !strings.HasPrefix(said, "error file: lost") {
		t.Errorf("it said %q", said)
	}
	if got := holds(t, j, acked); got != n {
		t.Errorf("%d records, before %d", got, n)
	}
	add(t, j, numbered("run-9-0", 1))
	shut(t, j)
	if got := holds(t, open(t, dir, nil), acked); got != n+1 {
		t.Errorf("%d records, want %d", got, n+1)
	}
}
