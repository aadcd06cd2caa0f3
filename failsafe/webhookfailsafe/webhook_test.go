package webhookfailsafe_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/failsafe/webhookfailsafe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ failsafe.Alerter = webhookfailsafe.Webhook{}

const canary = "canary-5dA9x"

var alert = failsafe.Alert{ID: "a1", Workflow: "new-hire", Run: "hire-7", Step: "payroll", Reason: "stuck", Since: time.Unix(1, 0)}

// endpoint answers with a status, and counts.
func endpoint(t *testing.T, answer http.HandlerFunc) (hook webhookfailsafe.Webhook, arrived *atomic.Int64) {
	t.Helper()
	arrived = new(atomic.Int64)
	far := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { arrived.Add(1); answer(w, r) }))
	t.Cleanup(far.Close)
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	return webhookfailsafe.Webhook{URL: far.URL + "/hook?room=" + canary, TLS: &tls.Config{RootCAs: roots}}, arrived
}

// TestWhatIsDelivered: 2xx, and nothing else, and no error has a value.
func TestWhatIsDelivered(t *testing.T) {
	for status, want := range map[int]error{
		200: nil, 202: nil, 204: nil, 299: nil, 300: auth.ErrUnavailable, 304: auth.ErrUnavailable, 400: auth.ErrUnavailable, 401: auth.ErrDenied,
		403: auth.ErrDenied, 404: auth.ErrUnavailable, 429: auth.ErrThrottled, 500: auth.ErrUnavailable, 503: auth.ErrUnavailable,
	} {
		hook, arrived := endpoint(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		err := hook.Alert(t.Context(), alert)
		if !errors.Is(err, want) || arrived.Load() != 1 {
			t.Errorf("%d: %v, %d arrived", status, err, arrived.Load())
		}
		if err != nil && (strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "127.0.0.1")) {
			t.Errorf("%d: %v has a value", status, err)
		}
	}
}

// TestNoRedirect is followed: the header would go along.
func TestNoRedirect(t *testing.T) {
	other, elsewhere := endpoint(t, func(http.ResponseWriter, *http.Request) {})
	for _, status := range []int{301, 302, 303, 307, 308} {
		hook, _ := endpoint(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		hook.Authorization = auth.NewSecret([]byte("Bearer " + canary))
		if err := hook.Alert(t.Context(), alert); !errors.Is(err, auth.ErrUnavailable) || elsewhere.Load() != 0 {
			t.Errorf("%d: %v, %d elsewhere", status, err, elsewhere.Load())
		}
	}
}

// TestNoProxyOfTheEnvironment is used.
func TestNoProxyOfTheEnvironment(t *testing.T) {
	asked := new(atomic.Int64)
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("https_proxy", proxy.URL)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := (webhookfailsafe.Webhook{URL: "https://alerts.invalid"}).Alert(ctx, alert); err == nil || asked.Load() != 0 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
}

// TestTheRequest has the id twice, the header where there is one, and a connection of its own.
func TestTheRequest(t *testing.T) {
	from := map[string]bool{}
	var asked []string
	hook, _ := endpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		from[r.RemoteAddr] = true
		asked = append(asked, fmt.Sprint(r.Method, " ", r.URL.Path, " ", r.Header.Get("Idempotency-Key"), " ", r.Header.Get("Content-Type"), " ", r.Header.Get("Authorization"), r.Close))
	})
	if err := hook.Alert(t.Context(), alert); err != nil {
		t.Fatal(err)
	}
	hook.Authorization = auth.NewSecret([]byte("Bearer t"))
	if err := hook.Alert(t.Context(), alert); err != nil {
		t.Fatal(err)
	}
	want := []string{"POST /hook a1 application/json true", "POST /hook a1 application/json Bearer ttrue"}
	if strings.Join(asked, "|") != strings.Join(want, "|") || len(from) != 2 {
		t.Errorf("got %q from %d connections, want %q", asked, len(from), want)
	}
	if text := fmt.Sprintf("%+v", webhookfailsafe.Webhook{Authorization: auth.NewSecret([]byte(canary))}); strings.Contains(text, canary) {
		t.Error("printed")
	}
}

