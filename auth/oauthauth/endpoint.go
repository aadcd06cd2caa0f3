package oauthauth

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/wire"
)

// maxAnswer is how much of an answer is read.
const maxAnswer = 64 << 10

// ask is one POST, and one attempt. No text of the transport or of the server leaves
// it: both quote what was sent.
func (o order) ask(ctx context.Context, c client) (object, error) {
	header := http.Header{
		"Accept": {"application/json"}, "Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"carnet"},
	}
	form := o.form()
	if err := c.identify(header, form); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.system.Endpoints[endpointToken], strings.NewReader(form.Encode()))
	if err != nil {
		return nil, auth.ErrInvalid
	}
	r.Header, r.GetBody = header, nil // what cannot be rewound is not sent again
	if err := o.need.Grant.Live(); err != nil {
		return nil, err
	}
	// Whoever made the client: it follows nothing, and has no cookies.
	once := &http.Client{
		Transport: o.need.Client.Transport, Timeout: o.need.Client.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := once.Do(r)
	if err != nil {
		return nil, o.silent(ctx)
	}
	defer func() { _ = response.Body.Close() }()
	return o.answered(ctx, response)
}

// silent is the error where no answer came, or not all of one.
func (o order) silent(ctx context.Context) error {
	if dead := o.need.Grant.Live(); dead != nil {
		return dead
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %w", auth.ErrUnavailable, ended)
	}
	return auth.ErrUnavailable
}

// answered is what the server says, if it says yes (RFC 6749, sections 5.1 and 5.2).
func (o order) answered(ctx context.Context, r *http.Response) (object, error) {
	switch s := r.StatusCode; {
	case s == http.StatusOK:
		return o.body(ctx, r)
	case s == http.StatusBadRequest:
		said, err := o.body(ctx, r)
		if err == nil {
			err = o.refusal(said, r)
		}
		return nil, err
	case s == http.StatusUnauthorized:
		o.refuse()
		return nil, o.failed(auth.ErrDenied, r)
	case s == http.StatusForbidden:
		return nil, o.failed(auth.ErrDenied, r)
	case s == http.StatusTooManyRequests:
		return nil, o.failed(auth.ErrThrottled, r)
	case s >= 500:
		return nil, o.failed(auth.ErrUnavailable, r)
	default:
		return nil, o.failed(auth.ErrInvalid, r)
	}
}

func (o order) failed(side error, r *http.Response) error {
	return &auth.FailedError{Side: side, System: o.system.Name, Status: r.StatusCode, RetryAfter: wire.RetryAfter(r.Header.Get("Retry-After"))}
}

// refusal is on which side an error code is: the caller's, who is denied, or the
// service's own.
func (o order) refusal(said object, r *http.Response) error {
	switch said["error"] {
	case "invalid_grant", "access_denied":
		return auth.ErrDenied
	case "invalid_client":
		o.refuse()
		return o.failed(auth.ErrDenied, r)
	case "invalid_scope", "invalid_target", "unauthorized_client":
		return o.failed(auth.ErrDenied, r)
	default:
		return o.failed(auth.ErrInvalid, r)
	}
}

func (o order) body(ctx context.Context, r *http.Response) (object, error) {
	types := r.Header["Content-Type"]
	if len(types) != 1 {
		return nil, auth.ErrInvalid
	}
	if is, _, err := mime.ParseMediaType(types[0]); err != nil || is != "application/json" {
		return nil, auth.ErrInvalid
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err != nil {
		return nil, o.silent(ctx)
	}
	said, ok := read(raw)
	if len(raw) > maxAnswer || !ok {
		return nil, auth.ErrInvalid
	}
	return said, nil
}
