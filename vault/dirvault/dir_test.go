package dirvault_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/dirvault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// write makes files below dir, with the folders that they need.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t testing.TB, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// read is what is at path, as plain text.
func read(t testing.TB, dir, path string) (map[string]string, string, error) {
	t.Helper()
	issued, err := dirvault.Dir(dir).Issue(context.Background(), path)
	if err != nil {
		if issued.Fields != nil || issued.Version != "" {
			t.Errorf("an error, and %d fields", len(issued.Fields))
		}
		return nil, "", err
	}
	if issued.ID != "" || issued.TTL != 0 || issued.Version == "" {
		t.Errorf("issued %+v", issued)
	}
	plain := map[string]string{}
	for name, secret := range issued.Fields {
		_ = secret.Use(func(b []byte) error { plain[name] = string(b); return nil })
	}
	return plain, issued.Version, nil
}

func TestConformance(t *testing.T) {
	for name, layout := range map[string]func(*testing.T) string{
		"plain": func(t *testing.T) string {
			dir := t.TempDir()
			write(t, dir, map[string]string{"test/secret/value": "test"})
			return dir
		},
		"mounted": func(t *testing.T) string {
			dir := t.TempDir()
			mount(t, dir+"/test/secret", "..2026_01_01_00_00_00.1", map[string]string{"value": "test\n"})
			return dir
		},
	} {
		t.Run(name, func(t *testing.T) {
			vaulttest.Run(t, func(t *testing.T) vault.Backend { return dirvault.Dir(layout(t)) })
		})
	}
}

// mount makes, or swaps, a volume as the kubelet does.
func mount(t testing.TB, dir, generation string, files map[string]string) {
	t.Helper()
	write(t, filepath.Join(dir, generation), files)
	old, _ := os.Readlink(dir + "/..data")
	link(t, generation, dir+"/..data_tmp")
	if err := os.Rename(dir+"/..data_tmp", dir+"/..data"); err != nil {
		t.Fatal(err)
	}
	for name := range files {
		top, _, _ := strings.Cut(name, "/")
		_ = os.Symlink("..data/"+top, dir+"/"+top)
	}
	if old != "" {
		if err := os.RemoveAll(filepath.Join(dir, old)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMountedVolume(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir+"/crm", "..1", map[string]string{"name": "ann", "password": "one"})
	got, version, err := read(t, dir, "crm")
	if err != nil || version != "..1" || !maps.Equal(got, map[string]string{"name": "ann", "password": "one"}) {
		t.Errorf("%v, %q, %v", got, version, err)
	}
	mount(t, dir+"/crm", "..2", map[string]string{"name": "bob", "password": "two"})
	got, version, err = read(t, dir, "crm")
	if err != nil || version != "..2" || !maps.Equal(got, map[string]string{"name": "bob", "password": "two"}) {
		t.Errorf("after the swap: %v, %q, %v", got, version, err)
	}
}

// TestPathsBelowOneVolume: the items of a projected volume are folders behind links.
func TestPathsBelowOneVolume(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir, "..1", map[string]string{"crm/api/key": "a", "erp/api/key": "b"})
	for path, want := range map[string]string{"crm/api": "a", "erp/api": "b"} {
		if got, _, err := read(t, dir, path); err != nil || got["key"] != want {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
}

// TestSwapsNeverMix: name and password of one generation, whatever happens meanwhile.
func TestSwapsNeverMix(t *testing.T) {
	const fields = 40 // enough that one is seen while it is removed
	for name, layout := range map[string]struct{ mount, prefix, path string }{
		"own volume":      {"/crm", "", "crm"},
		"below one":       {"", "crm/", "crm"},
		"deep, below one": {"", "crm/db/", "crm/db"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			swap := func(n int) {
				id := fmt.Sprint(n)
				files := map[string]string{}
				for field := range fields {
					files[layout.prefix+fmt.Sprint("f", field)] = id
				}
				mount(t, dir+layout.mount, "..gen"+id, files)
			}
			swap(0)
			stop := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for n := 1; ; n++ {
					select {
					case <-stop:
						return
					default:
						swap(n)
					}
				}
			})
			reads, busy := 0, 0
			for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
				got, _, err := read(t, dir, layout.path)
				switch {
				case err == nil:
					reads++
					values := slices.Compact(slices.Sorted(maps.Values(got)))
					if len(got) != fields || len(values) != 1 {
						t.Errorf("mixed: %d fields of %v", len(got), values)
					}
				case err == auth.ErrUnavailable || err == auth.ErrUndeclared:
					busy++ // swapped five times in one call
				default:
					t.Error(err)
				}
			}
			close(stop)
			wg.Wait()
			if reads == 0 {
				t.Errorf("never read; %d times busy", busy)
			}
		})
	}
}