// TestWipedAuthorization: what was wiped, with its lease, is not none, and nothing goes
// without it.
func TestWipedAuthorization(t *testing.T) {
	hook, arrived := endpoint(t, func(http.ResponseWriter, *http.Request) {})
	hook.Authorization = auth.NewSecret([]byte("Bearer t"))
	hook.Authorization.Wipe()
	if err := errors.Join(hook.Check(), hook.Alert(t.Context(), alert)); !errors.Is(err, auth.ErrExpired) || arrived.Load() != 0 {
		t.Errorf("%v, %d arrived", err, arrived.Load())
	}
}

// TestNobodyAnswers: no connection, a certificate that nobody vouches for, and one that
// takes its time.
func TestNobodyAnswers(t *testing.T) {
	stranger, arrived := endpoint(t, func(http.ResponseWriter, *http.Request) {})
	stranger.TLS = nil
	nobody := webhookfailsafe.Webhook{URL: "http://127.0.0.1:1/" + canary}
	for name, hook := range map[string]webhookfailsafe.Webhook{"a stranger": stranger, "nobody": nobody} {
		if err := hook.Alert(t.Context(), alert); !errors.Is(err, auth.ErrUnavailable) || strings.Contains(err.Error(), canary) || arrived.Load() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	slow, _ := endpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or net/http does not see that the other side leaves
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // what returns has answered 200, which may arrive while the other side closes
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := slow.Alert(ctx, alert); err != context.DeadlineExceeded {
		t.Errorf("slow: %v", err)
	}
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if err := (webhookfailsafe.Webhook{URL: strings.Replace(plain.URL, "127.0.0.1", host, 1)}).Alert(t.Context(), alert); err != nil {
			t.Errorf("http on %s: %v", host, err)
		}
	}
}

func TestCheck(t *testing.T) {
	const good = "https://alerts.acme.example/carnet?room=7"
	if err := (webhookfailsafe.Webhook{URL: good, Authorization: auth.NewSecret([]byte("Bearer x"))}).Check(); err != nil {
		t.Error(err)
	}
	if err := (webhookfailsafe.Webhook{URL: "http://[::1]:8080"}).Check(); err != nil {
		t.Error(err)
	}
	for name, hook := range map[string]webhookfailsafe.Webhook{
		"zero":           {},
		"http":           {URL: "http://alerts.acme.example"},
		"http by number": {URL: "http://10.0.0.1"},
		"another scheme": {URL: "ftp://alerts.acme.example"},
		"no host":        {URL: "https:///x"},
		"a user":         {URL: "https://u:" + canary + "@alerts.acme.example"},
		"a fragment":     {URL: good + "#" + canary},
		"not one":        {URL: "https://a b/%zz" + canary},
		"two lines":      {URL: good, Authorization: auth.NewSecret([]byte("Bearer " + canary + "\r\nX: y"))},
		"not ASCII":      {URL: good, Authorization: auth.NewSecret([]byte("Bearer é" + canary))},
		"a blank":        {URL: good, Authorization: auth.NewSecret([]byte(canary + " "))},
		"no one at all":  {URL: good, TLS: &tls.Config{InsecureSkipVerify: true}},
	} {
		if err := hook.Check(); !errors.Is(err, auth.ErrInvalid) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
		}
		if err := hook.Alert(t.Context(), alert); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s, alert: %v", name, err)
		}
	}
	hook, arrived := endpoint(t, func(http.ResponseWriter, *http.Request) {})
	never := alert
	never.Since = time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC) // no RFC 3339
	if err := hook.Alert(t.Context(), never); !errors.Is(err, auth.ErrInvalid) || arrived.Load() != 0 {
		t.Errorf("a year of five digits: %v", err)
	}
}
