package guard_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/failsafe/guard"
)

// far is a server that answers with each status in turn, the last for ever, and counts.
type far struct {
	*httptest.Server
	n      atomic.Int64
	bodies []string
}

func newFar(t *testing.T, statuses ...int) *far {
	t.Helper()
	f := &far{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.bodies = append(f.bodies, string(body))
		n := int(f.n.Add(1))
		w.WriteHeader(statuses[min(n, len(statuses))-1])
		_, _ = io.WriteString(w, "answer")
	}))
	t.Cleanup(f.Close)
	return f
}

func client(t *testing.T, o *guard.Options) (*http.Client, *guard.Guard) {
	t.Helper()
	g := newGuard(t, o)
	next := &http.Transport{}
	t.Cleanup(next.CloseIdleConnections)
	return &http.Client{Transport: g.Transport(next)}, g
}

// do sends a request and reads the answer.
func do(t *testing.T, c *http.Client, method, url string, body io.Reader) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, string(answer), err
}

func TestTransportRepeatsWhatIsIdempotent(t *testing.T) {
	for name, c := range map[string]struct {
		method   string
		body     io.Reader
		statuses []int
		status   int
		calls    int64
	}{
		"GET":                  {"GET", nil, []int{503, 502, 200}, 200, 3},
		"PUT":                  {"PUT", strings.NewReader("data"), []int{503, 200}, 200, 2},
		"PUT of a stream":      {"PUT", io.NopCloser(strings.NewReader("data")), []int{503, 200}, 503, 1},
		"DELETE":               {"DELETE", nil, []int{429, 204}, 204, 2},
		"POST":                 {"POST", strings.NewReader("data"), []int{503, 200}, 503, 1},
		"PATCH":                {"PATCH", strings.NewReader("data"), []int{503, 200}, 503, 1},
		"denied":               {"GET", nil, []int{403, 200}, 403, 1},
		"expired":              {"GET", nil, []int{401, 200}, 401, 1},
		"not found":            {"GET", nil, []int{404, 200}, 404, 1},
		"never":                {"GET", nil, []int{500}, 500, 3},
		"redirect is no fault": {"GET", nil, []int{304}, 304, 1},
	} {
		f := newFar(t, c.statuses...)
		hc, _ := client(t, nil)
		status, answer, err := do(t, hc, c.method, f.URL, c.body)
		if err != nil || status != c.status || f.n.Load() != c.calls || status >= 400 && answer != "answer" {
			t.Errorf("%s: %d %q after %d calls, %v", name, status, answer, f.n.Load(), err)
		}
		for _, body := range f.bodies {
			if c.body != nil && body != "data" {
				t.Errorf("%s: sent %q", name, body)
			}
		}
	}
}

// TestTransportOpens: what is open says so without a request; the answers that opened it
// were given to the callers.
func TestTransportOpens(t *testing.T) {
	f := newFar(t, 500)
	c, g := client(t, &guard.Options{Attempts: 1})
	for range 5 {
		if status, _, err := do(t, c, "GET", f.URL, nil); status != 500 || err != nil {
			t.Fatal(status, err)
		}
	}
	if _, _, err := do(t, c, "GET", f.URL, nil); !errors.Is(err, guard.ErrRejected) || guard.Classify(err) != guard.Rejected || g.State() != guard.Open || f.n.Load() != 5 {
		t.Errorf("%v after %d calls", err, f.n.Load())
	}
}

// TestTransportGivesTheLastAnswer also where the breaker opens between two attempts.
func TestTransportGivesTheLastAnswer(t *testing.T) {
	f := newFar(t, 503)
	c, _ := client(t, &guard.Options{Failures: 2, Attempts: 5})
	if status, answer, err := do(t, c, "GET", f.URL, nil); status != 503 || answer != "answer" || err != nil || f.n.Load() != 2 {
		t.Errorf("%d %q, %v after %d calls", status, answer, err, f.n.Load())
	}
}

// TestBodyOutlivesTheAttempt: the deadline of an attempt is for the headers; a body that
// comes slowly is read to its end, and ends with the caller's context.
func TestBodyOutlivesTheAttempt(t *testing.T) {
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/endless" {
			<-r.Context().Done()
			return
		}
		time.Sleep(300 * time.Millisecond)
		_, _ = io.WriteString(w, "late")
	}))
	defer f.Close()
	c, _ := client(t, &guard.Options{Attempt: 200 * time.Millisecond})
	if _, answer, err := do(t, c, "GET", f.URL, nil); answer != "late" || err != nil {
		t.Errorf("%q, %v", answer, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", f.URL+"/endless", nil)
	response, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := io.ReadAll(response.Body); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestAttemptEndsAHangingServer, and the next attempt is another one.
func TestAttemptEndsAHangingServer(t *testing.T) {
	var n atomic.Int64
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			<-r.Context().Done()
		}
	}))
	defer f.Close()
	c, _ := client(t, &guard.Options{Attempt: 200 * time.Millisecond})
	if status, _, err := do(t, c, "GET", f.URL, nil); status != 200 || err != nil || n.Load() != 2 {
		t.Errorf("%d, %v after %d calls", status, err, n.Load())
	}
	n.Store(0)
	_, _, err := do(t, c, "POST", f.URL, nil)
	if guard.Classify(err) != guard.Unknown || n.Load() != 1 {
		t.Errorf("%v after %d calls", err, n.Load())
	}
}

// refusing fails to bring its body a second time.
func TestBodyThatCannotBeHadAgain(t *testing.T) {
	f := newFar(t, 503, 200)
	c, _ := client(t, nil)
	r, _ := http.NewRequestWithContext(t.Context(), "PUT", f.URL, strings.NewReader("data"))
	gone := errors.New("gone")
	r.GetBody = func() (io.ReadCloser, error) { return nil, gone }
	if _, err := c.Do(r); !errors.Is(err, gone) || f.n.Load() != 0 {
		t.Errorf("%v after %d calls", err, f.n.Load())
	}
}
