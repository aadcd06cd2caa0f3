// Package syslogaudit sends the lines of a log to a syslog server over TLS.
//
//	server := syslogaudit.Syslog{Address: "syslog.acme.example:6514", TLS: &tls.Config{RootCAs: roots}}
//	feed := audit.Feed{Name: "siem", To: server, Jurisdictions: []string{"eu"}, Clearance: "internal"}
//
// # Guarantees
//
// Each line is one message of RFC 5424, framed by its length (RFC 5425, section 4.3). The
// message is the line's exact bytes; origin and index stand in structured data, by which a
// server keeps each line once:
//
//	<110>1 2026-11-26T09:00:00.123Z hr-1 carnet - audit [carnet@32473 origin="acme.example/hr/a" index="42"] {"activity_id":…}
//
// Where a message would be longer than Max, it has the line's RFC 6962 leaf hash instead, by
// which the line can be found and proven, and the MSGID oversize:
//
//	<110>1 2026-11-26T09:00:00.123Z hr-1 carnet - oversize [carnet@32473 origin="acme.example/hr/a" index="42" leaf="…"]
//
// A batch is one connection, TLS 1.2 or newer. It counts when all of it was written, the
// server did not hang up meanwhile, and answered our close_notify with its own (RFC 5425,
// section 4.4): then it has read everything. A client certificate that is refused under TLS
// 1.3, where the handshake succeeds before the server has looked at it, is noticed: the
// server is listened to before the batch, and before the end.
//
// # Limits
//
// Syslog has no acknowledgement. That a server has read a message does not say that it keeps
// it: one that crashes or drops it afterwards is not noticed. Where lines must arrive, use a
// sink that acknowledges as well; what is missing shows by its index. A server that does not
// answer the end of a connection, as the RFC demands, gets each batch again and again. Whom a
// server takes lines from is its own matter: rsyslog 8.2302 with OpenSSL does not look at the name
// of each client, so give the logs there an authority of their own.
//
// 32473 is the number that RFC 5612 keeps for documentation: there is none of ours. A batch
// costs a connection and a sixth of a second, more where the way is long; where there is much
// to send it is some thousand lines a second.
//
// # Errors
//
// [audit.SinkError]: invalid, where the Syslog is not complete; denied, where a certificate
// was refused, on either side; unavailable, where there is no connection, or the server hung
// up. That of the context where it ended first. None has an address or text of the far side.
//
// # Concurrency
//
// A Syslog is a plain value, safe for concurrent use.
package syslogaudit

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"net"
	"strconv"

	"github.com/carnet-go/carnet/audit"
)

const (
	logAudit      = 13 // RFC 5424, table 1
	informational = 6  // table 2

	// maxDefault is what RFC 5425, section 4.3.1, says that a server should take.
	maxDefault = 8192
	// maxLeast is what it must take, and more than a message with a hash has.
	maxLeast = 2048
)

// Syslog is an audit.Sink. The zero Syslog delivers nothing.
type Syslog struct {
	Address  string      // host:port; 6514 is that of RFC 5425
	TLS      *tls.Config // required; with a client certificate where the server asks for one
	Facility int         // RFC 5424, table 1: 1 to 23; zero: 13, log audit
	Host     string      // HOSTNAME of the messages; empty: not said
	App      string      // APP-NAME; empty: carnet
	Max      int         // bytes of a message, at least 2,048; zero: 8,192

	// InsecureEnd is for a server that ends a connection without the close_notify of TLS, as
	// rsyslog's gtls driver does (its ossl driver does as it should): somebody on the network
	// can then make lines count that did not arrive, but not read or change them.
	InsecureEnd bool
}

// Check says whether it is complete.
func (s Syslog) Check() error {
	host, port, err := net.SplitHostPort(s.Address)
	n, numeric := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || host == "" || numeric != nil || n == 0 || s.TLS == nil:
		return invalid()
	case s.TLS.InsecureSkipVerify && s.TLS.VerifyConnection == nil && s.TLS.VerifyPeerCertificate == nil:
		return invalid()
	case s.TLS.MinVersion != 0 && s.TLS.MinVersion < tls.VersionTLS12 || s.TLS.MaxVersion != 0 && s.TLS.MaxVersion < tls.VersionTLS12:
		return invalid()
	case s.Facility < 0 || s.Facility > 23 || s.Max != 0 && s.Max < maxLeast:
		return invalid()
	case s.Host != "" && !isField(s.Host, 255) || s.App != "" && !isField(s.App, 48):
		return invalid()
	}
	return nil
}

func invalid() error { return &audit.SinkError{Class: "invalid"} }

// isField is PRINTUSASCII of RFC 5424.
func isField(s string, most int) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= most
}

// Deliver is for audit.Sink.
func (s Syslog) Deliver(ctx context.Context, batch []audit.Entry) (int, error) {
	if err := s.Check(); err != nil || len(batch) == 0 {
		return 0, err
	}
	var frames []byte
	for _, e := range batch {
		if !isField(e.Origin, 255) {
			return 0, invalid()
		}
		message := s.message(e)
		frames = strconv.AppendInt(frames, int64(len(message)), 10)
		frames = append(append(frames, ' '), message...)
	}
	if err := s.send(ctx, frames); err != nil {
		return 0, err
	}
	return len(batch), nil
}

// message is one line, or its hash.
func (s Syslog) message(e audit.Entry) []byte {
	b := s.header(e, "audit")
	b = append(append(b, "] "...), e.Line...)
	if len(b) <= cmp.Or(s.Max, maxDefault) {
		return b
	}
	leaf := e.Leaf()
	b = append(s.header(e, "oversize"), ` leaf="`...)
	return append(base64.StdEncoding.AppendEncode(b, leaf[:]), `"]`...)
}

// header is everything before the end of the structured data.
func (s Syslog) header(e audit.Entry, id string) []byte {
	b := append(make([]byte, 0, 512+len(e.Line)), '<')
	b = strconv.AppendInt(b, int64(cmp.Or(s.Facility, logAudit)*8+informational), 10)
	b = append(b, ">1 "...)
	b = e.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, ' ')
	b = append(append(b, cmp.Or(s.Host, "-")...), ' ')
	b = append(append(b, cmp.Or(s.App, "carnet")...), " - "...)
	b = append(append(b, id...), ` [carnet@32473 origin="`...)
	for i := range len(e.Origin) { // RFC 5424, section 6.3.3
		if c := e.Origin[i]; c == '"' || c == '\\' || c == ']' {
			b = append(b, '\\')
		}
		b = append(b, e.Origin[i])
	}
	b = append(b, `" index="`...)
	return append(strconv.AppendInt(b, e.Index, 10), '"')
}