// TestSwapIsSeen although the folder that was opened is still whole.
func TestSwapIsSeen(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir+"/crm", "..1", map[string]string{"key": "one"})
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	folder, err := root.OpenRoot("crm/..data")
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if dirvault.Swapped(root, "crm/..data", folder) {
		t.Error("swapped before it was")
	}
	mount(t, dir+"/crm", "..2", map[string]string{"key": "two"})
	if !dirvault.Swapped(root, "crm/..data", folder) {
		t.Error("not seen")
	}
	if err := os.RemoveAll(dir + "/crm"); err != nil {
		t.Fatal(err)
	}
	if !dirvault.Swapped(root, "crm/..data", folder) {
		t.Error("removal not seen")
	}
}

func TestLine(t *testing.T) {
	for content, want := range map[string]string{
		"one":                  "one",
		"one\n":                "one",
		"one\r\n":              "one",
		"one\n\n":              "one\n\n",
		"two\nlines\n":         "two\nlines\n",
		" one \n":              " one ",
		"\none":                "\none",
		"one\r":                "one\r",
		"\xff\xfe\n":           "\xff\xfe\n",
		"ü\n":                  "ü",
		"-----\nAQI=\n-----\n": "-----\nAQI=\n-----\n",
	} {
		dir := t.TempDir()
		write(t, dir, map[string]string{"p/f": content})
		if got, _, err := read(t, dir, "p"); err != nil || got["f"] != want {
			t.Errorf("%q is read as %q, %v", content, got["f"], err)
		}
	}
}

func TestFields(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"p/key": "1", "p/TLS_key-1.pem": "2", "p/.hidden": "", "p/..odd": "", "p/deeper/key": "3", "p/_a": "4"})
	got, version, err := read(t, dir, "p")
	if err != nil || !maps.Equal(got, map[string]string{"key": "1", "TLS_key-1.pem": "2", "_a": "4"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, again, _ := read(t, dir, "p"); again != version {
		t.Errorf("version %q, then %q", version, again)
	}
	if err := os.Chtimes(dir+"/p/key", time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, again, _ := read(t, dir, "p"); again == version {
		t.Error("a newer file has the same version")
	}
	if got, _, err := read(t, dir, "p/deeper"); err != nil || got["key"] != "3" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWhatIsNoSecret(t *testing.T) {
	for name, tt := range map[string]struct {
		make    func(t *testing.T, folder string)
		wantErr error
	}{
		"empty file":          {func(t *testing.T, p string) { write(t, p, map[string]string{"f": ""}) }, auth.ErrInvalid},
		"newline only":        {func(t *testing.T, p string) { write(t, p, map[string]string{"f": "\n"}) }, auth.ErrInvalid},
		"too big":             {func(t *testing.T, p string) { write(t, p, map[string]string{"f": strings.Repeat("x", 1<<20+1)}) }, auth.ErrInvalid},
		"as big as it may be": {func(t *testing.T, p string) { write(t, p, map[string]string{"f": strings.Repeat("x", 1<<20)}) }, nil},
		"one of two":          {func(t *testing.T, p string) { write(t, p, map[string]string{"a": "x", "f": ""}) }, auth.ErrInvalid},
		"backup file":         {func(t *testing.T, p string) { write(t, p, map[string]string{"f~": "x"}) }, auth.ErrInvalid},
		"name with space":     {func(t *testing.T, p string) { write(t, p, map[string]string{"a b": "x"}) }, auth.ErrInvalid},
		"link to a file": {func(t *testing.T, p string) {
			write(t, p, map[string]string{"a": "x"})
			link(t, "a", p+"/f")
		}, auth.ErrInvalid},
		"link that leads out": {func(t *testing.T, p string) { link(t, "/etc/passwd", p+"/f") }, auth.ErrInvalid},
		"pipe": {func(t *testing.T, p string) {
			mkfifo(t, p+"/f")
		}, auth.ErrInvalid},
		"everybody may write": {func(t *testing.T, p string) {
			write(t, p, map[string]string{"f": "x"})
			if err := os.Chmod(p+"/f", 0o666); err != nil {
				t.Fatal(err)
			}
		}, auth.ErrInvalid},
		"a thousand and one fields": {func(t *testing.T, p string) {
			for i := range 1001 {
				write(t, p, map[string]string{fmt.Sprint("f", i): "x"})
			}
		}, auth.ErrInvalid},
		"nothing":          {func(*testing.T, string) {}, auth.ErrUndeclared},
		"hidden only":      {func(t *testing.T, p string) { write(t, p, map[string]string{".f": "x"}) }, auth.ErrUndeclared},
		"dangling ..data":  {func(t *testing.T, p string) { link(t, "..gone", p+"/..data") }, auth.ErrUndeclared},
		"..data is a file": {func(t *testing.T, p string) { write(t, p, map[string]string{"..data": "x"}) }, auth.ErrUndeclared},
		"..data leads out": {func(t *testing.T, p string) { link(t, t.TempDir(), p+"/..data") }, auth.ErrInvalid},
		"..data climbs out": {func(t *testing.T, p string) {
			link(t, "../../..", p+"/..data")
		}, auth.ErrInvalid},
		"..data leads to itself": {func(t *testing.T, p string) { link(t, "..data", p+"/..data") }, auth.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(dir+"/p", 0o755); err != nil {
				t.Fatal(err)
			}
			tt.make(t, dir+"/p")
			if got, _, err := read(t, dir, "p"); err != tt.wantErr {
				t.Errorf("%d fields, %v", len(got), err)
			}
		})
	}
}

// TestPathsStayInside: neither names nor links lead out of the folder.
func TestPathsStayInside(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, map[string]string{"other/key": "x"})
	dir := outside + "/secrets"
	write(t, dir, map[string]string{"p/key": "x"})
	link(t, outside+"/other", dir+"/absolute")
	link(t, "../other", dir+"/relative")
	for path, wantErr := range map[string]error{
		"../other": auth.ErrUndeclared, "p/../../other": auth.ErrUndeclared, outside + "/other": auth.ErrUndeclared, "p/..": auth.ErrUndeclared, ".": auth.ErrUndeclared,
		"P": auth.ErrUndeclared, "p/key": auth.ErrUndeclared, "p\x00": auth.ErrUndeclared, strings.Repeat("a", 256): auth.ErrUndeclared,
		"absolute": auth.ErrInvalid, "relative": auth.ErrInvalid, "absolute/deeper": auth.ErrInvalid,
	} {
		if got, _, err := read(t, dir, path); err != wantErr {
			t.Errorf("%q: %v, %v", path, got, err)
		}
	}
}

func TestMissingAndForbidden(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"p/key": "x", "file": "x"})
	for name, tt := range map[string]struct {
		dir                string
		wantCheck, wantErr error
	}{
		"there":   {dir, nil, nil},
		"empty":   {"", auth.ErrUndeclared, auth.ErrUndeclared},
		"missing": {dir + "/gone", auth.ErrUnavailable, auth.ErrUnavailable},
		"a file":  {dir + "/file", auth.ErrUnavailable, auth.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			if err := dirvault.Dir(tt.dir).Check(); err != tt.wantCheck {
				t.Errorf("Check = %v", err)
			}
			if _, _, err := read(t, tt.dir, "p"); err != tt.wantErr {
				t.Errorf("Issue = %v", err)
			}
		})
	}
}

