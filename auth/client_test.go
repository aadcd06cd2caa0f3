package auth_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
)

// TestClientKeepsTheCredential: neither the response's request nor a trace nor an
// error shows it; attack 12.
func TestClientKeepsTheCredential(t *testing.T) {
	f := farSide(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session="+canary)
		ok(w, r)
	})
	g, b := broker(t, f, &key{})
	var mu sync.Mutex
	var traced bytes.Buffer
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteHeaderField: func(name string, values []string) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintln(&traced, name, values)
		},
	})
	r, _ := http.NewRequestWithContext(ctx, "GET", f.URL+"/", nil)
	response, err := b.Client(authorize(t, g, "crm.contact.read")).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Request != r {
		t.Error("the response's request is not the caller's")
	}
	mu.Lock()
	defer mu.Unlock()
	printed := traced.String() + fmt.Sprintf("%+v %+v %+v %+v", response.Request, response.Header, r, b.Client(authorize(t, g, "crm.contact.read")))
	if leaks(printed) {
		t.Errorf("the credential came back: %s", printed)
	}
	if f.arrivals()[0].Header.Get("X-Api-Key") != canary {
		t.Error("the credential did not arrive")
	}
}

// TestRedirectGetsNothing: another host, port or scheme, and the same one.
func TestRedirectGetsNothing(t *testing.T) {
	var evil atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { evil.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		f := farSide(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+"/"+canary)
			w.WriteHeader(status)
		})
		g, b := broker(t, f, &key{})
		_, err := b.Client(authorize(t, g, "crm.contact.read")).Get(f.URL + "/")
		if !errors.Is(err, auth.ErrUndeclared) || strings.Contains(err.Error(), canary) {
			t.Errorf("%d: Get = %v", status, err)
		}
		want := auth.ErrUndeclared
		if status < 304 {
			want = auth.ErrUnknown // the far side may mean that it was done
		}
		if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.open"), mapping.Document{}); !errors.Is(err, want) {
			t.Errorf("%d: Do = %v, want %v", status, err, want)
		}
	}
	if evil.Load() != 0 {
		t.Errorf("the other host got %d requests", evil.Load())
	}
}

// TestOnlyTheDeclaredRequestLeaves: origin, method, path, query, body, host and
// headers; nothing arrives of what is refused.
func TestOnlyTheDeclaredRequestLeaves(t *testing.T) {
	f := farSide(t, ok)
	g, b := broker(t, f, &key{})
	request := func(method, url string, body io.Reader, change func(*http.Request)) *http.Request {
		r, err := http.NewRequest(method, url, body)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(r)
		}
		return r
	}
	port := strings.TrimPrefix(f.URL, "https://127.0.0.1:")
	for name, r := range map[string]*http.Request{
		"another host":         request("GET", "https://localhost:"+port+"/", nil, nil),
		"another port":         request("GET", "https://127.0.0.1:1/", nil, nil),
		"plain http":           request("GET", "http://127.0.0.1:"+port+"/", nil, nil),
		"a user":               request("GET", "https://u:p@127.0.0.1:"+port+"/", nil, nil),
		"another method":       request("DELETE", f.URL+"/", nil, nil),
		"another path":         request("GET", f.URL+"/admin", nil, nil),
		"dots":                 request("GET", f.URL+"/x/../", nil, nil),
		"encoded dots":         request("GET", f.URL+"/%2e%2e/", nil, nil),
		"encoded slash":        request("GET", f.URL+"/%2f", nil, nil),
		"double slash":         request("GET", f.URL+"//", nil, nil),
		"semicolon":            request("GET", f.URL+"/;x=1", nil, nil),
		"query":                request("GET", f.URL+"/?id=1", nil, nil),
		"empty query":          request("GET", f.URL+"/?", nil, nil),
		"body":                 request("GET", f.URL+"/", strings.NewReader("x"), nil),
		"spoofed host":         request("GET", f.URL+"/", nil, func(r *http.Request) { r.Host = "internal.example" }),
		"opaque url":           request("GET", f.URL+"/", nil, func(r *http.Request) { r.URL.Opaque = "//evil.example/" }),
		"undeclared header":    request("GET", f.URL+"/", nil, func(r *http.Request) { r.Header.Set("X-National-Id", "1") }),
		"underscore header":    request("GET", f.URL+"/", nil, func(r *http.Request) { r.Header["X_Actor"] = []string{"root"} }),
		"trailer":              request("GET", f.URL+"/", nil, func(r *http.Request) { r.Trailer = http.Header{"X": nil} }),
		"underscore in opaque": request("POST", f.URL+"/in/1", nil, func(r *http.Request) { r.Header["X_Actor"] = []string{"root"} }),
		"place with a slash":   request("POST", f.URL+"/in/1/2", nil, nil),
		"empty place":          request("POST", f.URL+"/in/", nil, nil),
		"place with dots":      request("POST", f.URL+"/in/..", nil, nil),
	} {
		operation := "crm.contact.read"
		if r.Method == "POST" {
			operation = "crm.contact.push"
		}
		response, err := b.Client(authorize(t, g, operation)).Transport.RoundTrip(r)
		if !errors.Is(err, auth.ErrUndeclared) {
			t.Errorf("%s: %v", name, err)
		}
		if response != nil {
			response.Body.Close()
		}
	}
	if n := len(f.arrivals()); n != 0 {
		t.Errorf("%d requests arrived: %v", n, f.arrivals()[0].URL)
	}
	if _, err := b.Client(authorize(t, g, "crm.contact.reset")).Get(f.URL + "/reset"); !errors.Is(err, auth.ErrUndeclared) {
		t.Errorf("a privileged grant has a client: %v", err)
	}
}

