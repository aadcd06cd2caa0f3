package oidcauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/oidcauth"
)

// provider answers discovery with text, and keys with a good set.
func provider(text string) answers {
	s := signer{"k", "ES256", curveKey()}
	return func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration") {
			return body(200, strings.NewReader(text))(r)
		}
		return keys(s.jwk(nil))(r)
	}
}

func metadata(issuer, address string) string {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, address)
}

func TestArguments(t *testing.T) {
	const issuer = "https://idp.example"
	for name, c := range map[string]struct {
		issuer, audience string
		o                oidcauth.Options
		want             string
	}{
		"no issuer":         {"", us, oidcauth.Options{}, "oidcauth: the issuer must be an https URL without query and fragment"},
		"no scheme":         {"idp.example", us, oidcauth.Options{}, "oidcauth: the issuer must be an https URL without query and fragment"},
		"no host":           {"https://", us, oidcauth.Options{}, "oidcauth: the issuer must be an https URL without query and fragment"},
		"other scheme":      {"ftp://idp.example", us, oidcauth.Options{}, "oidcauth: the issuer must be an https URL without query and fragment"},
		"file":              {"file:///etc/passwd", us, oidcauth.Options{}, "oidcauth: the issuer must be an https URL without query and fragment"},
		"query":             {issuer + "?a", us, oidcauth.Options{}, "oidcauth: the issuer must be an https URL without query and fragment"},
		"empty query":       {issuer + "?", us, oidcauth.Options{}, "oidcauth: the issuer must be an https URL without query and fragment"},
		"fragment":          {issuer + "#", us, oidcauth.Options{}, "oidcauth: the issuer must be an https URL without query and fragment"},
		"user":              {"https://me@idp.example", us, oidcauth.Options{}, "oidcauth: the issuer must be an https URL without query and fragment"},
		"control":           {issuer + "/\n", us, oidcauth.Options{}, "oidcauth: the issuer must be an https URL without query and fragment"},
		"http":              {"http://idp.example", us, oidcauth.Options{}, "oidcauth: http needs InsecureHTTP and a loopback host"},
		"http, permitted":   {"http://idp.example", us, oidcauth.Options{InsecureHTTP: true}, "oidcauth: http needs InsecureHTTP and a loopback host"},
		"http, in disguise": {"http://127.0.0.1.example", us, oidcauth.Options{InsecureHTTP: true}, "oidcauth: http needs InsecureHTTP and a loopback host"},
		"http on loopback":  {"http://127.0.0.1:1", us, oidcauth.Options{}, "oidcauth: http needs InsecureHTTP and a loopback host"},
		"test issuer":       {"https://carnet.invalid", us, oidcauth.Options{}, "oidcauth: a test issuer needs InsecureTestIssuer"},
		"test issuer, dot":  {"https://carnet.INVALID.", us, oidcauth.Options{}, "oidcauth: a test issuer needs InsecureTestIssuer"},
		"test issuer, port": {"https://a.b.invalid:8443/x", us, oidcauth.Options{}, "oidcauth: a test issuer needs InsecureTestIssuer"},
		"invalid itself":    {"https://invalid", us, oidcauth.Options{}, "oidcauth: a test issuer needs InsecureTestIssuer"},
		"no audience":       {issuer, "", oidcauth.Options{}, "oidcauth: the audience is missing or not printable"},
		"long audience":     {issuer, strings.Repeat("a", 256), oidcauth.Options{}, "oidcauth: the audience is missing or not printable"},
		"negative skew":     {issuer, us, oidcauth.Options{Skew: -1}, "oidcauth: the skew must be between 0 and 5 minutes"},
		"wide skew":         {issuer, us, oidcauth.Options{Skew: 5*time.Minute + 1}, "oidcauth: the skew must be between 0 and 5 minutes"},
		"empty name":        {issuer, us, oidcauth.Options{Claims: []string{""}}, "oidcauth: a claim's name is empty, too long or said twice"},
		"name twice":        {issuer, us, oidcauth.Options{Claims: []string{"a", "a"}}, "oidcauth: a claim's name is empty, too long or said twice"},
		"tenant not ASCII":  {issuer, us, oidcauth.Options{Tenant: "ä"}, "oidcauth: a claim's name is empty, too long or said twice"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Client = &http.Client{Transport: provider(metadata(c.issuer, c.issuer+"/keys"))}
			v, err := oidcauth.New(t.Context(), c.issuer, c.audience, &c.o)
			if v != nil || !errors.Is(err, auth.ErrInvalid) || err.Error() != c.want {
				t.Errorf("New = %v, want %s", err, c.want)
			}
		})
	}
}