// TestPermissions: root reads everything, so somebody else has to try.
func TestPermissions(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"p/key": "x", "q/key": "x"})
	modes := map[string]os.FileMode{"p": 0o000, "q/key": 0o000}
	for name, mode := range modes {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "p"), 0o755) })
	asNobody(t, dir, func() {
		for _, path := range []string{"p", "q"} {
			if _, _, err := read(t, dir, path); err != auth.ErrDenied {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
	if err := os.Chmod(dir, 0o000); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	asNobody(t, filepath.Dir(dir), func() {
		if err := dirvault.Dir(dir).Check(); err != auth.ErrDenied {
			t.Errorf("Check = %v", err)
		}
	})
}

// asNobody runs fn as somebody who owns nothing, where the test is root.
func asNobody(t *testing.T, open string, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	for ; open != "/"; open = filepath.Dir(open) {
		if info, err := os.Stat(open); err != nil || info.Mode().Perm()&0o005 != 0o005 {
			if err := os.Chmod(open, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	runtime.LockOSThread() // the system call speaks for this thread only
	defer runtime.UnlockOSThread()
	setfsuid(t, 65534)
	defer setfsuid(t, 0)
	fn()
}

func TestEndedContext(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"p/key": "x"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if issued, err := dirvault.Dir(dir).Issue(ctx, "p"); err != auth.ErrUnavailable || issued.Fields != nil {
		t.Errorf("%v", err)
	}
}

func TestRevokeDoesNothing(t *testing.T) {
	if err := dirvault.Dir("").Revoke(t.Context(), "x"); err != nil {
		t.Error(err)
	}
}

// TestErrorsHoldNoPath: those of package os do.
func TestErrorsHoldNoPath(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"canary/f": ""})
	link(t, "/canary", dir+"/out")
	for _, path := range []string{"canary", "canary-gone", "../canary", "out"} {
		_, _, err := read(t, dir, path)
		if err == nil || strings.Contains(fmt.Sprintf("%+v", err), "canary") || errors.Unwrap(err) != nil {
			t.Errorf("%+v", err)
		}
	}
}

func BenchmarkIssue(b *testing.B) {
	dir := b.TempDir()
	write(b, dir, map[string]string{"p/name": "ann", "p/password": "x"})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dirvault.Dir(dir).Issue(b.Context(), "p"); err != nil {
			b.Fatal(err)
		}
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "dirvault")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(dir+"/crm/api", 0o700); err != nil {
		fmt.Println(err)
		return
	}
	if err := os.WriteFile(dir+"/crm/api/key", []byte("k3y\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	backend := dirvault.Dir(dir)
	issued, err := backend.Issue(context.Background(), "crm/api")
	fmt.Println(issued.Fields, err)
	_, err = backend.Issue(context.Background(), "../etc")
	fmt.Println(err)
	// Output:
	// map[key:[secret]] <nil>
	// auth: undeclared
}
