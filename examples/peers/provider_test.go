package peers_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/oidcauth"
)

const (
	gate         = "https://gate.example/hr"
	callback     = "https://127.0.0.1/back"
	codeVerifier = "a-code-verifier-of-at-least-forty-three-characters"
)

// provider is a running oidc-provider, an OpenID-certified issuer.
type provider struct {
	issuer string
	client *http.Client
}

func startProvider(t *testing.T) provider {
	t.Helper()
	dir := installed(t, "node", "CARNET_OIDC_PROVIDER", "oidc-provider-9.13.3")
	ca, port := newAuthority(t), freePort(t)
	key, cert := ca.loopback(t)
	p := provider{issuer: "https://127.0.0.1:" + port}
	cmd := exec.CommandContext(t.Context(), "node", "testdata/provider.mjs", dir, p.issuer, port, key, cert)
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
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.client = &http.Client{
		Transport: &http.Transport{TLSClientConfig: ca.trust(), DisableKeepAlives: true}, Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), callback) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	return p
}

func (p provider) verifier(t *testing.T, audience string, o oidcauth.Options) *oidcauth.Verifier {
	t.Helper()
	o.Client = p.client
	v, err := oidcauth.New(t.Context(), p.issuer, audience, &o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// tokens is an answer of the token endpoint.
type tokens struct {
	Access string `json:"access_token"`
	ID     string `json:"id_token"`
}

// login goes the whole way of a browser: code flow with PKCE.
func (p provider) login(t *testing.T, client string) tokens {
	t.Helper()
	challenge := sha256.Sum256([]byte(codeVerifier))
	answer, err := p.client.Get(p.issuer + "/auth?" + url.Values{
		"client_id": {client}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid contact.read"}, "resource": {gate},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
		"nonce": {"n-0S6_WzA2Mj"}, "max_age": {"600"}, "acr_values": {"urn:example:gold"},
		"claims": {`{"id_token":{"acr":{"essential":true},"amr":{"essential":true}}}`},
	}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	back, err := answer.Location()
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("no code: %s", answer.Status)
	}
	return p.token(t, url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {codeVerifier}, "resource": {gate},
	}, client)
}

func (p provider) token(t *testing.T, form url.Values, client string) tokens {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, url.QueryEscape("not a secret"))
	answer, err := p.client.Do(r)
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

func TestProviderIDTokens(t *testing.T) {
	p := startProvider(t)
	for _, client := range []string{"rs", "es", "ed"} {
		got := p.login(t, client)
		id, err := p.verifier(t, client, oidcauth.Options{}).Verify(t.Context(), auth.Bearer(got.ID))
		if err != nil {
			t.Errorf("%s: %v", client, err)
			continue
		}
		a := id.Assurance
		if id.Issuer != p.issuer || id.Subject != "ada" || a.ACR != "urn:example:gold" || !reflect.DeepEqual(a.AMR, []string{"pwd", "otp"}) {
			t.Errorf("%s: %+v", client, id)
		}
		if since := time.Since(a.AuthTime); since < 0 || since > time.Minute {
			t.Errorf("%s: auth_time was %v ago", client, since)
		}
		p.refuses(t, gate, oidcauth.Options{}, got.ID)
		p.refuses(t, client, oidcauth.Options{InsecurePlainJWT: true}, got.ID)
	}
}

func TestProviderAccessTokens(t *testing.T) {
	p := startProvider(t)
	user := p.login(t, "rs")
	service := p.token(t, url.Values{"grant_type": {"client_credentials"}, "scope": {"contact.read"}, "resource": {gate}}, "es")
	for subject, token := range map[string]string{"ada": user.Access, "es": service.Access} {
		id, err := p.verifier(t, gate, oidcauth.Options{}).Verify(t.Context(), auth.Bearer(token))
		if err != nil {
			t.Errorf("%s: %v", subject, err)
			continue
		}
		if id.Subject != subject || !reflect.DeepEqual(id.Scopes, []string{"contact.read"}) || !id.Expires.After(time.Now()) {
			t.Errorf("%s: %+v", subject, id)
		}
		p.refuses(t, "rs", oidcauth.Options{}, token)
		p.refuses(t, gate+"/", oidcauth.Options{}, token)
		p.refuses(t, gate, oidcauth.Options{}, token[:len(token)-20]+strings.Repeat("A", 20))
	}
}

func (p provider) refuses(t *testing.T, audience string, o oidcauth.Options, token string) {
	t.Helper()
	if _, err := p.verifier(t, audience, o).Verify(t.Context(), auth.Bearer(token)); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("for %s: %v", audience, err)
	}
}

// The issuer's name is right, and its certificate is of nobody who is trusted.
func TestProviderOfAnotherAuthority(t *testing.T) {
	p := startProvider(t)
	o := &oidcauth.Options{Client: &http.Client{Transport: &http.Transport{TLSClientConfig: newAuthority(t).trust(), DisableKeepAlives: true}}}
	for _, o := range []*oidcauth.Options{o, nil} {
		if _, err := oidcauth.New(t.Context(), p.issuer, gate, o); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("New = %v", err)
		}
	}
}
