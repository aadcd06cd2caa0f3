package wire_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth/internal/wire"
)

// TestSide: what may have been done is never called undone, and what cannot have been is
// not left open.
func TestSide(t *testing.T) {
	for status, want := range map[int]struct{ read, idempotent, once string }{
		200: {"", "", ""}, 204: {"", "", ""},
		301: {"undeclared", "unknown", "unknown"}, 303: {"undeclared", "unknown", "unknown"}, 304: {"undeclared", "unknown", "unknown"},
		307: {"undeclared", "undeclared", "undeclared"}, 308: {"undeclared", "undeclared", "undeclared"},
		400: {"invalid", "invalid", "invalid"}, 401: {"expired", "expired", "expired"}, 403: {"denied", "denied", "denied"},
		404: {"invalid", "invalid", "invalid"}, 407: {"denied", "denied", "denied"}, 429: {"throttled", "throttled", "throttled"},
		500: {"unavailable", "unknown", "unknown"}, 502: {"unavailable", "unknown", "unknown"}, 503: {"unavailable", "unavailable", "unknown"},
	} {
		got := struct{ read, idempotent, once string }{
			wire.Side(status, status == 401, true, false), wire.Side(status, status == 401, false, false), wire.Side(status, status == 401, false, true),
		}
		if got != want {
			t.Errorf("%d: %+v, want %+v", status, got, want)
		}
	}
	for status, once := range map[int]bool{200: false, 302: false, 307: false} {
		if got := wire.Side(status, true, false, once); got != "expired" {
			t.Errorf("%d with a credential that was refused: %s", status, got)
		}
		if got := wire.Side(status, true, false, true); got != "unknown" {
			t.Errorf("%d of a call that must not be made twice: %s", status, got)
		}
	}
}

func TestChallenge(t *testing.T) {
	for want, got := range map[string]string{
		`Bearer error="insufficient_user_authentication"`:                               wire.Challenge(nil, 0),
		`Bearer error="insufficient_user_authentication", acr_values="a b"`:             wire.Challenge([]string{"a", "b"}, 0),
		`Bearer error="insufficient_user_authentication", acr_values="a", max_age="90"`: wire.Challenge([]string{"a"}, 90*time.Second),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestBearer(t *testing.T) {
	for value, want := range map[string]string{"Bearer a": "a", "bearer  a ": "a", "BEARER a": "a", "Basic a": "", "Bearer": "", "": ""} {
		got, ok := wire.Bearer(http.Header{"Authorization": {value}})
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %v", value, got, ok)
		}
	}
	if _, ok := wire.Bearer(http.Header{"Authorization": {"Bearer a", "Bearer b"}}); ok {
		t.Error("of two tokens one is taken")
	}
}

func TestMayHold(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Unit": true, "x-unit": true, "Idempotency-Key": true, "": false, "X_Unit": false, "Authorization": false, "cookie": false, "Host": false,
		"Content-Type": false, "content-encoding": false, "X-Forwarded-For": false, "Proxy-Authorization": false, "Accept": false,
		"X-Http-Method-Override": false, "Transfer-Encoding": false,
	} {
		if wire.MayHold(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

type judge struct {
	says   bool
	panics bool
	seen   *http.Response
}

func (j *judge) Refused(r *http.Response) bool {
	if j.panics {
		panic("secret")
	}
	j.seen = r
	return j.says
}

// TestRefused: 401 is one, what material says is one, and so is a panic of it. It sees
// status and headers, and cannot change them.
func TestRefused(t *testing.T) {
	answer := func(status int) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"A": {"b"}}, Body: io.NopCloser(strings.NewReader("x")), Request: &http.Request{}}
	}
	yes, no := &judge{says: true}, &judge{}
	for _, c := range []struct {
		material any
		status   int
		want     bool
	}{{nil, 401, true}, {no, 401, true}, {nil, 302, false}, {no, 302, false}, {yes, 302, true}, {yes, 200, true}, {&judge{panics: true}, 200, true}} {
		if got := wire.Refused(answer(c.status), c.material); got != c.want {
			t.Errorf("%T, %d: %v", c.material, c.status, got)
		}
	}
	if yes.seen.Body != nil || yes.seen.Request != nil || yes.seen.Header.Get("A") != "b" {
		t.Errorf("it saw %+v", yes.seen)
	}
	r := answer(200)
	wire.Refused(r, yes)
	if yes.seen.Header.Set("A", "c"); r.Header.Get("A") != "b" {
		t.Error("it changed the answer")
	}
}

// TestHeaders: of all that may be done to the request, its headers alone count.
func TestHeaders(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "https://crm.example/a", strings.NewReader("x"))
	h, err := wire.Headers(r, func(shown *http.Request) error {
		if shown.Body != nil {
			t.Error("it sees the body")
		}
		shown.Method, shown.URL.Host, shown.Host = "DELETE", "evil.example", "evil.example"
		shown.Header.Set("X-Api-Key", "k")
		return nil
	})
	if err != nil || h.Get("X-Api-Key") != "k" || r.Header.Get("X-Api-Key") != "" || r.Method != "POST" || r.URL.Host != "crm.example" || r.Host != "crm.example" {
		t.Errorf("%v, %v, %s %s", h, err, r.Method, r.URL)
	}
	wrong := errors.New("wrong")
	if _, err := wire.Headers(r, func(*http.Request) error { return wrong }); err != wrong {
		t.Errorf("%v", err)
	}
	if h, err := wire.Headers(r, func(*http.Request) error { panic("secret") }); h != nil || err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v, %v", h, err)
	}
}

type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error { c.closed++; return nil }

func TestStreamIsJudged(t *testing.T) {
	wrong := errors.New("wrong")
	for name, c := range map[string]struct {
		judge func(long bool, err error) error
		want  string
		err   error
	}{
		"goes on":     {func(_ bool, err error) error { return err }, "0123456789", nil},
		"is too long": {func(long bool, err error) error { return map[bool]error{true: wrong, false: err}[long] }, "0123", wrong},
		"is cut":      {func(bool, error) error { return wrong }, "", wrong},
	} {
		body, left := &closing{Reader: strings.NewReader("0123456789")}, 0
		s := &wire.Stream{ReadCloser: body, Most: 5, Judge: c.judge, Leave: func() { left++ }}
		var read strings.Builder
		var err error
		for part := make([]byte, 2); err == nil; {
			var n int
			n, err = s.Read(part)
			read.Write(part[:n])
		}
		if err == io.EOF {
			err = nil
		}
		if read.String() != c.want || err != c.err {
			t.Errorf("%s: %q, %v", name, &read, err)
		}
		if s.Close() != nil || body.closed != 1 || left != 1 {
			t.Errorf("%s: closed %d, left %d", name, body.closed, left)
		}
	}
}

func TestUndescribed(t *testing.T) {
	body := &closing{Reader: strings.NewReader("secret")}
	r := &http.Response{StatusCode: 500, ContentLength: 6, Body: body, Header: http.Header{
		"Retry-After": {"7"}, "Allow": {"GET"}, "Date": {"d"}, "Location": {"secret"}, "Etag": {"secret"}, "Www-Authenticate": {"secret"},
	}}
	wire.Undescribed(r)
	if raw, _ := io.ReadAll(r.Body); len(raw) > 0 || r.ContentLength != 0 || body.closed != 1 || len(r.Header) != 3 || r.Header.Get("Retry-After") != "7" {
		t.Errorf("%q %+v", raw, r)
	}
}
