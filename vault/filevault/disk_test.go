package filevault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/segment"
	"github.com/carnet-go/carnet/vault/filevault"
)

func TestOwnerAlone(t *testing.T) {
	f := file(t)
	for _, path := range []string{f.Path, f.Path + ".lock"} {
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666} {
		must(t, os.Chmod(f.Path, mode))
		for call, err := range calls(t, f) {
			if !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("%s at mode %o: %v", call, mode, err)
			}
		}
	}
	must(t, os.Chmod(f.Path, 0o400))
	want(t, f, "crm/api", "1", "key", canary)
}

func TestNoRegularFile(t *testing.T) {
	f := file(t)
	dir := filepath.Dir(f.Path)
	must(t, os.Symlink(f.Path, dir+"/link"))
	must(t, os.Mkdir(dir+"/folder", 0o700))
	mkfifo(t, dir+"/pipe")
	for _, name := range []string{"link", "folder", "pipe"} {
		done := make(chan map[string]error, 1)
		go func() { done <- calls(t, filevault.File{Path: filepath.Join(dir, name), Identity: f.Identity}) }()
		select {
		case errs := <-done:
			for call, err := range errs {
				if !errors.Is(err, auth.ErrInvalid) {
					t.Errorf("%s of a %s: %v", call, name, err)
				}
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("a %s holds the caller", name)
		}
	}
	must(t, os.Link(f.Path, dir+"/second"))
	for call, err := range calls(t, f) {
		if !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s with a second name: %v", call, err)
		}
	}
	must(t, os.Remove(dir+"/second"))
	want(t, f, "crm/api", "1", "key", canary)
}

// TestEveryByteCounts: whichever is flipped, and wherever the file is cut, nothing is read.
func TestEveryByteCounts(t *testing.T) {
	f := file(t)
	good, err := os.ReadFile(f.Path)
	must(t, err)
	first := bytes.IndexByte(good, '\n') + 1
	end := first + bytes.Index(good[first:], []byte("\n--- ")) // of the stanza that wraps the key
	denied := 0
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		must(t, os.WriteFile(f.Path, bad, 0o600))
		issued, err := f.Issue(t.Context(), "crm/api")
		inside := i >= first && i < end
		if issued.Fields != nil || !errors.Is(err, auth.ErrInvalid) && !(inside && errors.Is(err, auth.ErrDenied)) {
			t.Errorf("byte %d of %d: %v", i, len(good), err)
		}
		if errors.Is(err, auth.ErrDenied) {
			denied++
		}
	}
	if denied == 0 || denied > 120 {
		t.Errorf("%d bytes look like a wrong identity", denied)
	}
	for n := range good {
		must(t, os.WriteFile(f.Path, good[:n], 0o600))
		if err := f.Check(); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	must(t, os.WriteFile(f.Path, append(bytes.Clone(good), 'x'), 0o600))
	if err := f.Check(); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("with more: %v", err)
	}
	must(t, os.WriteFile(f.Path, good, 0o600))
	want(t, f, "crm/api", "1", "key", canary)
}

// TestTornTemporaryFile: what a crash left half written is neither read nor in the way.
func TestTornTemporaryFile(t *testing.T) {
	f := file(t)
	whole, err := os.ReadFile(f.Path)
	must(t, err)
	for i, n := range []int{0, 1, len(whole) / 2, len(whole)} {
		must(t, os.WriteFile(fmt.Sprintf("%s/.atomicfile-%d", filepath.Dir(f.Path), i), whole[:n], 0o600))
	}
	want(t, f, "crm/api", "1", "key", canary)
	must(t, f.Set(t.Context(), "crm/api", fields("key", "new")))
	want(t, f, "crm/api", "2", "key", "new")
}

// TestPlainTextNeverOnDisk: in no file of the folder, and under no name.
func TestPlainTextNeverOnDisk(t *testing.T) {
	f := file(t)
	entries, err := os.ReadDir(filepath.Dir(f.Path))
	must(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(f.Path), e.Name()))
		if err != nil || bytes.Contains(b, []byte(canary)) || bytes.Contains(b, []byte("crm/api")) || bytes.Contains(b, []byte("Y0FuQXJZ")) {
			t.Errorf("%s: %v", e.Name(), err)
		}
	}
	if len(entries) != 2 {
		t.Errorf("the folder holds %v", entries)
	}
}

