package syslogaudit_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/audittest"
	"github.com/carnet-go/carnet/audit/syslogaudit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "canary-5dA9x"

// keeps is a server that keeps what it reads. Where it may not, it hangs up.
func keeps(t testing.TB, r *audittest.Receiver) func(net.Conn) {
	return func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			m, err := read(in)
			if errors.Is(err, errForm) {
				t.Error(err)
			}
			if err != nil {
				return
			}
			if err := take(r, m); err != nil {
				_ = conn.(*tls.Conn).NetConn().Close() // without goodbye
				return
			}
		}
	}
}

func take(r *audittest.Receiver, m message) error {
	if m.id == "oversize" {
		leaf, err := base64.StdEncoding.DecodeString(m.params["leaf"])
		if err != nil || len(leaf) != sha256.Size || m.text != "" {
			return errForm
		}
		return r.TakeLeaf(context.Background(), m.params["origin"], m.index, [32]byte(leaf))
	}
	return r.Take(context.Background(), m.params["origin"], m.index, []byte(m.text))
}

func TestConformance(t *testing.T) {
	audittest.Run(t, func(t testing.TB, r *audittest.Receiver) audit.Sink {
		return syslogaudit.Syslog{Address: r.Stream(keeps(t, r)), TLS: r.TLS()}
	})
}

// listening is a server that deals with each connection, and how to reach it.
func listening(t *testing.T, change func(*tls.Config), deal func(*tls.Conn)) syslogaudit.Syslog {
	t.Helper()
	config, roots := certified(t)
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
			deal(conn.(*tls.Conn))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return syslogaudit.Syslog{Address: listener.Addr().String(), TLS: &tls.Config{RootCAs: roots}}
}

func entry(index int64, line string) audit.Entry {
	return audit.Entry{Origin: "acme.example/hr/a", Index: index, Line: []byte(line), Time: time.UnixMilli(1764150000123).UTC()}
}

// refused is the class of a delivery of which nothing counts.
func refused(t *testing.T, s syslogaudit.Syslog) string {
	t.Helper()
	n, err := s.Deliver(t.Context(), []audit.Entry{entry(1, `{"a":"`+canary+`"}`)})
	e, ok := errors.AsType[*audit.SinkError](err)
	if !ok || n != 0 {
		t.Fatalf("%d count, %v", n, err)
	}
	if text := err.Error(); strings.Contains(text, canary) || strings.Contains(text, "127.0.0.1") {
		t.Errorf("%v has a value", err)
	}
	return e.Class
}

// TestMessages are RFC 5424, framed as RFC 5425 says.
func TestMessages(t *testing.T) {
	got := make(chan string, 1)
	server := listening(t, nil, func(conn *tls.Conn) {
		b, _ := io.ReadAll(conn)
		got <- string(b)
	})
	named := server
	named.Host, named.App, named.Facility, named.Max = "hr-1", "payroll", 16, 2048
	odd := entry(7, `{}`)
	odd.Origin, odd.Time = `a"b\c]d`, time.Unix(1764150000, 0).In(time.FixedZone("", 3600))
	long := entry(9, `{"a":"`+strings.Repeat("x", 2048)+`"}`)
	leaf := long.Leaf()
	for _, c := range []struct {
		server syslogaudit.Syslog
		batch  []audit.Entry
		want   []string
	}{
		{server, []audit.Entry{entry(42, `{"a":"] — "}`), entry(43, `{}`)}, []string{
			`<110>1 2025-11-26T09:40:00.123Z - carnet - audit [carnet@32473 origin="acme.example/hr/a" index="42"] {"a":"] — "}`,
			`<110>1 2025-11-26T09:40:00.123Z - carnet - audit [carnet@32473 origin="acme.example/hr/a" index="43"] {}`,
		}},
		{named, []audit.Entry{long, odd}, []string{
			`<134>1 2025-11-26T09:40:00.123Z hr-1 payroll - oversize [carnet@32473 origin="acme.example/hr/a" index="9" leaf="` + base64.StdEncoding.EncodeToString(leaf[:]) + `"]`,
			`<134>1 2025-11-26T09:40:00.000Z hr-1 payroll - audit [carnet@32473 origin="a\"b\\c\]d" index="7"] {}`,
		}},
	} {
		if n, err := c.server.Deliver(t.Context(), c.batch); n != len(c.batch) || err != nil {
			t.Fatal(n, err)
		}
		want := ""
		for _, m := range c.want {
			want += fmt.Sprintf("%d %s", len(m), m)
		}
		if text := <-got; text != want {
			t.Errorf("got  %s\nwant %s", text, want)
		}
	}
	if n, err := server.Deliver(t.Context(), nil); n != 0 || err != nil {
		t.Error(n, err)
	}
	odd.Origin = "two words"
	if n, err := server.Deliver(t.Context(), []audit.Entry{odd}); n != 0 || err == nil {
		t.Error(n, err)
	}
}

// TestARefusedClientCertificate shows under TLS 1.3 only after the handshake, and is told all
// the same, before a line is sent.
func TestARefusedClientCertificate(t *testing.T) {
	for name, newest := range map[string]uint16{"TLS 1.3": tls.VersionTLS13, "TLS 1.2": tls.VersionTLS12} {
		config, roots := certified(t)
		config.ClientAuth, config.MaxVersion = tls.RequireAndVerifyClientCert, newest
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		after := make(chan int64, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_ = tls.Server(conn, config).Handshake()
			n, _ := io.Copy(io.Discard, conn) // what comes although it has said no
			after <- n
		}()
		list := []audit.Entry{entry(1, `{"a":"`+strings.Repeat("x", 5000)+`"}`)}
		n, err := (syslogaudit.Syslog{Address: listener.Addr().String(), TLS: &tls.Config{RootCAs: roots}}).Deliver(t.Context(), list)
		if e, ok := errors.AsType[*audit.SinkError](err); n != 0 || !ok || e.Class != "denied" {
			t.Errorf("%s: %d count, %v", name, n, err)
		}
		if n := <-after; n > 1000 {
			t.Errorf("%s: %d bytes were sent all the same", name, n)
		}
		_ = listener.Close()
	}
}

