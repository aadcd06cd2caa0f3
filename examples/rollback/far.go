package main

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
)

// far is a stock and a bank that do not always behave.
type far struct {
	stock, bank *httptest.Server

	mu           sync.Mutex
	goods, money int
	trouble      string
}

func newFar() *far {
	f := new(far)
	f.stock = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		change(&f.goods, r.Method)
		w.WriteHeader(http.StatusNoContent)
	}))
	f.bank = httptest.NewTLSServer(http.HandlerFunc(f.pay))
	return f
}

func (f *far) pay(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.Method == http.MethodGet:
		fmt.Fprint(w, f.money > 0)
		return
	case r.Method == http.MethodDelete || f.trouble == "":
	case f.trouble == "denies":
		w.WriteHeader(http.StatusForbidden)
		return
	case f.trouble == "loses the request":
		panic(http.ErrAbortHandler)
	default: // it takes the money, and nobody hears of it
		change(&f.money, r.Method)
		panic(http.ErrAbortHandler)
	}
	change(&f.money, r.Method)
	w.WriteHeader(http.StatusNoContent)
}

// change is the same however often it comes.
func change(n *int, method string) {
	*n = 1
	if method == http.MethodDelete {
		*n = 0
	}
}

// is begins anew, with that trouble.
func (f *far) is(trouble string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.goods, f.money, f.trouble = 0, 0, trouble
}

func (f *far) taken() (goods, money int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.goods, f.money
}

func (f *far) roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(f.stock.Certificate())
	roots.AddCert(f.bank.Certificate())
	return roots
}

func (f *far) close() {
	f.stock.Close()
	f.bank.Close()
}

// secrets are there as an orchestrator mounts them; a service finds them there.
func secrets(dir string) error {
	for path, key := range map[string]string{
		"stock/api": "a key of the stock", "bank/api": "a key of the bank", "self/journal": "a key of at least thirty-two bytes",
	} {
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
