package webhookaudit_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/audittest"
	"github.com/carnet-go/carnet/audit/webhookaudit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "canary-5dA9x"

// endpoint is a far side that keeps lines; acks says how many of a batch it has.
func endpoint(t testing.TB, r *audittest.Receiver, acks bool) webhookaudit.Webhook {
	url := r.HTTP(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		first, err := strconv.ParseInt(q.Header.Get("Carnet-First"), 10, 64)
		if err != nil {
			t.Error(err)
		}
		n := int64(0)
		for line := range bytes.Lines(body) {
			switch err := r.Take(q.Context(), q.Header.Get("Carnet-Origin"), first+n, bytes.TrimSuffix(line, []byte("\n"))); {
			case err == nil:
				n++
				continue
			case errors.Is(err, audittest.ErrLost):
				panic(http.ErrAbortHandler)
			case !acks:
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			break
		}
		if acks {
			fmt.Fprintf(w, `{"acked":%d}`, n)
		}
	})
	return webhookaudit.Webhook{URL: url + "/hook?room=" + canary, TLS: r.TLS(), Acknowledges: acks}
}

func TestConformance(t *testing.T) {
	t.Run("status", func(t *testing.T) {
		audittest.Run(t, func(t testing.TB, r *audittest.Receiver) audit.Sink { return endpoint(t, r, false) })
	})
	t.Run("acknowledged", func(t *testing.T) {
		audittest.Run(t, func(t testing.TB, r *audittest.Receiver) audit.Sink { return endpoint(t, r, true) })
	})
}

func entries(n int) []audit.Entry {
	var list []audit.Entry
	for i := range n {
		list = append(list, audit.Entry{Origin: "acme.example/hr/a", Index: 42 + int64(i), Line: fmt.Appendf(nil, `{"line":"<%d>"}`, i), Time: time.UnixMilli(1764150000123).UTC()})
	}
	return list
}

// far is an endpoint that answers as a test says, and what arrived there.
func far(t *testing.T, answer http.HandlerFunc) (hook webhookaudit.Webhook, arrived *atomic.Int64) {
	t.Helper()
	arrived = new(atomic.Int64)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { arrived.Add(1); answer(w, r) }))
	t.Cleanup(server.Close)
	return webhookaudit.Webhook{URL: server.URL + "/hook?room=" + canary, TLS: server.Client().Transport.(*http.Transport).TLSClientConfig}, arrived
}

// refused is the class and the delay of a delivery of which nothing counts.
func refused(t *testing.T, to audit.Sink) (string, time.Duration) {
	t.Helper()
	n, err := to.Deliver(t.Context(), entries(3))
	e, ok := errors.AsType[*audit.SinkError](err)
	if !ok || n != 0 {
		t.Fatalf("%d count, %v", n, err)
	}
	if text := err.Error(); strings.Contains(text, canary) || strings.Contains(text, "127.0.0.1") {
		t.Errorf("%v has a value", err)
	}
	return e.Class, e.After
}

// TestTheRequest is the lines, with all that a far side needs to keep each once.
func TestTheRequest(t *testing.T) {
	from := map[string]bool{}
	var asked []string
	hook, _ := far(t, func(_ http.ResponseWriter, r *http.Request) {
		from[r.RemoteAddr] = true
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, fmt.Sprintf("%s %s %s|%s|%s|%s|%s|%s\n%s", r.Method, r.URL, r.Header.Get("Carnet-Origin"), r.Header.Get("Carnet-First"),
			r.Header.Get("Carnet-Count"), r.Header.Get("Idempotency-Key"), r.Header.Get("Content-Type"), r.Header.Get("Authorization"), body))
	})
	hook.Authorization = func(context.Context) (string, error) { return "Bearer t", nil }
	for range 2 {
		if n, err := hook.Deliver(t.Context(), entries(2)); n != 2 || err != nil {
			t.Fatal(n, err)
		}
	}
	want := "POST /hook?room=" + canary + " acme.example/hr/a|42|2|acme.example/hr/a/42+2|application/x-ndjson|Bearer t\n{\"line\":\"<0>\"}\n{\"line\":\"<1>\"}\n"
	if len(asked) != 2 || asked[0] != want || asked[1] != want || len(from) != 2 {
		t.Errorf("got %q from %d connections\nwant %q", asked, len(from), want)
	}
	if n, err := hook.Deliver(t.Context(), nil); n != 0 || err != nil || len(asked) != 2 {
		t.Error("nothing was posted")
	}
}

// TestWhatIsDelivered: 2xx, and nothing else; what else there is has a class and a delay.
func TestWhatIsDelivered(t *testing.T) {
	for status, want := range map[int]string{
		200: "", 202: "", 204: "", 299: "", 300: "invalid", 304: "invalid", 400: "invalid", 401: "denied", 403: "denied", 404: "invalid",
		408: "unavailable", 413: "invalid", 429: "throttled", 500: "unavailable", 503: "unavailable",
	} {
		hook, arrived := far(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		})
		if want == "" {
			if n, err := hook.Deliver(t.Context(), entries(3)); n != 3 || err != nil {
				t.Errorf("%d: %d, %v", status, n, err)
			}
		} else if class, after := refused(t, hook); class != want || after != 7*time.Second {
			t.Errorf("%d: %s after %v, want %s", status, class, after, want)
		}
		if arrived.Load() != 1 {
			t.Errorf("%d: %d arrived", status, arrived.Load())
		}
	}
}

