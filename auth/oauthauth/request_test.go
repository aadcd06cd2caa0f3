package oauthauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/oauthauth"
)

const grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"

// TestOneRequestOneWay: everything that is sent, and nothing else: no second way to
// authenticate, no code.
func TestOneRequestOneWay(t *testing.T) {
	token := presented(nil)
	wanted := map[string]url.Values{
		"client credentials": {
			"grant_type": {"client_credentials"}, "scope": {"hub.write hub.list"}, "audience": {audience}, "resource": {audience},
		},
		"exchange": {
			"grant_type": {grantExchange}, "scope": {"hub.write hub.list"}, "audience": {audience}, "resource": {audience},
			"subject_token": {token}, "subject_token_type": {access}, "requested_token_type": {access},
		},
	}
	for name, tr := range translators(&source{fields: map[string]string{"id": "carnet: a/b", "secret": "p%s+w&r=d "}}) {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, answers(good(nil)))
			m, err := tr.Translate(t.Context(), need(t, s, hub(s), token))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := applied(t, m); got != "Bearer t0k3n" || err != nil {
				t.Errorf("applied %q, %v", got, err)
			}
			r, form := s.only(t)
			if r.Method != "POST" || r.URL.String() != "/token" || !reflect.DeepEqual(form, wanted[name]) {
				t.Errorf("%s %s %v", r.Method, r.URL, form)
			}
			// RFC 6749, section 2.3.1: both are encoded before they are joined.
			basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("carnet%3A+a%2Fb:p%25s%2Bw%26r%3Dd+"))
			for header, want := range map[string]string{
				"Authorization": basic, "Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", "Cookie": "", "Idempotency-Key": "",
			} {
				if got := r.Header.Get(header); got != want {
					t.Errorf("%s: %q", header, got)
				}
			}
		})
	}
}

