package oidcauth_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/oidcauth"
)

func TestVerifierConforms(t *testing.T) {
	authtest.RunVerifier(t, func(t *testing.T) (auth.Verifier, auth.Presented) {
		issuer, v := setup(t, nil)
		return v, auth.Bearer(idToken(t, issuer, nil))
	})
}

func TestIDToken(t *testing.T) {
	issuer, v := setup(t, &oidcauth.Options{Tenant: "org", Claims: []string{"groups", "department", "absent", "email_verified"}})
	now := time.Now().Truncate(time.Second)
	token := idToken(t, issuer, claims{
		"org": "acme", "groups": []string{"hr", "staff"}, "department": "people", "other": "x", "email_verified": true, "iat": now.Unix(),
		"acr": "urn:example:gold", "amr": []string{"pwd", "otp"}, "auth_time": now.Add(-time.Hour).Unix(),
		"exp": now.Add(time.Minute).Unix(), "typ": "ID", "nonce": "n", "azp": us,
	})
	got, err := verify(v, token)
	want := auth.Identity{
		Tenant: "acme", Issuer: issuer.URL(), Subject: "ada",
		Assurance: audit.Assurance{ACR: "urn:example:gold", AMR: []string{"pwd", "otp"}, AuthTime: now.Add(-time.Hour)},
		Claims:    map[string][]string{"groups": {"hr", "staff"}, "department": {"people"}, "email_verified": {"true"}},
		Issued:    now, Expires: now.Add(time.Minute),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Verify = %+v, %v\nwant %+v", got, err, want)
	}
}

func TestAccessToken(t *testing.T) {
	issuer, v := setup(t, nil)
	token := accessToken(t, issuer, claims{
		"scope": "contact.read contact.write",
		"act":   claims{"sub": "agent", "act": claims{"sub": "front", "iss": "https://other.example"}},
	})
	got, err := verify(v, token)
	if err != nil {
		t.Fatal(err)
	}
	actors := []audit.Actor{{Issuer: issuer.URL(), Subject: "agent"}, {Issuer: "https://other.example", Subject: "front"}}
	if !reflect.DeepEqual(got.Scopes, []string{"contact.read", "contact.write"}) || !reflect.DeepEqual(got.Actors, actors) {
		t.Errorf("scopes %q, actors %v", got.Scopes, got.Actors)
	}
	if got.Claims != nil || got.Tenant != "" {
		t.Errorf("claims %v and tenant %q that nobody asked for", got.Claims, got.Tenant)
	}
}

func TestZeroVerifierRefuses(t *testing.T) {
	issuer, _ := setup(t, nil)
	good := auth.Bearer(idToken(t, issuer, nil))
	var none *oidcauth.Verifier
	for _, v := range []*oidcauth.Verifier{none, {}} {
		if _, err := v.Verify(t.Context(), good); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("Verify = %v", err)
		}
	}
}

func TestPresentedOtherwise(t *testing.T) {
	issuer, v := setup(t, nil)
	token := idToken(t, issuer, nil)
	none := auth.Bearer(token)
	none.Scheme = auth.SchemeNone
	other := auth.Bearer(token)
	other.Scheme = 99
	for _, p := range []auth.Presented{{}, none, other, auth.Bearer(""), {Scheme: auth.SchemeBearer}} {
		if _, err := v.Verify(t.Context(), p); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("Verify = %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Verify(ctx, auth.Bearer(token)); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("after the context ended: %v", err)
	}
}

func TestMalformedTokens(t *testing.T) {
	issuer, v := setup(t, nil)
	good := idToken(t, issuer, nil)
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"one part":       parts[0],
		"two parts":      parts[0] + "." + parts[1],
		"four parts":     good + "." + parts[2],
		"five parts":     good + "." + parts[2] + "." + parts[2],
		"no signature":   parts[0] + "." + parts[1] + ".",
		"no payload":     parts[0] + ".." + parts[2],
		"no header":      "." + parts[1] + "." + parts[2],
		"padding":        parts[0] + "=." + parts[1] + "." + parts[2],
		"line break":     parts[0] + ".\n" + parts[1] + "." + parts[2],
		"space":          " " + good,
		"other alphabet": parts[0] + "." + parts[1] + "." + strings.Repeat("+", len(parts[2])),
		"flattened JSON": fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]),
		"header no JSON": b64([]byte("alg")) + "." + parts[1] + "." + parts[2],
		"stray bits":     good[:len(good)-1] + other(good[len(good)-1]),
	} {
		t.Run(name, func(t *testing.T) { expect(t, v, token, auth.ErrInvalid) })
	}
	expect(t, v, good, nil)
}

// other changes the bits of a last base64 character that belong to no byte: 86
// characters are 516 bits, and 64 bytes are 512.
func other(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)|1])
}

func TestTokenSize(t *testing.T) {
	issuer, v := setup(t, nil)
	expect(t, v, idToken(t, issuer, claims{"filler": strings.Repeat("x", 8<<10)}), nil)
	expectText(t, v, idToken(t, issuer, claims{"filler": strings.Repeat("x", 16<<10)}), "oidcauth: malformed token")
}

// No part of a token, and nothing that an issuer says, stands in an error.
func TestErrorsHaveNoValues(t *testing.T) {
	issuer, v := setup(t, &oidcauth.Options{Claims: []string{"groups"}})
	const canary = "c4n4ry"
	tokens := []string{
		idToken(t, issuer, claims{"iss": canary}), idToken(t, issuer, claims{"aud": canary}), idToken(t, issuer, claims{"sub": canary + "\n"}),
		idToken(t, issuer, claims{"exp": canary}), idToken(t, issuer, claims{"exp": 1, "sub": canary}), idToken(t, issuer, claims{"groups": claims{canary: 1}}),
		must(t)(issuer.TokenAs(canary, nil)), canary, canary + "." + canary + "." + canary, idToken(t, issuer, claims{"sub": canary})[1:],
	}
	for _, token := range tokens {
		id, err := verify(v, token)
		if err == nil {
			t.Errorf("accepted %+v", id)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if s := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(s, canary) || strings.Contains(s, b64([]byte(canary))[:6]) {
				t.Errorf("the error has a value: %s", s)
			}
		}
	}
}
