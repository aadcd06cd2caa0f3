// Package wire is what package auth knows of HTTP: which connections there are, which
// headers pass, and how net/http is kept from sending twice.
//
//	line, err := wire.NewLine(system.Private, roots)
//	header, ok := wire.Header(r.Header, opaque)
//	response, err := line.RoundTrip(r, once)
//
// # Guarantees
//
// Connections go to public addresses and declared ranges, through no proxy, over
// TLS 1.2 or later. A request is sent at most once. Credentials and forwarding headers
// of the inbound side do not pass.
//
// # Limits
//
// It speaks HTTP/1.1: net/http repeats requests over HTTP/2 by rules of its own, and
// GODEBUG=http2debug=2 prints every header.
//
// # Errors
//
// Those of net/http, which quote addresses: they must not leave package auth.
//
// # Concurrency
//
// A Line is safe for concurrent use.
package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/carnet-go/carnet/internal/netguard"
)

// Line is the plumbing to one system: pooled connections for what may be repeated,
// and a fresh one each time for what must not.
type Line struct {
	pooled, fresh *http.Transport
	guard         netguard.Guard
	peer          atomic.Pointer[x509.Certificate] // that the origin showed last
}

// NewLine dials public addresses and the private ranges, and trusts roots; nil: the
// host's.
func NewLine(private []string, roots *x509.CertPool) (*Line, error) {
	guard, err := netguard.New(private)
	if err != nil {
		return nil, err
	}
	l := &Line{guard: guard}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	l.pooled = &http.Transport{
		DialContext:            guard.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // an answer is as large as it says
		Protocols:              &protocols,
	}
	l.fresh = l.pooled.Clone()
	l.fresh.DisableKeepAlives = true
	return l, nil
}

// Certificate is when the certificates are valid that the origin has shown last, the one
// that ends first, in times that a log takes: from 1970 on; zero: none were, or none of
// them ends before the year 10000.
func (l *Line) Certificate() (from, until time.Time) {
	c := l.peer.Load()
	if c == nil || c.NotAfter.Unix() >= 253402300800 {
		return from, until
	}
	if from = c.NotBefore; from.Unix() < 1 {
		from = time.Unix(1, 0)
	}
	return from, c.NotAfter
}

// shown remembers whose certificate was verified, by which others.
func (l *Line) shown(c tls.ConnectionState) error {
	chain := c.PeerCertificates[:min(len(c.PeerCertificates), 1)]
	if len(c.VerifiedChains) > 0 {
		chain = c.VerifiedChains[0]
	}
	l.ends(chain)
	return nil
}

// ends remembers the one of them that ends first.
func (l *Line) ends(chain []*x509.Certificate) {
	if len(chain) > 0 {
		l.peer.Store(slices.MinFunc(chain, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) }))
	}
}

// RoundTrip calls the origin, as transmit does.
func (l *Line) RoundTrip(r *http.Request, once bool) (*http.Response, error) {
	response, err := l.transmit(r, once)
	if err == nil && response.TLS != nil {
		_ = l.shown(*response.TLS)
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		l.ends([]*x509.Certificate{bad.Cert})
	}
	return response, err
}

// transmit transmits at most once: on a connection of its own where once says so,
// and otherwise with a body that cannot be sent again.
func (l *Line) transmit(r *http.Request, once bool) (*http.Response, error) {
	empty := r.Body == nil || r.Body == http.NoBody
	r.GetBody = nil
	if empty && (r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch) {
		r.Body = nil // Content-Length: 0; any body would go in chunks, which not every server takes
		return l.fresh.RoundTrip(r)
	}
	r.Body = &body{r.Body}
	if once {
		return l.fresh.RoundTrip(r)
	}
	return l.pooled.RoundTrip(r)
}

// Dial connects to host:port, as the line does.
func (l *Line) Dial(ctx context.Context, address string) (net.Conn, error) {
	return l.guard.DialContext(ctx, "tcp", address)
}

// TLS is whom the line trusts, for the origin's host.
func (l *Line) TLS(host string) *tls.Config {
	config := l.pooled.TLSClientConfig.Clone()
	config.ServerName, config.NextProtos, config.VerifyConnection = host, nil, l.shown
	return config
}

// Close closes idle connections.
func (l *Line) Close() {
	l.pooled.CloseIdleConnections()
	l.fresh.CloseIdleConnections()
}

// body can be read once and not be rewound. net/http sends a request that it can
// rewind, or that has no body, again by itself when a reused connection closes under
// it: GET always, POST where it carries an Idempotency-Key.
type body struct{ of io.ReadCloser } // nil: empty

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.of == nil {
		return 0, io.EOF
	}
	return b.of.Read(p)
}

// Close implements io.Closer.
func (b *body) Close() error {
	if b.of == nil {
		return nil
	}
	return b.of.Close()
}

// RetryAfter reads seconds or a date (RFC 9110, section 10.2.3); nonsense is 0, and
// nobody waits longer than a day.
func RetryAfter(value string) time.Duration {
	const longest = 24 * time.Hour
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = time.Until(at)
	}
	return max(0, min(wait, longest))
}
