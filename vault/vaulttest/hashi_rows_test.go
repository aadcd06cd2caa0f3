package vaulttest_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"testing"
	"time"
)

// TestHashiRows: what a real server was seen to do, each with the rows of its database.
func TestHashiRows(t *testing.T) {
	for _, row := range []struct {
		name string
		does func(d *desk)
	}{
		{"KV v2", keepsVersions},
		{"wrapped secret id", unwrapsOnce},
		{"transit", encrypts},
		{"PKI", issues},
		{"database login", endsAtItsMaximum},
		{"revocation at once", revokesAtOnce},
		{"revocation of the parent token", revokesChildren},
		{"lease that outlives its token", endsWithItsToken},
		{"auth methods", enables},
	} {
		t.Run(row.name, func(t *testing.T) { inTime(t, row.does) })
	}
}

// root makes a call as the operator.
func (d *desk) root(method, path, body string) answered {
	d.Helper()
	operator := *d
	operator.token = "root"
	return operator.call(method, path, body)
}

// status fails where an answer has another one.
func (d *desk) status(what string, a answered, want int) answered {
	d.Helper()
	if a.Status != want {
		d.Errorf("%s: %d %q, want %d", what, a.Status, a.Errors, want)
	}
	return a
}

func keepsVersions(d *desk) {
	for _, path := range []string{"secret/data/app", "secret/data/other"} {
		d.status("put", d.root(http.MethodPost, path, `{"data":{"password":"one"}}`), http.StatusOK)
	}
	d.login("reader", d.AppRole("reader", 0, 0, "secret/app"))
	got := d.status("get", d.call(http.MethodGet, "secret/data/app", ""), http.StatusOK)
	if data, _ := got.Data["data"].(map[string]any); data["password"] != "one" {
		d.Errorf("got %v", got.Data)
	}
	d.status("denied", d.call(http.MethodGet, "secret/data/other", ""), http.StatusForbidden)
}

func unwrapsOnce(d *desk) {
	id := d.AppRole("wrapped", 0, 0)
	token := `{"token":"` + d.WrappedSecretID("wrapped") + `"}`
	d.token = ""
	first := d.status("unwrap", d.post("sys/wrapping/unwrap", token), http.StatusOK)
	secret, _ := first.Data["secret_id"].(string)
	d.status("login", d.post("auth/approle/login", `{"role_id":"`+id+`","secret_id":"`+secret+`"}`), http.StatusOK)
	if a := d.post("sys/wrapping/unwrap", token); !a.says(http.StatusBadRequest, "wrapping token is not valid or does not exist") {
		d.Errorf("second: %d %q", a.Status, a.Errors)
	}
}

func encrypts(d *desk) {
	d.TransitKey("e", "aes256-gcm96")
	d.login("crypt", d.AppRole("crypt", 0, 0, "transit/e"))
	sealed := d.status("encrypt", d.post("transit/encrypt/e", `{"plaintext":"aGk="}`), http.StatusOK)
	text, _ := sealed.Data["ciphertext"].(string)
	if opened := d.post("transit/decrypt/e", `{"ciphertext":"`+text+`"}`); opened.Data["plaintext"] != "aGk=" {
		d.Errorf("decrypt: %d %q, %v", opened.Status, opened.Errors, opened.Data)
	}
}

func issues(d *desk) {
	d.Mount("pki", "pki")
	root := d.status("root", d.root(http.MethodPost, "pki/root/generate/internal", `{"common_name":"root","ttl":"24h"}`), http.StatusOK)
	d.status("role", d.root(http.MethodPost, "pki/roles/web", `{"allow_any_name":true,"max_ttl":"1h"}`), http.StatusOK)
	d.login("web", d.AppRole("web", 0, 0, "pki/issue/web"))
	made := d.status("issue", d.post("pki/issue/web", `{"common_name":"web.acme.example"}`), http.StatusOK)
	roots := x509.NewCertPool()
	roots.AddCert(d.certificate(root))
	if _, err := d.certificate(made).Verify(x509.VerifyOptions{Roots: roots, DNSName: "web.acme.example", CurrentTime: time.Now()}); err != nil {
		d.Error(err)
	}
}

func (d *desk) certificate(a answered) *x509.Certificate {
	d.Helper()
	text, _ := a.Data["certificate"].(string)
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		d.Fatalf("no certificate: %v", a.Data)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		d.Fatal(err)
	}
	return c
}

func endsAtItsMaximum(d *desk) {
	made := d.status("creds", d.call(http.MethodGet, "database/creds/ro", ""), http.StatusOK)
	d.want("made", 1, 1)
	d.Advance(3 * time.Second)
	if a := d.post("sys/leases/renew", lease(made)); a.Status != http.StatusOK || a.Duration != 4 {
		d.Errorf("renewed at 3 s: %d %q, for %d s", a.Status, a.Errors, a.Duration)
	}
	d.Advance(3 * time.Second)
	if a := d.post("sys/leases/renew", lease(made)); a.Status != http.StatusOK || a.Duration > 2 {
		d.Errorf("renewed at 6 s: %d %q, for %d s", a.Status, a.Errors, a.Duration)
	}
	d.want("at 6 s", 1, 1)
	d.Advance(2 * time.Second)
	d.want("at 8 s", 0, 0)
	if a := d.post("sys/leases/renew", lease(made)); !a.says(http.StatusBadRequest, "lease not found") {
		d.Errorf("renewed at 8 s: %d %q", a.Status, a.Errors)
	}
}

func revokesAtOnce(d *desk) {
	made := d.call(http.MethodGet, "database/creds/ro", "")
	d.want("made", 1, 1)
	d.status("revoke", d.post("sys/leases/revoke", atOnce(made)), http.StatusNoContent)
	if n := d.rows.len(); n != 0 { // already, and not a moment later
		d.Errorf("%d logins", n)
	}
}

func revokesChildren(d *desk) {
	d.call(http.MethodGet, "database/creds/ro", "")
	d.want("made", 1, 1)
	d.status("revoke-self", d.post("auth/token/revoke-self", ""), http.StatusNoContent)
	d.want("revoked", 0, 0)
}

func endsWithItsToken(d *desk) {
	d.login("short", d.AppRole("short", 3*time.Second, time.Hour, "database/creds/ro"))
	made := d.call(http.MethodGet, "database/creds/ro", "")
	for range 2 {
		d.Advance(time.Second)
		if a := d.post("sys/leases/renew", lease(made)); a.Status != http.StatusOK || a.Duration != 4 {
			d.Errorf("renewed: %d %q, for %d s", a.Status, a.Errors, a.Duration)
		}
	}
	d.want("at 2 s", 1, 1)
	d.Advance(time.Second)
	d.want("at 3 s", 0, 0)
	d.status("its token", d.call(http.MethodGet, "auth/token/lookup-self", ""), http.StatusForbidden)
}

// enables: the server that was seen was built without kubernetes; one that is built as usual
// has it, and so has this.
func enables(d *desk) {
	for _, kind := range []string{"jwt", "cert", "userpass", "kubernetes"} {
		d.status(kind, d.root(http.MethodPost, "sys/auth/"+kind, `{"type":"`+kind+`"}`), http.StatusNoContent)
	}
	d.status("approle, on another path", d.root(http.MethodPost, "sys/auth/machines", `{"type":"approle"}`), http.StatusNoContent)
	if a := d.root(http.MethodPost, "sys/auth/ldap", `{"type":"ldap"}`); !a.says(http.StatusBadRequest, "plugin not found in the catalog") {
		d.Errorf("ldap: %d %q", a.Status, a.Errors)
	}
}
