package vault_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
)

func noCanary(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{
		canary, base64.StdEncoding.EncodeToString([]byte(canary)), hex.EncodeToString([]byte(canary)), strings.ToUpper(hex.EncodeToString([]byte(canary))),
		strings.Trim(fmt.Sprint([]byte(canary)), "[]"), strings.Trim(fmt.Sprintf("% x", canary), "[]"), strings.Trim(fmt.Sprintf("%o", []byte(canary)), "[]"),
	} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the secret", where)
		}
	}
}

// keeper is a backend that keeps its secrets as it should.
type keeper struct{ kept map[string]auth.Secret }

func (k keeper) Issue(context.Context, string) (vault.Issued, error) {
	return again(vault.Issued{ID: "id", Version: "1", Fields: k.kept}), nil
}

func (k keeper) Revoke(context.Context, string) error { return errQuotes }

// TestNothingPrintsASecret through every channel of fmt, slog and the encoders, also
// from unexported fields, where fmt calls no method.
func TestNothingPrintsASecret(t *testing.T) {
	g := gate(t)
	b := keeper{fields("key", canary)}
	v := open(t, g.Log(), b, &vault.Options{Own: []string{"self/key"}})
	grant := authtest.Grant(t, g, read)
	lease, err := v.Lease(t.Context(), grant, path)
	if err != nil {
		t.Fatal(err)
	}
	issued, _ := b.Issue(t.Context(), path)
	revokeErr := lease.Close(t.Context())
	if revokeErr == nil {
		t.Fatal("no error to look at")
	}
	open, err := v.Lease(t.Context(), grant, path)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"Vault": v, "Source": v.Source(path), "Own": v.Own("self/key"), "Lease": open, "closed Lease": lease, "Issued": issued, "Backend": b,
		"Vault value": struct{ v *vault.Vault }{v}, "Source field": struct{ s auth.Source }{v.Source(path)}, "Issued field": struct{ i vault.Issued }{issued},
		"Lease field": struct{ l *auth.Lease }{open}, "error": revokeErr, "Options": &vault.Options{Own: []string{"self/key"}},
	}
	for name, value := range values {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %c %U %o %t %p %e %w %10.3v") {
			noCanary(t, name+" "+verb, fmt.Sprintf(verb, value))
		}
		noCanary(t, name+" in an error", fmt.Errorf("%v", value).Error())
		var text, lines, binary bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", value)
		slog.New(slog.NewJSONHandler(&lines, nil)).Info("x", "v", value)
		noCanary(t, name+" slog", text.String()+lines.String())
		out, err := json.Marshal(value)
		noCanary(t, name+" json", string(out)+fmt.Sprint(err))
		err = gob.NewEncoder(&binary).Encode(value)
		noCanary(t, name+" gob", binary.String()+fmt.Sprint(err))
	}
}

// TestLogHoldsNoSecretNorPath: neither in an event nor in a file.
func TestLogHoldsNoSecretNorPath(t *testing.T) {
	dir := t.TempDir()
	if err := audit.Create(t.Context(), dir+"/audit", "carnet.invalid/test", nil); err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), dir+"/audit", nil)
	if err != nil {
		t.Fatal(err)
	}
	v := open(t, log, keeper{fields("key", canary)}, &vault.Options{Own: []string{"self/journal-key"}})
	lease, err := v.Own("self/journal-key").Lease(t.Context(), auth.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	_, refused := v.Own("self/"+strings.ToLower(canary)).Lease(t.Context(), auth.Grant{})
	if err := errors.Join(lease.Close(t.Context()), v.Close(t.Context())); !errors.Is(err, auth.ErrUnknown) || refused != auth.ErrUndeclared {
		t.Errorf("%v, %v", err, refused)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, found := os.DirFS(dir), false
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		noCanary(t, name, string(content))
		if bytes.Contains(content, []byte("journal-key")) || bytes.Contains(content, []byte(strings.ToLower(canary))) {
			t.Errorf("%s holds a path", name)
		}
		found = found || bytes.Contains(content, []byte(lease.ID()))
		return err
	})
	if err != nil || !found {
		t.Errorf("the lease was not found: %v", err)
	}
}
