package authtest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth/authtest"
)

func newIssuer(t *testing.T) *authtest.Issuer {
	t.Helper()
	issuer, err := authtest.NewIssuer()
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// parts are the header and the claims of a token.
func parts(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	all := strings.Split(token, ".")
	for i, into := range []*map[string]any{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(all[i])
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func TestIssuerFillsClaims(t *testing.T) {
	issuer := newIssuer(t)
	token, err := issuer.TokenAs("", map[string]any{"sub": "ada", "iat": nil})
	if err != nil {
		t.Fatal(err)
	}
	header, claims := parts(t, token)
	if _, ok := header["typ"]; ok || header["alg"] != "ES256" || header["kid"] != "1" {
		t.Errorf("header %v", header)
	}
	exp, _ := claims["exp"].(float64)
	if left := time.Until(time.Unix(int64(exp), 0)); left < 4*time.Minute || left > 5*time.Minute {
		t.Errorf("expires in %v", left)
	}
	if _, ok := claims["iat"]; ok || claims["iss"] != issuer.URL() || claims["sub"] != "ada" {
		t.Errorf("claims %v", claims)
	}
}

func TestIssuerRotates(t *testing.T) {
	issuer := newIssuer(t)
	for _, want := range []string{"1", "2", "3"} {
		token, err := issuer.Token(nil)
		if err != nil {
			t.Fatal(err)
		}
		if header, _ := parts(t, token); header["kid"] != want || header["typ"] != "JWT" {
			t.Errorf("header %v, want kid %s", header, want)
		}
		if err := issuer.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIssuerRefusesClaimsThatAreNoJSON(t *testing.T) {
	if _, err := newIssuer(t).Token(map[string]any{"sub": func() {}}); err == nil {
		t.Error("signed")
	}
}

func TestIssuerIsReachedByItsClientOnly(t *testing.T) {
	issuer := newIssuer(t)
	for url, want := range map[string]int{
		issuer.URL() + "/.well-known/openid-configuration": http.StatusOK,
		issuer.URL() + "/keys":                             http.StatusOK,
		issuer.URL() + "/other":                            http.StatusNotFound,
		"http://carnet.invalid/keys":                       0,
		"https://example.com/keys":                         0,
	} {
		answer, err := issuer.Client().Get(url)
		if (err == nil) != (want != 0) {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s: %s", url, answer.Status)
			}
		}
	}
	if n := issuer.Fetches(); n != 1 {
		t.Errorf("%d fetches of the keys", n)
	}
}
