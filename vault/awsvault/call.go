package awsvault

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/carnet-go/carnet/auth"
)

const (
	callWithin  = 30 * time.Second
	dialWithin  = 5 * time.Second
	mostAnswer  = 8 << 20 // 20 secrets of 64 KiB, each byte escaped
	mostHeaders = 64 << 10
)

var errHuge = errors.New("awsvault: the answer is too long")

// caller is the HTTP client of the SDK: it follows no redirect, keeps no cookie, and reads
// no more than may be.
type caller struct{ client *http.Client }

// newCaller makes a transport where there is none; nil: it is somebody else's.
func newCaller(given *http.Client) (caller, *http.Transport) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if given != nil {
		client.Timeout = given.Timeout
		if given.Transport != nil {
			client.Transport = given.Transport
			return caller{client}, nil
		}
	}
	// HTTP/1.1: the transport of HTTP/2 sends again by itself.
	transport := &http.Transport{
		Proxy:                  nil,
		DialContext:            (&net.Dialer{Timeout: dialWithin}).DialContext,
		TLSHandshakeTimeout:    dialWithin,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		MaxResponseHeaderBytes: mostHeaders,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true,
	}
	client.Transport = transport
	return caller{client}, transport
}

// Do implements the HTTPClient of the SDK.
func (c caller) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > mostAnswer {
		return nil, errHuge
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// bare is a context without values.
type bare struct{ context.Context }

func (bare) Value(any) any { return nil }

// bounded ends with ctx, or when a call has had its time.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(bare{ctx}, callWithin)
}

var errEndpoint = fmt.Errorf("%w: Endpoint: https://host, or http on loopback, and nothing behind it", auth.ErrInvalid)

// parseEndpoint yields nil for an empty one.
func parseEndpoint(s string) (*string, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
		u.Path != "" && u.Path != "/" {
		return nil, errEndpoint
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errEndpoint
	}
	origin := u.Scheme + "://" + u.Host
	return &origin, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
