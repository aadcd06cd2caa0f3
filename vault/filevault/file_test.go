package filevault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/filevault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "cAnArY-s3cret-78051120"

func identity(t testing.TB) auth.Secret {
	t.Helper()
	key, err := filevault.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func text(t testing.TB, s auth.Secret) (plain string) {
	t.Helper()
	if err := s.Use(func(b []byte) error { plain = string(b); return nil }); err != nil {
		t.Fatal(err)
	}
	return plain
}

func fields(pairs ...string) map[string]auth.Secret {
	m := map[string]auth.Secret{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = auth.NewSecret([]byte(pairs[i+1]))
	}
	return m
}

// file is a new one, with field "key" = canary at "crm/api".
func file(t testing.TB) filevault.File {
	t.Helper()
	f := filevault.File{Path: filepath.Join(t.TempDir(), "secrets.age"), Identity: identity(t)}
	must(t, f.Create(t.Context()))
	must(t, f.Set(t.Context(), "crm/api", fields("key", canary)))
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want checks what is at path, as plain text.
func want(t testing.TB, f filevault.File, path, version string, pairs ...string) {
	t.Helper()
	issued, err := f.Issue(t.Context(), path)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	if issued.ID != "" || issued.TTL != 0 || issued.Version != version || len(issued.Fields) != len(pairs)/2 {
		t.Errorf("%s: version %q, %d fields, id %q; want version %q", path, issued.Version, len(issued.Fields), issued.ID, version)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !issued.Fields[pairs[i]].Equal([]byte(pairs[i+1])) {
			t.Errorf("%s: another %s", path, pairs[i])
		}
	}
}

func TestConformance(t *testing.T) {
	vaulttest.Run(t, func(t *testing.T) vault.Backend {
		f := filevault.File{Path: filepath.Join(t.TempDir(), "secrets.age"), Identity: identity(t)}
		must(t, f.Create(t.Context()))
		must(t, f.Set(t.Context(), "test/secret", fields("value", "test")))
		return f
	})
}

func TestSetDeleteList(t *testing.T) {
	f := file(t)
	ctx := t.Context()
	must(t, f.Set(ctx, "erp/db", fields("password", "p\x00\xff\n", "name", "ann")))
	want(t, f, "crm/api", "1", "key", canary)
	want(t, f, "erp/db", "2", "name", "ann", "password", "p\x00\xff\n")
	must(t, f.Set(ctx, "crm/api", fields("token", "t")))
	want(t, f, "crm/api", "3", "token", "t")
	must(t, f.Set(ctx, "a", fields("k", "v")))

	list, err := f.List(ctx)
	if err != nil || len(list) != 3 {
		t.Fatalf("List = %v, %v", list, err)
	}
	for i, e := range []filevault.Entry{
		{Path: "a", Version: "4", Fields: []string{"k"}},
		{Path: "crm/api", Version: "3", Fields: []string{"token"}},
		{Path: "erp/db", Version: "2", Fields: []string{"name", "password"}},
	} {
		got := list[i]
		if got.Path != e.Path || got.Version != e.Version || !slices.Equal(got.Fields, e.Fields) || time.Since(got.Set) > time.Minute || time.Since(got.Set) < 0 {
			t.Errorf("entry %d: %+v", i, got)
		}
	}

	must(t, f.Delete(ctx, "a"))
	for _, path := range []string{"a", "../a", ""} {
		if err := f.Delete(ctx, path); err != auth.ErrUndeclared {
			t.Errorf("Delete of %q: %v", path, err)
		}
	}
	if _, err := f.Issue(ctx, "a"); err != auth.ErrUndeclared {
		t.Errorf("after Delete: %v", err)
	}
	must(t, f.Set(ctx, "a", fields("k", "v")))
	want(t, f, "a", "5", "k", "v") // 4 is never given again
	must(t, f.Check())
	must(t, f.Revoke(ctx, "x"))
}

func TestWhatCannotBeSet(t *testing.T) {
	f := file(t)
	many := map[string]auth.Secret{}
	for i := range 65 {
		many[fmt.Sprint("f", i)] = auth.NewSecret([]byte("x"))
	}
	for name, tt := range map[string]struct {
		path   string
		fields map[string]auth.Secret
	}{
		"no path": {"", fields("k", "v")}, "climbing": {"../x", fields("k", "v")}, "upper case": {"CRM", fields("k", "v")}, "quote": {`a"b`, fields("k", "v")},
		"long path": {strings.Repeat("a", 256), fields("k", "v")}, "no fields": {"p", nil}, "many fields": {"p", many},
		"field without name": {"p", fields("", "v")}, "field in upper case": {"p", fields("K", "v")}, "field with quote": {"p", fields(`a"`, "v")},
		"field with dot": {"p", fields("a.b", "v")}, "long field": {"p", fields(strings.Repeat("a", 65), "v")}, "field with newline": {"p", fields("a\n", "v")},
		"empty value": {"p", fields("a", "v", "k", "")}, "zero value": {"p", map[string]auth.Secret{"k": {}}}, "large value": {"p", fields("k", strings.Repeat("v", 64<<10+1))},
	} {
		t.Run(name, func(t *testing.T) {
			err := f.Set(t.Context(), tt.path, tt.fields)
			if !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("Set = %v", err)
			}
			if named := filevault.CheckNames(tt.path, slices.Sorted(maps.Keys(tt.fields))...); named != err && !strings.HasSuffix(name, "value") {
				t.Errorf("CheckNames = %v, and Set = %v", named, err)
			}
		})
	}
	if list, err := f.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("changed: %v, %v", list, err)
	}
	if err := filevault.CheckNames("p", "k", "n", "k"); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("CheckNames of a field twice = %v", err)
	}
	must(t, filevault.CheckNames("p", "k", "n"))
	delete(many, "f0")
	must(t, f.Set(t.Context(), strings.Repeat("a", 255), many))
	large := strings.Repeat("v", 64<<10)
	must(t, f.Set(t.Context(), "large", fields(strings.Repeat("k", 64), large)))
	want(t, f, "large", "3", strings.Repeat("k", 64), large)
}

