package webhookaudit

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/carnet-go/carnet/audit"
)

const (
	classInvalid     = "invalid"
	classDenied      = "denied"
	classThrottled   = "throttled"
	classUnavailable = "unavailable"

	answerMost = 64 << 10
)

// endpoint is one URL that is posted to.
type endpoint struct {
	url           *url.URL
	tls           *tls.Config
	authorization func(context.Context) (string, error)
}

func invalid() error { return &audit.SinkError{Class: classInvalid} }

// newEndpoint refuses a URL that would show the lines to somebody else.
func newEndpoint(text string, c *tls.Config, authorization func(context.Context) (string, error)) (endpoint, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return endpoint{}, invalid()
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return endpoint{}, invalid()
	case c != nil && c.InsecureSkipVerify && c.VerifyConnection == nil && c.VerifyPeerCertificate == nil:
		return endpoint{}, invalid()
	case c != nil && (c.MinVersion != 0 && c.MinVersion < tls.VersionTLS12 || c.MaxVersion != 0 && c.MaxVersion < tls.VersionTLS12):
		return endpoint{}, invalid()
	}
	return endpoint{u, c, authorization}, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// at is another path below the endpoint, with a query.
func (e endpoint) at(path, query string) endpoint {
	u := *e.url // JoinPath gives a URL without a path one without a slash
	u.Path, u.RawPath, u.RawQuery = strings.TrimSuffix(u.Path, "/")+path, "", query
	e.url = &u
	return e
}

// post sends once, and returns the answer of what was taken.
func (e endpoint) post(ctx context.Context, body []byte, header http.Header) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := e.authorize(ctx, header); err != nil {
		return nil, err
	}
	header.Set("User-Agent", "carnet")
	request := (&http.Request{
		Method: http.MethodPost, URL: e.url, Host: e.url.Host, Header: header,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}).WithContext(ctx) // no GetBody: nothing is sent twice
	// A transport follows no redirect and keeps no cookie. This one has no Proxy.
	transport := &http.Transport{TLSClientConfig: e.tls.Clone(), DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: answerMost}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, broken(ctx)
	}
	defer response.Body.Close()
	if err := judge(response); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerMost+1))
	switch {
	case err != nil:
		return nil, broken(ctx)
	case len(answer) > answerMost:
		return nil, invalid()
	}
	return answer, nil
}

// broken is the end of a connection; its own error has addresses.
func broken(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &audit.SinkError{Class: classUnavailable}
}

// authorize sets the header: a value that net/http would refuse is refused here.
func (e endpoint) authorize(ctx context.Context, header http.Header) error {
	if e.authorization == nil {
		return nil
	}
	value, err := e.authorization(ctx)
	switch {
	case err != nil:
		return broken(ctx)
	case value == "" || strings.TrimFunc(value, func(r rune) bool { return r >= ' ' && r < 0x7f }) != "" || strings.TrimSpace(value) != value:
		return invalid()
	}
	header.Set("Authorization", value)
	return nil
}

// judge says what a status means.
func judge(r *http.Response) error {
	after := retryAfter(r.Header.Get("Retry-After"))
	switch s := r.StatusCode; {
	case s >= 200 && s <= 299:
		return nil
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		return &audit.SinkError{Class: classDenied, After: after}
	case s == http.StatusTooManyRequests:
		return &audit.SinkError{Class: classThrottled, After: after}
	case s >= 300 && s <= 499 && s != http.StatusRequestTimeout:
		return &audit.SinkError{Class: classInvalid, After: after}
	}
	return &audit.SinkError{Class: classUnavailable, After: after}
}

// retryAfter is RFC 9110, section 10.2.3: seconds, or a date.
func retryAfter(value string) time.Duration {
	const most = 24 * 3600
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(0, min(seconds, most))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