// TestInboundCredentialsAreTakenOff, also in opaque requests.
func TestInboundCredentialsAreTakenOff(t *testing.T) {
	f := farSide(t, ok)
	g, b := broker(t, f, &key{})
	r, _ := http.NewRequest("POST", f.URL+"/in/4711?note=1", strings.NewReader("data"))
	for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Forwarded-For", "Forwarded", "X-Api-Key", "Upgrade", "Connection", "Te"} {
		r.Header.Set(name, "inbound")
	}
	r.Header.Set("Idempotency-Key", "k-1")
	response, err := b.Client(authorize(t, g, "crm.contact.push")).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	got := f.arrivals()[0]
	for name, values := range got.Header {
		for _, value := range values {
			if value == "inbound" {
				t.Errorf("%s passed", name)
			}
		}
	}
	if got.Header.Get("X-Api-Key") != canary || got.Header.Get("Idempotency-Key") != "k-1" || got.URL.RawQuery != "note=1" || got.ContentLength != 4 {
		t.Errorf("arrived %+v", got)
	}
}

// TestNothingOfTheCallersLeaves: an operation without input is no pipe, not even
// through the headers that clients set by themselves.
func TestNothingOfTheCallersLeaves(t *testing.T) {
	f := farSide(t, ok)
	g, b := broker(t, f, &key{})
	r, _ := http.NewRequest("GET", f.URL+"/", nil)
	for _, name := range []string{"User-Agent", "Accept-Language", "Accept", "Accept-Encoding"} {
		r.Header.Set(name, "national-id-850101-1234")
	}
	response, err := b.Client(authorize(t, g, "crm.contact.read")).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if arrived := fmt.Sprint(f.arrivals()[0].Header); strings.Contains(arrived, "850101") {
		t.Errorf("arrived: %s", arrived)
	}
}

// TestAnswersHaveAnEnd: one that nobody declared is empty, and none is endless.
func TestAnswersHaveAnEnd(t *testing.T) {
	f := farSide(t, func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	g, b := broker(t, f, &key{})
	for path, c := range map[string]struct {
		operation string
		want      error
		most      int64
	}{
		"/":      {"crm.contact.read", auth.ErrInvalid, 64 << 20},
		"/touch": {"crm.contact.touch", nil, 0},
	} {
		response, err := b.Client(authorize(t, g, c.operation)).Get(f.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if !errors.Is(err, c.want) || n > c.most {
			t.Errorf("%s: %d bytes, %v", c.operation, n, err)
		}
	}
}

// TestFreezeBeforeTheFirstByte: what was frozen while the credential was added is
// not sent.
func TestFreezeBeforeTheFirstByte(t *testing.T) {
	f := farSide(t, ok)
	var g *auth.Gate
	var b *auth.Broker
	g, b = broker(t, f, translator(func(context.Context, auth.Need) (auth.Material, error) {
		return bent{apply: func(*http.Request) error { return g.Freeze(context.Background()) }}, nil
	}))
	if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{}); !errors.Is(err, auth.ErrUnavailable) || len(f.arrivals()) != 0 {
		t.Errorf("Do = %v, %d arrived", err, len(f.arrivals()))
	}
}

// TestNoAmbientProxy: the environment has no say.
func TestNoAmbientProxy(t *testing.T) {
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	f := farSide(t, ok)
	g, b := broker(t, f, &key{})
	if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{}); err != nil || proxied.Load() != 0 {
		t.Errorf("Do = %v, %d through the proxy", err, proxied.Load())
	}
}

