package ldapauth

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/carnet-go/carnet/auth"
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const mostAnswer = 4 << 20 // bytes that one call reads

// session is one connection. It has one user at a time.
type session struct {
	conn  *ldap.Conn
	line  *line
	drop  *time.Timer // while it is idle
	spoil bool        // it must not be used again
}

// line is a connection under TLS that knows what went over it since a call began.
type line struct {
	net.Conn
	raw  net.Conn
	sent atomic.Bool
	left atomic.Int64
	read nesting // of the one goroutine that reads
}

// Read implements io.Reader, up to what a call may read, and what can be decoded.
func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if l.left.Add(-int64(n)) < 0 || !l.read.take(p[:n]) {
		l.left.Store(-1)
		return 0, auth.ErrInvalid
	}
	return n, err
}

// Write implements io.Writer.
func (l *line) Write(p []byte) (int, error) {
	l.sent.Store(true)
	return l.Conn.Write(p)
}

// secure is the connection under TLS: nothing of it is used before. What a directory
// sends in the clear behind its consent to StartTLS is read as the handshake, and is
// none.
func secure(ctx context.Context, raw net.Conn, startTLS bool, c *tls.Config) (*tls.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	if startTLS {
		if err := askTLS(raw); err != nil {
			return nil, err
		}
	}
	under := tls.Client(raw, trust(c))
	if err := under.HandshakeContext(ctx); err != nil || !stop() {
		return nil, auth.ErrUnavailable // whose certificate it was stays out
	}
	return under, nil
}

const (
	oidStartTLS  = "1.3.6.1.4.1.1466.20037" // RFC 4511, section 4.14
	mostConsent  = 4 << 10
	firstMessage = 1
)

// askTLS asks for TLS and reads the answer, and not a byte behind it.
func askTLS(raw net.Conn) error {
	message := ber.NewSequence("")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, firstMessage, ""))
	request := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "")
	request.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, oidStartTLS, ""))
	message.AppendChild(request)
	if _, err := raw.Write(message.Bytes()); err != nil {
		return auth.ErrUnavailable
	}
	answer, err := ber.ReadPacket(io.LimitReader(raw, mostConsent))
	if err != nil || len(answer.Children) < 2 || answer.Children[0].Value != int64(firstMessage) || answer.Children[1].Tag != ldap.ApplicationExtendedResponse {
		return auth.ErrUnavailable
	}
	if err = ldap.GetLDAPError(answer); err == nil {
		return nil
	}
	code, ok := result(err)
	if !ok {
		return auth.ErrUnavailable
	}
	return &auth.FailedError{Side: sideOf(code, auth.ReadOnly), Status: int(code)}
}

// newSession begins to read.
func newSession(raw net.Conn, under *tls.Conn) *session {
	l := &line{Conn: under, raw: raw}
	l.left.Store(mostAnswer)
	s := &session{conn: ldap.NewConn(l, true), line: l}
	s.conn.Start()
	return s
}

// run makes one exchange, which ends with ctx. The session is spoiled unless there was
// a result and nobody cut it.
func (s *session) run(ctx context.Context, exchange func(*ldap.Conn) error) error {
	s.spoil = true // also if exchange panics
	s.line.sent.Store(false)
	if ctx.Err() != nil {
		return auth.ErrUnavailable
	}
	s.line.left.Store(mostAnswer)
	stop := context.AfterFunc(ctx, s.cut)
	err := exchange(s.conn)
	_, answered := result(err)
	s.spoil = !stop() || (err != nil && !answered)
	return err
}

// cut ends the session at once, whatever it is doing. The connection below TLS is
// closed: to close TLS is to write, and that may wait.
func (s *session) cut() { _ = s.line.raw.Close() }

// close ends a session that nobody uses, and waits for its goroutines.
func (s *session) close() {
	s.cut()
	_ = s.conn.Close()
}

// leave says goodbye before, which may take until ctx ends.
func (s *session) leave(ctx context.Context) {
	defer context.AfterFunc(ctx, s.cut)()
	_ = s.conn.Unbind()
	s.close()
}
