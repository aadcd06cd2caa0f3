package auth

import (
	"context"
	"net/http"

	"github.com/carnet-go/carnet/auth/internal/wire"
)

// Client is for SDKs and for opaque operations: the same guard for requests that
// others build, of operations without input or with one that is opaque. The request must
// be the declared operation: its origin, method and path, and body or query only where
// the input is opaque; the body must end a Read when it is closed, as pipes and
// files do. Credentials and cookies that it brings are taken off. The grant must not be
// privileged. The log has the outcome when the answer's header is there; how its body
// ended, the caller sees. Errors of the client are *url.Error, which quote the URL,
// around this package's; a status of 400 or more is no error here. Of an answer that is
// not declared opaque there is the status, whatever it is: data under a schema comes
// with its label, through Do. One of more than 64 MiB breaks off.
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
	out.Body = &wire.Stream{ReadCloser: response.Body, Most: mostStream, Leave: c.leave, Judge: func(long bool, err error) error {
		return c.streamed(long, err, response.StatusCode)
	}}
	if c.grant.operation.Output != Opaque {
		wire.Undescribed(&out)
	}
	return &out, nil
}

// guard is the request as it may leave. What a mapping makes, nobody else brings.
func (c *crossing) guard(r *http.Request) (*http.Request, error) {
	if c.grant.mapper != nil {
		return nil, ErrUndeclared
	}
	out, ok := c.grant.call().Guard(c.ctx, r, c.grant.operation.Input == Opaque)
	if !ok {
		return nil, ErrUndeclared
	}
	return out, nil
}

// streamed is how a body goes on, that ends with its grant and with a freeze, and that
// has an end.
func (c *crossing) streamed(long bool, err error, status int) error {
	switch dead := c.evidence.Live(); {
	case dead != nil:
		return dead
	case long:
		return c.failed(ErrInvalid, status)
	case err != nil && c.ctx.Err() != nil: // also io.EOF: see crossing.read
		return c.cut(status)
	}
	return err
}
