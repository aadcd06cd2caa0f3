package world

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// server is one origin that speaks HTTP.
type server struct {
	name, origin string
	listener     net.Listener
	http         *http.Server
	served       sync.WaitGroup
	received     traffic
	broken       atomic.Bool
}

// listen takes a port, so that the origin is known before anything is served.
func (a *authority) listen(name string, secrets *ledger) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{name: name, origin: "https://" + listener.Addr().String(), listener: listener}
	s.received.secrets = secrets
	s.http = &http.Server{
		TLSConfig:         a.config(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that refuse the authority are not news
	}
	return s, nil
}

func (a *authority) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.leaf}, MinVersion: tls.VersionTLS12}
}

func (s *server) serve(h http.Handler) {
	s.http.Handler = s.received.record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.broken.Load() {
			http.Error(w, "out of order", http.StatusServiceUnavailable)
			return
		}
		h.ServeHTTP(w, r)
	}))
	s.served.Go(func() { _ = s.http.ServeTLS(s.listener, "", "") })
}

func (s *server) close() error {
	err := s.http.Close()
	_ = s.listener.Close() // where it was never served; otherwise it is closed already
	s.served.Wait()
	return err
}
