package vaulttest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/vault/vaulttest"
)

// jwt is one of nobody's key.
func jwt(subject string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+subject+`"}`)) + ".c2ln"
}

func TestLoginByJWT(t *testing.T) {
	h := vaulttest.NewHashi(t)
	h.Put("secret/app", map[string]string{"k": "v"})
	good := jwt("system:serviceaccount:pay:roll")
	accepts := func(jwt string) bool { return jwt == good }
	h.JWTRole("jwt", "app", time.Minute, time.Hour, accepts, "secret/app")
	h.KubernetesRole("k8s/west", "app", time.Minute, time.Hour, accepts, "secret/app")
	for _, tt := range []struct {
		name, path, body string
		status           int
		says             string
	}{
		{"jwt", "auth/jwt/login", `{"role":"app","jwt":"` + good + `"}`, 200, ""},
		{"jwt, no role", "auth/jwt/login", `{"jwt":"x"}`, 400, "missing role"},
		{"jwt, unknown role", "auth/jwt/login", `{"role":"x","jwt":"x"}`, 400, `role "x" could not be found`},
		{"jwt, refused", "auth/jwt/login", `{"role":"app","jwt":"x"}`, 400, "error validating token: "},
		{"kubernetes", "auth/k8s/west/login", `{"role":"app","jwt":"` + good + `"}`, 200, ""},
		{"kubernetes, unknown role", "auth/k8s/west/login", `{"role":"x","jwt":"x"}`, 400, `invalid role name "x"`},
		{"kubernetes, refused", "auth/k8s/west/login", `{"role":"app","jwt":"x"}`, 403, "permission denied"},
		{"no such mount", "auth/k8s/login", `{"role":"app","jwt":"x"}`, 403, "permission denied"},
	} {
		d := &desk{T: t, Hashi: h}
		a := d.post(tt.path, tt.body)
		if a.Status != tt.status || tt.says != "" && !a.says(tt.status, tt.says) {
			t.Errorf("%s: %d %q, want %d %q", tt.name, a.Status, a.Errors, tt.status, tt.says)
		}
		if a.Status == http.StatusOK {
			d.known(tt.path, a)
		}
	}
	if n := h.Tokens(); n != 2 {
		t.Errorf("%d tokens", n)
	}
}

// known is a login that may read what its role may.
func (d *desk) known(path string, login answered) {
	d.Helper()
	d.token, _ = login.Auth["client_token"].(string)
	self := d.call(http.MethodGet, "auth/token/lookup-self", "")
	meta, _ := self.Data["meta"].(map[string]any)
	if self.Data["path"] != path || meta["role"] != "app" || login.Auth["lease_duration"] != 60.0 {
		d.Errorf("%s: %v", path, self.Data)
	}
	want := "jwt-system:serviceaccount:pay:roll"
	if strings.Contains(path, "k8s") {
		want = "k8s-west-pay-roll"
		if meta["service_account_namespace"] != "pay" || meta["service_account_name"] != "roll" {
			d.Errorf("%v", meta)
		}
	}
	if self.Data["display_name"] != want {
		d.Errorf("display name %v, want %s", self.Data["display_name"], want)
	}
	if a := d.call(http.MethodGet, "secret/data/app", ""); a.Status != http.StatusOK {
		d.Errorf("%s: read %d", path, a.Status)
	}
	if a := d.call(http.MethodGet, "secret/data/other", ""); a.Status != http.StatusForbidden {
		d.Errorf("%s: read what is not declared: %d", path, a.Status)
	}
}

// TestLoginByOddJWT: whatever the subject, a display name is one.
func TestLoginByOddJWT(t *testing.T) {
	h := vaulttest.NewHashi(t)
	all := func(string) bool { return true }
	h.JWTRole("jwt", "app", 0, 0, all)
	h.KubernetesRole("kubernetes", "app", 0, 0, all)
	for token, want := range map[string][2]string{
		"opaque":         {"jwt", "kubernetes-default-default"},
		"a.b.c":          {"jwt", "kubernetes-default-default"},
		jwt("payroll"):   {"jwt-payroll", "kubernetes-default-default"},
		"e30.bm8.c2ln":   {"jwt", "kubernetes-default-default"},
		jwt("a:b") + ".": {"jwt", "kubernetes-default-default"},
	} {
		for i, mount := range []string{"jwt", "kubernetes"} {
			d := &desk{T: t, Hashi: h}
			login := d.post("auth/"+mount+"/login", `{"role":"app","jwt":"`+token+`"}`)
			d.token, _ = login.Auth["client_token"].(string)
			if got := d.call(http.MethodGet, "auth/token/lookup-self", "").Data["display_name"]; got != want[i] {
				t.Errorf("%s, %s: %v, want %s", mount, token, got, want[i])
			}
		}
	}
}

