package peers_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/oauthauth"
	"github.com/carnet-go/carnet/auth/oidcauth"
	"github.com/carnet-go/carnet/mapping"
)

const hubAudience = "https://hub.example/api"

// hub is a system that asks the issuer's keys about each token, for one audience.
type hub struct {
	url   string
	roots *x509.CertPool
	seen  []string        // tokens that it took
	who   []auth.Identity // and of whom they are
}

func newHub(t *testing.T, issuer, audience string, client *http.Client, roots *x509.CertPool, plain bool) *hub {
	t.Helper()
	v, err := oidcauth.New(t.Context(), issuer, audience, &oidcauth.Options{Client: client, InsecurePlainJWT: plain})
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{roots: roots}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := v.Verify(r.Context(), auth.FromRequest(r))
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.who = append(h.who, id)
		h.seen = append(h.seen, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	}))
	t.Cleanup(server.Close)
	roots.AddCert(server.Certificate())
	h.url = server.URL
	return h
}

// call makes one call of the hub as the bearer of token, who is verified by v.
func (h *hub) call(t *testing.T, v auth.Verifier, token string, tr auth.Translator, change func(*auth.System)) error {
	t.Helper()
	system := auth.System{
		Name: "hub", Origin: h.url, Audience: hubAudience, Private: []string{"127.0.0.0/8"},
		Operations: []auth.Operation{{Name: "hub.count.push", Method: "POST", Path: "/", Effect: auth.Idempotent}},
	}
	change(&system)
	gate := authtest.Gate(t, authtest.Boundary(t, system), auth.Verifiers{auth.SchemeBearer: v})
	broker, err := auth.NewBroker(gate, auth.Translators{"hub": tr}, &auth.BrokerOptions{RootCAs: h.roots})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := broker.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	principal, err := gate.Admit(t.Context(), auth.Bearer(token))
	if err != nil {
		t.Fatal(err)
	}
	grant, err := gate.Authorize(t.Context(), principal, "hub.count.push")
	if err != nil {
		t.Fatal(err)
	}
	_, err = broker.Do(t.Context(), grant, mapping.Document{})
	return err
}

func client(fields map[string]string) auth.Source {
	secrets := map[string]auth.Secret{}
	for name, value := range fields {
		secrets[name] = auth.NewSecret([]byte(value))
	}
	return auth.Constant(secrets)
}

// zitadel is the example provider of zitadel/oidc. Its access tokens are JWTs here, so
// that what it puts into them can be seen.
type zitadel struct {
	issuer string
	client *http.Client
	roots  *x509.CertPool
}

type jwtStorage struct {
	*storage.Storage
	audience string // of what clients get for themselves; empty: the client
}

func (s jwtStorage) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	return jwtClient{c}, err
}

func (s jwtStorage) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	c, err := s.Storage.ClientCredentials(ctx, id, secret)
	return jwtClient{c}, err
}

func (s jwtStorage) ClientCredentialsTokenRequest(ctx context.Context, id string, scopes []string) (op.TokenRequest, error) {
	if s.audience == "" {
		return s.Storage.ClientCredentialsTokenRequest(ctx, id, scopes)
	}
	return &oidc.JWTTokenRequest{Subject: id, Audience: []string{s.audience}, Scopes: scopes}, nil
}

type jwtClient struct{ op.Client }

