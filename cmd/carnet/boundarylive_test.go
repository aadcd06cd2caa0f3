package main

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/vault/vaulttest"
)

// TestBoundaryCheckLive: what a login may do beyond what the boundary needs is told, and
// nothing is where there is no more.
func TestBoundaryCheckLive(t *testing.T) {
	server := vaulttest.NewHashi(t)
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "boundary")
	prefix(t, result{0, "wrote ", ""}, "boundary", "init", folder)
	file := filepath.Join(folder, "boundary.jsonc")
	text := strings.Replace(read(t, file), `"systems": [`, `"systems": [
    {"name": "billing", "origin": "https://billing.example", "secrets": ["secret/billing"]},`, 1)
	text = strings.ReplaceAll(text, `"crm/api"`, `"secret/crm"`)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server.Put("secret/billing", map[string]string{"key": "canary-6"})
	login := func(name string) {
		t.Setenv("VAULT_ADDR", server.URL)
		t.Setenv("VAULT_CACERT", ca)
		t.Setenv("VAULT_ROLE_ID", server.AppRole(name, 0, 0, "secret/billing", "secret/crm"))
		t.Setenv("VAULT_SECRET_ID", server.SecretID(name))
	}
	login("narrow")
	got := runWith(t.Context(), "boundary", "check", "-live", folder)
	if got.status != 0 || strings.Contains(got.stdout, "live: ") {
		t.Errorf("narrow: %#v", got)
	}
	for mount, want := range map[string]string{
		"kv=kv2":     "live: boundary.jsonc:9: secret/billing of system billing could not be looked at: it is below no mount that is known of the Vault\n",
		"secret=kv1": "live: boundary.jsonc:9: secret/billing of system billing is not granted: the login is another, or the mount has another engine\n",
	} {
		if got = runWith(t.Context(), "boundary", "check", "-live", "-mount", mount, folder); got.status != 1 || !strings.Contains(got.stdout, want) {
			t.Errorf("%s: %#v", mount, got)
		}
	}
	login("wide")
	server.Grant("wide", "secret/*", "delete")
	got = runWith(t.Context(), "boundary", "check", "-live", folder)
	if got.status != 1 || !strings.Contains(got.stdout, "live: boundary.jsonc:9: V104 delete is granted at secret/data/billing\n") || strings.Contains(got.stdout+got.stderr, "canary-6") {
		t.Errorf("wide: %#v", got)
	}
	if server.Tokens() != 0 {
		t.Errorf("%d logins are left", server.Tokens())
	}
	t.Setenv("VAULT_SECRET_ID", "00000000-0000-0000-0000-000000000000")
	if got = runWith(t.Context(), "boundary", "check", "-live", folder); got.status == 0 || got.stderr == "" {
		t.Errorf("no login: %#v", got)
	}
	if got = runWith(t.Context(), "boundary", "check", "-mount", "secret=kv2", folder); got.status != 2 || !strings.Contains(got.stderr, "-live") {
		t.Errorf("-mount alone: %#v", got)
	}
	if got = runWith(t.Context(), "boundary", "check", "-live", "-mount", "secret=kv2", "-mount", "secret=kv1", folder); got.status != 2 {
		t.Errorf("one mount twice: %#v", got)
	}
	if got = runWith(t.Context(), "boundary", "check", "-live", "-private", "10.0.0.0", folder); got.status == 0 || got.stderr == "" {
		t.Errorf("no range: %#v", got)
	}
	if got = runWith(t.Context(), "boundary", "check", "-live", "-mount", "secret=kv3", folder); got.status != 2 {
		t.Errorf("no engine: %#v", got)
	}
}