// issued is a certificate, of itself or of a CA.
func issued(t *testing.T, name string, by *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(4711), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IsCA: by == nil && name == "ca", BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// shows makes a call with a client certificate; nil: without.
func shows(t *testing.T, h *vaulttest.Hashi, c *tls.Certificate, token, path, body string) answered {
	t.Helper()
	conf := &tls.Config{RootCAs: h.RootCAs()}
	if c != nil {
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c, nil }
	}
	transport := &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+"/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Vault-Token", token)
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	a := answered{Status: response.StatusCode}
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLoginByCertificate(t *testing.T) {
	h := vaulttest.NewHashi(t)
	web, stranger, ca := issued(t, "web", nil), issued(t, "stranger", nil), issued(t, "ca", nil)
	h.CertRole("cert", "web", time.Minute, time.Hour, web.Leaf)
	h.CertRole("cert", "fleet", time.Minute, time.Hour, ca.Leaf)
	const none, wrong = "client certificate must be supplied", "invalid certificate or no client certificate supplied"
	for _, tt := range []struct {
		name, body string
		shown      *tls.Certificate
		role, says string
	}{
		{"its own", `{"name":"web"}`, web, "web", ""},
		{"any role", `{}`, web, "web", ""},
		{"of the CA", `{}`, issued(t, "host", ca), "fleet", ""},
		{"of the CA, for another role", `{"name":"web"}`, issued(t, "host", ca), "", wrong},
		{"of another CA", `{}`, issued(t, "host", issued(t, "ca", nil)), "", wrong},
		{"issued by what is no CA", `{}`, issued(t, "host", web), "", wrong},
		{"a stranger's", `{"name":"web"}`, stranger, "", wrong},
		{"an unknown role", `{"name":"x"}`, web, "", wrong},
		{"none", `{"name":"web"}`, nil, "", none},
	} {
		a := shows(t, h, tt.shown, "", "auth/cert/login", tt.body)
		meta, _ := a.Auth["metadata"].(map[string]any)
		if tt.says != "" && !a.says(http.StatusBadRequest, tt.says) || tt.says == "" && (a.Status != http.StatusOK || meta["cert_name"] != tt.role) {
			t.Errorf("%s: %d %q, %v", tt.name, a.Status, a.Errors, meta)
		}
	}
	token := shows(t, h, web, "", "auth/cert/login", `{"name":"web"}`).Auth["client_token"].(string)
	for shown, want := range map[*tls.Certificate]int{web: http.StatusOK, stranger: http.StatusBadRequest, nil: http.StatusBadRequest} {
		if a := shows(t, h, shown, token, "auth/token/renew-self", "{}"); a.Status != want {
			t.Errorf("renewed: %d %q, want %d", a.Status, a.Errors, want)
		}
	}
}

// TestEnable: what there is no plugin for, and what is there already.
func TestEnable(t *testing.T) {
	d := &desk{T: t, Hashi: vaulttest.NewHashi(t), token: "root"}
	for _, tt := range []struct {
		path, kind string
		says       string
	}{
		{"jwt", "jwt", ""}, {"cert", "cert", ""}, {"approle", "approle", ""}, {"userpass", "userpass", ""},
		{"ldap", "ldap", "plugin not found in the catalog: ldap"}, {"jwt", "jwt", "path is already in use at jwt/"},
	} {
		a := d.post("sys/auth/"+tt.path, `{"type":"`+tt.kind+`"}`)
		if tt.says == "" && a.Status != http.StatusNoContent || tt.says != "" && !a.says(http.StatusBadRequest, tt.says) {
			t.Errorf("%s: %d %q", tt.kind, a.Status, a.Errors)
		}
	}
}