func TestDiscovery(t *testing.T) {
	const issuer = "https://idp.example/hr"
	for name, c := range map[string]struct {
		with    http.RoundTripper
		wantErr error
	}{
		"good":             {provider(metadata(issuer, "https://keys.example/keys?a=b")), nil},
		"another issuer":   {provider(metadata("https://idp.example", "https://idp.example/keys")), auth.ErrInvalid},
		"issuer and slash": {provider(metadata(issuer+"/", "https://idp.example/keys")), auth.ErrInvalid},
		"other case":       {provider(metadata("https://idp.example/HR", "https://idp.example/keys")), auth.ErrInvalid},
		"two issuers":      {provider(`{"issuer":"x",` + metadata(issuer, "https://idp.example/keys")[1:]), auth.ErrInvalid},
		"no keys":          {provider(`{"issuer":"` + issuer + `"}`), auth.ErrInvalid},
		"http keys":        {provider(metadata(issuer, "http://127.0.0.1/keys")), auth.ErrInvalid},
		"keys of a file":   {provider(metadata(issuer, "file:///etc/keys")), auth.ErrInvalid},
		"keys with a user": {provider(metadata(issuer, "https://a:b@idp.example/keys")), auth.ErrInvalid},
		"keys relative":    {provider(metadata(issuer, "/keys")), auth.ErrInvalid},
		"keys no URL":      {provider(metadata(issuer, "https://[")), auth.ErrInvalid},
		"garbage":          {provider("<html>"), auth.ErrInvalid},
		"list":             {provider("[]"), auth.ErrInvalid},
		"redirect":         {redirect("https://other.example/"), auth.ErrUnavailable},
		"status 404":       {body(404, strings.NewReader("")), auth.ErrUnavailable},
		"huge":             {body(200, spaces{}), auth.ErrUnavailable},
		"down":             {answers(down), auth.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			o := &oidcauth.Options{Client: &http.Client{Transport: c.with}, InsecureHTTP: true}
			v, err := oidcauth.New(t.Context(), issuer, us, o)
			if !errors.Is(err, c.wantErr) || (v == nil) != (err != nil) {
				t.Errorf("New = %v, want %v", err, c.wantErr)
			}
		})
	}
}

func TestNewEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := try(authtest.NewIssuer())
		issuer.AnswerKeys(answers(hangs))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		d := takes(func() {
			_, err := oidcauth.New(ctx, issuer.URL(), us, &oidcauth.Options{Client: issuer.Client(), InsecureTestIssuer: true})
			if !errors.Is(err, auth.ErrUnavailable) {
				t.Errorf("New = %v", err)
			}
		})
		if d != time.Second {
			t.Errorf("New took %v", d)
		}
		time.Sleep(4 * time.Second) // when the fetch that nobody waits for ends
	})
}

// server is a provider on loopback, over http.
func server(t *testing.T, seen func(*http.Request)) (*httptest.Server, signer) {
	s := signer{"k", "ES256", curveKey()}
	srv := httptest.NewUnstartedServer(nil)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen(r)
		if r.URL.Path == "/keys" {
			_, _ = io.Copy(w, try(keys(s.jwk(nil))(r)).Body)
			return
		}
		_, _ = fmt.Fprint(w, metadata("http://"+r.Host, "http://"+r.Host+"/keys"))
	})
	t.Cleanup(srv.Close)
	return srv, s
}

func TestLoopbackHTTP(t *testing.T) {
	srv, s := server(t, func(*http.Request) {})
	srv.Start()
	v, err := oidcauth.New(t.Context(), srv.URL, us, &oidcauth.Options{InsecureHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, v, s.sign(t, "", payload(claims{"iss": srv.URL})), nil)
}

// The ambient transport, proxy, cookies and credentials reach no issuer.
func TestFetchTakesNothingAmbient(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	ambient := http.DefaultTransport
	defer func() { http.DefaultTransport = ambient }()
	http.DefaultTransport = answers(down)
	var requests []*http.Request
	srv, _ := server(t, func(r *http.Request) { requests = append(requests, r) })
	srv.Start()
	jar := try(cookiejar.New(nil))
	jar.SetCookies(try(http.NewRequest("GET", srv.URL, nil)).URL, []*http.Cookie{{Name: "a", Value: "b"}})
	for _, c := range []*http.Client{nil, {Jar: jar}} {
		if _, err := oidcauth.New(t.Context(), srv.URL, us, &oidcauth.Options{InsecureHTTP: true, Client: c}); err != nil {
			t.Fatal(err)
		}
	}
	if len(requests) != 4 {
		t.Errorf("%d requests", len(requests))
	}
	for _, r := range requests {
		if r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("headers %v", r.Header)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	arrived := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived = true }))
	defer elsewhere.Close()
	srv := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer srv.Close()
	o := &oidcauth.Options{InsecureHTTP: true, Client: &http.Client{}}
	if _, err := oidcauth.New(t.Context(), srv.URL, us, o); !errors.Is(err, auth.ErrUnavailable) || arrived {
		t.Errorf("New = %v, arrived %v", err, arrived)
	}
}
