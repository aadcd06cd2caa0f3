package oidcauth

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth/internal/strictjson"
)

// Bounds of what an issuer answers.
const (
	maxAnswer    = 512 << 10
	fetchTimeout = 5 * time.Second
)

// newClient keeps nothing of given but its Transport: a redirect would let somebody
// else say where keys are, and a cookie would follow whoever asks for them.
func newClient(given *http.Client) *http.Client {
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if given != nil {
		c.Transport = given.Transport
	}
	if c.Transport == nil {
		c.Transport = &http.Transport{ // no Proxy, and no connection waits idle for the next fetch
			DisableKeepAlives:      true,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	return c
}

// fetch is one GET, and one attempt. Its error is always the same: what the other
// side or the transport said quotes URLs and bodies.
func fetch(ctx context.Context, c *http.Client, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, errNoIssuer
	}
	r.Header.Set("Accept", "application/json, application/jwk-set+json")
	answer, err := c.Do(r)
	if err != nil {
		return nil, errNoIssuer
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, errNoIssuer
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil || len(body) > maxAnswer {
		return nil, errNoIssuer
	}
	return body, nil
}

// discover asks for the issuer's metadata (OpenID Connect Discovery, section 4)
// and returns the address of its keys.
func discover(ctx context.Context, c *http.Client, issuer string, insecureHTTP bool) (string, error) {
	body, err := fetch(ctx, c, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	v, ok := strictjson.Read(string(body))
	if !ok || !v.Distinct("issuer", "jwks_uri") {
		return "", errDiscovery
	}
	named, _ := v.Get("issuer")
	address, _ := v.Get("jwks_uri")
	if named.Kind != strictjson.Text || named.Text != issuer || address.Kind != strictjson.Text {
		return "", errDiscovery
	}
	u, err := url.Parse(address.Text)
	plain := insecureHTTP && strings.HasPrefix(issuer, "http:") // an https issuer never has http keys
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || !protected(u, plain) {
		return "", errDiscovery
	}
	return address.Text, nil
}

// checkIssuer follows OpenID Connect Discovery, section 3.
func checkIssuer(issuer string, o *Options) error {
	u, err := url.Parse(issuer)
	if err != nil || !word(issuer) || u.Host == "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(issuer, "?#") {
		return errIssuerURL
	}
	if !protected(u, o.InsecureHTTP) {
		if u.Scheme == "http" {
			return errHTTP
		}
		return errIssuerURL
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if !o.InsecureTestIssuer && (host == "invalid" || strings.HasSuffix(host, ".invalid")) {
		return errTestIssuer
	}
	return nil
}

// protected says whether nobody on the way can change an answer from u.
func protected(u *url.URL, insecureHTTP bool) bool {
	return u.Scheme == "https" || u.Scheme == "http" && insecureHTTP && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