// TestAServerThatIsNotThereToTheEnd has not got the batch: it hangs up at once, or when it
// has read it, or ends without TLS's word for it, or talks.
func TestAServerThatIsNotThereToTheEnd(t *testing.T) {
	all := func(conn *tls.Conn) { _, _ = io.Copy(io.Discard, conn) }
	for name, c := range map[string]struct {
		deal func(*tls.Conn)
		want string // with InsecureEnd; empty: it counts
	}{
		"hangs up at once":    {func(conn *tls.Conn) { _ = conn.Handshake() }, "unavailable"},
		"hangs up half-way":   {func(conn *tls.Conn) { _, _ = conn.Read(make([]byte, 1)) }, "unavailable"},
		"says that it ends":   {func(conn *tls.Conn) { _ = conn.Handshake(); _ = conn.CloseWrite(); all(conn) }, "unavailable"},
		"ends without a word": {func(conn *tls.Conn) { all(conn); _ = conn.NetConn().Close() }, ""},
		"talks":               {func(conn *tls.Conn) { _, _ = conn.Write([]byte(canary)); all(conn) }, "unavailable"},
		"talks at the end":    {func(conn *tls.Conn) { all(conn); _, _ = conn.Write([]byte(canary)) }, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			server := listening(t, nil, c.deal)
			if class := refused(t, server); class != "unavailable" {
				t.Error(class)
			}
			server.InsecureEnd = true
			if c.want != "" {
				if class := refused(t, server); class != c.want {
					t.Error(class)
				}
			} else if n, err := server.Deliver(t.Context(), []audit.Entry{entry(1, `{}`)}); n != 1 || err != nil {
				t.Error(n, err)
			}
		})
	}
}

// TestAServerThatHangsUpTooLateToBeHeard, by a regular end, is heard of when what it did not
// read comes back.
func TestAServerThatHangsUpTooLateToBeHeard(t *testing.T) {
	server := listening(t, nil, func(conn *tls.Conn) {
		_ = conn.Handshake()
		time.Sleep(400 * time.Millisecond) // the batch and its end lie there, and nobody reads them
		_ = conn.CloseWrite()
		time.Sleep(20 * time.Millisecond)
		_ = conn.NetConn().Close()
	})
	if class := refused(t, server); class != "unavailable" {
		t.Error(class)
	}
}

// TestNobodyListens: no server, one that nobody vouches for, and one that takes its time.
func TestNobodyListens(t *testing.T) {
	stranger := listening(t, nil, func(conn *tls.Conn) { _ = conn.Handshake() })
	stranger.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	nobody := syslogaudit.Syslog{Address: "127.0.0.1:1", TLS: &tls.Config{}}
	if class := refused(t, stranger); class != "denied" {
		t.Errorf("a stranger: %s", class)
	}
	if class := refused(t, nobody); class != "unavailable" {
		t.Errorf("nobody: %s", class)
	}
	slow := listening(t, nil, func(conn *tls.Conn) { _, _ = io.Copy(io.Discard, conn); time.Sleep(time.Second) })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if n, err := slow.Deliver(ctx, []audit.Entry{entry(1, "{}")}); n != 0 || err != context.DeadlineExceeded {
		t.Errorf("slow: %d, %v", n, err)
	}
}

func TestCheck(t *testing.T) {
	some := &tls.Config{}
	if err := (syslogaudit.Syslog{Address: "[::1]:6514", TLS: some, Facility: 23, Host: "hr-1.acme.example", App: "hr", Max: 2048}).Check(); err != nil {
		t.Error(err)
	}
	const at = "syslog.acme.example:6514"
	for name, server := range map[string]syslogaudit.Syslog{
		"zero":          {},
		"no port":       {Address: canary, TLS: some},
		"no host":       {Address: ":6514", TLS: some},
		"no number":     {Address: canary + ":syslog", TLS: some},
		"port zero":     {Address: canary + ":0", TLS: some},
		"no TLS":        {Address: at},
		"no one at all": {Address: at, TLS: &tls.Config{InsecureSkipVerify: true}},
		"TLS 1.1":       {Address: at, TLS: &tls.Config{MinVersion: tls.VersionTLS11}},
		"TLS 1.0 only":  {Address: at, TLS: &tls.Config{MaxVersion: tls.VersionTLS10}},
		"facility":      {Address: at, TLS: some, Facility: 24},
		"below":         {Address: at, TLS: some, Facility: -1},
		"small":         {Address: at, TLS: some, Max: 2047},
		"negative":      {Address: at, TLS: some, Max: -1},
		"host":          {Address: at, TLS: some, Host: "hr 1"},
		"app":           {Address: at, TLS: some, App: "é"},
		"long app":      {Address: at, TLS: some, App: strings.Repeat("a", 49)},
		"long host":     {Address: at, TLS: some, Host: strings.Repeat("a", 256)},
	} {
		if e, ok := errors.AsType[*audit.SinkError](server.Check()); !ok || e.Class != "invalid" {
			t.Errorf("%s: %v", name, server.Check())
		}
		if class := refused(t, server); class != "invalid" {
			t.Errorf("%s, delivery: %s", name, class)
		}
	}
}
