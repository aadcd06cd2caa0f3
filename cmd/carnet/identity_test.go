package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestIdentityFile: what is no file of the caller's own is not read.
func TestIdentityFile(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	if _, err := (&keyFlags{file: good}).identity(true); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(good, link); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), dangling); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe")
	mkfifo(t, pipe)
	theirs := "/etc/passwd" // who is not root cannot make one
	if runtime.GOOS == "windows" {
		theirs = dir
	} else if os.Geteuid() == 0 {
		theirs = write(t, read(t, good))
		if err := os.Chown(theirs, 65534, -1); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]error{good: nil, link: errOpenKey, dangling: errOpenKey, dir: errOpenKey, pipe: errOpenKey, theirs: errTheirKey,
		write(t, read(t, good)+strings.Repeat("#", mostIdentity)): errLongKey,
		write(t, "# nothing"): errNoKey, filepath.Join(dir, "missing"): errKeyFile}
	if runtime.GOOS == "windows" {
		want[theirs] = errOpenKey
	}
	for file, wantErr := range want {
		for _, fresh := range []bool{false, true} {
			if fresh && wantErr == errKeyFile {
				continue // it is made
			}
			errs := make(chan error, 1)
			go func() {
				_, err := (&keyFlags{file: file}).identity(fresh)
				errs <- err
			}()
			select {
			case err := <-errs:
				if !errors.Is(err, wantErr) {
					t.Errorf("%s: %v, want %v", filepath.Base(file), err, wantErr)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("a %s holds the caller", filepath.Base(file))
			}
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a key was made where a link points to")
	}
}
