package segment_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carnet-go/carnet/internal/segment"
)

// TestALockOnARemovedFileIsNone: who has the lock may remove the file, and whoever
// had opened it before holds a lock that keeps nobody out.
func TestALockOnARemovedFileIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "LOCK")
	var inside, got atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 2000 {
				l, err := segment.NewLock(path)
				if err != nil {
					continue
				}
				if got.Add(1); inside.Add(1) != 1 {
					t.Error("two hold the lock")
				}
				inside.Add(-1)
				_ = os.Remove(path) // from here on another one may have it
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got.Load() < 100 {
		t.Errorf("the lock was had only %d times", got.Load())
	}
}

func TestALockIsGivenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "LOCK")
	first, err := segment.NewLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := segment.NewLock(path); !errors.Is(err, segment.ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	for range 2 {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
	second, err := segment.NewLock(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
	if err := (*segment.Lock)(nil).Close(); err != nil {
		t.Error(err)
	}
}

// TestALockThatIsALink is refused at once, and what it names is neither made nor locked.
// Whoever waits for such a lock waits for ever.
func TestALockThatIsALink(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"dangling": filepath.Join(dir, "nowhere"), "link": there, "loop": filepath.Join(dir, "loop")} {
		path := filepath.Join(dir, name)
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		if _, err := segment.NewLock(path); err != segment.ErrNoLock {
			t.Errorf("a %s: %v", name, err)
		}
	}
	if runtime.GOOS != "windows" {
		if _, err := os.Lstat(filepath.Join(dir, "nowhere")); err == nil {
			t.Error("the target was made")
		}
	}
	if _, err := segment.NewLock(dir); err != segment.ErrNoLock {
		t.Errorf("a folder: %v", err)
	}
	pipe := filepath.Join(dir, "pipe")
	if mkfifo(t, pipe); runtime.GOOS != "windows" {
		if _, err := segment.NewLock(pipe); err != segment.ErrNoLock {
			t.Errorf("a pipe: %v", err)
		}
	}
	lock, err := segment.NewLock(there)
	if err != nil {
		t.Fatal(err)
	}
	_ = lock.Close()
}
