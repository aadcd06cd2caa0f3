package hashivault_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

const realRoot = "root-of-the-test"

// realServer is a Vault or OpenBao in development mode.
type realServer struct {
	t    *testing.T
	addr string
}

func startReal(t *testing.T, binary string) realServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	must(t, l.Close())
	command := exec.CommandContext(t.Context(), binary, "server", "-dev", "-dev-root-token-id="+realRoot, "-dev-listen-address="+addr, "-dev-no-store-token")
	command.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	must(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	s := realServer{t, "http://" + addr}
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(50 * time.Millisecond) {
		if response, err := http.Get(s.addr + "/v1/sys/health"); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return s
			}
		}
	}
	t.Fatal("the server does not begin")
	return s
}

// try makes a call as the operator.
func (s realServer) try(method, path string, body any, wrap bool) (int, []byte) {
	s.t.Helper()
	b, err := json.Marshal(body)
	must(s.t, err)
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.addr+"/v1/"+path, bytes.NewReader(b))
	must(s.t, err)
	r.Header.Set("X-Vault-Token", realRoot)
	if wrap {
		r.Header.Set("X-Vault-Wrap-TTL", "60s")
	}
	response, err := http.DefaultClient.Do(r)
	must(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(s.t, err)
	return response.StatusCode, text
}

// eventually waits for a KV v2 mount, which is made ready in the background.
func (s realServer) eventually(method, path string, body any) {
	s.t.Helper()
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(100 * time.Millisecond) {
		if status, _ := s.try(method, path, body, false); status < 300 {
			return
		}
	}
	s.t.Fatalf("%s %s is never done", method, path)
}