func TestSubjectTokenType(t *testing.T) {
	const id = "urn:ietf:params:oauth:token-type:id_token"
	claims := members{"sub": "alice"}
	for name, tt := range map[string]struct {
		token string
		plain bool
		want  string
	}{
		"at+jwt":             {encode(members{"alg": "ES256", "typ": "at+jwt"}, claims), false, access},
		"application/at+jwt": {encode(members{"alg": "ES256", "typ": "application/AT+jwt"}, claims), false, access},
		"JWT":                {encode(members{"alg": "ES256", "typ": "JWT"}, claims), false, id},
		"nothing":            {encode(members{"alg": "ES256"}, claims), false, id},
		"plain JWT":          {encode(members{"alg": "ES256", "typ": "JWT"}, claims), true, access},
		"plain nothing":      {encode(members{"alg": "ES256"}, claims), true, access},
		"opaque":             {"8xLOxBtZp8", false, access},
		"opaque with dots":   {"a.b.c", false, access},
		"encrypted":          {"eyJhbGciOiJSU0EifQ.a.b.c.d", false, access},
	} {
		s := newServer(t, answers(good(nil)))
		if _, err := (oauthauth.Exchange{Client: usual(), Plain: tt.plain}).Translate(t.Context(), need(t, s, hub(s), tt.token)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, form := s.only(t); form.Get("subject_token_type") != tt.want || form.Get("subject_token") != tt.token {
			t.Errorf("%s: %v", name, form)
		}
	}
}

func TestTarget(t *testing.T) {
	for _, tt := range []struct{ audience, wantAudience, wantResource string }{
		{"", "", "https://hub.invalid"},
		{"hub", "hub", ""},
		{"https://hub.example/api", "https://hub.example/api", "https://hub.example/api"},
		{"urn:acme:hub", "urn:acme:hub", "urn:acme:hub"},
		{"https://hub.example/api#a", "https://hub.example/api#a", ""},
		{"https://hub.example/api#", "https://hub.example/api#", ""},
		{"//hub.example", "//hub.example", ""},
		{"https:", "https:", ""},
		{"%zz", "%zz", ""},
	} {
		for name, tr := range translators(usual()) {
			s := newServer(t, answers(good(nil)))
			system := hub(s)
			system.Audience = tt.audience
			if _, err := tr.Translate(t.Context(), need(t, s, system, "opaque")); err != nil {
				t.Fatal(err)
			}
			_, form := s.only(t)
			if form.Get("audience") != tt.wantAudience || form.Get("resource") != tt.wantResource ||
				form.Has("audience") != (tt.wantAudience != "") || form.Has("resource") != (tt.wantResource != "") {
				t.Errorf("%s for %q: %v", name, tt.audience, form)
			}
		}
	}
}

func TestNoScopesAreAskedForWhereNoneAreDeclared(t *testing.T) {
	s := newServer(t, answers(good(nil)))
	system := hub(s)
	system.Operations = system.Operations[2:]
	if _, err := (oauthauth.ClientCredentials{Client: usual()}).Translate(t.Context(), need(t, s, system, "")); err != nil {
		t.Fatal(err)
	}
	if _, form := s.only(t); form.Has("scope") {
		t.Errorf("%v", form)
	}
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func block(kind string, der []byte, err error) string {
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(key any) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return block("PRIVATE KEY", der, err)
}

func sec1(key *ecdsa.PrivateKey) string {
	der, err := x509.MarshalECPrivateKey(key)
	return block("EC PRIVATE KEY", der, err)
}

// TestAssertion: RFC 7523 as RFC 10070 has it: a type of its own, and the issuer as
// sole audience.
func TestAssertion(t *testing.T) {
	ec, r := ecKey(t, elliptic.P256()), rsaKey(t, 2048)
	for name, tt := range map[string]struct {
		key, kid string
		public   any
		alg      jose.SignatureAlgorithm
	}{
		"PKCS 8 with P-256": {pkcs8(ec), "k-1", &ec.PublicKey, jose.ES256},
		"SEC 1":             {sec1(ec), "", &ec.PublicKey, jose.ES256},
		"PKCS 8 with RSA":   {pkcs8(r), "", &r.PublicKey, jose.RS256},
		"PKCS 1":            {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r), nil) + "\n", "", &r.PublicKey, jose.RS256},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, answers(good(nil)))
			client := &source{fields: map[string]string{"id": "carnet", "key": tt.key, "kid": tt.kid}}
			seen := map[string]bool{}
			for _, tr := range translators(client) {
				for range 2 {
					if _, err := tr.Translate(t.Context(), need(t, s, hub(s), "opaque")); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i, form := range s.forms {
				if len(form["client_assertion"]) != 1 || form.Has("client_secret") || form.Has("client_id") || s.received[i].Header.Get("Authorization") != "" ||
					form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
					t.Fatalf("%v", form)
				}
				seen[checkAssertion(t, form.Get("client_assertion"), tt.public, tt.alg, tt.kid, s.URL+"/")] = true
			}
			if len(seen) != 4 {
				t.Errorf("%d ids for 4 assertions", len(seen))
			}
		})
	}
}

func checkAssertion(t *testing.T, raw string, public any, alg jose.SignatureAlgorithm, kid, issuer string) (jti string) {
	t.Helper()
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{alg})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(public)
	if err != nil {
		t.Fatal(err)
	}
	h := signed.Signatures[0].Header
	if typ := h.ExtraHeaders["typ"]; typ != "client-authentication+jwt" || h.KeyID != kid || h.JSONWebKey != nil || len(h.ExtraHeaders) != 1 {
		t.Errorf("header %+v", h)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims["iss"] != "carnet" || claims["sub"] != "carnet" || claims["aud"] != issuer || len(claims) != 6 {
		t.Errorf("claims %v", claims)
	}
	iat, exp := claims["iat"].(float64), claims["exp"].(float64)
	if exp-iat > 60 || exp <= iat || time.Since(time.Unix(int64(iat), 0)).Abs() > time.Minute {
		t.Errorf("from %v to %v", iat, exp)
	}
	jti, _ = claims["jti"].(string)
	if len(jti) < 20 {
		t.Errorf("jti %q", jti)
	}
	return jti
}

