package wire_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth/internal/wire"
)

func TestHeader(t *testing.T) {
	for name, c := range map[string]struct {
		header      string
		described   string // what becomes of it where data is described: pass, taken or refused
		undescribed string
	}{
		"usual":      {"Accept", "taken", "pass"},
		"method":     {"X-HTTP-Method-Override", "taken", "taken"},
		"credential": {"Authorization", "taken", "taken"},
		"lower case": {"cookie", "taken", "taken"},
		"proxy":      {"Proxy-Authorization", "taken", "taken"},
		"forwarded":  {"X-Forwarded-Host", "taken", "taken"},
		"hop":        {"Connection", "taken", "taken"},
		"own":        {"X-National-Id", "refused", "pass"},
		"underscore": {"X_Actor", "refused", "refused"},
		"key":        {"Idempotency-Key", "refused", "pass"},
	} {
		for opaque, want := range map[bool]string{false: c.described, true: c.undescribed} {
			out, ok := wire.Header(http.Header{c.header: {"v"}}, opaque)
			got := "refused"
			if ok {
				got = "taken"
				if out.Get(c.header) == "v" {
					got = "pass"
				}
			}
			if got != want {
				t.Errorf("%s, opaque %v: %s, want %s", name, opaque, got, want)
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-1": 0, "1.5": 0, "7": 7 * time.Second, "99999999999": 0, "2000000000": 24 * time.Hour,
		"Fri, 31 Dec 1999 23:59:59 GMT": 0, "Fri, 31 Dec 9999 23:59:59 GMT": 24 * time.Hour,
	} {
		if got := wire.RetryAfter(value); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

func TestHeaderOfTwoLines(t *testing.T) {
	for _, value := range []string{"a\r\nX-Actor: root", "a\nb", "a\x00"} {
		if _, ok := wire.Header(http.Header{"X-Own": {value}}, true); ok {
			t.Errorf("%q passes", value)
		}
	}
}

// TestEmptyBodies: nothing is sent in chunks that need not be.
func TestEmptyBodies(t *testing.T) {
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s%d%v%s", r.Method, r.ContentLength, r.TransferEncoding, data)
	}))
	defer far.Close()
	line, err := wire.NewLine([]string{"127.0.0.0/8"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	for _, once := range []bool{false, true} {
		for method, want := range map[string]string{"GET": "GET0[]", "DELETE": "DELETE0[]", "POST": "POST0[]", "PUT": "PUT0[]", "PATCH": "PATCH0[]"} {
			r, err := http.NewRequest(method, far.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := line.RoundTrip(r, once)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if string(got) != want {
				t.Errorf("%s, once %v: %s, want %s", method, once, got, want)
			}
		}
	}
}

func TestNewLineRefusesWhatIsNoRange(t *testing.T) {
	if _, err := wire.NewLine([]string{"10.0.0.1/8"}, nil); err == nil {
		t.Error("no error")
	}
}

// TestOnceIsAFreshConnection counts the connections that a far side sees.
func TestOnceIsAFreshConnection(t *testing.T) {
	var connections atomic.Int32
	far := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	far.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	far.Start()
	defer far.Close()
	line, err := wire.NewLine([]string{"127.0.0.0/8"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	for _, c := range []struct {
		once bool
		want int32
	}{{false, 1}, {false, 1}, {true, 2}, {true, 3}, {false, 3}} {
		r, err := http.NewRequest(http.MethodGet, far.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := line.RoundTrip(r, c.once)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if got := connections.Load(); got != c.want {
			t.Errorf("%d connections, want %d", got, c.want)
		}
	}
}

// TestWeakTLSIsRefused: nothing below 1.2 is spoken.
func TestWeakTLSIsRefused(t *testing.T) {
	far := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	far.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	far.StartTLS()
	defer far.Close()
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	line, err := wire.NewLine([]string{"127.0.0.0/8"}, roots)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequest(http.MethodGet, far.URL, nil)
	if response, err := line.RoundTrip(r, true); err == nil {
		response.Body.Close()
		t.Error("TLS 1.1 was spoken")
	}
}

// TestHTTP2IsNotSpoken, whatever the far side offers.
func TestHTTP2IsNotSpoken(t *testing.T) {
	far := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	far.EnableHTTP2 = true
	far.StartTLS()
	defer far.Close()
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	line, err := wire.NewLine([]string{"127.0.0.0/8"}, roots)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	r, _ := http.NewRequest(http.MethodGet, far.URL, nil)
	response, err := line.RoundTrip(r, false)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, _ := io.ReadAll(response.Body); string(got) != "HTTP/1.1" {
		t.Errorf("spoke %s", got)
	}
}
