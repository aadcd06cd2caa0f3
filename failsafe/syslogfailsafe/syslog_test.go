package syslogfailsafe_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/failsafe/syslogfailsafe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ failsafe.Alerter = syslogfailsafe.Syslog{}

const canary = "canary-5dA9x"

var alert = failsafe.Alert{ID: "a1", Workflow: "new-hire", Run: "hire-7", Step: "payroll", Reason: "stuck", Since: time.Date(2026, 11, 26, 9, 0, 0, 123456789, time.UTC)}

func roots(far *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(far.Certificate())
	return pool
}

// listening is a server that deals with each connection, and how to reach it.
func listening(t *testing.T, change func(*tls.Config), deal func(net.Conn)) syslogfailsafe.Syslog {
	t.Helper()
	far := httptest.NewTLSServer(nil)
	defer far.Close()
	config := &tls.Config{Certificates: far.TLS.Certificates}
	if change != nil {
		change(config)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			deal(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return syslogfailsafe.Syslog{Address: listener.Addr().String(), TLS: &tls.Config{RootCAs: roots(far)}}
}

// frames reads what is framed by its length (RFC 5425), until the other side is done.
func frames(to chan<- string) func(net.Conn) {
	return func(conn net.Conn) {
		for r := bufio.NewReader(conn); ; {
			length, err := r.ReadString(' ')
			if err != nil {
				return
			}
			n, err := strconv.Atoi(strings.TrimSpace(length))
			if err != nil {
				return
			}
			text := make([]byte, n)
			if _, err := io.ReadFull(r, text); err != nil {
				return
			}
			to <- string(text)
		}
	}
}

// TestMessages are RFC 5424, whatever an alert holds.
func TestMessages(t *testing.T) {
	got := make(chan string, 4)
	server := listening(t, nil, frames(got))
	rolled, odd := alert, alert
	rolled.Reason = "rolled-back.denied"
	odd.Run, odd.Step, odd.Workflow = `a]"\b`, "é\n<1>", strings.Repeat("w", 5000)
	named := server
	named.Host, named.App, named.Facility = "hr-1", "payroll", 16
	for _, c := range []struct {
		server syslogfailsafe.Syslog
		alert  failsafe.Alert
		want   string
	}{
		{server, alert, `<107>1 2026-11-26T09:00:00.123456Z - carnet - alert [carnet@32473 id="a1" workflow="new-hire" run="hire-7" step="payroll" reason="stuck"] a run needs somebody`},
		{named, rolled, `<132>1 2026-11-26T09:00:00.123456Z hr-1 payroll - alert [carnet@32473 id="a1" workflow="new-hire" run="hire-7" step="payroll" reason="rolled-back.denied"] a run was rolled back`},
		{server, odd, `<107>1 2026-11-26T09:00:00.123456Z - carnet - alert [carnet@32473 id="a1" workflow="` + strings.Repeat("w", 255) + `" run="a\]\"\\b" step="??<1>" reason="stuck"] a run needs somebody`},
	} {
		if err := c.server.Alert(t.Context(), c.alert); err != nil {
			t.Fatal(err)
		}
		if text := <-got; text != c.want {
			t.Errorf("got  %s\nwant %s", text, c.want)
		}
	}
}

// TestARefusedClientCertificate shows under TLS 1.3 only after the handshake, and is told
// all the same; and so is a server that hangs up, or talks.
func TestARefusedClientCertificate(t *testing.T) {
	ask := func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert }
	old := func(c *tls.Config) { ask(c); c.MaxVersion = tls.VersionTLS12 }
	handshake := func(conn net.Conn) { _ = conn.(*tls.Conn).Handshake() }
	answers := func(conn net.Conn) {
		handshake(conn)
		_, _ = conn.Write([]byte(canary))
		_, _ = io.Copy(io.Discard, conn)
	}
	for name, server := range map[string]syslogfailsafe.Syslog{
		"TLS 1.3":  listening(t, ask, handshake),
		"TLS 1.2":  listening(t, old, handshake),
		"hangs up": listening(t, nil, handshake),
		"answers":  listening(t, nil, answers),
	} {
		err := server.Alert(t.Context(), alert)
		if !errors.Is(err, auth.ErrUnavailable) || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), server.Address) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNobodyListens: no server, one that nobody vouches for, and one that takes its time.
func TestNobodyListens(t *testing.T) {
	stranger := listening(t, nil, func(conn net.Conn) { _ = conn.(*tls.Conn).Handshake() })
	stranger.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	nobody := syslogfailsafe.Syslog{Address: "127.0.0.1:1", TLS: &tls.Config{}}
	for name, server := range map[string]syslogfailsafe.Syslog{"a stranger": stranger, "nobody": nobody} {
		if err := server.Alert(t.Context(), alert); !errors.Is(err, auth.ErrUnavailable) || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	got := make(chan string, 1)
	server := listening(t, nil, frames(got))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := server.Alert(ctx, alert); err != context.DeadlineExceeded {
		t.Errorf("whoever leaves: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Alert(gone, alert); err != context.Canceled {
		t.Errorf("whoever has left: %v", err)
	}
}

func TestCheck(t *testing.T) {
	some := &tls.Config{}
	if err := (syslogfailsafe.Syslog{Address: "[::1]:6514", TLS: some, Facility: 23, Host: "hr-1.acme.example", App: "hr"}).Check(); err != nil {
		t.Error(err)
	}
	const at = "syslog.acme.example:6514"
	for name, server := range map[string]syslogfailsafe.Syslog{
		"zero":          {},
		"no port":       {Address: canary, TLS: some},
		"no host":       {Address: ":6514", TLS: some},
		"no number":     {Address: canary + ":syslog", TLS: some},
		"port zero":     {Address: canary + ":0", TLS: some},
		"no TLS":        {Address: at},
		"no one at all": {Address: at, TLS: &tls.Config{InsecureSkipVerify: true}},
		"facility":      {Address: at, TLS: some, Facility: 24},
		"below":         {Address: at, TLS: some, Facility: -1},
		"host":          {Address: at, TLS: some, Host: "hr 1"},
		"app":           {Address: at, TLS: some, App: "é"},
		"long app":      {Address: at, TLS: some, App: strings.Repeat("a", 49)},
		"long host":     {Address: at, TLS: some, Host: strings.Repeat("a", 256)},
	} {
		if err := server.Check(); !errors.Is(err, auth.ErrInvalid) || strings.Contains(fmt.Sprint(err), canary) {
			t.Errorf("%s: %v", name, err)
		}
		if err := server.Alert(t.Context(), alert); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s, alert: %v", name, err)
		}
	}
}
