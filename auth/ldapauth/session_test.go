package ldapauth_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/ldapauth"
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// TestBlankPassword: nothing is sent that a directory takes for nobody's login, or that
// can only be wrong.
func TestBlankPassword(t *testing.T) {
	d := newDirectory(t)
	dial := d.dial(t)
	for _, tt := range []struct {
		name    string
		fields  map[string]string
		wantErr error
	}{
		{"empty", map[string]string{"name": service, "password": ""}, auth.ErrInvalid},
		{"space", map[string]string{"name": service, "password": " "}, auth.ErrInvalid},
		{"spaces", map[string]string{"name": service, "password": "    "}, auth.ErrInvalid},
		{"NUL", map[string]string{"name": service, "password": "\x00"}, auth.ErrInvalid},
		{"NULs and spaces", map[string]string{"name": service, "password": " \x00 \x00"}, auth.ErrInvalid},
		{"NUL within", map[string]string{"name": service, "password": "pass\x00word"}, auth.ErrInvalid},
		{"newline behind", map[string]string{"name": service, "password": password + "\n"}, auth.ErrInvalid},
		{"not UTF-8", map[string]string{"name": service, "password": "pass\xff"}, auth.ErrInvalid},
		{"none", map[string]string{"name": service}, auth.ErrUndeclared},
		{"empty name", map[string]string{"name": "", "password": password}, auth.ErrInvalid},
		{"blank name", map[string]string{"name": " ", "password": password}, auth.ErrInvalid},
		{"name is no DN", map[string]string{"name": "carnet", "password": password}, auth.ErrInvalid},
		{"no name", map[string]string{"password": password}, auth.ErrUndeclared},
	} {
		t.Run(tt.name, func(t *testing.T) {
			login := &source{fields: tt.fields}
			made, err := (&ldapauth.Bind{Login: login}).Translate(t.Context(), d.need(t, dial, "directory.entry.read"))
			if !errors.Is(err, tt.wantErr) || made != nil {
				t.Errorf("%v", err)
			}
			if login.givenBack() != 1 || d.dialled() != 0 {
				t.Errorf("%d leases given back, %d dials", login.givenBack(), d.dialled())
			}
		})
	}
}

// tap sees what leaves in the clear, below TLS.
type tap struct {
	net.Conn
	mu   sync.Mutex
	sent bytes.Buffer
}

func (c *tap) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.sent.Write(p)
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// TestNothingInTheClear: with ldaps the first byte belongs to a handshake, with ldap to
// the request for one, and nothing that follows can be read.
func TestNothingInTheClear(t *testing.T) {
	for name, startTLS := range map[string]bool{"ldaps": false, "StartTLS": true} {
		t.Run(name, func(t *testing.T) {
			d := newDirectory(t)
			d.startTLS = startTLS
			dial, spy := d.dial(t), new(tap)
			n := d.need(t, func(ctx context.Context) (net.Conn, error) {
				c, err := dial(ctx)
				spy.Conn = c
				return spy, err
			}, "directory.entry.read")
			p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
			if _, err := p.Perform(t.Context(), n.Grant, nothing); err != nil {
				t.Fatal(err)
			}
			spy.mu.Lock()
			sent := bytes.Clone(spy.sent.Bytes())
			spy.mu.Unlock()
			for _, secret := range []string{password, service, ada, "objectClass"} {
				if bytes.Contains(sent, []byte(secret)) {
					t.Errorf("%s left in the clear", secret)
				}
			}
			const recordOfHandshake = 0x16
			if startTLS {
				request, err := ber.ReadPacket(bytes.NewReader(sent))
				if err != nil || request.Children[1].Children[0].Data.String() != "1.3.6.1.4.1.1466.20037" {
					t.Fatal("the first message is not StartTLS")
				}
				sent = sent[len(request.Bytes()):]
			}
			if sent[0] != recordOfHandshake {
				t.Errorf("the handshake is not next: %#x", sent[0])
			}
			if clear := append(d.asked("bind in the clear"), d.asked("bound again")...); len(clear) > 0 {
				t.Errorf("%q", clear)
			}
		})
	}
}

