package audit_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"

	"crypto/ed25519"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/internal/crashtest"
	"github.com/carnet-go/carnet/audit/verify"
)

// rekeyVariable names the log of which the child replaces the key.
const rekeyVariable = "CARNET_AUDIT_REKEY"

// TestRekeyChild is a program for the tests that let the power go, or a system call fail, while a
// key is replaced. It says when that was done.
func TestRekeyChild(t *testing.T) {
	dir := os.Getenv(rekeyVariable)
	if dir == "" {
		return
	}
	cryptotest.SetGlobalRandom(t, 2)
	synctest.Test(t, func(t *testing.T) {
		if vkey, err := audit.Rekey(context.Background(), dir, nil, nil); err == nil {
			fmt.Println("rekeyed", vkey)
		} else {
			fmt.Println("failed", errors.Is(err, audit.ErrIndeterminate), vkey)
		}
	})
}

// staked is a log with a sink, as it is before its key is replaced.
type staked struct {
	dir  string
	old  string // verifier key
	key  ed25519.PrivateKey
	next int64 // first line that the sink has not
}

func feedTo(to func(context.Context, []audit.Entry) (int, error)) *audit.Options {
	return &audit.Options{Jurisdictions: []string{"*"}, Feeds: []audit.Feed{{Name: "siem", To: sinkFunc(to), Jurisdictions: []string{"eu"}, Clearance: "internal"}}}
}

func stake(t *testing.T) *staked {
	t.Helper()
	s := &staked{dir: filepath.Join(scratch(t), "audit")}
	cryptotest.SetGlobalRandom(t, 1)
	synctest.Test(t, func(t *testing.T) { // so that the child's clock is not behind
		if err := audit.Create(t.Context(), s.dir, origin, nil); err != nil {
			t.Fatal(err)
		}
		l, err := audit.Open(t.Context(), s.dir, feedTo(func(_ context.Context, batch []audit.Entry) (int, error) { return len(batch), nil }))
		if err != nil {
			t.Fatal(err)
		}
		add(t, l, answer())
		shut(t, l)
		s.next = l.Health().Lines
	})
	s.old, s.key = vkeyOf(t, s.dir), keyIn(t, s.dir+".key")
	return s
}

// keyIn is the private key in a file.
func keyIn(t testing.TB, path string) ed25519.PrivateKey {
	t.Helper()
	parts := strings.SplitN(strings.TrimSpace(string(read(t, path))), "+", 5)
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(seed[1:])
}

// settled says what is wrong with what a crash left: the log opens under one of two keys, and not
// under the other one, whoever has an old checkpoint or key follows, and the sink gets nothing
// again. It is under the new one if done says so.
func (s *staked) settled(dir string, done bool, next ed25519.PrivateKey) (under string, err error) {
	var got []int64
	o := feedTo(func(_ context.Context, batch []audit.Entry) (int, error) {
		for _, e := range batch {
			got = append(got, e.Index)
		}
		return len(batch), nil
	})
	l, err := audit.Open(context.Background(), dir, o)
	if err != nil {
		return "", err
	}
	if err := l.Close(context.Background()); err != nil {
		return "", err
	}
	under = l.Key()
	if len(got) > 0 && got[0] != s.next || l.Newest("audit.again") >= 0 {
		return under, fmt.Errorf("the sink got lines from %v on, want %d", got, s.next)
	}
	if done && under == s.old {
		return under, errors.New("it was done, and is not")
	}
	for vkey, k := range map[string]crypto.Signer{s.old: s.key, "new": next} {
		is := (vkey == s.old) == (under == s.old)
		l, err := audit.Open(context.Background(), dir, &audit.Options{Signer: k})
		if err == nil {
			err = l.Close(context.Background())
		}
		if is != (err == nil) || !is && errors.Is(err, audit.ErrRekeyed) != (vkey == s.old) {
			return under, fmt.Errorf("under %s, and the key %s: %w", under, vkey, err)
		}
	}
	text, err := os.ReadFile(dir + ".vkey")
	if err != nil {
		return under, err
	}
	for _, vkey := range []string{s.old, under, strings.TrimSpace(string(text))} {
		r, err := verify.Dir(context.Background(), os.DirFS(dir), []string{vkey})
		if err != nil || len(r.Findings) > 0 || r.Key != under {
			return under, fmt.Errorf("%v under %s, %w", r.Findings, r.Key, err)
		}
	}
	if strings.TrimSpace(string(text)) != under {
		return under, errors.New("DIR.vkey is another one")
	}
	return under, nil
}