// TestWriteFails: whoever may not write in the folder changes nothing.
func TestWriteFails(t *testing.T) {
	f := file(t)
	dir := filepath.Dir(f.Path)
	must(t, os.Chmod(dir, 0o500))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	asNobody(t, f.Path, func() {
		if err := f.Set(t.Context(), "a", fields("k", "v")); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("Set in a closed folder: %v", err)
		}
		if err := os.Chmod(f.Path, 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Check(); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("Check of a closed file: %v", err)
		}
	})
	must(t, os.Chmod(f.Path, 0o600))
	must(t, os.Chmod(dir, 0o700))
	want(t, f, "crm/api", "1", "key", canary)

	must(t, os.Remove(f.Path+".lock"))
	must(t, os.Mkdir(f.Path+".lock", 0o700))
	if err := f.Set(t.Context(), "a", fields("k", "v")); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("Set without lock: %v", err)
	}
}

// foreign is the path of a file that is somebody else's. Who is not root cannot make one.
func foreign(t *testing.T, f filevault.File) string {
	t.Helper()
	if os.Geteuid() != 0 {
		return "/etc/passwd"
	}
	must(t, os.Chown(f.Path, nobody, -1))
	return f.Path
}

// TestSomebodyElsesFile is neither read nor taken over, by root neither, and there is no
// lock beside it that its owner could not open.
func TestSomebodyElsesFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("owners are not compared")
	}
	f := file(t)
	f.Path = foreign(t, f)
	_ = os.Remove(f.Path + ".lock")
	before, err := os.Stat(f.Path)
	must(t, err)
	for call, err := range calls(t, f) {
		if !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), "its owner") {
			t.Errorf("%s: %v", call, err)
		}
	}
	if err := f.Create(t.Context()); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("Create: %v", err)
	}
	if after, err := os.Stat(f.Path); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("replaced: %v", err)
	}
	if _, err := os.Lstat(f.Path + ".lock"); err == nil {
		t.Error("a lock was made")
	}
}

// TestSomebodyElsesLock: what is held by it is somebody else's change. Who is not root
// cannot make such a lock, and sees that their own one is none.
func TestSomebodyElsesLock(t *testing.T) {
	f := file(t)
	lock := f.Path + ".lock"
	if os.Geteuid() != 0 {
		must(t, f.Set(t.Context(), "a", fields("k", "v")))
		return
	}
	must(t, os.Chown(lock, nobody, -1))
	next := filevault.File{Path: f.Path + "2", Identity: f.Identity}
	must(t, os.WriteFile(next.Path+".lock", nil, 0o600))
	must(t, os.Chown(next.Path+".lock", nobody, -1))
	for call, err := range map[string]error{
		"Set": f.Set(t.Context(), "a", fields("k", "v")), "Delete": f.Delete(t.Context(), "crm/api"), "Rekey": f.Rekey(t.Context(), identity(t)), "Create": next.Create(t.Context()),
	} {
		if !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), "the lock of the file is somebody else's") {
			t.Errorf("%s: %v", call, err)
		}
	}
	want(t, f, "crm/api", "1", "key", canary)
}

// TestLockThatIsNone ends a change at once: nobody gives it back.
func TestLockThatIsNone(t *testing.T) {
	f := file(t)
	lock, target := f.Path+".lock", f.Path+".target"
	for name, make := range map[string]func(){
		"link":   func() { must(t, os.Symlink(target, lock)) },
		"folder": func() { must(t, os.Mkdir(lock, 0o700)) },
		"pipe":   func() { mkfifo(t, lock) },
	} {
		must(t, os.Remove(lock))
		make()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := f.Set(ctx, "a", fields("k", "v")); !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), "the lock of the file is a link or no regular file") {
			t.Errorf("a %s: %v", name, err)
		}
		cancel()
	}
	if _, err := os.Lstat(target); err == nil && runtime.GOOS != "windows" {
		t.Error("the target was made")
	}
	want(t, f, "crm/api", "1", "key", canary)
}