// elsewhere is a signer whose key nobody sees, such as one in a vault.
type elsewhere struct {
	crypto.Signer
	err error
}

func (e elsewhere) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if e.err != nil {
		return nil, fmt.Errorf("of %s: %w", canary, e.err)
	}
	return e.Signer.Sign(random, digest, o)
}

// TestSignerElsewhere: the client shows who it is by a key that no lease has; what goes wrong
// there is told by its side, and nothing is sent.
func TestSignerElsewhere(t *testing.T) {
	ec, r := ecKey(t, elliptic.P256()), rsaKey(t, 2048)
	by := func(client auth.Source, signer crypto.Signer) []auth.Translator {
		return []auth.Translator{oauthauth.ClientCredentials{Client: client, Signer: signer}, oauthauth.Exchange{Client: client, Signer: signer}}
	}
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.ES256: ec, jose.RS256: r} {
		s, client := newServer(t, answers(good(nil))), &source{fields: map[string]string{"id": "carnet", "kid": "k-1"}}
		for _, tr := range by(client, elsewhere{Signer: key}) {
			if _, err := tr.Translate(t.Context(), need(t, s, hub(s), "opaque")); err != nil {
				t.Fatal(err)
			}
		}
		for _, form := range s.forms {
			checkAssertion(t, form.Get("client_assertion"), key.Public(), alg, "k-1", s.URL+"/")
		}
	}
	for name, tt := range map[string]struct {
		fields map[string]string
		signer crypto.Signer
		want   error
	}{
		"a leased key besides": {map[string]string{"id": "carnet", "key": pkcs8(ec)}, elsewhere{Signer: ec}, auth.ErrInvalid},
		"a secret besides":     {map[string]string{"id": "carnet", "secret": "s"}, elsewhere{Signer: ec}, auth.ErrInvalid},
		"weak":                 {map[string]string{"id": "carnet"}, elsewhere{Signer: rsaKey(t, 1024)}, auth.ErrInvalid},
		"no algorithm":         {map[string]string{"id": "carnet"}, elsewhere{Signer: ecKey(t, elliptic.P384())}, auth.ErrInvalid},
		"it cannot be reached": {map[string]string{"id": "carnet"}, elsewhere{ec, auth.ErrUnavailable}, auth.ErrUnavailable},
		"it denies":            {map[string]string{"id": "carnet"}, elsewhere{ec, auth.ErrDenied}, auth.ErrDenied},
		"it says something":    {map[string]string{"id": "carnet"}, elsewhere{r, io.ErrUnexpectedEOF}, auth.ErrInvalid},
	} {
		s := newServer(t, answers(good(nil)))
		for _, tr := range by(&source{fields: tt.fields}, tt.signer) {
			if m, err := tr.Translate(t.Context(), need(t, s, hub(s), "opaque")); m != nil || !errors.Is(err, tt.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s.count() != 0 {
			t.Errorf("%s: %d requests", name, s.count())
		}
	}
}

// TestBadClients: nothing is sent for a client that cannot be used, or that could be
// in two ways, and its lease is given back.
func TestBadClients(t *testing.T) {
	key := pkcs8(ecKey(t, elliptic.P256()))
	encrypted := strings.Replace(key, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1)
	for name, tt := range map[string]struct {
		fields   map[string]string
		issuer   string // empty: there is none
		wantErrs error
	}{
		"nothing":                {nil, "x", auth.ErrUndeclared},
		"no id":                  {map[string]string{"secret": "s"}, "x", auth.ErrUndeclared},
		"empty id":               {map[string]string{"id": "", "secret": "s"}, "x", auth.ErrUndeclared},
		"no secret and no key":   {map[string]string{"id": "a"}, "x", auth.ErrUndeclared},
		"empty secret":           {map[string]string{"id": "a", "secret": ""}, "x", auth.ErrUndeclared},
		"secret and key":         {map[string]string{"id": "a", "secret": "s", "key": key}, "x", auth.ErrInvalid},
		"line after the secret":  {map[string]string{"id": "a", "secret": "s\n"}, "x", auth.ErrInvalid},
		"line after the id":      {map[string]string{"id": "a\n", "secret": "s"}, "x", auth.ErrInvalid},
		"id not in ASCII":        {map[string]string{"id": "ä", "secret": "s"}, "x", auth.ErrInvalid},
		"control in the kid":     {map[string]string{"id": "a", "key": key, "kid": "k\x00"}, "x", auth.ErrInvalid},
		"key without an issuer":  {map[string]string{"id": "a", "key": key}, "", auth.ErrUndeclared},
		"no PEM":                 {map[string]string{"id": "a", "key": canary}, "x", auth.ErrInvalid},
		"two keys":               {map[string]string{"id": "a", "key": key + key}, "x", auth.ErrInvalid},
		"encrypted key":          {map[string]string{"id": "a", "key": encrypted}, "x", auth.ErrInvalid},
		"no key in the PEM":      {map[string]string{"id": "a", "key": block("PRIVATE KEY", []byte(canary), nil)}, "x", auth.ErrInvalid},
		"no key of SEC 1":        {map[string]string{"id": "a", "key": block("EC PRIVATE KEY", []byte(canary), nil)}, "x", auth.ErrInvalid},
		"no key of PKCS 1":       {map[string]string{"id": "a", "key": block("RSA PRIVATE KEY", []byte(canary), nil)}, "x", auth.ErrInvalid},
		"another kind of PEM":    {map[string]string{"id": "a", "key": block("CERTIFICATE", []byte(canary), nil)}, "x", auth.ErrInvalid},
		"curve without an alg":   {map[string]string{"id": "a", "key": pkcs8(ecKey(t, elliptic.P384()))}, "x", auth.ErrInvalid},
		"weak RSA":               {map[string]string{"id": "a", "key": pkcs8(rsaKey(t, 1024))}, "x", auth.ErrInvalid},
		"key without a lease id": {map[string]string{"key": key}, "x", auth.ErrUndeclared},
	} {
		for kind := range translators(nil) {
			s, client := newServer(t, answers(good(nil))), &source{fields: tt.fields}
			system := hub(s)
			if tt.issuer == "" {
				delete(system.Endpoints, "issuer")
			}
			m, err := translators(client)[kind].Translate(t.Context(), need(t, s, system, "opaque"))
			if m != nil || !errors.Is(err, tt.wantErrs) || strings.Contains(err.Error(), canary) {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
			if s.count() != 0 || client.closed != 1 {
				t.Errorf("%s, %s: %d requests, lease closed %d times", kind, name, s.count(), client.closed)
			}
		}
	}
}

func TestSourceRefuses(t *testing.T) {
	for kind := range translators(nil) {
		s := newServer(t, answers(good(nil)))
		client := &source{err: auth.ErrThrottled}
		if m, err := translators(client)[kind].Translate(t.Context(), need(t, s, hub(s), "opaque")); m != nil || err != auth.ErrThrottled {
			t.Errorf("%s: %v", kind, err)
		}
		// One whose lease ends before its fields are read.
		ended := usual()
		ended.expires = time.Now().Add(-time.Second)
		if m, err := translators(ended)[kind].Translate(t.Context(), need(t, s, hub(s), "opaque")); m != nil || !errors.Is(err, auth.ErrExpired) {
			t.Errorf("%s: %v", kind, err)
		}
		if s.count() != 0 {
			t.Errorf("%s: %d requests", kind, s.count())
		}
	}
}

// TestNobodysTokenIsNotTheServices: without a token there is nothing to exchange, and
// the service's own account is not asked for instead.
func TestNobodysTokenIsNotTheServices(t *testing.T) {
	s, client := newServer(t, answers(good(nil))), usual()
	if m, err := (oauthauth.Exchange{Client: client}).Translate(t.Context(), need(t, s, hub(s), "")); m != nil || err != auth.ErrDenied {
		t.Errorf("%v", err)
	}
	if s.count() != 0 || len(client.leases) != 0 {
		t.Errorf("%d requests, %d leases", s.count(), len(client.leases))
	}
}

func TestBadTokensAreNotSent(t *testing.T) {
	twice := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"a","sub":"b"}`)) + ".c2ln"
	for name, token := range map[string]string{
		"space": "a b", "line": "a\nb", "no ASCII": "tökén", "huge": strings.Repeat("a", 16<<10+1), "two subjects": twice,
		"two types": base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"at+jwt","typ":"JWT"}`)) + ".e30.c2ln",
		"no claims": base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`)) + ".!.c2ln",
	} {
		s := newServer(t, answers(good(nil)))
		if m, err := (oauthauth.Exchange{Client: usual()}).Translate(t.Context(), need(t, s, hub(s), token)); m != nil || err != auth.ErrInvalid || s.count() != 0 {
			t.Errorf("%s: %v, %d requests", name, err, s.count())
		}
	}
}

func TestIncompleteNeeds(t *testing.T) {
	s := newServer(t, answers(good(nil)))
	for kind, tr := range translators(usual()) {
		if m, err := tr.Translate(t.Context(), auth.Need{}); m != nil || err != auth.ErrForeign {
			t.Errorf("%s without a grant: %v", kind, err)
		}
		n := need(t, s, hub(s), "opaque")
		for what, client := range map[string]*http.Client{"no client": nil, "a client of the environment": {}} {
			n.Client = client
			if m, err := tr.Translate(t.Context(), n); m != nil || err != auth.ErrInvalid {
				t.Errorf("%s with %s: %v", kind, what, err)
			}
		}
		system := hub(s)
		delete(system.Endpoints, "token")
		if m, err := tr.Translate(t.Context(), need(t, s, system, "opaque")); m != nil || !errors.Is(err, auth.ErrUndeclared) {
			t.Errorf("%s without an endpoint: %v", kind, err)
		}
	}
	for kind, tr := range translators(nil) {
		if m, err := tr.Translate(t.Context(), need(t, s, hub(s), "opaque")); m != nil || err != auth.ErrInvalid {
			t.Errorf("%s without a source: %v", kind, err)
		}
	}
	if s.count() != 0 {
		t.Errorf("%d requests", s.count())
	}
}

func TestCheckAndFits(t *testing.T) {
	type checked interface {
		auth.Translator
		Check() error
		Fits(auth.System) error
	}
	good := auth.System{Name: "hub", Endpoints: map[string]string{"token": "https://id.example/token"}}
	api, directory, other := good, good, good
	api.Kind, directory.Kind, other.Endpoints = auth.KindAPI, auth.KindDirectory, map[string]string{"acs": "https://id.example/token"}
	for _, tr := range slices.Collect(maps.Values(translators(usual()))) {
		c := tr.(checked)
		if err := errors.Join(c.Check(), c.Fits(good), c.Fits(api)); err != nil {
			t.Errorf("%T: %v", tr, err)
		}
		if err := c.Fits(directory); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%T fits a directory: %v", tr, err)
		}
		for _, s := range []auth.System{{}, other} {
			if err := c.Fits(s); !errors.Is(err, auth.ErrUndeclared) {
				t.Errorf("%T fits without an endpoint: %v", tr, err)
			}
		}
	}
	for _, tr := range []checked{oauthauth.ClientCredentials{}, oauthauth.Exchange{}} {
		if err := tr.Check(); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%T: %v", tr, err)
		}
	}
}
