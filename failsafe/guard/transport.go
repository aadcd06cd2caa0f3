package guard

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Transport guards HTTP. GET, HEAD, OPTIONS, TRACE, PUT and DELETE (RFC 9110, section
// 9.2.2) are repeated where the body can be had again; everything else is sent once. The
// answer is that of the last attempt, whatever its status; an attempt ends with the
// headers, and the body ends with the request's context. Nil next:
// http.DefaultTransport.
//
// What net/http itself sends again when a connection turns out to be dead is next's to
// forbid: it does so with requests that carry Idempotency-Key.
func (g *Guard) Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return &transport{g, next}
}

type transport struct {
	guard *Guard
	next  http.RoundTripper
}

// answered is a status that is a failure, on its way through the guard.
type answered struct {
	status int
	after  time.Duration
}

func (a *answered) Error() string               { return "guard: " + http.StatusText(a.status) }
func (a *answered) FailureDelay() time.Duration { return a.after }
func (a *answered) FailureClass() string {
	class, _ := ClassifyStatus(a.status)
	return class.String()
}

// RoundTrip is for http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	var last *http.Response
	send := func(limited context.Context) (err error) {
		if last != nil {
			last.Body.Close()
		}
		if last, err = t.send(limited, r); err != nil {
			return err
		}
		if _, ok := ClassifyStatus(last.StatusCode); !ok {
			return &answered{last.StatusCode, RetryAfter(last.Header.Get("Retry-After"), time.Now())}
		}
		return nil
	}
	way := t.guard.once
	if repeatable(r) {
		way = t.guard.repeat
	}
	if err := way(r.Context(), send); last == nil {
		return nil, err
	}
	return last, nil
}

// send transmits once. The end of the attempt ends that only until there are headers:
// then the body ends with the request's own context.
func (t *transport) send(limited context.Context, r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), nested{}, nested{}))
	stop := context.AfterFunc(limited, cancel)
	request := r.Clone(ctx)
	request.GetBody = nil // again it is sent by the guard alone
	var err error
	if repeatable(r) && r.GetBody != nil {
		request.Body, err = r.GetBody()
	}
	if err != nil {
		stop()
		cancel()
		return nil, err
	}
	response, err := t.next.RoundTrip(request)
	late := !stop()
	switch {
	case err == nil && late:
		response.Body.Close()
		fallthrough
	case late:
		cancel()
		return nil, limited.Err()
	case err != nil:
		cancel()
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols { // whose body is a connection
		response.Body = &body{response.Body, cancel}
	}
	return response, nil
}

// repeatable says whether a request may be sent twice.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
	}
	return false
}

// body gives its context back at its end.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.cancel()
	}
	return n, err
}

func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