// root is a call that must be done.
func (s realServer) root(method, path string, body any, wrap bool) map[string]any {
	s.t.Helper()
	status, text := s.try(method, path, body, wrap)
	if status >= 300 {
		s.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	var answer map[string]any
	if len(text) > 0 {
		must(s.t, json.Unmarshal(text, &answer))
	}
	if wrap {
		return answer["wrap_info"].(map[string]any)
	}
	data, _ := answer["data"].(map[string]any)
	return data
}

type m = map[string]any

func (s realServer) fill() (login func() hashivault.Login) {
	s.root("PUT", "sys/policies/acl/app", m{"policy": `path "test/data/*" { capabilities=["read"] }
path "secret/data/*" { capabilities=["read"] }
path "pki/issue/web" { capabilities=["update"] }
path "database/creds/*" { capabilities=["read"] }
path "database/static-creds/*" { capabilities=["read"] }
path "transit/*" { capabilities=["read","update"] }
path "sys/leases/revoke" { capabilities=["update"] }`}, false)
	s.root("POST", "sys/mounts/test", m{"type": "kv", "options": m{"version": "2"}}, false)
	s.root("POST", "sys/mounts/pki", m{"type": "pki", "config": m{"max_lease_ttl": "24h"}}, false)
	s.root("POST", "sys/mounts/transit", m{"type": "transit"}, false)
	s.root("POST", "sys/auth/approle", m{"type": "approle"}, false)
	s.root("POST", "auth/approle/role/app", m{"token_policies": "app", "token_ttl": "1h", "token_max_ttl": "2h"}, false)
	s.root("POST", "pki/root/generate/internal", m{"common_name": "root", "ttl": "24h", "key_type": "ec", "key_bits": 256}, false)
	s.root("POST", "pki/roles/web", m{"allow_any_name": true, "max_ttl": "10m", "key_type": "ec", "key_bits": 256, "generate_lease": true}, false)
	s.root("POST", "transit/keys/k", m{"type": "ecdsa-p256"}, false)
	s.root("POST", "transit/keys/e", m{}, false)
	s.eventually("POST", "test/data/secret", m{"data": m{"value": "test"}})
	id := s.root("GET", "auth/approle/role/app/role-id", nil, false)["role_id"].(string)
	return func() hashivault.Login {
		token := s.root("POST", "auth/approle/role/app/secret-id", m{}, true)["token"].(string)
		return hashivault.Login{RoleID: id, Wrapped: secret(token), Role: "app"}
	}
}

// TestRealServer runs the same against a Vault or OpenBao that CARNET_VAULT_BIN names.
func TestRealServer(t *testing.T) {
	binary := os.Getenv("CARNET_VAULT_BIN")
	if binary == "" {
		t.Skip("CARNET_VAULT_BIN names no vault or bao binary; the fake stands in for it")
	}
	s := startReal(t, binary)
	login := s.fill()
	o := &hashivault.Options{
		Mounts: map[string]hashivault.Engine{
			"test": hashivault.KV2, "secret": hashivault.KV2, "pki": hashivault.PKI, "database": hashivault.Database,
		},
		Certificates: map[string]hashivault.Certificate{"pki/issue/web": {CommonName: "svc.acme.example", TTL: time.Minute}},
	}
	open := func(t *testing.T) *hashivault.Vault {
		v, err := hashivault.New(t.Context(), s.addr, login(), o)
		must(t, err)
		t.Cleanup(func() { _ = v.Close(context.Background()) })
		return v
	}
	t.Run("conformance", func(t *testing.T) {
		vaulttest.Run(t, func(t *testing.T) vault.Backend { return open(t) })
	})
	t.Run("versions", func(t *testing.T) { s.versions(t, open(t)) })
	t.Run("certificate", func(t *testing.T) { s.certificate(t, open(t)) })
	t.Run("transit", func(t *testing.T) { s.transit(t, open(t)) })
	t.Run("database", func(t *testing.T) { s.database(t, open(t)) })
	t.Run("wrapped twice", func(t *testing.T) {
		l := login()
		v, err := hashivault.New(t.Context(), s.addr, l, o)
		must(t, err)
		must(t, v.Check())
		must(t, v.Close(t.Context()))
		if _, err := hashivault.New(t.Context(), s.addr, l, o); !errors.Is(err, hashivault.ErrUnwrapped) {
			t.Errorf("got %v", err)
		}
	})
	http.DefaultClient.CloseIdleConnections()
}

func (s realServer) versions(t *testing.T, v *hashivault.Vault) {
	s.root("POST", "secret/data/app", m{"data": m{"password": "one"}}, false)
	issued, err := v.Issue(t.Context(), "secret/app")
	if err != nil || issued.Version != "1" || reveal(t, issued, "password") != "one" {
		t.Errorf("%v", err)
	}
	s.root("DELETE", "secret/data/app", nil, false)
	if _, err := v.Issue(t.Context(), "secret/app"); err != hashivault.ErrDeleted {
		t.Errorf("deleted: %v", err)
	}
	s.root("PUT", "secret/destroy/app", m{"versions": []int{1}}, false)
	if _, err := v.Issue(t.Context(), "secret/app"); err != hashivault.ErrDestroyed {
		t.Errorf("destroyed: %v", err)
	}
	granted, err := v.Capabilities(t.Context(), []string{"secret/app", "pki/issue/web"})
	if err != nil || hashivault.Excess(granted, map[string]hashivault.Engine{"secret": hashivault.KV2, "pki": hashivault.PKI}).Err() != nil {
		t.Errorf("%v, %v", granted, err)
	}
}

func (s realServer) certificate(t *testing.T, v *hashivault.Vault) {
	issued, err := v.Issue(t.Context(), "pki/issue/web")
	must(t, err)
	if issued.ID == "" || issued.TTL > time.Minute || issued.ParentTTL <= 0 {
		t.Errorf("%+v", issued)
	}
	must(t, v.Revoke(t.Context(), issued.ID))
	if _, err := v.Renew(t.Context(), issued.ID, time.Minute); err != auth.ErrUndeclared {
		t.Errorf("renewed: %v", err)
	}
}

func (s realServer) transit(t *testing.T, v *hashivault.Vault) {
	signer, err := v.Signer(t.Context(), "k", 0)
	must(t, err)
	digest := sha256.Sum256([]byte("x"))
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Error(err)
	}
	plain, wrapped, err := v.DataKey(t.Context(), "e")
	must(t, err)
	opened, err := v.OpenDataKey(t.Context(), "e", wrapped)
	must(t, err)
	must(t, plain.Use(func(b []byte) error {
		if !opened.Equal(b) {
			t.Error("another key")
		}
		return nil
	}))
}