func (jwtClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

func startZitadel(t *testing.T, audience string) *zitadel {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := "https://" + server.Listener.Addr().String()
	users := storage.NewUserStore(issuer)
	clients := map[string]*storage.Client{"web": storage.WebClient("web", "s3cret of the web", callback)}
	server.Config.Handler = exampleop.SetupServer(issuer, jwtStorage{storage.NewStorageWithClients(users, clients), audience}, nil, false)
	server.StartTLS()
	t.Cleanup(server.Close)
	z := &zitadel{issuer: issuer, client: server.Client(), roots: x509.NewCertPool()}
	z.roots.AddCert(server.Certificate())
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	z.client.Jar = jar
	z.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return z
}

var formID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// login goes the whole way of a browser, and returns the tokens of the user id1.
func (z *zitadel) login(t *testing.T) tokens {
	t.Helper()
	page := z.get(t, z.issuer+"/auth?"+url.Values{
		"client_id": {"web"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile"}, "state": {"s"},
	}.Encode(), "")
	id := formID.FindSubmatch(page)
	if id == nil {
		t.Fatal("no login form")
	}
	answer, err := z.client.PostForm(z.issuer+"/login/username", url.Values{
		"id": {string(id[1])}, "username": {"test-user@127.0.0.1"}, "password": {"verysecure"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	back, err := answer.Location()
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("no code: %s", answer.Status)
	}
	return z.token(t, url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {callback}})
}

func (z *zitadel) get(t *testing.T, address, bearer string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := z.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", answer.Status, err)
	}
	return body
}

// token is what the token endpoint grants to whoever asks without carnet.
func (z *zitadel) token(t *testing.T, form url.Values) tokens {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, z.issuer+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("web", url.QueryEscape("s3cret of the web"))
	answer, err := z.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var all tokens
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("token endpoint: %s, %v", answer.Status, err)
	}
	return all
}

// gate verifies what a user of zitadel's presents.
func (z *zitadel) gate(t *testing.T) auth.Verifier {
	t.Helper()
	v, err := oidcauth.New(t.Context(), z.issuer, "web", &oidcauth.Options{Client: z.client})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// declared is the hub as tokens of zitadel's are for it.
func (z *zitadel) declared(scopes ...string) func(*auth.System) {
	return func(s *auth.System) {
		s.Endpoints = map[string]string{"token": z.issuer + "/oauth/token"}
		s.Operations[0].Scopes = scopes
	}
}

// TestZitadelExchange: a real login, its ID token exchanged, and the new token verified
// and used by somebody else.
func TestZitadelExchange(t *testing.T) {
	z := startZitadel(t, "")
	h := newHub(t, z.issuer, hubAudience, z.client, z.roots, true)
	user := z.login(t)
	exchange := oauthauth.Exchange{Client: client(map[string]string{"id": "web", "secret": "s3cret of the web"})}
	err := h.call(t, z.gate(t), user.ID, exchange, func(s *auth.System) {
		z.declared("openid", "email")(s)
		s.Subject = auth.Subject{Table: map[string]string{z.issuer + " id1": "id1"}}
	})
	if err != nil || len(h.who) != 1 {
		t.Fatalf("%v; the hub took %d tokens", err, len(h.who))
	}
	if h.who[0].Subject != "id1" || h.seen[0] == user.ID || h.seen[0] == user.Access {
		t.Errorf("the hub saw %+v", h.who[0])
	}
	var info struct{ Sub, Email string }
	if err := json.Unmarshal(z.get(t, z.issuer+"/userinfo", h.seen[0]), &info); err != nil || info.Sub != "id1" || info.Email != "test-user@zitadel.ch" {
		t.Errorf("userinfo %+v, %v", info, err)
	}
	anybody := authtest.As(auth.Identity{Issuer: z.issuer, Subject: "id1"})
	plain := exchange
	plain.Plain = true // this provider's access tokens say JWT
	if err := h.call(t, anybody, user.Access, plain, z.declared("openid")); err != nil || len(h.who) != 2 || h.who[1].Subject != "id1" || h.seen[1] == user.Access {
		t.Errorf("an access token: %v; the hub saw %+v", err, h.who)
	}
	if err := h.call(t, anybody, user.ID[:len(user.ID)-20]+strings.Repeat("A", 20), exchange, z.declared("openid")); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("a forged token: %v", err)
	}
	wrong := oauthauth.Exchange{Client: client(map[string]string{"id": "web", "secret": "another"})}
	if err := h.call(t, z.gate(t), user.ID, wrong, z.declared("openid")); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("a wrong secret: %v", err)
	}
	if len(h.who) != 2 {
		t.Errorf("the hub took %d tokens", len(h.who))
	}
}

// TestZitadelIsLax: it grants what nobody declared; we do not use it.
func TestZitadelIsLax(t *testing.T) {
	z := startZitadel(t, "")
	h := newHub(t, z.issuer, hubAudience, z.client, z.roots, true)
	user := z.login(t)
	const impersonate = "custom_scope:impersonate:id2"
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "audience": {hubAudience}, "scope": {"openid " + impersonate},
		"subject_token": {user.ID}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
	}
	if other := z.token(t, form); !bytes.Contains(z.get(t, z.issuer+"/userinfo", other.Access), []byte(`"id2"`)) {
		t.Fatal("this provider is not as lax as this test takes it for")
	}
	exchange := oauthauth.Exchange{Client: client(map[string]string{"id": "web", "secret": "s3cret of the web"})}
	named := func(s *auth.System) {
		z.declared("openid", impersonate)(s)
		s.Subject = auth.Subject{Table: map[string]string{z.issuer + " id1": "id1"}}
		s.Delegation = auth.AuditOnly
	}
	service := oauthauth.ClientCredentials{Client: client(map[string]string{"id": "sid1", "secret": "verysecret"})}
	for name, tt := range map[string]struct {
		tr     auth.Translator
		change func(*auth.System)
	}{
		"a token of another person, acting as himself": {exchange, z.declared("openid", impersonate)},
		"a token of another person":                    {exchange, named},
		"fewer scopes":                                 {exchange, z.declared("openid", "address")},
		"a token for whoever asked":                    {service, z.declared("openid")},
	} {
		if err := h.call(t, z.gate(t), user.ID, tt.tr, tt.change); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(h.who) != 0 {
		t.Errorf("the hub took %d tokens", len(h.who))
	}
}