// TestFull: what would be too large to be read is not written.
func TestFull(t *testing.T) {
	f := file(t)
	huge := map[string]auth.Secret{}
	for i := range 64 {
		huge[fmt.Sprint("f", i)] = auth.NewSecret(make([]byte, 64<<10))
	}
	if err := f.Set(t.Context(), "huge", huge); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("Set = %v", err)
	}
	want(t, f, "crm/api", "1", "key", canary)

	value, paths := strings.Repeat("AAAA", 21845), make([]string, 50) // sound, and larger than 4 MiB
	for i := range paths {
		paths[i] = fmt.Sprintf(`"p%02d":{"version":1,"set":"2026-01-31T12:00:00Z","fields":{"k":"%s"}}`, i, value)
	}
	for n, wantErr := range map[int]error{40: nil, 50: auth.ErrInvalid} {
		f := with(t, `{"format":"carnet-vault/1","last":1,"paths":{`+strings.Join(paths[:n], ",")+"}}\n")
		if err := f.Check(); !errors.Is(err, wantErr) {
			t.Errorf("%d large values: %v", n, err)
		}
	}

	f = with(t, `{"format":"carnet-vault/1","last":999999999999999,"paths":{}}`+"\n")
	if err := f.Set(t.Context(), "a", fields("k", "v")); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("after the last version: %v", err)
	}
}

// with is a file that holds that plain text.
func with(t *testing.T, plain string) filevault.File {
	t.Helper()
	key := identity(t)
	i, err := age.ParseX25519Identity(text(t, key))
	must(t, err)
	f := filevault.File{Path: filepath.Join(t.TempDir(), "secrets.age"), Identity: key}
	must(t, os.WriteFile(f.Path, seal(t, plain, i.Recipient()), 0o600))
	return f
}

