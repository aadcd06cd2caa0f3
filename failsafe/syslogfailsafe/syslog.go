// Package syslogfailsafe sends alerts to a syslog server over TLS.
//
//	server := syslogfailsafe.Syslog{Address: "syslog.acme.example:6514", TLS: &tls.Config{RootCAs: roots}}
//	runner, err := failsafe.New(ctx, gate, journal, key, &failsafe.Options{Alerters: []failsafe.Alerter{server}})
//
// # Guarantees
//
// An alert is one message of RFC 5424, framed by its length (RFC 5425, section 4.3), on a
// connection of its own, within 10 seconds. Its severity is error, and warning where a run
// was rolled back. Its names stand in structured data:
//
//	<107>1 2026-11-26T09:00:00Z hr-1 carnet - alert [carnet@32473 id="…" workflow="new-hire" run="hire-7" step="payroll" reason="stuck"] a run needs somebody
//
// It carries names, never data of a run. What a message may not hold is replaced by "?".
//
// # Limits
//
// Syslog has no acknowledgement: nil means that the message was written, and that the
// server did not hang up within half a second. That is how a client certificate that is
// refused under TLS 1.3 shows, for the handshake succeeds before the server has looked at
// it. A server that answers later, or takes a message and drops it, is not noticed: where
// an alert must arrive, use another Alerter as well. 32473 is the number that RFC 5612
// keeps for documentation: there is none of ours.
//
// # Errors
//
// [auth.ErrInvalid]: the Syslog is not complete. [auth.ErrUnavailable]: no connection, a
// certificate that was refused, on either side, or a server that hung up. That of the
// context where it ended first. None has an address or text of the far side.
//
// # Concurrency
//
// A Syslog is a plain value, safe for concurrent use.
package syslogfailsafe

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
)

const (
	within = 10 * time.Second
	listen = 500 * time.Millisecond // for a server that hangs up

	logAudit = 13 // RFC 5424, table 1
	severity = 3  // table 2: error, and 4 is warning
)

// Syslog is a failsafe.Alerter. The zero Syslog delivers nothing.
type Syslog struct {
	Address  string      // host:port; 6514 is that of RFC 5425
	TLS      *tls.Config // required; with a client certificate where the server asks for one
	Facility int         // RFC 5424, table 1: 1 to 23; zero: 13, log audit
	Host     string      // HOSTNAME of the messages; empty: not said
	App      string      // APP-NAME; empty: carnet
}

// Check says whether it is complete.
func (s Syslog) Check() error {
	host, port, err := net.SplitHostPort(s.Address)
	n, numeric := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || host == "" || numeric != nil || n == 0:
		return fmt.Errorf("%w: Syslog.Address is not host:port", auth.ErrInvalid)
	case s.TLS == nil:
		return fmt.Errorf("%w: Syslog.TLS is nil", auth.ErrInvalid)
	case s.TLS.InsecureSkipVerify && s.TLS.VerifyConnection == nil && s.TLS.VerifyPeerCertificate == nil:
		return fmt.Errorf("%w: Syslog.TLS verifies nobody", auth.ErrInvalid)
	case s.Facility < 0 || s.Facility > 23:
		return fmt.Errorf("%w: Syslog.Facility is none of RFC 5424", auth.ErrInvalid)
	case len(s.Host) > 255 || clean(s.Host, false) != s.Host || len(s.App) > 48 || clean(s.App, false) != s.App:
		return fmt.Errorf("%w: Syslog.Host or App is no name of RFC 5424", auth.ErrInvalid)
	}
	return nil
}

// Alert is for failsafe.Alerter.
func (s Syslog) Alert(ctx context.Context, a failsafe.Alert) error {
	if err := s.Check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	dialer := tls.Dialer{Config: s.TLS.Clone()}
	conn, err := dialer.DialContext(ctx, "tcp", s.Address)
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		err = send(conn, s.message(a))
		stop()
		_ = conn.Close()
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil: // its text has names and addresses
		return fmt.Errorf("%w: syslogfailsafe: no connection, or the server hung up", auth.ErrUnavailable)
	}
	return nil
}

var errAnswered = errors.New("syslogfailsafe: a syslog server says nothing")

// send writes, and listens: a server that takes a message says nothing.
func send(conn net.Conn, message string) error {
	if _, err := conn.Write([]byte(strconv.Itoa(len(message)) + " " + message)); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(listen)); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case err == nil:
		return errAnswered
	}
	return err
}

func (s Syslog) message(a failsafe.Alert) string {
	facility, level, text := s.Facility, severity, "a run needs somebody"
	if facility == 0 {
		facility = logAudit
	}
	if strings.HasPrefix(a.Reason, "rolled-back.") {
		level, text = severity+1, "a run was rolled back"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<%d>1 %s %s %s - alert [carnet@32473", facility*8+level, a.Since.UTC().Format("2006-01-02T15:04:05.999999Z07:00"), cmp.Or(s.Host, "-"), cmp.Or(s.App, "carnet"))
	for _, p := range [...][2]string{{"id", a.ID}, {"workflow", a.Workflow}, {"run", a.Run}, {"step", a.Step}, {"reason", a.Reason}} {
		fmt.Fprintf(&b, ` %s="%s"`, p[0], escape.Replace(clean(p[1], true)))
	}
	return b.String() + "] " + text
}

// escape is that of a PARAM-VALUE (RFC 5424, section 6.3.3).
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

// clean replaces what is not printable ASCII, or a blank where there may be none, and cuts
// what is no name: receivers need not take more than 2,048 bytes.
func clean(s string, blank bool) string {
	const most = 255
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == ' ' && !blank {
			return '?'
		}
		return r
	}, s[:min(len(s), most)])
}