// TestStartTLSRefused: a directory that does not want TLS gets nothing else.
func TestStartTLSRefused(t *testing.T) {
	extended := ber.Tag(ldap.ApplicationExtendedRequest)
	for _, tt := range []struct {
		name    string
		hook    hook
		wantErr error
		status  int
	}{
		{"not known", answering(extended, ldap.ApplicationExtendedResponse, 2), auth.ErrInvalid, 2},
		{"unavailable", answering(extended, ldap.ApplicationExtendedResponse, 52), auth.ErrUnavailable, 52},
		{"referral", answering(extended, ldap.ApplicationExtendedResponse, 10), auth.ErrUndeclared, 10},
		{"another answer", func(c *served, id int64, op *ber.Packet) bool {
			c.result(id, ldap.ApplicationBindResponse, 0)
			return c.secure()
		}, auth.ErrUnavailable, -1},
		{"no answer", func(c *served, id int64, op *ber.Packet) bool {
			answer := ber.Encode(ber.ClassContext, ber.TypeConstructed, ldap.ApplicationExtendedResponse, nil, "")
			answer.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, 0, ""))
			answer.AppendChild(octets(""))
			answer.AppendChild(octets(""))
			c.send(id, answer)
			return c.secure()
		}, auth.ErrUnavailable, -1},
		{"to another message", func(c *served, id int64, op *ber.Packet) bool {
			c.result(id+1, ldap.ApplicationExtendedResponse, 0)
			return c.secure()
		}, auth.ErrUnavailable, -1},
		{"no result", func(c *served, id int64, op *ber.Packet) bool {
			c.send(id, ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedResponse, nil, ""))
			return true
		}, auth.ErrUnavailable, -1},
		{"no BER", func(c *served, id int64, op *ber.Packet) bool {
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
			return true
		}, auth.ErrUnavailable, -1},
		{"endless", func(c *served, id int64, op *ber.Packet) bool {
			_, _ = c.Write(append([]byte{0x04, 0x84, 0x7f, 0xff, 0xff, 0xff}, make([]byte, 1<<14)...))
			return true
		}, auth.ErrUnavailable, -1},
		{"agreed and then in the clear", func(c *served, id int64, op *ber.Packet) bool {
			c.result(id, ldap.ApplicationExtendedResponse, 0)
			c.result(id, ldap.ApplicationBindResponse, 0)
			return true
		}, auth.ErrUnavailable, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDirectory(t)
			d.startTLS, d.hook = true, func(c *served, id int64, op *ber.Packet) bool {
				return op.Tag == ldap.ApplicationExtendedRequest && tt.hook(c, id, op)
			}
			began := time.Now()
			made, err := (&ldapauth.Bind{Login: serviceLogin()}).Translate(t.Context(), d.need(t, d.dial(t), "directory.entry.read"))
			if !errors.Is(err, tt.wantErr) || status(err) != tt.status || made != nil {
				t.Errorf("%v", err)
			}
			if binds := append(d.asked("bind"), d.asked("refused")...); len(binds) > 0 || d.dialled() != 1 {
				t.Errorf("%q after %d dials", binds, d.dialled())
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestInjectedBeforeTLS: what somebody on the way puts behind the consent is not taken
// for an answer under TLS, even if TLS would work after it.
func TestInjectedBeforeTLS(t *testing.T) {
	d := newDirectory(t)
	d.startTLS = true
	d.hook = func(c *served, id int64, op *ber.Packet) bool {
		if op.Tag != ldap.ApplicationExtendedRequest {
			return false
		}
		c.result(id, ldap.ApplicationExtendedResponse, 0)
		c.result(1, ldap.ApplicationBindResponse, 0)
		c.secure()
		return true
	}
	if made, err := (&ldapauth.Bind{Login: serviceLogin()}).Translate(t.Context(), d.need(t, d.dial(t), "directory.entry.read")); err != auth.ErrUnavailable || made != nil {
		t.Errorf("%v", err)
	}
	if len(d.asked("")) != 0 {
		t.Errorf("%q", d.asked(""))
	}
}

// TestSilence: whatever a directory does not answer, the caller leaves with his context,
// and nothing stays behind.
func TestSilence(t *testing.T) {
	silent := func(tag ber.Tag) hook {
		return func(c *served, _ int64, op *ber.Packet) bool { return op.Tag == tag }
	}
	for _, tt := range []struct {
		name     string
		startTLS bool
		hook     hook
		deaf     bool // no handshake
	}{
		{name: "ldaps handshake", deaf: true},
		{name: "StartTLS", startTLS: true, hook: silent(ldap.ApplicationExtendedRequest)},
		{name: "handshake after StartTLS", startTLS: true, hook: func(c *served, id int64, op *ber.Packet) bool {
			c.result(id, ldap.ApplicationExtendedResponse, 0)
			_, _ = io.Copy(io.Discard, c)
			return true
		}},
		{name: "bind", hook: silent(ldap.ApplicationBindRequest)},
		{name: "search", hook: silent(ldap.ApplicationSearchRequest)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDirectory(t)
			d.startTLS, d.hook = tt.startTLS, tt.hook
			dial := d.dial(t)
			if tt.deaf {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				dial = func(ctx context.Context) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
				}
			}
			n := d.need(t, dial, "directory.entry.read")
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			made, err := (&ldapauth.Bind{Login: serviceLogin()}).Translate(ctx, n)
			if err == nil {
				defer closed(t, made)
				_, err = made.(auth.Performer).Perform(ctx, n.Grant, nothing)
			}
			if !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestAnotherAuthority and a certificate for another name: no session.
func TestAnotherAuthority(t *testing.T) {
	for name, startTLS := range map[string]bool{"ldaps": false, "StartTLS": true} {
		for _, tt := range []struct {
			name  string
			spoil func(*directory)
			trust authority
		}{
			{"authority", func(*directory) {}, newAuthority(t)},
			{"name", func(d *directory) { d.tls = d.ca.server(t, "directory.invalid") }, authority{}},
			{"old TLS", func(d *directory) { d.tls.MinVersion, d.tls.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, authority{}},
		} {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				d := newDirectory(t)
				d.startTLS = startTLS
				tt.spoil(d)
				n := d.need(t, d.dial(t), "directory.entry.read")
				if tt.trust.cert != nil {
					n.TLS = tt.trust.client("127.0.0.1")
				}
				n.TLS.MinVersion = tls.VersionTLS10 // of whoever wants to be friends with everybody
				if made, err := (&ldapauth.Bind{Login: serviceLogin()}).Translate(t.Context(), n); err != auth.ErrUnavailable || made != nil {
					t.Errorf("%v", err)
				}
				if binds := append(d.asked("bind"), d.asked("refused")...); len(binds) > 0 {
					t.Errorf("%q", binds)
				}
			})
		}
	}
}

// TestTrustIsRequired: who is trusted is the Broker's to say, and nobody is not everybody.
func TestTrustIsRequired(t *testing.T) {
	d := newDirectory(t)
	dial := d.dial(t)
	for name, spoil := range map[string]func(*auth.Need){
		"no TLS":      func(n *auth.Need) { n.TLS = nil },
		"no name":     func(n *auth.Need) { n.TLS.ServerName = "" },
		"no check":    func(n *auth.Need) { n.TLS.InsecureSkipVerify = true },
		"no dialler":  func(n *auth.Need) { n.Dial = nil },
		"no grant":    func(n *auth.Need) { n.Grant = auth.Grant{} },
		"no anything": func(n *auth.Need) { *n = auth.Need{} },
	} {
		n := d.need(t, dial, "directory.entry.read")
		spoil(&n)
		login := serviceLogin()
		made, err := (&ldapauth.Bind{Login: login}).Translate(t.Context(), n)
		if made != nil || (err != auth.ErrInvalid && err != auth.ErrForeign) || len(login.leases) > 0 || d.dialled() > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDialRefused: what the dialler says of the guard is passed on, and nothing else.
func TestDialRefused(t *testing.T) {
	d := newDirectory(t)
	for _, tt := range []struct{ err, wantErr error }{
		{auth.ErrUndeclared, auth.ErrUndeclared},
		{auth.ErrExpired, auth.ErrExpired},
		{errors.New("dial tcp 10.0.0.7:636: connection refused"), auth.ErrUnavailable},
	} {
		n := d.need(t, func(context.Context) (net.Conn, error) { return nil, tt.err }, "directory.entry.read")
		if _, err := (&ldapauth.Bind{Login: serviceLogin()}).Translate(t.Context(), n); err != tt.wantErr {
			t.Errorf("%v", err)
		}
	}
}

// TestResetMidCall: a search that breaks off is unavailable, and a write may have
// happened; neither is sent again.
func TestResetMidCall(t *testing.T) {
	for _, tt := range []struct {
		operation string
		wantErr   error
	}{
		{"directory.entry.find", auth.ErrUnavailable},
		{"directory.entry.drop", auth.ErrUnknown},
		{"directory.entry.end", auth.ErrUnknown},
	} {
		t.Run(tt.operation, func(t *testing.T) {
			d := newDirectory(t)
			d.hook = func(c *served, id int64, op *ber.Packet) bool {
				if op.Tag != ldap.ApplicationSearchRequest && op.Tag != ldap.ApplicationDelRequest {
					return false
				}
				d.note("call", c.bound)
				if op.Tag == ldap.ApplicationSearchRequest {
					c.entry(id, entry{dn: ada})
				}
				_ = c.raw.(*net.TCPConn).SetLinger(0)
				_ = c.raw.Close()
				return true
			}
			n := d.need(t, d.dial(t), tt.operation)
			p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
			if answer, err := p.Perform(t.Context(), n.Grant, nothing); err != tt.wantErr || answer != nil {
				t.Errorf("%q, %v", answer, err)
			}
			if calls := d.asked("call"); len(calls) != 1 || d.dialled() != 1 {
				t.Errorf("%d calls, %d dials", len(calls), d.dialled())
			}
		})
	}
}

// TestCutWrite: the caller leaves while a write is under way.
func TestCutWrite(t *testing.T) {
	d := newDirectory(t)
	d.hook = func(c *served, _ int64, op *ber.Packet) bool { return op.Tag == ldap.ApplicationDelRequest }
	n := d.need(t, d.dial(t), "directory.entry.drop")
	p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.Perform(ctx, n.Grant, nothing); !errors.Is(err, auth.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	// The session was cut: the next call has another.
	d.hookIs(nil)
	if _, err := p.Perform(t.Context(), n.Grant, nothing); err != nil || d.dialled() != 2 {
		t.Errorf("%v after %d dials", err, d.dialled())
	}
	// And whoever comes with a context that has ended sends nothing.
	before := len(d.asked("delete"))
	for range 50 {
		if _, err := p.Perform(ctx, n.Grant, nothing); !errors.Is(err, auth.ErrUnavailable) || len(d.asked("delete")) != before {
			t.Errorf("%v", err)
		}
	}
}

func leaks(err error) bool {
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, s := range []string{"leaked", service, ada, password, "127.0.0.1"} {
			if strings.Contains(e.Error(), s) {
				return true
			}
		}
	}
	return false
}

// TestDeepAnswer: what the decoder would copy a thousand times is not decoded, and the
// caller does not wait for it.
func TestDeepAnswer(t *testing.T) {
	d := newDirectory(t)
	deep := ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, strings.Repeat("x", 1<<16), "").Bytes()
	for range 200 {
		deep = append([]byte{0x30, 0x84, byte(len(deep) >> 24), byte(len(deep) >> 16), byte(len(deep) >> 8), byte(len(deep))}, deep...)
	}
	d.hookIs(func(c *served, _ int64, op *ber.Packet) bool {
		if op.Tag != ldap.ApplicationSearchRequest {
			return false
		}
		_, _ = c.Write(deep)
		return true
	})
	n := d.need(t, d.dial(t), "directory.entry.read")
	p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := p.Perform(ctx, n.Grant, nothing); !errors.Is(err, auth.ErrInvalid) || ctx.Err() != nil {
		t.Errorf("%v", err)
	}
}

// TestOneHangingBind keeps nobody else out for long.
func TestOneHangingBind(t *testing.T) {
	d := newDirectory(t)
	var first atomic.Bool
	d.hookIs(func(_ *served, _ int64, op *ber.Packet) bool {
		return op.Tag == ldap.ApplicationBindRequest && !first.Swap(true)
	})
	b, n := &ldapauth.Bind{Login: serviceLogin()}, d.need(t, d.dial(t), "directory.entry.read")
	hangs, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = b.Translate(hangs, n)
	}()
	for !first.Load() {
		time.Sleep(time.Millisecond)
	}
	ctx, stop := context.WithTimeout(t.Context(), 8*time.Second)
	defer stop()
	made, err := b.Translate(ctx, n)
	if err != nil {
		t.Error(err)
	} else {
		_ = made.(interface{ Close(context.Context) error }).Close(t.Context())
	}
	cancel()
	<-ended
}