// database runs where CARNET_POSTGRES_URL is that of the superuser of a PostgreSQL besides,
// one to throw away: logins are left in it.
func (s realServer) database(t *testing.T, v *hashivault.Vault) {
	at := os.Getenv("CARNET_POSTGRES_URL")
	if at == "" {
		t.Skip("CARNET_POSTGRES_URL names no PostgreSQL; the fake stands in for it")
	}
	s.root("POST", "sys/mounts/database", m{"type": "database"}, false)
	s.root("POST", "database/config/pg", m{"plugin_name": "postgresql-database-plugin", "connection_url": at, "allowed_roles": "*"}, false)
	create := `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`
	role := m{"db_name": "pg", "default_ttl": "60s", "max_ttl": "90s", "creation_statements": []string{create}}
	s.root("POST", "database/roles/ro", role, false)
	role["revocation_statements"] = []string{`SELECT 1/0`}
	s.root("POST", "database/roles/stays", role, false)

	made, err := v.Issue(t.Context(), "database/creds/ro")
	must(t, err)
	if made.TTL != time.Minute || made.ID == "" || len(made.Fields) != 2 || reveal(t, made, "username") == "" {
		t.Errorf("%+v", made)
	}
	if ttl, err := v.Renew(t.Context(), made.ID, time.Hour); err != nil || ttl > 90*time.Second {
		t.Errorf("renewed for %v, %v", ttl, err)
	}
	for range 2 { // also what is gone
		must(t, v.Revoke(t.Context(), made.ID))
	}
	if _, err := v.Renew(t.Context(), made.ID, time.Minute); err != auth.ErrUndeclared {
		t.Errorf("renewed what is gone: %v", err)
	}
	stays, err := v.Issue(t.Context(), "database/creds/stays")
	must(t, err)
	if err := v.Revoke(t.Context(), stays.ID); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("revoked what the database does not: %v", err)
	}
	if _, err := v.Issue(t.Context(), "database/creds/nobody"); err != auth.ErrUndeclared {
		t.Errorf("no such role: %v", err)
	}
	s.root("POST", "sys/leases/revoke-force/database/creds/stays", m{}, false)
	must(t, v.Revoke(t.Context(), stays.ID))
	s.static(t, v)
	s.children(t)
}

// children: a login at the database ends with the one that it was issued under, when that
// is revoked, and when it is outlived.
func (s realServer) children(t *testing.T) {
	parent, short := s.service(t, "1h"), s.service(t, "3s")
	made, err := parent.Issue(t.Context(), "database/creds/ro")
	must(t, err)
	outlives, err := short.Issue(t.Context(), "database/creds/ro")
	must(t, err)
	if outlives.TTL != time.Minute || outlives.ParentTTL <= 0 || outlives.ParentTTL > 3*time.Second {
		t.Errorf("%v, under a login of %v", outlives.TTL, outlives.ParentTTL)
	}
	if ttl, err := short.Renew(t.Context(), outlives.ID, time.Minute); err != nil || ttl > 3*time.Second {
		t.Errorf("renewed for %v, %v", ttl, err)
	}
	for _, id := range []string{made.ID, outlives.ID} {
		s.root("POST", "sys/leases/lookup", m{"lease_id": id}, false)
	}
	must(t, parent.Close(t.Context()))
	for name, id := range map[string]string{"revoked": made.ID, "outlived": outlives.ID} {
		if !s.gone(id) {
			t.Errorf("%s: the lease is there", name)
		}
	}
}

// service is logged in by a role of its own, for so long and no longer.
func (s realServer) service(t *testing.T, ttl string) *hashivault.Vault {
	t.Helper()
	role := "auth/approle/role/for-" + ttl
	s.root("POST", role, m{"token_policies": "app", "token_ttl": ttl, "token_max_ttl": ttl}, false)
	id := s.root("GET", role+"/role-id", nil, false)["role_id"].(string)
	own := s.root("POST", role+"/secret-id", m{}, false)["secret_id"].(string)
	v, err := hashivault.New(t.Context(), s.addr, hashivault.Login{RoleID: id, SecretID: secret(own)}, nil)
	must(t, err)
	t.Cleanup(func() { _ = v.Close(context.Background()) })
	return v
}

// gone waits for the server to say that there is no such lease, which it says when the
// login has been dropped in the database, not before.
func (s realServer) gone(id string) bool {
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(100 * time.Millisecond) {
		status, text := s.try("POST", "sys/leases/lookup", m{"lease_id": id}, false)
		if status == http.StatusBadRequest && bytes.Contains(text, []byte("invalid lease")) {
			return true
		}
	}
	return false
}

// static: the login of a role whose password the server changes.
func (s realServer) static(t *testing.T, v *hashivault.Vault) {
	made, err := v.Issue(t.Context(), "database/creds/stays") // an account that is there already
	must(t, err)
	defer s.root("POST", "sys/leases/revoke-force/database/creds/stays", m{}, false)
	name := reveal(t, made, "username")
	s.root("POST", "database/static-roles/app", m{"db_name": "pg", "username": name, "rotation_period": "1h"}, false)
	one, err := v.Issue(t.Context(), "database/static-creds/app")
	must(t, err)
	if one.ID != "" || one.Version == "" || one.TTL <= 0 || one.TTL > time.Hour || reveal(t, one, "username") != name || len(one.Fields) != 2 {
		t.Errorf("%+v", one)
	}
	s.root("POST", "database/rotate-role/app", m{}, false)
	two, err := v.Issue(t.Context(), "database/static-creds/app")
	if err != nil || two.Version == one.Version || reveal(t, two, "password") == reveal(t, one, "password") {
		t.Errorf("after a rotation: version %q, %v", two.Version, err)
	}
}
