package filevault_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

// noCanary searches for the secret, in the forms that printing gives it, and for what
// else an error must not hold.
func noCanary(t *testing.T, where, text string, more ...string) {
	t.Helper()
	for _, form := range append([]string{
		canary, base64.StdEncoding.EncodeToString([]byte(canary)), hex.EncodeToString([]byte(canary)), strings.Trim(fmt.Sprint([]byte(canary)), "[]"),
	}, more...) {
		if strings.Contains(text, form) {
			t.Errorf("%s shows %q", where, form)
		}
	}
}

// TestErrorsHoldNothing: neither value, identity, path, field nor file name.
func TestErrorsHoldNothing(t *testing.T) {
	made := map[string]filevault.File{"missing": {Path: t.TempDir() + "/" + canary, Identity: identity(t)}, "no identity": {Path: t.TempDir() + "/x", Identity: secret("AGE-SECRET-KEY-1" + canary)},
		"no SSH key": {Path: t.TempDir() + "/x", Identity: secret("-----BEGIN " + canary + "-----\n" + canary + "\n-----END " + canary + "-----\n")}, "public SSH key": {Path: t.TempDir() + "/x", Identity: secret("ssh-ed25519 " + canary)},
		"locked SSH key": {Path: t.TempDir() + "/x", Identity: secret("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: " + canary + "\n\nAAAA\n-----END RSA PRIVATE KEY-----\n")}}
	add := func(name string, change func(f *filevault.File)) {
		f := file(t)
		change(&f)
		made[name] = f
	}
	add("shared", func(f *filevault.File) { must(t, os.Chmod(f.Path, 0o644)) })
	add("wrong", func(f *filevault.File) { f.Identity = identity(t) })
	add("damaged", func(f *filevault.File) { must(t, os.WriteFile(f.Path, []byte(canary), 0o600)) })
	add("link", func(f *filevault.File) {
		must(t, os.Symlink(f.Path, f.Path+"2"))
		f.Path += "2"
	})
	add("folder", func(f *filevault.File) { f.Path = filepath.Dir(f.Path) })
	add("plain text is none", func(f *filevault.File) { *f = with(t, `{"format":"`+canary+`"}`) })
	add("good", func(*filevault.File) {})
	errs := 0
	for name, f := range made {
		all := calls(t, f)
		ctx := t.Context()
		_, all["path"] = f.Issue(ctx, strings.ToLower(canary))
		all["Set path"] = f.Set(ctx, canary, fields("k", canary))
		all["Set field"] = f.Set(ctx, "p", fields(canary, canary))
		all["Set value"] = f.Set(ctx, "p", fields("k", strings.Repeat(canary, 5000)))
		all["Rekey"] = f.Rekey(ctx, secret("AGE-SECRET-KEY-1"+canary))
		all["Rekey to SSH"] = f.Rekey(ctx, secret("ssh-ed25519 "+canary))
		for call, err := range all {
			if err == nil {
				continue
			}
			errs++
			for e := err; e != nil; e = errors.Unwrap(e) {
				noCanary(t, call+" of "+name, fmt.Sprintf("%v %+v %q", e, e, e), strings.ToLower(canary), "crm", "secrets", "AGE-SECRET", f.Path)
			}
			if _, ok := errors.AsType[interface {
				error
				FailureClass() string
			}](err); !ok {
				t.Errorf("%s of %s: %v is none of package auth", call, name, err)
			}
		}
	}
	if errs < 50 {
		t.Errorf("only %d errors", errs)
	}
}

// TestNothingPrintsASecret: neither the File, nor what it issues and lists.
func TestNothingPrintsASecret(t *testing.T) {
	f := file(t)
	issued, err := f.Issue(t.Context(), "crm/api")
	must(t, err)
	list, err := f.List(t.Context())
	must(t, err)
	key := text(t, f.Identity)
	for name, value := range map[string]any{"File": f, "field": struct{ f filevault.File }{f}, "Issued": issued, "List": list, "Secret": []auth.Secret{f.Identity}} {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %d %w") {
			noCanary(t, name+" "+verb, fmt.Sprintf(verb, value), key, key[20:])
		}
		out, err := json.Marshal(value)
		noCanary(t, name+" json", string(out)+fmt.Sprint(err), key)
	}
}
