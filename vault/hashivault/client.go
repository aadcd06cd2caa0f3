package hashivault

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/netguard"
)

const (
	callWithin = 30 * time.Second // whoever waits for ever
	mostIdle   = 8                // connections
)

// client makes calls to one origin. It follows nothing and keeps nothing.
type client struct {
	origin    netguard.Origin
	namespace string
	transport *http.Transport
	trip      func(*http.Request) (*http.Response, error) // the transport's RoundTrip
}

// request is one call.
type request struct {
	method  string
	path    string // below /v1/, of names that were checked
	query   string
	body    any                // nil: none
	want    time.Duration      // so long the login should last; zero: it need not
	issues  bool               // a lease, which is noted
	wanted  context.Context    // of whoever may have left before it is sent; nil: somebody waits
	refused func(answer) error // tells refusals apart; nil: by their status
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func newClient(origin string, o *Options, certificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error), dial dialer) (*client, error) {
	at, err := netguard.ParseOrigin(origin)
	if err != nil {
		return nil, fmt.Errorf("%w: the origin must be https://host[:port], or http on a loopback host", auth.ErrInvalid)
	}
	guard, err := netguard.New(o.Private)
	if err != nil {
		return nil, fmt.Errorf("%w: Private: not a canonical CIDR range", auth.ErrInvalid)
	}
	guard.Private = append(guard.Private, own(at)...)
	if dial == nil && at.Scheme == "http" {
		dial = (&net.Dialer{Timeout: callWithin, Control: loopback}).DialContext
	} else if dial == nil {
		dial = guard.DialContext
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, GetClientCertificate: certificate}
	transport := &http.Transport{
		DialContext: dial, TLSClientConfig: conf, TLSHandshakeTimeout: callWithin,
		MaxResponseHeaderBytes: maxHeader, MaxIdleConnsPerHost: mostIdle, IdleConnTimeout: time.Minute,
		DisableCompression: true,
	}
	return &client{at, strings.TrimSuffix(o.Namespace, "/"), transport, transport.RoundTrip}, nil
}

// loopback refuses all else: what is not encrypted stays on the host, wherever its name
// resolves to.
func loopback(_, address string, _ syscall.RawConn) error {
	if to, err := netip.ParseAddrPort(address); err != nil || !to.Addr().Unmap().IsLoopback() {
		return netguard.ErrRefused
	}
	return nil
}

// own are the addresses that an origin names without asking a resolver.
func own(o netguard.Origin) []netip.Prefix {
	if o.Host == "localhost" {
		return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	if addr, err := netip.ParseAddr(o.Host); err == nil {
		return []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}
	}
	return nil
}

// bare is a context without values: a client trace in there would see the token.
type bare struct{ context.Context }

func (bare) Value(any) any { return nil }

// do makes a call, and one more where a standby names the same place again.
func (c *client) do(ctx context.Context, token auth.Secret, r request) (answer, error) {
	within, cancel := context.WithTimeout(bare{ctx}, callWithin)
	defer cancel()
	if r.wanted != nil && r.wanted.Err() != nil {
		return answer{}, silent(r.wanted)
	}
	var body []byte
	if r.body != nil {
		body, _ = json.Marshal(r.body) // of text, numbers and lists of them
		defer clear(body)
	}
	for range 2 {
		a, again, err := c.once(within, token, r, body)
		if err == auth.ErrUnavailable { // no answer, or not all of one: the caller has left, or the server is slow
			err = silent(ctx)
		}
		if err != nil || !again {
			return a, err
		}
	}
	return answer{}, auth.ErrUnavailable
}

func (c *client) once(ctx context.Context, token auth.Secret, r request, body []byte) (a answer, again bool, err error) {
	sent := time.Now()
	response, err := c.trip(c.build(ctx, token, r, body))
	if err != nil {
		return answer{}, false, auth.ErrUnavailable // its own text quotes what was sent
	}
	defer func() { _ = response.Body.Close() }()
	if s := response.StatusCode; s >= 300 && s < 400 {
		if c.same(response, r) {
			return answer{}, true, nil
		}
		return answer{status: s}, false, failed(auth.ErrUnavailable, answer{status: s})
	}
	a, err = read(response, sent)
	return a, false, err
}

func (c *client) build(ctx context.Context, token auth.Secret, r request, body []byte) *http.Request {
	h := http.Header{"X-Vault-Request": {"true"}, "Accept": {"application/json"}, "User-Agent": {"carnet"}}
	if c.namespace != "" {
		h["X-Vault-Namespace"] = []string{c.namespace}
	}
	_ = token.Use(func(b []byte) error {
		h["X-Vault-Token"] = []string{string(b)}
		return nil
	})
	to := &url.URL{Scheme: c.origin.Scheme, Host: c.origin.Authority(), Path: "/v1/" + r.path, RawQuery: r.query}
	request := &http.Request{
		Method: r.method, URL: to, Host: to.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		// What cannot be rewound is not sent again: net/http repeats a GET by itself, and
		// each of credentials is a lease.
		Body: io.NopCloser(bytes.NewReader(nil)),
	}
	if body != nil {
		h["Content-Type"] = []string{"application/json"}
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return request.WithContext(ctx)
}

// same says whether a redirect names this very origin and path.
func (c *client) same(response *http.Response, r request) bool {
	if s := response.StatusCode; s != http.StatusTemporaryRedirect && s != http.StatusPermanentRedirect {
		return false
	}
	locations := response.Header["Location"]
	if len(locations) != 1 {
		return false
	}
	location, query, _ := strings.Cut(locations[0], "?")
	to, path, err := netguard.ParseEndpoint(location)
	return err == nil && to == c.origin && path == "/v1/"+r.path && query == r.query
}

// silent is the error where no answer came in time for whoever waits.
func silent(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", auth.ErrUnavailable, err)
	}
	return auth.ErrUnavailable
}
