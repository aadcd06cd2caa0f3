package audittest

import (
	"net"
	"sync"
	"time"
)

// middle is how many bytes of a connection come before its trouble: more than a handshake.
const middle = 8 << 10

// listener is one address, where somebody listens or nobody.
type listener struct {
	r    *Receiver
	addr net.Addr

	mu     sync.Mutex
	inner  net.Listener // nil: nobody listens
	alive  chan struct{}
	closed bool
	conns  map[*conn]bool
}

func newListener(r *Receiver) *listener {
	r.t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	return &listener{r: r, addr: inner.Addr(), inner: inner, alive: make(chan struct{}), conns: map[*conn]bool{}}
}

// Addr is for net.Listener.
func (l *listener) Addr() net.Addr { return l.addr }

// Accept is for net.Listener: it outlives a death.
func (l *listener) Accept() (net.Conn, error) {
	for {
		l.mu.Lock()
		inner, alive, closed := l.inner, l.alive, l.closed
		l.mu.Unlock()
		if closed {
			return nil, net.ErrClosed
		}
		if inner == nil {
			<-alive
			continue
		}
		c, err := inner.Accept()
		if err != nil {
			continue // it died, or was closed
		}
		return l.keep(c), nil
	}
}

func (l *listener) keep(c net.Conn) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := &conn{Conn: c, l: l, gone: make(chan struct{})}
	l.conns[kept] = true
	return kept
}

// Close is for net.Listener.
func (l *listener) Close() error {
	l.die()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.alive)
	}
	return nil
}

// die closes everything: who dials is refused, and who has a connection is reset.
func (l *listener) die() {
	l.mu.Lock()
	inner := l.inner
	l.inner = nil
	l.mu.Unlock()
	if inner != nil {
		_ = inner.Close()
	}
	l.hangUp()
}

// live listens again at the same address.
func (l *listener) live() {
	l.mu.Lock()
	defer l.mu.Unlock()
	inner, err := net.Listen("tcp", l.addr.String())
	if err != nil {
		l.r.t.Error("the address is taken by another")
		return
	}
	l.inner = inner
	close(l.alive)
	l.alive = make(chan struct{})
}

// hangUp resets all connections.
func (l *listener) hangUp() {
	l.mu.Lock()
	list := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		list = append(list, c)
	}
	l.mu.Unlock()
	for _, c := range list {
		c.reset()
	}
}

// conn is one connection and what happens to it.
type conn struct {
	net.Conn
	l    *listener
	read int
	once sync.Once
	gone chan struct{}
}

// Read is for net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	what, _, _ := c.l.r.state()
	switch what {
	case hole:
		<-c.gone
		return 0, net.ErrClosed
	case slow:
		time.Sleep(time.Millisecond)
		p = p[:min(len(p), 512)]
	}
	n, err := c.Conn.Read(p)
	if c.read += n; c.read > middle {
		switch what {
		case cut:
			c.reset()
			return 0, net.ErrClosed
		case half:
			_ = c.Conn.(*net.TCPConn).CloseWrite()
		}
	}
	return n, err
}

// Write is for net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if what, _, _ := c.l.r.state(); what == slow {
		time.Sleep(time.Millisecond)
	}
	return c.Conn.Write(p)
}

// CloseWrite is that of net.TCPConn.
func (c *conn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// Close is for net.Conn.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.gone) })
	c.l.mu.Lock()
	delete(c.l.conns, c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

// reset closes without goodbye.
func (c *conn) reset() {
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}
