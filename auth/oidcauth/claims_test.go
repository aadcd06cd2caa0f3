package oidcauth_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/oidcauth"
)

type claimCase struct {
	name    string
	claims  claims
	wantErr error
}

func runClaims(t *testing.T, o *oidcauth.Options, typ string, base claims, cases []claimCase) {
	t.Helper()
	issuer, v := setup(t, o)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			all := join(join(claims{"sub": "ada", "aud": us}, base), c.claims)
			expect(t, v, must(t)(issuer.TokenAs(typ, all)), c.wantErr)
		})
	}
}

func TestTimesAndNames(t *testing.T) {
	now := time.Now().Unix()
	huge := json.RawMessage("1e30")
	runClaims(t, nil, "JWT", nil, []claimCase{
		{"good", nil, nil},
		{"no sub", claims{"sub": nil}, auth.ErrInvalid},
		{"empty sub", claims{"sub": ""}, auth.ErrInvalid},
		{"number as sub", claims{"sub": 7}, auth.ErrInvalid},
		{"long sub", claims{"sub": strings.Repeat("a", 256)}, auth.ErrInvalid},
		{"longest sub", claims{"sub": strings.Repeat("a", 255)}, nil},
		{"sub not ASCII", claims{"sub": "adä"}, auth.ErrInvalid},
		{"sub with NUL", claims{"sub": "a\x00b"}, auth.ErrInvalid},
		{"no iat", claims{"iat": nil}, auth.ErrInvalid},
		{"future iat", claims{"iat": now + 120}, auth.ErrInvalid},
		{"iat within skew", claims{"iat": now + 50}, nil},
		{"iat 1e30", claims{"iat": huge}, auth.ErrInvalid},
		{"iat 0", claims{"iat": 0}, auth.ErrInvalid},
		{"no exp", claims{"exp": nil}, auth.ErrInvalid},
		{"exp 1e30", claims{"exp": huge}, auth.ErrInvalid},
		{"exp with exponent", claims{"exp": json.RawMessage("9e9")}, auth.ErrInvalid},
		{"negative exp", claims{"exp": -1}, auth.ErrInvalid},
		{"fractional exp", claims{"exp": float64(now) + 60.5}, auth.ErrInvalid},
		{"exp as string", claims{"exp": "9999999999"}, auth.ErrInvalid},
		{"exp null", claims{"exp": json.RawMessage("null")}, auth.ErrInvalid},
		{"exp of 11 digits", claims{"exp": json.RawMessage("99999999999")}, auth.ErrInvalid},
		{"exp long ago", claims{"exp": now - 3600}, auth.ErrExpired},
		{"exp beyond skew", claims{"exp": now - 70}, auth.ErrExpired},
		{"exp within skew", claims{"exp": now - 50}, nil},
		{"nbf beyond skew", claims{"nbf": now + 70}, auth.ErrInvalid},
		{"nbf within skew", claims{"nbf": now + 50}, nil},
		{"nbf as string", claims{"nbf": "1"}, auth.ErrInvalid},
		{"auth_time in the future", claims{"auth_time": now + 120}, auth.ErrInvalid},
		{"auth_time as string", claims{"auth_time": "1"}, auth.ErrInvalid},
		{"acr with a space", claims{"acr": "a b"}, auth.ErrInvalid},
		{"acr a number", claims{"acr": 7}, auth.ErrInvalid},
		{"empty acr", claims{"acr": ""}, auth.ErrInvalid},
		{"amr with a quote", claims{"amr": []string{`o"tp`}}, auth.ErrInvalid},
		{"amr of 32", claims{"amr": slices.Repeat([]string{"otp"}, 32)}, nil},
		{"amr of 33", claims{"amr": slices.Repeat([]string{"otp"}, 33)}, auth.ErrInvalid},
		{"acr as list", claims{"acr": []string{"x"}}, auth.ErrInvalid},
		{"amr as string", claims{"amr": "otp"}, auth.ErrInvalid},
		{"amr with a number", claims{"amr": []any{"otp", 1}}, auth.ErrInvalid},
		{"amr with control character", claims{"amr": []string{"o\ntp"}}, auth.ErrInvalid},
	})
}

