package auth

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"

	"github.com/carnet-go/carnet/auth/internal/wire"
	"github.com/carnet-go/carnet/internal/netguard"
)

// Client is for SDKs and for opaque operations: the same guard for requests that
// others build. The request must be the declared operation: its origin, method and
// path, and body or query only where the input is opaque. Credentials and cookies
// that it brings are taken off. The grant must not be privileged. Errors of the
// client are *url.Error, which quote the URL, around this package's; a status of
// 400 or more is no error here.
func (b *Broker) Client(g Grant) *http.Client {
	return &http.Client{Transport: guarded{b, g}}
}

// guarded is a RoundTripper that exports nothing: the rules cannot be taken out of it.
type guarded struct {
	broker *Broker
	grant  Grant
}

// RoundTrip implements http.RoundTripper.
func (t guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if t.grant.g != nil && t.grant.g.operation.Privileged {
		return nil, ErrUndeclared
	}
	c, err := t.broker.begin(r.Context(), t.grant)
	if err != nil {
		return nil, err
	}
	response, err := c.call(r)
	if err != nil {
		c.leave()
		return nil, err
	}
	response.Request = r // not the one with the credential
	response.Body = &answer{response.Body, c}
	return response, nil
}

// call is one transmission of somebody else's request. A status of 400 or more is an
// answer for whoever reads it, and a failure in the log.
func (c *crossing) call(r *http.Request) (*http.Response, error) {
	guarded, err := c.guard(r)
	if err != nil {
		return nil, c.fail(err)
	}
	response, err := c.send(guarded)
	if err != nil && (response == nil || response.StatusCode < 400) {
		return nil, c.fail(err)
	}
	if _, err := c.finish(err, response.StatusCode); err != nil {
		response.Body.Close()
		return nil, err
	}
	return response, nil
}

// guard is the request as it may leave: the declared operation and nothing else.
func (c *crossing) guard(r *http.Request) (*http.Request, error) {
	op := c.grant.operation
	opaque := op.Input == Opaque
	origin, err := netguard.ParseOrigin(r.URL.Scheme + "://" + r.URL.Host)
	if err != nil || origin != c.grant.origin || r.URL.User != nil || r.URL.Opaque != "" {
		return nil, ErrUndeclared
	}
	if r.Host != "" && r.Host != r.URL.Host {
		return nil, ErrUndeclared
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	if method != op.Method || !netguard.MatchPath(op.Path, r.URL.EscapedPath()) {
		return nil, ErrUndeclared
	}
	body := r.Body != nil && r.Body != http.NoBody
	if !opaque && (body || r.URL.RawQuery != "" || r.URL.ForceQuery) {
		return nil, ErrUndeclared
	}
	header, ok := wire.Header(r.Header, opaque)
	if !ok || len(r.Trailer) > 0 {
		return nil, ErrUndeclared
	}
	out := &http.Request{
		Method: method, URL: &url.URL{Scheme: origin.Scheme, Host: origin.Authority(), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery},
		Header: header, Body: r.Body, ContentLength: r.ContentLength,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return out.WithContext(c.ctx), nil
}

// send adds the credential, in the innermost hop, and transmits at most once.
func (c *crossing) send(r *http.Request) (*http.Response, error) {
	translator := c.broker.translators[c.grant.system.Name]
	lent, err := c.broker.materials.lend(c.ctx, keyOf(c.evidence), Need{Grant: c.evidence}, translator)
	if err != nil {
		return nil, err
	}
	spent := c.grant.operation.Privileged
	defer func() { c.broker.materials.back(lent, spent) }()
	c.credential = lent.Credential()
	inner := r.Clone(httptrace.WithClientTrace(c.ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { c.sent.Store(true) },
	}))
	inner.Body, inner.GetBody = &wire.Body{Of: r.Body}, nil
	if err := lent.Apply(inner); err != nil {
		return nil, side(c.ctx, err)
	}
	if err := c.evidence.Live(); err != nil { // the wait for material may have been long
		return nil, err
	}
	response, err := c.broker.lines[c.grant.system.Name].Transport(c.grant.operation.once()).RoundTrip(inner)
	if err != nil {
		return nil, c.unanswered(err)
	}
	response.Request = nil
	response.Header.Del("Set-Cookie")
	spent = spent || response.StatusCode == http.StatusUnauthorized
	if err := c.answered(response); err != nil {
		return response, err
	}
	return response, nil
}

// unanswered is the error of a call that got no answer. What err says stays out of
// it: it quotes addresses.
func (c *crossing) unanswered(err error) error {
	if errors.Is(err, netguard.ErrRefused) {
		return c.failed(ErrUndeclared, 0)
	}
	return c.cut(0)
}

// answered says on which side an answer is; nil: the call is done. A redirect is
// refused: the place that it names was declared by nobody.
func (c *crossing) answered(response *http.Response) error {
	status := response.StatusCode
	switch {
	case status >= 200 && status < 300:
		return nil
	case status < 400:
		response.Body.Close()
		return c.failed(ErrUndeclared, status)
	}
	failed := c.failed(sideOf(status, c.grant.operation.Effect), status)
	failed.RetryAfter = wire.RetryAfter(response.Header.Get("Retry-After"))
	return failed
}

func sideOf(status int, effect Effect) error {
	switch status {
	case http.StatusUnauthorized:
		return ErrExpired
	case http.StatusForbidden, http.StatusProxyAuthRequired:
		return ErrDenied
	case http.StatusTooManyRequests:
		return ErrThrottled
	case http.StatusServiceUnavailable:
		return ErrUnavailable
	}
	if status < 500 {
		return ErrInvalid
	}
	if effect == ReadOnly {
		return ErrUnavailable
	}
	return ErrUnknown
}

// answer is a body that ends with its grant and with a freeze.
type answer struct {
	io.ReadCloser
	crossing *crossing
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if dead := a.crossing.evidence.Live(); dead != nil {
		return 0, dead
	}
	if err != nil && a.crossing.ctx.Err() != nil { // also io.EOF: see crossing.read
		return n, a.crossing.cut(0)
	}
	return n, err
}

func (a *answer) Close() error {
	defer a.crossing.leave()
	return a.ReadCloser.Close()
}
