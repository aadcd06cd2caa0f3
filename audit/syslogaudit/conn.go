package syslogaudit

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/carnet-go/carnet/audit"
)

const (
	// What a server does is heard of a round trip later: it is listened for twice as long as
	// the connection took to be there.
	listenLeast = 50 * time.Millisecond
	listenMost  = 500 * time.Millisecond
)

var (
	errSays  = errors.New("syslogaudit: a syslog server says nothing")
	errEnded = errors.New("syslogaudit: the server hung up")
)

// session is one connection.
type session struct {
	*tls.Conn
	raw      *raw
	patience time.Duration
}

// raw tells an end that TLS vouches for from one that anybody on the network can make.
type raw struct {
	net.Conn
	ended bool
}

// Read is for net.Conn.
func (r *raw) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.ended = r.ended || err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
	return n, err
}

// send is one batch.
func (s Syslog) send(ctx context.Context, frames []byte) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c, err := s.dial(ctx)
	if err != nil {
		return classOf(ctx, err)
	}
	defer c.raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
	defer stop()
	if err := c.speak(ctx, frames, s.InsecureEnd); err != nil {
		return classOf(ctx, err)
	}
	return ctx.Err()
}

func (s Syslog) dial(ctx context.Context) (*session, error) {
	begun := time.Now()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, err
	}
	config := s.TLS.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(s.Address)
	}
	c := &session{raw: &raw{Conn: conn}}
	c.Conn = tls.Client(c.raw, config)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	c.patience = max(listenLeast, min(2*time.Since(begun), listenMost))
	return c, nil
}

// speak writes everything, and hears whether the server was there to the end.
func (c *session) speak(ctx context.Context, frames []byte, bare bool) error {
	if err := c.quiet(); err != nil {
		return err
	}
	if _, err := c.Write(frames); err != nil {
		return c.why(err)
	}
	if err := c.quiet(); err != nil {
		return err
	}
	if err := c.CloseWrite(); err != nil {
		return c.why(err)
	}
	return c.end(ctx, bare)
}

// quiet is nil where the server neither hangs up nor says anything for a while.
func (c *session) quiet() error {
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.SetReadDeadline(time.Time{})
	case err == nil:
		return errSays
	}
	return err
}

// why is what the server has said before a write failed, or that it did.
func (c *session) why(cause error) error {
	if c.SetReadDeadline(time.Now().Add(listenLeast)) != nil {
		return cause
	}
	if _, err := c.Read(make([]byte, 1)); isAlert(err) {
		return err
	}
	return cause
}

// end waits until the server ends too, which it does when it has read all that came before.
// One that had hung up before is heard of when what it did not read comes back.
func (c *session) end(ctx context.Context, bare bool) error {
	_, err := c.Read(make([]byte, 1))
	switch {
	case err == nil:
		return errSays
	case !errors.Is(err, io.EOF):
		return err
	case c.raw.ended && !bare:
		return errEnded
	}
	select {
	case <-time.After(listenLeast):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := c.raw.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return err
	}
	if _, err := c.raw.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// classOf is what went wrong: of an error of the network or of TLS nothing is kept, because
// its text has names and addresses.
func classOf(ctx context.Context, err error) error {
	var foreign *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &foreign) || isAlert(err):
		return &audit.SinkError{Class: "denied"}
	}
	return &audit.SinkError{Class: "unavailable"}
}

// isAlert says whether the server has refused in words of TLS.
func isAlert(err error) bool {
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error"
}
