package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/carnet-go/carnet/internal/atomicfile"
)

func TestWriteReplacesContentAndMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, c := range []struct {
		data string
		mode fs.FileMode
	}{{"one", 0o600}, {"", 0o644}, {"three", 0o600}} {
		if err := atomicfile.Write(path, []byte(c.data), c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != c.data {
			t.Errorf("got %q, %v; want %q", got, err, c.data)
		}
		if fi, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && fi.Mode().Perm() != c.mode {
			t.Errorf("mode %v, %v; want %v", fi.Mode(), err, c.mode)
		}
	}
	if left := temps(t, filepath.Dir(path)); left != 0 {
		t.Errorf("%d temporary files left", left)
	}
}

func TestContentIsSyncedBeforeTheNameAndTheNameAfter(t *testing.T) {
	d := &atomicfile.FaultDisk{}
	if err := atomicfile.WriteOn(d, filepath.Join(t.TempDir(), "f"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []string{"create", "write", "chmod", "sync", "close", "rename", "syncdir"}
	if !slices.Equal(d.Steps, want) {
		t.Errorf("steps %v, want %v", d.Steps, want)
	}
}

func TestEveryFailedStepKeepsTheOldContent(t *testing.T) {
	for _, step := range []string{"create", "write", "chmod", "sync", "close", "rename", "syncdir"} {
		t.Run(step, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			if err := atomicfile.Write(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			cause := &fs.PathError{Op: "x", Path: path, Err: syscall.ENOSPC}
			d := &atomicfile.FaultDisk{Fail: map[string]error{step: cause}}
			err := atomicfile.WriteOn(d, path, []byte("new"), 0o600)
			if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), filepath.Dir(path)) {
				t.Errorf("got %v, want ENOSPC without a path", err)
			}
			got, _ := os.ReadFile(path)
			if want := map[bool]string{true: "new", false: "old"}[step == "syncdir"]; string(got) != want {
				t.Errorf("content %q, want %q", got, want)
			}
			if left := temps(t, filepath.Dir(path)); left != 0 {
				t.Errorf("%d temporary files left", left)
			}
			if slices.Index(d.Steps, "sync") != -1 && countOf(d.Steps, "sync") != 1 {
				t.Error("a failed sync was tried again")
			}
		})
	}
}

func TestAnUnknownCauseIsNotQuoted(t *testing.T) {
	d := &atomicfile.FaultDisk{Fail: map[string]error{"rename": errors.New("quotes /secret/path")}}
	err := atomicfile.WriteOn(d, filepath.Join(t.TempDir(), "f"), nil, 0o600)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestIsTempKnowsWhatACrashLeaves(t *testing.T) {
	dir := t.TempDir()
	d := &atomicfile.FaultDisk{}
	f, err := d.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	if base := filepath.Base(f.Name()); !atomicfile.IsTemp(base) {
		t.Errorf("%q is not recognised", base)
	}
	for _, name := range []string{"checkpoint", "000.p", "", "atomicfile-1"} {
		if atomicfile.IsTemp(name) {
			t.Errorf("%q is no temporary file", name)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestSyncDir(t *testing.T) {
	dir := t.TempDir()
	if err := atomicfile.SyncDir(dir); err != nil {
		t.Error(err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	err := atomicfile.SyncDir(filepath.Join(dir, "none"))
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want ErrNotExist without a path", err)
	}
}

func temps(t *testing.T, dir string) (n int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if atomicfile.IsTemp(e.Name()) {
			n++
		}
	}
	return n
}

func countOf(list []string, s string) (n int) {
	for _, v := range list {
		if v == s {
			n++
		}
	}
	return n
}
