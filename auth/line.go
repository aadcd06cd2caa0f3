package auth

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"

	"github.com/carnet-go/carnet/internal/netguard"
)

// line is the plumbing to one system: pooled connections for what may be repeated,
// and a fresh one each time for what must not.
type line struct {
	pooled, fresh *http.Transport
}

// newLine dials only what the system declares, through no proxy, and speaks
// HTTP/1.1 alone: net/http repeats requests over HTTP/2 by rules of its own, and
// GODEBUG=http2debug=2 prints every header.
func newLine(s *System, roots *x509.CertPool) *line {
	guard, err := netguard.New(s.Private)
	if err != nil {
		guard = netguard.Guard{} // NewCatalogue has refused it
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	pooled := &http.Transport{
		DialContext:            guard.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // an answer is as large as it says
		Protocols:              &protocols,
	}
	fresh := pooled.Clone()
	fresh.DisableKeepAlives = true
	return &line{pooled, fresh}
}

func (l *line) transport(op *Operation) *http.Transport {
	if op.Privileged || op.Effect == Once || op.Effect == Final {
		return l.fresh
	}
	return l.pooled
}

func (l *line) close() {
	l.pooled.CloseIdleConnections()
	l.fresh.CloseIdleConnections()
}
