package segment_test

import (
	"errors"
	"os"
	"path/filepath"
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