// Expired says that a fresh one would do, so whatever else is wrong comes first.
func TestExpiredAndWrongIsInvalid(t *testing.T) {
	past := time.Now().Unix() - 3600
	runClaims(t, nil, "JWT", claims{"exp": past}, []claimCase{
		{"expired only", nil, auth.ErrExpired},
		{"audience", claims{"aud": "them"}, auth.ErrInvalid},
		{"bound", claims{"cnf": claims{"jkt": "x"}}, auth.ErrInvalid},
	})
}

func TestAudienceAndIssuer(t *testing.T) {
	runClaims(t, nil, "JWT", nil, []claimCase{
		{"another audience", claims{"aud": "them"}, auth.ErrInvalid},
		{"another case", claims{"aud": "Gate-HR"}, auth.ErrInvalid},
		{"no audience", claims{"aud": nil}, auth.ErrInvalid},
		{"empty list", claims{"aud": []string{}}, auth.ErrInvalid},
		{"number", claims{"aud": 1}, auth.ErrInvalid},
		{"list with a number", claims{"aud": []any{us, 1}}, auth.ErrInvalid},
		{"list of us", claims{"aud": []string{us}}, nil},
		{"several without azp", claims{"aud": []string{us, "them"}}, auth.ErrInvalid},
		{"several, azp another", claims{"aud": []string{us, "them"}, "azp": "them"}, auth.ErrInvalid},
		{"several, azp us", claims{"aud": []string{"them", us}, "azp": us}, nil},
		{"several, azp a list", claims{"aud": []string{us, "them"}, "azp": []string{us}}, auth.ErrInvalid},
		{"another issuer", claims{"iss": "https://other.example"}, auth.ErrInvalid},
		{"issuer with slash", claims{"iss": "https://carnet.invalid/"}, auth.ErrInvalid},
		{"no issuer", claims{"iss": nil}, auth.ErrInvalid},
		{"issuer as list", claims{"iss": []string{"https://carnet.invalid"}}, auth.ErrInvalid},
	})
	runClaims(t, nil, "at+jwt", claims{"client_id": "portal", "jti": "1"}, []claimCase{
		{"access token for several", claims{"aud": []string{us, "them"}}, nil},
		{"access token for another", claims{"aud": "them"}, auth.ErrInvalid},
	})
}

// go-oidc's own issuer check makes an exception for one issuer; ours makes none.
func TestTextsOfRefusals(t *testing.T) {
	issuer, v := setup(t, nil)
	expectText(t, v, idToken(t, issuer, claims{"aud": "them"}), "oidcauth: claims for another audience")
	expectText(t, v, idToken(t, issuer, claims{"iss": "carnet.invalid"}), "oidcauth: claims of another issuer")
}

func TestSkewIsSymmetric(t *testing.T) {
	now := time.Now().Unix()
	runClaims(t, &oidcauth.Options{Skew: time.Second}, "JWT", nil, []claimCase{
		{"exp", claims{"exp": now - 5}, auth.ErrExpired},
		{"nbf", claims{"nbf": now + 5}, auth.ErrInvalid},
		{"iat", claims{"iat": now + 5}, auth.ErrInvalid},
	})
	runClaims(t, &oidcauth.Options{Skew: 5 * time.Minute}, "JWT", nil, []claimCase{
		{"exp", claims{"exp": now - 290}, nil},
		{"nbf", claims{"nbf": now + 290}, nil},
		{"iat", claims{"iat": now + 290}, nil},
		{"exp beyond", claims{"exp": now - 310}, auth.ErrExpired},
		{"nbf beyond", claims{"nbf": now + 310}, auth.ErrInvalid},
	})
}

func TestTypConfusion(t *testing.T) {
	issuer, v := setup(t, nil)
	access := claims{"sub": "ada", "aud": us, "client_id": "portal", "jti": "1"}
	id := claims{"sub": "ada", "aud": us}
	for _, c := range []struct {
		typ     string
		claims  claims
		wantErr error
	}{
		{"", id, nil},
		{"JWT", id, nil},
		{"jwt", id, nil},
		{"at+jwt", access, nil},
		{"AT+JWT", access, nil},
		{"application/at+jwt", access, nil},
		{"at+jwt", id, auth.ErrInvalid},
		{"JWT", access, auth.ErrInvalid},
		{"", access, auth.ErrInvalid},
		{"application/jwt", id, auth.ErrInvalid},
		{"logout+jwt", id, auth.ErrInvalid},
		{"dpop+jwt", id, auth.ErrInvalid},
		{"kb+jwt", id, auth.ErrInvalid},
		{"secevent+jwt", id, auth.ErrInvalid},
		{"client-authentication+jwt", id, auth.ErrInvalid},
		{"at+JWT ", access, auth.ErrInvalid},
	} {
		t.Run(c.typ, func(t *testing.T) { expect(t, v, must(t)(issuer.TokenAs(c.typ, c.claims)), c.wantErr) })
	}
}

