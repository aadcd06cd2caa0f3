package audittest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Receiver is a far side: what has arrived there, and what trouble it makes.
type Receiver struct {
	t      testing.TB
	cert   tls.Certificate
	roots  *x509.CertPool
	listen *listener // nil: nobody asked for one

	mu      sync.Mutex
	arrived []arrival
	trouble trouble
	from    int64         // an index: which entries the trouble is about
	lifted  chan struct{} // closed when the trouble changes
}

// arrival is one entry that was taken.
type arrival struct {
	origin string
	index  int64
	leaf   [32]byte
	line   string // empty: only the leaf came
}

// trouble is what a far side does.
type trouble int

const (
	none    trouble = iota
	dead            // nobody listens
	refuse          // it says no, from an entry on
	skip            // it says no to one entry
	hole            // it takes connections and nothing else
	slow            // it reads in small pieces
	cut             // it hangs up in the middle
	half            // it goes on reading when it cannot answer any more
	lose            // it takes everything and hangs up instead of saying so
	crash           // at an entry it dies
	unheard         // it waits, and answers nothing
)

var errTake = errors.New("the far side says no: " + Canary)

func newReceiver(t testing.TB) *Receiver {
	t.Helper()
	r := &Receiver{t: t, roots: x509.NewCertPool(), lifted: make(chan struct{})}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a receiver of audittest"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	r.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}
	r.roots.AddCert(parsed)
	return r
}

// TLS is what a sink needs to know the far side by. It shows the far side's own certificate
// where it is asked for one.
func (r *Receiver) TLS() *tls.Config {
	return &tls.Config{RootCAs: r.roots, Certificates: []tls.Certificate{r.cert}, MinVersion: tls.VersionTLS12}
}

// Listener is the far side's, on 127.0.0.1, without TLS. Its connections make trouble. There
// is one.
func (r *Receiver) Listener() net.Listener {
	if r.listen == nil {
		r.listen = newListener(r)
		r.t.Cleanup(func() { _ = r.listen.Close() })
	}
	return r.listen
}

// Stream has each connection dealt with, in TLS, and says where: host:port.
func (r *Receiver) Stream(deal func(net.Conn)) string {
	l := tls.NewListener(r.Listener(), &tls.Config{Certificates: []tls.Certificate{r.cert}, ClientCAs: r.roots, ClientAuth: tls.RequireAndVerifyClientCert})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				deal(conn)
			})
		}
	})
	r.t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

// HTTP has each request answered, and says where: https://host:port. A handler that does not
// want to answer panics with http.ErrAbortHandler.
func (r *Receiver) HTTP(handler http.HandlerFunc) string {
	server := &http.Server{
		Handler: handler, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{r.cert}},
	}
	l := r.Listener()
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.ServeTLS(l, "", "") })
	r.t.Cleanup(func() { _ = server.Close(); wg.Wait() })
	return "https://" + l.Addr().String()
}

// Take is called by the far side for each entry that has arrived. After an error it must not
// say that it has the entry; after [ErrLost] it must hang up without saying anything.
func (r *Receiver) Take(ctx context.Context, origin string, index int64, line []byte) error {
	return r.take(ctx, arrival{origin, index, leafOf(line), string(line)})
}

// TakeLeaf is Take where only the hash of a line came, because it is too long.
func (r *Receiver) TakeLeaf(ctx context.Context, origin string, index int64, leaf [32]byte) error {
	return r.take(ctx, arrival{origin, index, leaf, ""})
}

// ErrLost is Take's where the answer is to be lost.
var ErrLost = errors.New("the far side hangs up: " + Canary)

func (r *Receiver) take(ctx context.Context, a arrival) error {
	what, from, lifted := r.state()
	switch what {
	case dead:
		return errTake
	case refuse, crash:
		if a.index >= from {
			if what == crash {
				r.make(dead, 0)
				return ErrLost
			}
			return errTake
		}
	case skip:
		if a.index == from {
			return errTake
		}
	case hole, unheard:
		select {
		case <-ctx.Done():
		case <-lifted:
		}
		return ErrLost
	case cut:
		if r.listen == nil && a.index >= from {
			return ErrLost
		}
	}
	r.mu.Lock()
	r.arrived = append(r.arrived, a)
	r.mu.Unlock()
	if what == lose || what == half && r.listen == nil {
		return ErrLost
	}
	return nil
}

func (r *Receiver) state() (trouble, int64, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble, r.from, r.lifted
}

// make makes trouble, about entries from an index on.
func (r *Receiver) make(what trouble, from int64) {
	r.mu.Lock()
	was := r.trouble
	r.trouble, r.from = what, from
	close(r.lifted)
	r.lifted = make(chan struct{})
	r.mu.Unlock()
	if r.listen == nil {
		return
	}
	if what == dead {
		r.listen.die()
	} else if was == dead {
		r.listen.live()
	}
	if was == hole {
		r.listen.hangUp() // or it would be deaf for ever
	}
}

// has are the entries that have arrived, without those that came before.
func (r *Receiver) has() map[int64]arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[int64]arrival{}
	for _, a := range r.arrived {
		all[a.index] = a
	}
	return all
}

func (r *Receiver) all() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]arrival(nil), r.arrived...)
}
