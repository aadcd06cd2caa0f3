package hashivault_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/netguard"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// tokens is a TokenSource that counts.
type tokens struct {
	mu    sync.Mutex
	asked int
	err   error
	value string
}

func (s *tokens) Token(context.Context) (auth.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return secret(s.value), s.err
}

func TestLoginMustBeOne(t *testing.T) {
	h := vaulttest.NewHashi(t)
	jwt, cert := &tokens{value: "a.b.c"}, func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return nil, nil }
	for name, l := range map[string]hashivault.Login{
		"none":                    {},
		"role id alone":           {RoleID: "r"},
		"secret id alone":         {SecretID: secret("s")},
		"plain and wrapped":       {RoleID: "r", SecretID: secret("s"), Wrapped: secret("w"), Role: "app"},
		"wrapped without role":    {RoleID: "r", Wrapped: secret("w")},
		"JWT without role":        {JWT: jwt},
		"Kubernetes without role": {Kubernetes: jwt},
		"JWT and Kubernetes":      {JWT: jwt, Kubernetes: jwt, Role: "app"},
		"AppRole and JWT":         {RoleID: "r", SecretID: secret("s"), JWT: jwt, Role: "app"},
		"role id and JWT":         {RoleID: "r", JWT: jwt, Role: "app"},
		"AppRole and certificate": {RoleID: "r", SecretID: secret("s"), Certificate: cert},
		"secret id and cert":      {SecretID: secret("s"), Certificate: cert},
		"JWT and certificate":     {JWT: jwt, Certificate: cert, Role: "app"},
		"mount with dots":         {RoleID: "r", SecretID: secret("s"), Mount: "../sys"},
		"mount with a query":      {RoleID: "r", SecretID: secret("s"), Mount: "approle?x"},
		"mount with an escape":    {RoleID: "r", SecretID: secret("s"), Mount: "approle%2f.."},
		"role with a slash first": {JWT: jwt, Role: "/app"},
		"role with a newline":     {JWT: jwt, Role: "app\n"},
		"role id with a newline":  {RoleID: "r\n", SecretID: secret("s")},
	} {
		if _, err := hashivault.New(t.Context(), h.URL, l, &hashivault.Options{RootCAs: h.RootCAs()}); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := h.Requests("*"); n != 0 || jwt.asked != 0 {
		t.Errorf("%d requests, %d tokens", n, jwt.asked)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	h, l := server(t, 0, 0)
	cert := func(c hashivault.Certificate) hashivault.Options {
		return hashivault.Options{Certificates: map[string]hashivault.Certificate{"pki/issue/r": c}}
	}
	for name, o := range map[string]hashivault.Options{
		"namespace with dots":     {Namespace: "a/../b"},
		"namespace with newline":  {Namespace: "a\r\nX-Vault-Token: root"},
		"namespace with escape":   {Namespace: "a%2fb"},
		"namespace begins with /": {Namespace: "/a"},
		"namespace is /":          {Namespace: "/"},
		"transit":                 {Transit: "transit/../sys"},
		"mount":                   {Mounts: map[string]hashivault.Engine{"secret/": hashivault.KV2}},
		"mount in upper case":     {Mounts: map[string]hashivault.Engine{"Secret": hashivault.KV2}},
		"no engine":               {Mounts: map[string]hashivault.Engine{"secret": 0}},
		"unknown engine":          {Mounts: map[string]hashivault.Engine{"secret": 9}},
		"range":                   {Private: []string{"10.0.0.1/8"}},
		"certificate of nobody":   cert(hashivault.Certificate{}),
		"certificate comma":       cert(hashivault.Certificate{DNS: []string{"a.example,b.example"}}),
		"certificate empty name":  cert(hashivault.Certificate{DNS: []string{""}}),
		"certificate URI":         cert(hashivault.Certificate{URIs: []string{"no-uri"}}),
		"certificate bad URI":     cert(hashivault.Certificate{URIs: []string{"http://[x"}}),
		"certificate TTL":         cert(hashivault.Certificate{CommonName: "a", TTL: -1}),
		"certificate fraction":    cert(hashivault.Certificate{CommonName: "a", TTL: time.Millisecond}),
	} {
		o.RootCAs = h.RootCAs()
		if _, err := hashivault.New(t.Context(), h.URL, l, &o); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, origin := range []string{
		"", "vault.example", "http://vault.example", "https://vault.example/v1", "https://a:b@vault.example", "https://vault.example?x", "ftp://127.0.0.1",
		"https://vault.example\n", "unix:///run/vault.sock", "http://127.1:8200",
	} {
		if _, err := hashivault.New(t.Context(), origin, l, nil); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
	if n := h.Requests("*"); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestPrivateAddressMustBeNamed: by the origin itself, or by Private. A name may resolve to
// anything.
func TestPrivateAddressMustBeNamed(t *testing.T) {
	h := vaulttest.NewHashi(t)
	address := strings.TrimPrefix(h.URL, "https://")
	for origin, want := range map[string]bool{h.URL: true, "https://localhost": true, "https://vault.example": false, "https://127.0.0.2": false} {
		if err := hashivault.Reach(t.Context(), origin, &hashivault.Options{}, address); (err == nil) != want {
			t.Errorf("%s: %v", origin, err)
		}
		if err := hashivault.Reach(t.Context(), origin, &hashivault.Options{Private: []string{"127.0.0.0/8"}}, address); err != nil {
			t.Errorf("%s, opened: %v", origin, err)
		}
	}
}

// TestPlainTextStaysOnTheHost: http reaches nothing else, whatever is opened.
func TestPlainTextStaysOnTheHost(t *testing.T) {
	for _, address := range []string{"10.1.2.3:8200", "192.0.2.1:8200", "8.8.8.8:8200"} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := hashivault.Reach(ctx, "http://localhost:8200", &hashivault.Options{Private: []string{"10.0.0.0/8", "192.0.2.0/24"}}, address)
		cancel()
		if !errors.Is(err, netguard.ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	h := httptest.NewServer(nil)
	defer h.Close()
	must(t, hashivault.Reach(t.Context(), "http://localhost", &hashivault.Options{}, strings.TrimPrefix(h.URL, "http://")))
}

func TestWrapped(t *testing.T) {
	h, l := server(t, 0, 0)
	wrapped := h.WrappedSecretID("app")
	login := hashivault.Login{RoleID: l.RoleID, Wrapped: secret(wrapped), Role: "app"}
	v := dial(t, h, login, hashivault.Options{})
	if _, err := v.Issue(t.Context(), "secret/app"); err != nil {
		t.Fatal(err)
	}
	h.RevokeTokens() // the next login is with the secret id that was wrapped
	if _, err := v.Issue(t.Context(), "secret/app"); err != nil {
		t.Fatal(err)
	}
	if n := h.Requests("sys/wrapping/unwrap"); n != 1 {
		t.Errorf("unwrapped %d times", n)
	}
	for _, used := range []string{wrapped, "hvs.never"} {
		login.Wrapped = secret(used)
		_, err := hashivault.New(t.Context(), h.URL, login, &hashivault.Options{RootCAs: h.RootCAs()})
		if !errors.Is(err, hashivault.ErrUnwrapped) || !errors.Is(err, auth.ErrDenied) {
			t.Errorf("used up: %v", err)
		}
	}
}

// TestUnwrappedBehindOurBack: between looking it up and using it.
func TestUnwrappedBehindOurBack(t *testing.T) {
	h, l := server(t, 0, 0)
	login := hashivault.Login{RoleID: l.RoleID, Wrapped: secret(h.WrappedSecretID("app")), Role: "app"}
	h.Fail("sys/wrapping/unwrap", 1, vaulttest.Fault{Status: 400, Body: `{"errors":["wrapping token is not valid or does not exist"]}`})
	if _, err := hashivault.New(t.Context(), h.URL, login, &hashivault.Options{RootCAs: h.RootCAs()}); !errors.Is(err, hashivault.ErrUnwrapped) {
		t.Errorf("got %v", err)
	}
}

// TestWrappedForSomethingElse is not unwrapped at all: it may be somebody else's.
func TestWrappedForSomethingElse(t *testing.T) {
	h, l := server(t, 0, 0)
	other := h.AppRole("other", 0, 0)
	for name, login := range map[string]hashivault.Login{
		"another role":  {RoleID: other, Wrapped: secret(h.WrappedSecretID("app")), Role: "other"},
		"another mount": {RoleID: l.RoleID, Wrapped: secret(h.WrappedSecretID("app")), Role: "app", Mount: "approle2"},
	} {
		_, err := hashivault.New(t.Context(), h.URL, login, &hashivault.Options{RootCAs: h.RootCAs()})
		if !errors.Is(err, auth.ErrDenied) || errors.Is(err, hashivault.ErrUnwrapped) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := h.Requests("sys/wrapping/unwrap"); n != 0 {
		t.Errorf("unwrapped %d times", n)
	}
	if n := h.Requests("sys/wrapping/lookup"); n != 2 {
		t.Errorf("looked up %d times", n)
	}
}

func TestBadWrapping(t *testing.T) {
	looked := ok(`{"data":{"creation_path":"auth/approle/role/app/secret-id"}}`)
	for name, tt := range map[string]struct {
		lookup, unwrap http.HandlerFunc
		want           error
	}{
		"lookup is down":     {say(503, jsonType, ""), nil, auth.ErrUnavailable},
		"lookup is garbage":  {ok("x"), nil, auth.ErrInvalid},
		"lookup without":     {ok(envelope), nil, auth.ErrDenied},
		"unwrap is down":     {looked, say(503, jsonType, ""), auth.ErrUnavailable},
		"unwrap is denied":   {looked, say(403, jsonType, ""), auth.ErrDenied},
		"unwrap without":     {looked, ok(envelope), auth.ErrInvalid},
		"unwrap empty":       {looked, ok(`{"data":{"secret_id":""}}`), auth.ErrInvalid},
		"unwrap of a number": {looked, ok(`{"data":{"secret_id":1}}`), auth.ErrInvalid},
	} {
		s, o := stub(t, map[string]http.HandlerFunc{"/v1/sys/wrapping/lookup": tt.lookup, "/v1/sys/wrapping/unwrap": tt.unwrap})
		_, err := hashivault.New(t.Context(), s.URL, hashivault.Login{RoleID: "r", Wrapped: secret("hvs.w"), Role: "app"}, &o)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	s, o := stub(t, nil)
	if _, err := hashivault.New(t.Context(), s.URL, hashivault.Login{RoleID: "r", Wrapped: secret("two\nlines"), Role: "app"}, &o); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("two lines: %v", err)
	}
}

// seen is a stub that keeps the login requests.
func seen(t *testing.T, path string) (*httptest.Server, hashivault.Options, func() []map[string]any) {
	var mu sync.Mutex
	var bodies []map[string]any
	s, o := stub(t, map[string]http.HandlerFunc{
		path: func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			var body map[string]any
			if err := json.Unmarshal(b, &body); err != nil || r.Method != http.MethodPost || r.Header.Get("X-Vault-Token") != "" {
				t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
			}
			mu.Lock()
			bodies = append(bodies, body)
			mu.Unlock()
			ok(loggedIn)(w, r)
		},
	})
	return s, o, func() []map[string]any { mu.Lock(); defer mu.Unlock(); return bodies }
}

func TestJWTAndKubernetes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(file, []byte("a.b.c\n"), 0o600))
	for path, l := range map[string]hashivault.Login{
		"/v1/auth/jwt/login":        {JWT: &tokens{value: "a.b.c"}, Role: "app"},
		"/v1/auth/kubernetes/login": {Kubernetes: hashivault.TokenFile(file), Role: "app"},
		"/v1/auth/k8s/west/login":   {Kubernetes: hashivault.TokenFile(file), Role: "app", Mount: "k8s/west"},
	} {
		s, o, bodies := seen(t, path)
		v, err := hashivault.New(t.Context(), s.URL, l, &o)
		must(t, err)
		must(t, v.Close(t.Context()))
		if got := bodies(); len(got) != 1 || got[0]["jwt"] != "a.b.c" || got[0]["role"] != "app" || len(got[0]) != 2 {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestBadTokenSources(t *testing.T) {
	s, o := stub(t, nil)
	for name, tt := range map[string]struct {
		source hashivault.TokenSource
		want   error
	}{
		"denied":       {&tokens{err: auth.ErrDenied}, auth.ErrDenied},
		"unknown":      {&tokens{err: errors.New("c4n4ry")}, auth.ErrUnknown},
		"undeclared":   {&tokens{err: auth.ErrUndeclared}, auth.ErrDenied},
		"empty":        {&tokens{}, auth.ErrInvalid},
		"two lines":    {&tokens{value: "a\nb"}, auth.ErrInvalid},
		"missing file": {hashivault.TokenFile("c4n4ry"), auth.ErrUnavailable},
	} {
		_, err := hashivault.New(t.Context(), s.URL, hashivault.Login{JWT: tt.source, Role: "app"}, &o)
		if !errors.Is(err, tt.want) || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTokenFile is asked for with a context, and reads a regular file that is not too long.
func TestTokenFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "token")
	file := hashivault.TokenFile(name)
	must(t, os.WriteFile(name, []byte("a.b.c\n"), 0o600))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := file.Token(ended); !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	must(t, os.WriteFile(name, bytes.Repeat([]byte("x"), 64<<10+1), 0o600))
	if _, err := file.Token(t.Context()); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("too long: %v", err)
	}
	for _, irregular := range []hashivault.TokenFile{hashivault.TokenFile(filepath.Dir(name)), hashivault.TokenFile(os.DevNull)} {
		if _, err := irregular.Token(t.Context()); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("%s: %v", irregular, err)
		}
	}
}

// pair is a self-signed client certificate.
func pair(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(4711), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestUnknownAuthority: the server must be verified before anything is sent.
func TestUnknownAuthority(t *testing.T) {
	h, l := server(t, 0, 0)
	if _, err := hashivault.New(t.Context(), h.URL, l, nil); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if n := h.Requests("*"); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestBadLogins: a login that cannot be used is revoked where it has a token.
func TestBadLogins(t *testing.T) {
	for name, tt := range map[string]struct {
		answer  http.HandlerFunc
		want    error
		revoked int
	}{
		"wrong secret":       {say(400, jsonType, `{"errors":["invalid role or secret ID"]}`), auth.ErrDenied, 0},
		"denied":             {say(403, jsonType, ""), auth.ErrDenied, 0},
		"sealed":             {say(503, jsonType, ""), auth.ErrUnavailable, 0},
		"no such method":     {say(404, jsonType, ""), auth.ErrDenied, 0},
		"throttled":          {say(429, jsonType, ""), auth.ErrThrottled, 0},
		"garbage":            {ok("x"), auth.ErrInvalid, 0},
		"no auth":            {ok(envelope), auth.ErrInvalid, 0},
		"no token":           {ok(`{"auth":{"lease_duration":1}}`), auth.ErrInvalid, 0},
		"token with newline": {ok(`{"auth":{"client_token":"a\nb","lease_duration":1}}`), auth.ErrInvalid, 0},
		"negative life":      {ok(`{"auth":{"client_token":"a","lease_duration":-1}}`), auth.ErrInvalid, 1},
		"huge life":          {ok(`{"auth":{"client_token":"a","lease_duration":99999999999}}`), auth.ErrInvalid, 1},
		"renewable is text":  {ok(`{"auth":{"client_token":"a","renewable":"yes"}}`), auth.ErrInvalid, 1},
		"lease of a number":  {ok(`{"lease_id":1,"auth":{"client_token":"a","lease_duration":1}}`), auth.ErrInvalid, 1},
		"data is a list":     {ok(`{"data":[],"auth":{"client_token":"a","lease_duration":1}}`), auth.ErrInvalid, 1},
		"duration is text":   {ok(`{"lease_duration":"1","auth":{"client_token":"a","lease_duration":1}}`), auth.ErrInvalid, 1},
		"auth is a list":     {ok(`{"auth":[]}`), auth.ErrInvalid, 0},
	} {
		revoked := make(chan string, 9)
		s, o := stub(t, map[string]http.HandlerFunc{loginPath: tt.answer, "/v1/auth/token/revoke-self": func(w http.ResponseWriter, r *http.Request) {
			revoked <- r.Header.Get("X-Vault-Token")
			ok(envelope)(w, r)
		}})
		if _, err := hashivault.New(t.Context(), s.URL, approle(), &o); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if len(revoked) != tt.revoked {
			t.Errorf("%s: %d logins revoked", name, len(revoked))
		}
	}
}

// TestEnvironmentIsIgnored: whatever it says.
func TestEnvironmentIsIgnored(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "VAULT_PROXY_ADDR", "VAULT_HTTP_PROXY", "VAULT_ADDR", "BAO_ADDR", "VAULT_AGENT_ADDR"} {
		t.Setenv(name, proxy.URL)
	}
	for _, name := range []string{"VAULT_TOKEN", "BAO_TOKEN", "VAULT_NAMESPACE", "BAO_NAMESPACE", "VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY", "VAULT_CACERT", "VAULT_ROLE_ID", "VAULT_SECRET_ID"} {
		t.Setenv(name, "true")
	}
	s, o := stub(t, map[string]http.HandlerFunc{kvPath: func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Vault-Token") != "hvs.stub" || r.Header.Get("X-Vault-Namespace") != "" {
			t.Error("token or namespace of the environment")
		}
		ok(kvAnswer)(w, r)
	}})
	v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
	must(t, err)
	defer v.Close(t.Context())
	if v.Proxied() { // net/http uses none for loopback, and reads the environment once
		t.Error("there may be a proxy")
	}
	if _, err := v.Issue(t.Context(), "secret/app"); err != nil {
		t.Error(err)
	}
	if _, err := hashivault.New(t.Context(), s.URL, approle(), nil); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("verification is off: %v", err)
	}
}

func TestFromEnv(t *testing.T) {
	h, l := server(t, 0, 0)
	dir := t.TempDir()
	ca, certFile, keyFile := filepath.Join(dir, "ca"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	client := pair(t)
	der, err := x509.MarshalECPrivateKey(client.PrivateKey.(*ecdsa.PrivateKey))
	must(t, err)
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}), 0o600))
	must(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: client.Certificate[0]}), 0o600))
	must(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600))
	for name, value := range map[string]string{
		"VAULT_ADDR": h.URL, "VAULT_CACERT": ca, "VAULT_ROLE_ID": l.RoleID, "VAULT_SECRET_ID": h.SecretID("app"), "VAULT_NAMESPACE": "",
		"VAULT_TOKEN": "root", "VAULT_CLIENT_CERT": "", "VAULT_CLIENT_KEY": "",
	} {
		t.Setenv(name, value)
	}
	origin, login, o, err := hashivault.FromEnv()
	must(t, err)
	v, err := hashivault.New(t.Context(), origin, login, o)
	must(t, err)
	must(t, v.Close(t.Context()))

	t.Setenv("VAULT_ROLE_ID", "")
	t.Setenv("VAULT_SECRET_ID", "")
	t.Setenv("VAULT_CLIENT_CERT", certFile)
	t.Setenv("VAULT_CLIENT_KEY", keyFile)
	t.Setenv("VAULT_NAMESPACE", "team/a")
	if _, login, o, err = hashivault.FromEnv(); err != nil || login.Certificate == nil || o.Namespace != "team/a" {
		t.Fatalf("certificate: %v", err)
	}
	if shown, err := login.Certificate(nil); err != nil || !bytes.Equal(shown.Certificate[0], client.Certificate[0]) {
		t.Errorf("another certificate: %v", err)
	}
	t.Setenv("VAULT_CLIENT_KEY", ca)
	if _, _, _, err = hashivault.FromEnv(); !errors.Is(err, auth.ErrInvalid) || strings.Contains(err.Error(), dir) {
		t.Errorf("no key: %v", err)
	}
	t.Setenv("VAULT_CACERT", keyFile)
	if _, _, _, err = hashivault.FromEnv(); !errors.Is(err, auth.ErrInvalid) || strings.Contains(err.Error(), dir) {
		t.Errorf("no certificates: %v", err)
	}
	t.Setenv("VAULT_ADDR", "")
	if _, _, _, err = hashivault.FromEnv(); !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), "VAULT_ADDR") {
		t.Errorf("no server: %v", err)
	}
}

func TestHeaders(t *testing.T) {
	var mu sync.Mutex
	var all []http.Header
	s, o := stub(t, map[string]http.HandlerFunc{kvPath: func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, r.Header.Clone())
		if r.ContentLength != 0 || len(r.TransferEncoding) != 0 {
			t.Error("a GET with a body")
		}
		ok(kvAnswer)(w, r)
	}})
	o.Namespace = "team/a/"
	v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
	must(t, err)
	defer v.Close(t.Context())
	if _, err := v.Issue(t.Context(), "secret/app"); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	h := all[0]
	if h.Get("X-Vault-Request") != "true" || h.Get("X-Vault-Namespace") != "team/a" || h.Get("X-Vault-Token") != "hvs.stub" || h.Get("Authorization") != "" {
		t.Errorf("headers %v", h)
	}
}