// TestAWaitIsTold, once and after a second, and what ends it says what it was for.
func TestAWaitIsTold(t *testing.T) {
	f := file(t)
	lock, err := segment.NewLock(f.Path + ".lock")
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var told []time.Duration
		f.Waiting = func() { told = append(told, time.Since(began)) }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := f.Set(ctx, "a", fields("k", "v"))
		if !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another writer") {
			t.Errorf("Set = %v", err)
		}
		if time.Since(began) != time.Minute || len(told) != 1 || told[0] != time.Second {
			t.Errorf("told at %v, gave up after %v", told, time.Since(began))
		}
	})
	must(t, lock.Close())
	f.Waiting = func() { t.Error("told without a wait") }
	must(t, f.Set(t.Context(), "a", fields("k", "v")))
}

// TestLockIsAwaited, and the wait ends with the caller.
func TestLockIsAwaited(t *testing.T) {
	f := file(t)
	lock, err := segment.NewLock(f.Path + ".lock")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := f.Set(ctx, "a", fields("k", "v")); !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Set = %v", err)
	}
	want(t, f, "crm/api", "1", "key", canary) // readers do not wait
	go func() {
		time.Sleep(20 * time.Millisecond)
		_ = lock.Close()
	}()
	must(t, f.Set(t.Context(), "a", fields("k", "v")))
	want(t, f, "a", "2", "k", "v")
}

const (
	writers = 4
	writes  = 20
)

// write sets paths of its own, one after the other.
func write(ctx context.Context, f filevault.File, writer string) error {
	for i := range writes {
		if err := f.Set(ctx, fmt.Sprintf("w%s/%d", writer, i), fields("k", writer)); err != nil {
			return err
		}
	}
	return nil
}

// TestWritersLoseNothing: goroutines and processes at once, and readers that never see
// anything but a whole file.
func TestWritersLoseNothing(t *testing.T) {
	f := file(t)
	ctx, stop := context.WithCancel(t.Context())
	var all, readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for ctx.Err() == nil {
				if _, err := f.Issue(ctx, "crm/api"); err != nil && ctx.Err() == nil {
					t.Errorf("read: %v", err)
				}
			}
		})
	}
	for i := range writers {
		all.Go(func() {
			if i%2 == 0 {
				if err := write(t.Context(), f, fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
				return
			}
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAnotherProcess$", "-test.count=1")
			c.Env = append(os.Environ(), "FILEVAULT_PATH="+f.Path, "FILEVAULT_WRITER="+fmt.Sprint(i))
			c.Stdin = strings.NewReader(text(t, f.Identity))
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	stop()
	readers.Wait()
	list, err := f.List(t.Context())
	must(t, err)
	versions := map[string]bool{}
	for _, e := range list {
		versions[e.Version] = true
	}
	if len(list) != 1+writers*writes || len(versions) != len(list) {
		t.Errorf("%d paths, %d versions", len(list), len(versions))
	}
}

// TestAnotherProcess is what TestWritersLoseNothing starts; by itself it has nothing to do.
func TestAnotherProcess(t *testing.T) {
	path := os.Getenv("FILEVAULT_PATH")
	if path == "" {
		return
	}
	key := make([]byte, 1024)
	n, _ := os.Stdin.Read(key)
	f := filevault.File{Path: path, Identity: auth.NewSecret(key[:n])}
	must(t, write(t.Context(), f, os.Getenv("FILEVAULT_WRITER")))
}

// TestRollbackIsNotSeen holds the limit that the package doc states: an older copy is
// as good as the newest one.
func TestRollbackIsNotSeen(t *testing.T) {
	f := file(t)
	old, err := os.ReadFile(f.Path)
	must(t, err)
	must(t, f.Set(t.Context(), "crm/api", fields("key", "new")))
	must(t, os.WriteFile(f.Path, old, 0o600))
	want(t, f, "crm/api", "1", "key", canary)
}

// asNobody runs fn as somebody who owns the file and is not root.
func asNobody(t *testing.T, path string, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	for _, name := range []string{path, path + ".lock", filepath.Dir(path)} {
		must(t, os.Chown(name, nobody, -1))
		defer func() { must(t, os.Chown(name, 0, -1)) }()
	}
	for dir := filepath.Dir(filepath.Dir(path)); dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o005 != 0o005 {
			must(t, os.Chmod(dir, 0o755))
		}
	}
	runtime.LockOSThread() // the system call speaks for this thread only
	defer runtime.UnlockOSThread()
	seteuid(t, nobody)
	defer seteuid(t, 0)
	fn()
}

const nobody = 65534