// TestAPowerCutInARekey, at each moment, with each subset of what was not synced lost.
func TestAPowerCutInARekey(t *testing.T) {
	needs(t, "strace")
	s := stake(t)
	d := crashtest.NewDisk()
	for name, text := range content(t, filepath.Dir(s.dir)) {
		d.Put(strings.TrimPrefix(filepath.ToSlash(name), "/"), []byte(text))
	}
	trace := filepath.Join(scratch(t), "trace")
	command := crashtest.Command(trace, os.Args[0], "-test.run=^TestRekeyChild$", "-test.count=1")
	child := exec.CommandContext(t.Context(), command[0], command[1:]...)
	child.Env = append(os.Environ(), rekeyVariable+"="+s.dir)
	if out, err := child.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("rekeyed ")) {
		t.Fatalf("%v\n%s", err, out)
	}
	next := keyIn(t, s.dir+".key")
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	todo, moments := make(chan func()), 0
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for f := range todo {
				f()
			}
		})
	}
	var mu sync.Mutex
	seen, unders := map[string]bool{}, map[string]int{}
	err = crashtest.Replay(bufio.NewReader(f), filepath.Dir(s.dir), d, func(m crashtest.Moment) error {
		moments++
		done := strings.Contains(m.Said, "rekeyed ")
		for image := range d.Images() {
			image = named(image)
			if key := fmt.Sprintf("%x %t", image.Sum(), done); seen[key] {
				continue
			} else if seen[key] = true; len(seen)%oneImageIn != 0 {
				continue
			}
			todo <- func() {
				under, err := s.look(image, done, next)
				mu.Lock()
				defer mu.Unlock()
				if unders[under]++; err != nil {
					t.Errorf("done: %t: %v\n%s", done, err, listing(image))
				}
			}
		}
		return nil
	})
	close(todo)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d moments, %d images, %d under the old key", moments, len(seen), unders[s.old])
	if moments < 15 || len(seen) < 200 || len(unders) != 2 || unders[s.old] == 0 {
		t.Errorf("%d moments, %d images, %v", moments, len(seen), unders)
	}
}

// look settles one image in a folder of its own.
func (s *staked) look(image crashtest.Image, done bool, next ed25519.PrivateKey) (string, error) {
	folder, err := os.MkdirTemp(filepath.Dir(filepath.Dir(s.dir)), "audit")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := image.Write(folder); err != nil {
		return "", err
	}
	return s.settled(filepath.Join(folder, "audit"), done, next)
}

// TestEachSystemCallOfARekeyFailsOrKills: whatever it says, the log is under one of two keys.
func TestEachSystemCallOfARekeyFailsOrKills(t *testing.T) {
	needs(t, "strace")
	s := stake(t)
	for _, c := range []struct {
		calls, what string
		atLeast     int // how many one thread makes, on a machine that moves the program about: strace counts by threads
	}{
		{"fdatasync", "error=EIO", 1}, {"fsync", "error=EIO", 3}, {"write", "error=ENOSPC", 2}, {"renameat", "error=EIO", 2},
		{"unlinkat", "error=EIO", 1}, {"fallocate", "error=ENOSPC", 1}, {"openat", "error=EMFILE", 6},
		{"fdatasync", "signal=SIGKILL", 1}, {"fsync", "signal=SIGKILL", 3}, {"write", "signal=SIGKILL", 2}, {"renameat", "signal=SIGKILL", 2},
		{"unlinkat", "signal=SIGKILL", 1},
	} {
		t.Run(c.calls+" "+c.what, func(t *testing.T) {
			const stride = (oneImageIn + 3) / 4 // each; the race detector makes it too slow for all
			n := 1
			for misses := 0; misses < 2; n += stride { // another time a thread may come further
				if misses++; s.once(t, c.calls, c.what, n) {
					misses = 0
				}
			}
			n -= 2 * stride
			if n <= c.atLeast {
				t.Errorf("less than %d calls, want at least %d", n, c.atLeast)
			}
			t.Logf("less than %d calls", n)
		})
	}
}

// once lets the n-th call on the log or beside it fail or kill; false: there were fewer.
func (s *staked) once(t *testing.T, calls, what string, n int) bool {
	dir := clone(t, s.dir)
	trace := filepath.Join(scratch(t), "trace")
	args := []string{"-f", "-qq", "-o", trace, "-e", "trace=" + calls, "-e", fmt.Sprintf("inject=%s:%s:when=%d", calls, what, n)}
	if calls == "openat" { // the program opens other files too
		err := filepath.WalkDir(filepath.Dir(dir), func(path string, _ fs.DirEntry, err error) error {
			args = append(args, "-P", path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	child := exec.Command("strace", append(args, "--", os.Args[0], "-test.run=^TestRekeyChild$", "-test.count=1")...)
	child.Env = append(os.Environ(), rekeyVariable+"="+dir, "GOMAXPROCS=1")
	out, err := child.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	text := string(read(t, trace))
	hit := strings.Contains(text, "(INJECTED)") || strings.Contains(text, "killed by SIGKILL")
	next := private(9)
	for _, path := range []string{dir + ".key.next", dir + ".key"} {
		if _, err := os.Stat(path); err == nil && !bytes.Equal(read(t, path), read(t, s.dir+".key")) {
			next = keyIn(t, path)
		}
	}
	under, err := s.settled(dir, strings.Contains(string(out), "rekeyed "), next)
	if err != nil {
		t.Errorf("%s %s, call %d: under %s: %v\n%s\n%s", calls, what, n, under, err, out, text)
	}
	if strings.Contains(string(out), "failed false \n") && under != s.old {
		t.Errorf("%s %s, call %d: it said that nothing had changed", calls, what, n)
	}
	return hit
}
