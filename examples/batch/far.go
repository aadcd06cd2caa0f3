package main

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// far keeps the accounts. It closes none whose number ends in 50.
type far struct {
	*httptest.Server
	mu       sync.Mutex
	accounts map[string]bool
	calls    int
	each     func(calls int) // nil: nobody is told
}

func newFar() *far {
	f := &far{accounts: map[string]bool{}}
	f.Server = httptest.NewTLSServer(f)
	return f
}

// ServeHTTP closes an account, or opens it again.
func (f *far) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.each != nil {
		f.each(f.calls)
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "50"):
		w.WriteHeader(http.StatusForbidden)
	case r.Method == http.MethodPut:
		f.accounts[r.URL.Path] = true
		w.WriteHeader(http.StatusNoContent)
	default:
		delete(f.accounts, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (f *far) closed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.accounts)
}

func (f *far) requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *far) roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(f.Certificate())
	return roots
}

// secrets are there as an orchestrator mounts them; a service finds them there.
func secrets(dir string) error {
	for path, key := range map[string]string{"staff/api": "a key of the staff", "self/journal": "a key of at least thirty-two bytes"} {
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
