package world

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Request is what a server received.
type Request struct {
	Method, Path, Host string
	Header             http.Header
	Body               []byte
}

// server is one origin, and what has reached it.
type server struct {
	name, origin string
	listener     net.Listener
	http         *http.Server
	served       sync.WaitGroup
	received     traffic
}

// listen takes a port, so that the origin is known before anything is served.
func (a *authority) listen(name string) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{name: name, origin: "https://" + listener.Addr().String(), listener: listener}
	s.http = &http.Server{
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{a.leaf}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that refuse the authority are not news
	}
	return s, nil
}

func (s *server) serve(h http.Handler) {
	s.http.Handler = s.received.record(h)
	s.served.Go(func() { _ = s.http.ServeTLS(s.listener, "", "") })
}

func (s *server) close() error {
	err := s.http.Close()
	_ = s.listener.Close() // where it was never served; otherwise it is closed already
	s.served.Wait()
	return err
}

// traffic is what a server received, as it came.
type traffic struct {
	mu       sync.Mutex
	requests []Request
}

func (t *traffic) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			return
		}
		t.mu.Lock()
		t.requests = append(t.requests, Request{r.Method, r.URL.Path, r.Host, r.Header.Clone(), body})
		t.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func (t *traffic) all() []Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.requests)
}