// TestZitadelClientCredentials: the service's own token, whoever calls.
func TestZitadelClientCredentials(t *testing.T) {
	z := startZitadel(t, hubAudience)
	h := newHub(t, z.issuer, hubAudience, z.client, z.roots, true)
	nobody := authtest.As(auth.Identity{Issuer: z.issuer, Subject: "somebody"})
	service := oauthauth.ClientCredentials{Client: client(map[string]string{"id": "sid1", "secret": "verysecret"})}
	if err := h.call(t, nobody, "not used", service, z.declared("hub.write")); err != nil || len(h.who) != 1 || h.who[0].Subject != "sid1" {
		t.Errorf("%v; the hub saw %+v", err, h.who)
	}
	wrong := oauthauth.ClientCredentials{Client: client(map[string]string{"id": "sid1", "secret": "another"})}
	if err := h.call(t, nobody, "not used", wrong, z.declared("hub.write")); !errors.Is(err, auth.ErrDenied) || len(h.who) != 1 {
		t.Errorf("a wrong secret: %v", err)
	}
}

// startTokens starts an oidc-provider for clients with keys.
func startTokens(t *testing.T, keys ...jose.JSONWebKey) (issuer string, trust *x509.CertPool, c *http.Client) {
	t.Helper()
	dir := installed(t, "node", "CARNET_OIDC_PROVIDER", "oidc-provider-9.13.3")
	ca, port := newAuthority(t), freePort(t)
	key, cert := ca.loopback(t)
	issuer = "https://127.0.0.1:" + port + "/"
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "testdata/tokens.mjs", dir, issuer, port, key, cert, string(set))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has ended, and with it the process
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "listening\n" {
		t.Fatal("oidc-provider did not start")
	}
	config := ca.trust()
	return issuer, config.RootCAs, &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: 30 * time.Second}
}

func keyPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// TestProviderClients: a certified provider takes our assertions, each of them once, and
// our encoding of a secret; and refuses what it should, with errors that say on which side.
func TestProviderClients(t *testing.T) {
	ec := newKey(t)
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	issuer, roots, plain := startTokens(t,
		jose.JSONWebKey{Key: &ec.PublicKey, KeyID: "e", Algorithm: "ES256", Use: "sig"}, jose.JSONWebKey{Key: &r.PublicKey, KeyID: "r", Algorithm: "RS256", Use: "sig"})
	h := newHub(t, issuer, hubAudience, plain, roots, false)
	somebody := authtest.As(auth.Identity{Issuer: issuer, Subject: "somebody"})
	declared := func(change func(*auth.System)) func(*auth.System) {
		return func(s *auth.System) {
			s.Endpoints = map[string]string{"token": issuer + "token", "issuer": issuer}
			s.Operations[0].Scopes = []string{"hub.list", "hub.write"}
			if change != nil {
				change(s)
			}
		}
	}
	good := map[string]map[string]string{
		"https://carnet.example/a b": {"secret": "n:o%t+a s&cret=/~"}, "ec": {"key": keyPEM(t, ec)}, "rsa": {"key": keyPEM(t, r), "kid": "r"},
	}
	for id, fields := range good {
		fields["id"] = id
		for range 2 { // the provider refuses an assertion that it has seen
			if err := h.call(t, somebody, "x", oauthauth.ClientCredentials{Client: client(fields)}, declared(nil)); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		if n := len(h.who); n == 0 || h.who[n-1].Subject != id || !slices.Equal(h.who[n-1].Scopes, []string{"hub.list", "hub.write"}) {
			t.Errorf("%s: the hub saw %+v", id, h.who)
		}
	}
	other := func(key *ecdsa.PrivateKey) map[string]string {
		return map[string]string{"id": "ec", "key": keyPEM(t, key)}
	}
	for name, tt := range map[string]struct {
		fields map[string]string
		change func(*auth.System)
	}{
		"another key":       {other(newKey(t)), nil},
		"another algorithm": {map[string]string{"id": "ec", "key": keyPEM(t, r)}, nil},
		"another issuer":    {good["ec"], func(s *auth.System) { s.Endpoints["issuer"] = issuer + "other" }},
		"another scope":     {good["ec"], func(s *auth.System) { s.Operations[0].Scopes = []string{"hub.write", "admin"} }},
		"a wrong secret":    {map[string]string{"id": "https://carnet.example/a b", "secret": "n"}, nil},
		"an unknown client": {map[string]string{"id": "nobody", "secret": "n"}, nil},
	} {
		if err := h.call(t, somebody, "x", oauthauth.ClientCredentials{Client: client(tt.fields)}, declared(tt.change)); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(h.who) != 6 {
		t.Errorf("the hub took %d tokens", len(h.who))
	}
}
