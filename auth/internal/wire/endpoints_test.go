package wire_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carnet-go/carnet/auth/internal/wire"
	"github.com/carnet-go/carnet/mapping"
)

// TestEndpoints: what was declared, exactly, while it is live, and no redirect.
func TestEndpoints(t *testing.T) {
	var arrived atomic.Int32
	far := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/token", http.StatusTemporaryRedirect)
		}
	}))
	defer far.Close()
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	line, err := wire.NewLine([]string{"127.0.0.0/8"}, roots)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	var dead error
	client := line.Endpoints(map[string]string{"token": far.URL + "/token", "moved": far.URL + "/moved"}, func() error { return dead })
	post := func(url string) (int, error) {
		body := &closing{Reader: strings.NewReader("secret")}
		r, err := http.NewRequest(http.MethodPost, url, body)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			if body.closed == 0 {
				t.Errorf("%s: the body of a refused request stays open", url)
			}
			return 0, err
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		return response.StatusCode, nil
	}
	for url, want := range map[string]int{"/token": 200, "/moved": 307} {
		if status, err := post(far.URL + url); status != want || err != nil {
			t.Errorf("%s: %d, %v", url, status, err)
		}
	}
	before := arrived.Load()
	other := strings.Replace(far.URL, "127.0.0.1", "localhost", 1)
	for _, url := range []string{
		far.URL + "/", far.URL + "/token/", far.URL + "/Token", far.URL + "/token?", far.URL + "/token?a=b", far.URL + "/%74oken", far.URL + "//token",
		other + "/token", strings.Replace(far.URL, "https://", "https://user@", 1) + "/token", strings.Replace(far.URL, "https", "http", 1) + "/token",
	} {
		if _, err := post(url); !errors.Is(err, wire.ErrElsewhere) {
			t.Errorf("%s: %v", url, err)
		}
	}
	r, _ := http.NewRequest(http.MethodGet, far.URL+"/token", nil)
	r.Host = "evil.example"
	if _, err := client.Do(r); !errors.Is(err, wire.ErrElsewhere) {
		t.Errorf("another Host: %v", err)
	}
	dead = errors.New("frozen")
	if _, err := post(far.URL + "/token"); !errors.Is(err, dead) {
		t.Errorf("not live: %v", err)
	}
	if n := arrived.Load() - before; n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// TestDialIsGuarded, and TLS knows its name.
func TestDialIsGuarded(t *testing.T) {
	far := httptest.NewServer(http.NotFoundHandler())
	defer far.Close()
	for private, ok := range map[string]bool{"127.0.0.0/8": true, "10.0.0.0/8": false} {
		line, err := wire.NewLine([]string{private}, nil)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := line.Dial(t.Context(), far.Listener.Addr().String())
		if (err == nil) != ok {
			t.Errorf("%s: %v", private, err)
		}
		if err == nil {
			conn.Close()
		}
		if c := line.TLS("dir.example"); c.ServerName != "dir.example" || c.InsecureSkipVerify || len(c.NextProtos) > 0 {
			t.Errorf("%+v", c)
		}
		line.Close()
	}
}

type source struct{ err error }

func (s source) UseKey(_ context.Context, _ string, use func(string, []byte) error) error {
	return errors.Join(s.err, use("1", nil))
}

// TestKeysRememberWhy: a mapping says only that a key could not be had.
func TestKeysRememberWhy(t *testing.T) {
	use := func(string, []byte) error { return nil }
	var none wire.Keys
	if err := none.UseKey(t.Context(), "a", use); !errors.Is(err, mapping.ErrNoKey) {
		t.Errorf("nobody lends: %v", err)
	}
	wrong := errors.New("wrong")
	keys := wire.Keys{Of: source{wrong}}
	if err := keys.UseKey(t.Context(), "a", use); !errors.Is(err, wrong) || !errors.Is(keys.Err, wrong) {
		t.Errorf("%v, remembers %v", err, keys.Err)
	}
	keys.Of = source{}
	if err := keys.UseKey(t.Context(), "a", use); err != nil || keys.Err != nil {
		t.Errorf("%v, remembers %v", err, keys.Err)
	}
}
