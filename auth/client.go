package auth

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/carnet-go/carnet/auth/internal/wire"
	"github.com/carnet-go/carnet/internal/netguard"
)

// Client is for SDKs and for opaque operations: the same guard for requests that
// others build. The request must be the declared operation: its origin, method and
// path, and body or query only where the input is opaque; the body must end a Read
// when it is closed, as pipes and files do. Credentials and cookies that it brings are
// taken off. The grant must not be privileged. The log has the outcome when the
// answer's header is there; how its body ended, the caller sees. Errors of the client
// are *url.Error, which quote the URL, around this package's; a status of 400 or more
// is no error here. An answer that was not declared is empty, and one of more than
// 64 MiB breaks off.
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
	if r == nil || r.URL == nil {
		return nil, ErrUndeclared
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	if t.broker.ready() && t.grant.g != nil && t.grant.g.operation.Privileged {
		t.broker.refuse(r.Context(), t.grant, ErrUndeclared)
		return nil, ErrUndeclared
	}
	c, err := t.broker.begin(r.Context(), t.grant)
	if err != nil {
		return nil, err
	}
	if r.Body != nil { // net/http waits for its Read, whatever the context
		defer context.AfterFunc(c.ctx, func() { r.Body.Close() })()
	}
	response, err := c.call(r)
	if err != nil {
		c.leave()
		return nil, err
	}
	context.AfterFunc(c.ctx, c.leave) // where nobody closes the body
	out := *response                  // a trailer of the far side is read into the other one
	out.Trailer = nil
	out.Request = r // not the one with the credential
	out.Body = &answer{ReadCloser: response.Body, crossing: c, status: response.StatusCode}
	if c.grant.operation.Output != Opaque && out.StatusCode < 300 {
		out.Body.Close()
		out.Body = http.NoBody
	}
	return &out, nil
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
	if !body && r.ContentLength > 0 || !cleanQuery(r.URL.RawQuery) {
		return nil, ErrUndeclared
	}
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

// cleanQuery says whether a query is what it looks like: a space would end the
// request line.
func cleanQuery(q string) bool {
	for i := range len(q) {
		if q[i] <= ' ' || q[i] > '~' || q[i] == '#' {
			return false
		}
	}
	return true
}

// answer is a body that ends with its grant and with a freeze, and that has an end.
type answer struct {
	io.ReadCloser
	crossing     *crossing
	read, status int
}

// Read implements io.Reader.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if dead := a.crossing.evidence.Live(); dead != nil {
		return 0, dead
	}
	if a.read += n; a.read > mostStream {
		return 0, a.crossing.failed(ErrInvalid, a.status)
	}
	if err != nil && a.crossing.ctx.Err() != nil { // also io.EOF: see crossing.read
		return n, a.crossing.cut(a.status)
	}
	return n, err
}

// Close implements io.Closer.
func (a *answer) Close() error {
	defer a.crossing.leave()
	return a.ReadCloser.Close()
}