// TestRetryAfter is seconds or a date, and what is neither is nothing.
func TestRetryAfter(t *testing.T) {
	for value, want := range map[string][2]time.Duration{
		"":    {},
		"120": {2 * time.Minute, 2 * time.Minute}, "-1": {}, "soon": {}, "99999999999": {24 * time.Hour, 24 * time.Hour}, "1.5": {},
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):  {59 * time.Minute, time.Hour},
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): {},
	} {
		hook, _ := far(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		if _, after := refused(t, hook); after < want[0] || after > want[1] {
			t.Errorf("%q: %v, want %v", value, after, want)
		}
	}
}

// TestNoRedirect is followed: the header and the lines would go along.
func TestNoRedirect(t *testing.T) {
	other, elsewhere := far(t, func(http.ResponseWriter, *http.Request) {})
	for _, status := range []int{301, 302, 303, 307, 308} {
		hook, _ := far(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if class, _ := refused(t, hook); class != "invalid" || elsewhere.Load() != 0 {
			t.Errorf("%d: %s, %d elsewhere", status, class, elsewhere.Load())
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
	if _, err := (webhookaudit.Webhook{URL: "https://siem.invalid"}).Deliver(ctx, entries(1)); err == nil || asked.Load() != 0 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
}

// TestAcknowledgements: what is no {"acked":n} of the batch is none.
func TestAcknowledgements(t *testing.T) {
	for answer, want := range map[string]struct {
		n     int
		class string
	}{
		`{"acked":3}`: {3, ""}, `{"acked":2}`: {2, ""}, `{"acked":0}`: {0, "throttled"},
		`{"acked":4}`: {0, "invalid"}, `{"acked":-1}`: {0, "invalid"}, `{"acked":"3"}`: {0, "invalid"}, `{"acked":1.5}`: {0, "invalid"},
		``: {0, "invalid"}, `{}`: {0, "invalid"}, `null`: {0, "invalid"}, `3`: {0, "invalid"}, `{"acked":3}{}`: {0, "invalid"}, `<html>` + canary: {0, "invalid"},
		`{"acked":3}` + strings.Repeat(" ", 1<<20): {0, "invalid"},
	} {
		hook, _ := far(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) })
		hook.Acknowledges = true
		if want.class == "" {
			if n, err := hook.Deliver(t.Context(), entries(3)); n != want.n || err != nil {
				t.Errorf("%.40s: %d, %v", answer, n, err)
			}
		} else if class, _ := refused(t, hook); class != want.class {
			t.Errorf("%.40s: %s, want %s", answer, class, want.class)
		}
	}
	endless, _ := far(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte(" "), 4096)); err != nil {
				return
			}
		}
	})
	endless.Acknowledges = true
	if class, _ := refused(t, endless); class != "invalid" {
		t.Error(class)
	}
}

// TestSecrets are asked for each time, and stand nowhere.
func TestSecrets(t *testing.T) {
	hook, arrived := far(t, func(http.ResponseWriter, *http.Request) {})
	for name, c := range map[string]struct {
		value string
		err   error
		want  string
	}{
		"two lines": {"Bearer " + canary + "\r\nX: y", nil, "invalid"}, "not ASCII": {"é" + canary, nil, "invalid"}, "a blank": {canary + " ", nil, "invalid"},
		"none": {"", nil, "invalid"}, "an error": {"", errors.New(canary), "unavailable"},
	} {
		hook.Authorization = func(context.Context) (string, error) { return c.value, c.err }
		if class, _ := refused(t, hook); class != c.want || arrived.Load() != 0 {
			t.Errorf("%s: %s, want %s, %d arrived", name, class, c.want, arrived.Load())
		}
	}
	token := func(context.Context) (string, error) { return canary, nil }
	hook.URL = ""
	if text := fmt.Sprintf("%+v %#v %+v", hook, webhookaudit.Webhook{Authorization: token}, webhookaudit.HEC{Token: token}); strings.Contains(text, canary) {
		t.Error("printed")
	}
}

func TestCheck(t *testing.T) {
	const good = "https://siem.acme.example/carnet?room=7"
	for _, url := range []string{good, "http://[::1]:8080", "http://localhost", "http://127.0.0.1:1/x"} {
		if err := (webhookaudit.Webhook{URL: url, TLS: &tls.Config{MinVersion: tls.VersionTLS13}}).Check(); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for name, hook := range map[string]webhookaudit.Webhook{
		"zero":           {},
		"http":           {URL: "http://siem.acme.example"},
		"http by number": {URL: "http://10.0.0.1"},
		"another scheme": {URL: "ftp://siem.acme.example"},
		"no host":        {URL: "https:///x"},
		"a user":         {URL: "https://u:" + canary + "@siem.acme.example"},
		"a fragment":     {URL: good + "#" + canary},
		"not one":        {URL: "https://a b/%zz" + canary},
		"no one at all":  {URL: good, TLS: &tls.Config{InsecureSkipVerify: true}},
		"TLS 1.1":        {URL: good, TLS: &tls.Config{MinVersion: tls.VersionTLS11}},
		"TLS 1.0 only":   {URL: good, TLS: &tls.Config{MaxVersion: tls.VersionTLS10}},
	} {
		e, ok := errors.AsType[*audit.SinkError](hook.Check())
		if !ok || e.Class != "invalid" {
			t.Errorf("%s: %v", name, hook.Check())
		}
		if class, _ := refused(t, hook); class != "invalid" {
			t.Errorf("%s, delivery: %s", name, class)
		}
	}
}