// TestOneCallIsOneTransmission: a reused connection that the server closes after it
// has read the request makes net/http send GET, and POST with an Idempotency-Key, a
// second time; attack 13. The server speaks HTTP/2 too where it may.
func TestOneCallIsOneTransmission(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		for operation, path := range map[string]string{"crm.contact.read": "/", "crm.contact.touch": "/touch", "crm.contact.open": "/", "crm.contact.push": "/in/1"} {
			t.Run(fmt.Sprint(operation, h2), func(t *testing.T) {
				var arrived, kill atomic.Int32
				f := farSideTLS(t, h2, func(w http.ResponseWriter, r *http.Request) {
					if kill.Load() == 0 {
						return // warms the connection
					}
					arrived.Add(1)
					if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
						_ = conn.Close()
						return
					}
					panic(http.ErrAbortHandler)
				})
				g, b := broker(t, f, &key{})
				client := b.Client(authorize(t, g, operation))
				call := func() error {
					method := "GET"
					if operation != "crm.contact.read" && operation != "crm.contact.touch" {
						method = "POST"
					}
					r, _ := http.NewRequest(method, f.URL+path, nil)
					if operation == "crm.contact.push" {
						r, _ = http.NewRequest(method, f.URL+path, strings.NewReader("data"))
						r.Header.Set("Idempotency-Key", "k-1")
					}
					response, err := client.Do(r)
					if err == nil {
						_, _ = io.Copy(io.Discard, response.Body)
						response.Body.Close()
					}
					return err
				}
				if err := call(); err != nil {
					t.Fatal(err)
				}
				kill.Store(1)
				if err := call(); err == nil {
					t.Error("nobody answered, and the call succeeded")
				}
				if n := arrived.Load(); n != 1 {
					t.Errorf("%d arrivals of one call", n)
				}
			})
		}
	}
}

// TestNetHTTPDoesResend shows that the danger is real: the same server, net/http
// alone. Should it fail one day, oneBody has become needless.
func TestNetHTTPDoesResend(t *testing.T) {
	var arrived, kill atomic.Int32
	f := farSideTLS(t, false, func(w http.ResponseWriter, r *http.Request) {
		if kill.Load() == 0 {
			return
		}
		arrived.Add(1)
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	})
	client := f.Client()
	for i := range 2 {
		response, err := client.Get(f.URL)
		if err == nil {
			response.Body.Close()
		}
		kill.Store(int32(i + 1))
	}
	if arrived.Load() < 2 {
		t.Errorf("net/http made %d transmissions", arrived.Load())
	}
}

func farSideTLS(t *testing.T, h2 bool, answer http.HandlerFunc) *far {
	t.Helper()
	f := farSide(t, answer)
	if !h2 {
		return f
	}
	server := httptest.NewUnstartedServer(f.Config.Handler)
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{Certificates: f.TLS.Certificates}
	server.StartTLS()
	t.Cleanup(server.Close)
	f.system.Origin = server.URL
	f.Server.URL = server.URL
	return f
}

// TestClientReadsErrors: for an SDK a status of 400 is an answer; the log has it as a
// failure.
func TestClientReadsErrors(t *testing.T) {
	f := farSide(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such thing", http.StatusNotFound) })
	g, b := broker(t, f, &key{})
	response, err := b.Client(authorize(t, g, "crm.contact.read")).Get(f.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 404 || !strings.Contains(string(text), "no such thing") {
		t.Errorf("%d %q %v", response.StatusCode, text, err)
	}
}

// TestNothingBeginsAfterTheCallerLeft: no credential is made, and nothing is sent, for
// somebody who does not wait for it.
func TestNothingBeginsAfterTheCallerLeft(t *testing.T) {
	f := farSide(t, ok)
	k := &key{}
	g, b := broker(t, f, k)
	grant := authorize(t, g, "crm.contact.read")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 200 {
		if _, err := b.Do(ctx, grant, mapping.Document{}); !errors.Is(err, context.Canceled) || !errors.Is(err, auth.ErrUnavailable) {
			t.Fatalf("Do = %v", err)
		}
	}
	if made, _ := k.counts(); made != 0 || len(f.arrivals()) != 0 {
		t.Errorf("%d credentials, %d arrivals", made, len(f.arrivals()))
	}
}

// TestCallEndsWithContext: the caller's deadline ends the call, and the error says
// whether something may have happened.
func TestCallEndsWithContext(t *testing.T) {
	hold := make(chan struct{})
	f := farSide(t, func(http.ResponseWriter, *http.Request) { <-hold })
	defer close(hold)
	g, b := broker(t, f, &key{})
	for operation, want := range map[string]error{"crm.contact.read": auth.ErrUnavailable, "crm.contact.open": auth.ErrUnknown} {
		grant := authorize(t, g, operation)
		ctx, cancel := context.WithCancel(t.Context())
		before := len(f.arrivals())
		go func() {
			for len(f.arrivals()) == before {
			}
			cancel()
		}()
		if _, err := b.Do(ctx, grant, mapping.Document{}); !errors.Is(err, want) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: Do = %v, want %v", operation, err, want)
		}
	}
}
