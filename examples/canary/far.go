package main

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// shop is a CRM, or a second one of the same maker for tests, which changes first.
type shop struct {
	*httptest.Server
	key string

	mu      sync.Mutex
	notes   map[string]bool
	calls   int
	changed string
}

func newShop(key string) *shop {
	s := &shop{key: key, notes: map[string]bool{}}
	s.Server = httptest.NewTLSServer(s)
	return s
}

// ServeHTTP keeps notes.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	switch {
	case r.Header.Get("X-Api-Key") != s.key:
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodPut && s.changed == "withdraws a permission":
		w.WriteHeader(http.StatusForbidden)
	case r.Method == http.MethodPut:
		s.notes[r.URL.Path] = true
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodDelete && s.changed == "says otherwise that it has deleted":
		delete(s.notes, r.URL.Path)
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodDelete:
		delete(s.notes, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case s.changed == "answers one field more":
		fmt.Fprintf(w, `{"there": %t, "owner": "sales"}`, s.notes[strings.TrimSuffix(r.URL.Path, "/exists")])
	default:
		fmt.Fprintf(w, `{"there": %t}`, s.notes[strings.TrimSuffix(r.URL.Path, "/exists")])
	}
}

// changes is what its maker does to it.
func (s *shop) changes(how string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed, s.calls = how, 0
}

func (s *shop) counts() (calls, notes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, len(s.notes)
}

func roots(shops ...*shop) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, s := range shops {
		pool.AddCert(s.Certificate())
	}
	return pool
}

// secrets are there as an orchestrator mounts them; a service finds them there.
func secrets(dir string) error {
	for path, key := range map[string]string{"crm/api": "a key of the crm", "lab/api": "a key of the lab", "self/journal": "a key of at least thirty-two bytes"} {
		folder := filepath.Join(dir, "secrets", filepath.FromSlash(path))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "key"), []byte(key), 0o600); err != nil {
			return err
		}
	}
	return nil
}