func seal(t *testing.T, plain string, to ...age.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	must(t, err)
	_, err = io.WriteString(w, plain)
	must(t, errors.Join(err, w.Close()))
	return b.Bytes()
}

func TestCreateNeverOverwrites(t *testing.T) {
	f := file(t)
	before, err := os.ReadFile(f.Path)
	must(t, err)
	if err := f.Create(t.Context()); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("Create = %v", err)
	}
	if after, _ := os.ReadFile(f.Path); !bytes.Equal(before, after) {
		t.Error("overwritten")
	}
	must(t, os.Symlink("nowhere", f.Path+"2"))
	if err := (filevault.File{Path: f.Path + "2", Identity: f.Identity}).Create(t.Context()); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("Create at a link = %v", err)
	}
}

// TestMissing: a file that is not there is not one without secrets, and nobody but
// Create makes it.
func TestMissing(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{"file": dir + "/secrets.age", "folder": dir + "/none/secrets.age"} {
		f := filevault.File{Path: path, Identity: identity(t)}
		for call, err := range calls(t, f) {
			if call == "Create" && name == "file" {
				continue
			}
			if !errors.Is(err, auth.ErrUnavailable) {
				t.Errorf("%s of a missing %s: %v", call, name, err)
			}
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left %v", entries)
	}
}

// calls are all that can be asked of a file, but Create of one that is not there.
func calls(t *testing.T, f filevault.File) map[string]error {
	t.Helper()
	ctx := t.Context()
	issued, err := f.Issue(ctx, "crm/api")
	if err != nil && (issued.Fields != nil || issued.Version != "") {
		t.Error("an error, and a secret")
	}
	list, listErr := f.List(ctx)
	if listErr != nil && list != nil {
		t.Error("an error, and a list")
	}
	all := map[string]error{
		"Issue": err, "List": listErr, "Check": f.Check(), "Set": f.Set(ctx, "a", fields("k", canary)), "Delete": f.Delete(ctx, "crm/api"),
		"Rekey": f.Rekey(ctx, identity(t)),
	}
	if _, err := os.Lstat(filepath.Dir(f.Path)); err != nil || f.Path == "" {
		all["Create"] = f.Create(ctx)
	}
	return all
}

func TestZeroFile(t *testing.T) {
	for name, f := range map[string]filevault.File{"zero": {}, "without path": {Identity: identity(t)}} {
		for call, err := range calls(t, f) {
			if err != auth.ErrUndeclared {
				t.Errorf("%s of %s: %v", call, name, err)
			}
		}
	}
	f := file(t)
	f.Identity = auth.Secret{}
	for call, err := range calls(t, f) {
		if !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s without identity: %v", call, err)
		}
	}
	if err := file(t).Rekey(t.Context(), auth.Secret{}); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("Rekey to nothing: %v", err)
	}
}

// TestCallerLeft before anything began: nothing is read, locked or written.
func TestCallerLeft(t *testing.T) {
	f := file(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, issueErr := f.Issue(ctx, "crm/api")
	_, listErr := f.List(ctx)
	for call, err := range map[string]error{
		"Issue": issueErr, "List": listErr, "Set": f.Set(ctx, "a", fields("k", "v")), "Delete": f.Delete(ctx, "crm/api"), "Rekey": f.Rekey(ctx, identity(t)),
		"Create": filevault.File{Path: f.Path + "2", Identity: f.Identity}.Create(ctx),
	} {
		if !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v", call, err)
		}
	}
	want(t, f, "crm/api", "1", "key", canary)
	if _, err := os.Lstat(f.Path + "2"); err == nil {
		t.Error("made")
	}
}

func BenchmarkIssue(b *testing.B) {
	f := file(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Issue(b.Context(), "crm/api"); err != nil {
			b.Fatal(err)
		}
	}
}
