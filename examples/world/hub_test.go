package world

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	idToken  = "urn:ietf:params:oauth:token-type:id_token"
	access   = "urn:ietf:params:oauth:token-type:access_token"
)

// trade asks the token endpoint; the token is empty where it refuses.
func trade(t *testing.T, w *World, secret string, form url.Values) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Issuer+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(Audience, secret)
	answer, err := w.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct {
		Token   string `json:"access_token"`
		Kind    string `json:"issued_token_type"`
		Expires int    `json:"expires_in"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Token != "" && (got.Kind != access || got.Expires <= 0) {
		t.Errorf("answer = %q, %d", got.Kind, got.Expires)
	}
	return got.Token
}

func (w *World) hub() string {
	for _, s := range w.servers {
		if s.name == Hub {
			return s.origin
		}
	}
	return ""
}

func publish(t *testing.T, w *World, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.hub()+"/events", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := w.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func TestHubTakesExchangedTokensOnly(t *testing.T) {
	w := begin(t)
	inbound, err := w.Token(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	form := func(change ...string) url.Values {
		f := url.Values{"grant_type": {exchange}, "subject_token": {inbound}, "subject_token_type": {idToken}, "audience": {w.hub()}}
		for i := 0; i < len(change); i += 2 {
			f[change[i]] = strings.Fields(change[i+1])
		}
		return f
	}
	secret := w.provider.storage.client.secret
	for name, refused := range map[string]string{
		"wrong client":     trade(t, w, "wrong", form()),
		"another audience": trade(t, w, secret, form("audience", "https://other.example")),
		"two audiences":    trade(t, w, secret, form("audience", w.hub()+" https://other.example")),
		"another resource": trade(t, w, secret, form("resource", "https://other.example")),
		"no audience":      trade(t, w, secret, form("audience", "")),
		"forged":           trade(t, w, secret, form("subject_token", inbound[:len(inbound)-2]+"xx")),
		"an ID token":      trade(t, w, secret, form("requested_token_type", idToken)),
		"a refresh token":  trade(t, w, secret, form("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")),
		"with an actor":    trade(t, w, secret, form("actor_token", inbound, "actor_token_type", idToken)),
	} {
		if refused != "" {
			t.Errorf("%s: exchanged", name)
		}
	}
	token := trade(t, w, secret, form("requested_token_type", access, "scope", "openid"))
	holds(t, w, token)
	for _, good := range []string{token, issue(t, w.provider.storage.key, "", w.Issuer, w.hub(), time.Minute, Audience)} {
		if got := publish(t, w, good); got != http.StatusAccepted {
			t.Errorf("with a token for it: %d", got)
		}
	}
	for name, other := range map[string]string{
		"the inbound token": inbound,
		"nothing":           "",
		"half":              token[:len(token)/2],
		"another key's":     issue(t, begin(t).provider.storage.key, w.provider.storage.key.id, w.Issuer, w.hub(), time.Minute, Audience),
		"another issuer's":  issue(t, w.provider.storage.key, "", "https://other.example", w.hub(), time.Minute, Audience),
		"one for others":    issue(t, w.provider.storage.key, "", w.Issuer, "https://other.example", time.Minute, Audience),
		"one that is over":  issue(t, w.provider.storage.key, "", w.Issuer, w.hub(), -time.Second, Audience),
		"one of the user":   issue(t, w.provider.storage.key, "", w.Issuer, w.hub(), time.Minute, ""),
	} {
		if got := publish(t, w, other); got != http.StatusUnauthorized {
			t.Errorf("with %s: %d", name, got)
		}
	}
	if trade(t, w, secret, form("subject_token", token, "subject_token_type", access)) != "" {
		t.Error("a token that was issued for the hub is exchanged")
	}
	if got := w.Received(Hub); got[0].As != "u-alice through "+Audience || got[2].As != "" || string(got[0].Body) != "{}" {
		t.Errorf("received %+v", got)
	}
}

// issue signs what the provider could have issued. An empty id is the key's own.
func issue(t *testing.T, key signingKey, id, issuer, audience string, life time.Duration, actor string) string {
	t.Helper()
	if id == "" {
		id = key.id
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.key, KeyID: id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.Claims{Issuer: issuer, Subject: "u-alice", Audience: jwt.Audience{audience}, Expiry: jwt.NewNumericDate(time.Now().Add(life))}
	token, err := jwt.Signed(signer).Claims(claims).Claims(map[string]any{"act": map[string]string{"sub": actor}}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
