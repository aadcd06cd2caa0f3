// Package webhookfailsafe posts alerts to an HTTPS endpoint.
//
//	hook := webhookfailsafe.Webhook{URL: "https://alerts.acme.example/carnet", Authorization: secret}
//	runner, err := failsafe.New(ctx, gate, journal, key, &failsafe.Options{Alerters: []failsafe.Alerter{hook}})
//
// # Guarantees
//
// An alert is one POST of a JSON object with the members id, workflow, run, step, reason
// and since (RFC 3339, UTC). The id is the Idempotency-Key too: who gets an alert twice
// knows by it. An answer of 200 to 299 is delivered, and nothing else is: redirects are not
// followed. No proxy of the environment is used, no cookie is kept, and each alert has a
// connection of its own and 10 seconds. It carries names, never data of a run.
//
// # Limits
//
// What 200 means is the far side's word. Its answer is not read. A URL is no secret here:
// whoever prints a Webhook prints it. Put what is secret into Authorization.
//
// # Errors
//
// [auth.ErrInvalid]: the Webhook is not complete. [auth.ErrDenied]: 401 or 403.
// [auth.ErrThrottled]: 429. [auth.ErrUnavailable]: no connection, or another answer. That
// of the context where it ended first. None has the URL or text of the far side.
//
// # Concurrency
//
// A Webhook is a plain value, safe for concurrent use.
package webhookfailsafe

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
)

const within = 10 * time.Second

// Webhook is a failsafe.Alerter. The zero Webhook delivers nothing.
type Webhook struct {
	URL           string      // https, or http on a loopback host; without user and fragment
	Authorization auth.Secret // the whole value of that header, such as "Bearer …", and of no lease, with which it would end; zero: none is sent
	TLS           *tls.Config // nil: the system's roots, and no client certificate
}

// Check says whether it is complete.
func (w Webhook) Check() error {
	_, _, err := w.parts()
	return err
}

// parts are what a request is made of.
func (w Webhook) parts() (u *url.URL, authorization string, err error) {
	if u, err = w.endpoint(); err != nil {
		return nil, "", err
	}
	if w.TLS != nil && w.TLS.InsecureSkipVerify && w.TLS.VerifyConnection == nil && w.TLS.VerifyPeerCertificate == nil {
		return nil, "", fmt.Errorf("%w: Webhook.TLS verifies nobody", auth.ErrInvalid)
	}
	authorization, err = w.authorization()
	return u, authorization, err
}

func (w Webhook) endpoint() (*url.URL, error) {
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return nil, fmt.Errorf("%w: Webhook.URL is not the URL of an endpoint", auth.ErrInvalid) // url's errors quote it
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return nil, fmt.Errorf("%w: Webhook.URL is neither https nor http on a loopback host", auth.ErrInvalid)
	}
	return u, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// authorization is the header's value: one that net/http would refuse is refused here.
func (w Webhook) authorization() (value string, err error) {
	err = w.Authorization.Use(func(b []byte) error { value = string(b); return nil })
	if err != nil && err != auth.ErrUndeclared { // an empty one is none; one that was wiped is
		return "", err
	}
	if strings.TrimFunc(value, func(r rune) bool { return r >= ' ' && r < 0x7f }) != "" || strings.TrimSpace(value) != value {
		return "", fmt.Errorf("%w: Webhook.Authorization is no header value", auth.ErrInvalid)
	}
	return value, nil
}

// body is an alert as it is sent.
type body struct {
	ID       string    `json:"id"`
	Workflow string    `json:"workflow"`
	Run      string    `json:"run"`
	Step     string    `json:"step"`
	Reason   string    `json:"reason"`
	Since    time.Time `json:"since"`
}

// Alert is for failsafe.Alerter.
func (w Webhook) Alert(ctx context.Context, a failsafe.Alert) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := w.request(ctx, a)
	if err != nil {
		return err
	}
	// A transport follows no redirect and keeps no cookie. This one has no Proxy.
	transport := &http.Transport{TLSClientConfig: w.TLS.Clone(), DisableKeepAlives: true, DisableCompression: true}
	response, err := transport.RoundTrip(request)
	switch {
	case err == nil:
		response.Body.Close()
		return delivered(response.StatusCode)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: webhookfailsafe: no answer", auth.ErrUnavailable)
}

func (w Webhook) request(ctx context.Context, a failsafe.Alert) (*http.Request, error) {
	u, authorization, err := w.parts()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(body{a.ID, a.Workflow, a.Run, a.Step, a.Reason, a.Since.UTC()})
	if err != nil {
		return nil, fmt.Errorf("%w: webhookfailsafe: the alert cannot be written", auth.ErrInvalid)
	}
	request := (&http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host, ContentLength: int64(len(text)), Body: io.NopCloser(bytes.NewReader(text)),
		Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"carnet"}, "Idempotency-Key": {a.ID}},
	}).WithContext(ctx) // no GetBody: nothing is sent twice
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	return request, nil
}

func delivered(status int) error {
	switch {
	case status >= 200 && status <= 299:
		return nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("%w: webhookfailsafe: the endpoint refused", auth.ErrDenied)
	case status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: webhookfailsafe: the endpoint is busy", auth.ErrThrottled)
	}
	return fmt.Errorf("%w: webhookfailsafe: the endpoint did not take it", auth.ErrUnavailable)
}