// Where typ says too little, claims tell: each row has a typ that would pass.
func TestKindsByClaims(t *testing.T) {
	runClaims(t, nil, "JWT", nil, []claimCase{
		{"logout token", claims{"events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}}}, auth.ErrInvalid},
		{"access token by scope", claims{"scope": "x"}, auth.ErrInvalid},
		{"access token by scp", claims{"scp": []string{"x"}}, auth.ErrInvalid},
		{"access token by client_id", claims{"client_id": "x"}, auth.ErrInvalid},
		{"issued to us by client_id", claims{"client_id": us}, nil},
		{"access token of Keycloak", claims{"typ": "Bearer"}, auth.ErrInvalid},
		{"ID token of Keycloak", claims{"typ": "ID"}, nil},
		{"refresh token of Keycloak", claims{"typ": "Refresh"}, auth.ErrInvalid},
		{"typ as a list", claims{"typ": []string{"ID"}}, auth.ErrInvalid},
	})
	runClaims(t, nil, "at+jwt", claims{"client_id": "portal", "jti": "1"}, []claimCase{
		{"no client_id", claims{"client_id": nil}, auth.ErrInvalid},
		{"no jti", claims{"jti": nil}, auth.ErrInvalid},
		{"number as jti", claims{"jti": 1}, auth.ErrInvalid},
		{"nonce", claims{"nonce": "n"}, auth.ErrInvalid},
		{"at_hash", claims{"at_hash": "h"}, auth.ErrInvalid},
		{"events", claims{"events": claims{}}, auth.ErrInvalid},
	})
}

func TestInsecurePlainJWT(t *testing.T) {
	o := &oidcauth.Options{InsecurePlainJWT: true}
	cases := []claimCase{
		{"plain", nil, nil},
		{"typed by Keycloak", claims{"typ": "Bearer"}, nil},
		{"for several", claims{"aud": []string{us, "them"}, "azp": "portal"}, nil},
		{"no aud", claims{"aud": nil}, auth.ErrInvalid},
		{"another aud", claims{"aud": "them"}, auth.ErrInvalid},
		{"nonce", claims{"nonce": "n"}, auth.ErrInvalid},
		{"at_hash", claims{"at_hash": "h"}, auth.ErrInvalid},
		{"c_hash", claims{"c_hash": "h"}, auth.ErrInvalid},
		{"s_hash", claims{"s_hash": "h"}, auth.ErrInvalid},
		{"ID token of Keycloak", claims{"typ": "ID"}, auth.ErrInvalid},
		{"issued to us by azp", claims{"azp": us}, auth.ErrInvalid},
		{"issued to us by client_id", claims{"client_id": us}, auth.ErrInvalid},
		{"logout token", claims{"events": claims{}}, auth.ErrInvalid},
	}
	runClaims(t, o, "JWT", claims{"scope": "contact.read"}, cases)
	runClaims(t, o, "", claims{"scope": "contact.read"}, cases)
	runClaims(t, o, "at+jwt", claims{"client_id": "portal", "jti": "1"}, []claimCase{{"typed", nil, nil}})
	runClaims(t, o, "logout+jwt", nil, []claimCase{{"other type", nil, auth.ErrInvalid}})
}

func TestScopes(t *testing.T) {
	runClaims(t, nil, "at+jwt", claims{"client_id": "portal", "jti": "1"}, []claimCase{
		{"one", claims{"scope": "a"}, nil},
		{"none", claims{"scope": ""}, nil},
		{"list", claims{"scope": []string{"a"}}, auth.ErrInvalid},
		{"32", claims{"scope": strings.Repeat("a ", 31) + "a"}, nil},
		{"33", claims{"scope": strings.Repeat("a ", 32) + "a"}, auth.ErrInvalid},
		{"two spaces", claims{"scope": "a  b"}, auth.ErrInvalid},
		{"tab", claims{"scope": "a\tb"}, auth.ErrInvalid},
		{"quote", claims{"scope": `a"b`}, auth.ErrInvalid},
		{"other quote", claims{"scope": `a'b`}, auth.ErrInvalid},
		{"backslash", claims{"scope": `a\b`}, auth.ErrInvalid},
		{"not ASCII", claims{"scope": "ä"}, auth.ErrInvalid},
	})
}

func TestSenderConstrainedIsNoBearer(t *testing.T) {
	cases := []claimCase{
		{"DPoP", claims{"cnf": claims{"jkt": "x"}}, auth.ErrInvalid},
		{"certificate", claims{"cnf": claims{"x5t#S256": "x"}}, auth.ErrInvalid},
		{"empty", claims{"cnf": claims{}}, auth.ErrInvalid},
		{"null", claims{"cnf": json.RawMessage("null")}, auth.ErrInvalid},
	}
	runClaims(t, nil, "at+jwt", claims{"client_id": "portal", "jti": "1"}, cases)
	runClaims(t, nil, "JWT", nil, cases)
	runClaims(t, &oidcauth.Options{InsecurePlainJWT: true}, "JWT", nil, cases)
}

func TestMayActMustNameUs(t *testing.T) {
	runClaims(t, nil, "JWT", nil, []claimCase{
		{"sub", claims{"may_act": claims{"sub": us}}, nil},
		{"client_id", claims{"may_act": claims{"client_id": us}}, nil},
		{"of this issuer", claims{"may_act": claims{"sub": us, "iss": "https://carnet.invalid"}}, nil},
		{"another sub", claims{"may_act": claims{"sub": "them"}}, auth.ErrInvalid},
		{"another client_id", claims{"may_act": claims{"client_id": "them"}}, auth.ErrInvalid},
		{"sub us, client_id another", claims{"may_act": claims{"sub": us, "client_id": "them"}}, auth.ErrInvalid},
		{"of another issuer", claims{"may_act": claims{"sub": us, "iss": "https://other.example"}}, auth.ErrInvalid},
		{"nobody", claims{"may_act": claims{}}, auth.ErrInvalid},
		{"case", claims{"may_act": claims{"Sub": us}}, auth.ErrInvalid},
		{"string", claims{"may_act": us}, auth.ErrInvalid},
		{"list", claims{"may_act": []string{us}}, auth.ErrInvalid},
		{"null", claims{"may_act": json.RawMessage("null")}, auth.ErrInvalid},
	})
	// The issuer knows the service as a client, which is not whom its tokens are for.
	runClaims(t, &oidcauth.Options{Actor: "hr-client"}, "JWT", nil, []claimCase{
		{"the client", claims{"may_act": claims{"sub": "hr-client"}}, nil},
		{"the audience", claims{"may_act": claims{"sub": us}}, auth.ErrInvalid},
		{"both", claims{"may_act": claims{"sub": "hr-client", "client_id": us}}, auth.ErrInvalid},
	})
}

func TestActChain(t *testing.T) {
	chain := func(n int) claims {
		act := claims{"sub": "last"}
		for range n - 1 {
			act = claims{"sub": "agent", "act": act}
		}
		return claims{"act": act}
	}
	runClaims(t, nil, "JWT", nil, []claimCase{
		{"one", chain(1), nil},
		{"four", chain(4), nil},
		{"five", chain(5), auth.ErrInvalid},
		{"without sub", claims{"act": claims{"iss": "https://other.example"}}, auth.ErrInvalid},
		{"inner without sub", claims{"act": claims{"sub": "a", "act": claims{}}}, auth.ErrInvalid},
		{"empty sub", claims{"act": claims{"sub": ""}}, auth.ErrInvalid},
		{"number as sub", claims{"act": claims{"sub": 1}}, auth.ErrInvalid},
		{"number as iss", claims{"act": claims{"sub": "a", "iss": 1}}, auth.ErrInvalid},
		{"iss with a space", claims{"act": claims{"sub": "a", "iss": "a b"}}, auth.ErrInvalid},
		{"string", claims{"act": "agent"}, auth.ErrInvalid},
		{"null", claims{"act": json.RawMessage("null")}, auth.ErrInvalid},
		{"case", claims{"act": claims{"sub": "a", "Act": claims{"sub": "b"}}}, auth.ErrInvalid},
	})
}

func TestTenantClaim(t *testing.T) {
	runClaims(t, &oidcauth.Options{Tenant: "org"}, "JWT", nil, []claimCase{
		{"there", claims{"org": "acme"}, nil},
		{"missing", nil, auth.ErrInvalid},
		{"empty", claims{"org": ""}, auth.ErrInvalid},
		{"list", claims{"org": []string{"acme"}}, auth.ErrInvalid},
		{"other case", claims{"Org": "acme"}, auth.ErrInvalid},
	})
}

func TestNamedClaims(t *testing.T) {
	runClaims(t, &oidcauth.Options{Claims: []string{"groups"}}, "JWT", nil, []claimCase{
		{"string", claims{"groups": "hr"}, nil},
		{"list", claims{"groups": []string{"hr", "Größe"}}, nil},
		{"missing", nil, nil},
		{"empty string", claims{"groups": ""}, auth.ErrInvalid},
		{"number", claims{"groups": 1}, auth.ErrInvalid},
		{"true", claims{"groups": true}, auth.ErrInvalid},
		{"object", claims{"groups": claims{}}, auth.ErrInvalid},
		{"list in list", claims{"groups": [][]string{{"hr"}}}, auth.ErrInvalid},
		{"control character", claims{"groups": []string{"h\x1br"}}, auth.ErrInvalid},
		{"too long", claims{"groups": strings.Repeat("x", 1025)}, auth.ErrInvalid},
		{"too many", claims{"groups": slices.Repeat([]string{"x"}, 129)}, auth.ErrInvalid},
		{"case variant", claims{"groups": "hr", "Groups": "admins"}, auth.ErrInvalid},
	})
}

// Each payload is signed by the right key: only a strict reader sees the trick.
func TestDuplicateAndCaseVariantClaims(t *testing.T) {
	s := signer{"k", "ES256", curveKey()}
	v := published(t, s.jwk(nil))
	open := strings.TrimSuffix(good(), "}")
	if _, err := verify(v, s.sign(t, "", good())); err != nil {
		t.Fatal(err)
	}
	for name, payload := range map[string]string{
		"duplicate":           open + `,"sub":"admin"}`,
		"duplicate, escaped":  open + `,"s\u0075b":"admin"}`,
		"case variant":        open + `,"Sub":"admin"}`,
		"variant by folding":  open + `,"ſub":"admin"}`,
		"variant alone":       open + `,"Cnf":{}}`,
		"duplicate deep":      open + `,"x":{"a":1,"a":2}}`,
		"duplicate iss":       open + `,"iss":"https://carnet.invalid"}`,
		"duplicate exp":       open + `,"exp":9999999999}`,
		"trailing data":       good() + `{}`,
		"trailing comma":      open + `,}`,
		"comment":             open + `/**/}`,
		"unclosed":            open,
		"list":                `[` + good() + `]`,
		"not UTF-8":           open + ",\"x\":\"\xff\"}",
		"lone surrogate":      open + `,"x":"\ud800"}`,
		"swapped surrogates":  open + `,"x":"\udc00\ud800"}`,
		"raw newline":         open + ",\"x\":\"\n\"}",
		"unknown escape":      open + `,"x":"\q"}`,
		"escape cut short":    open + `,"x":"\u12`,
		"number with zero":    open + `,"x":01}`,
		"number with point":   open + `,"x":1.}`,
		"number with E":       open + `,"x":1e}`,
		"number with plus":    open + `,"x":+1}`,
		"NaN":                 open + `,"x":NaN}`,
		"single quotes":       open + `,'x':1}`,
		"name without quotes": open + `,x:1}`,
		"deep":                open + `,"x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`,
		"too many members":    open + strings.Repeat(`,"x":1`, 200) + `}`,
		"empty":               ``,
		"null":                `null`,
	} {
		t.Run(name, func(t *testing.T) { expectText(t, v, s.sign(t, "", payload), "oidcauth: claims malformed or missing") })
	}
	expect(t, v, s.sign(t, "", open+`,"x":[{"a":[1,-2.5e+3,true,false,null,"\ud83d\ude00\/\n"]},{}],"y":{"A":1,"a":2}}`), nil)
}

// A verifier for one audience never answers for another's tokens, and two
// verifiers of one issuer share nothing.
func TestAudienceOfEachVerifier(t *testing.T) {
	issuer, _ := setup(t, nil)
	token := idToken(t, issuer, nil)
	v, err := oidcauth.New(t.Context(), issuer.URL(), "gate-crm", &oidcauth.Options{Client: issuer.Client(), InsecureTestIssuer: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(v, token); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("Verify = %v", err)
	}
}
