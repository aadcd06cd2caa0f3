package answer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth/internal/answer"
)

func TestTurnAway(t *testing.T) {
	for name, c := range map[string]struct {
		unavailable, presented bool
		status                 int
		challenge              string
	}{
		"nothing presented": {false, false, 401, "Bearer"},
		"a bad token":       {false, true, 401, `Bearer error="invalid_token"`},
		"nobody could tell": {true, true, 503, ""},
	} {
		w := httptest.NewRecorder()
		answer.TurnAway(w, c.unavailable, c.presented)
		if w.Code != c.status || w.Header().Get("WWW-Authenticate") != c.challenge {
			t.Errorf("%s: %d %q", name, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
}

// TestError: what the far side thinks of the service's own credential is not the caller's
// doing, and nothing of an error but its class leaves.
func TestError(t *testing.T) {
	for class, want := range map[string]struct{ near, far int }{
		"denied": {403, 502}, "expired": {401, 502}, "foreign": {500, 502}, "undeclared": {500, 502}, "invalid": {400, 502},
		"throttled": {503, 503}, "unavailable": {503, 503}, "unknown": {502, 502}, "": {500, 502},
	} {
		for far, status := range map[bool]int{false: want.near, true: want.far} {
			w := httptest.NewRecorder()
			w.Header().Set("Set-Cookie", "a=b")
			answer.Error{Class: class, Far: far}.Write(w)
			if w.Code != status || w.Body.String() != http.StatusText(status)+"\n" || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%q, far %v: %d %q", class, far, w.Code, w.Body)
			}
			if challenged := w.Header().Get("WWW-Authenticate") != ""; challenged != (status == 401) {
				t.Errorf("%q, far %v: %v", class, far, w.Header())
			}
		}
	}
	w := httptest.NewRecorder()
	answer.Error{Class: "denied", Challenge: "Bearer x"}.Write(w)
	if w.Code != 401 || w.Header().Get("WWW-Authenticate") != "Bearer x" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	answer.Error{Class: "throttled", Far: true, RetryAfter: 1500 * time.Millisecond}.Write(w)
	if w.Header().Get("Retry-After") != "2" {
		t.Errorf("%v", w.Header())
	}
}

// TestWatched: an informational answer is not the answer.
func TestWatched(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*answer.Watched)
		want bool
	}{
		"nothing":  {func(*answer.Watched) {}, false},
		"early":    {func(w *answer.Watched) { w.WriteHeader(103) }, false},
		"header":   {func(w *answer.Watched) { w.WriteHeader(204) }, true},
		"body":     {func(w *answer.Watched) { _, _ = w.Write([]byte("x")) }, true},
		"flush":    {func(w *answer.Watched) { _ = http.NewResponseController(w).Flush() }, true},
		"deadline": {func(w *answer.Watched) { _ = http.NewResponseController(w).SetReadDeadline(time.Time{}) }, false},
	} {
		w := &answer.Watched{ResponseWriter: httptest.NewRecorder()}
		if c.do(w); w.Wrote != c.want {
			t.Errorf("%s: %v", name, w.Wrote)
		}
	}
	inner := httptest.NewRecorder()
	if (&answer.Watched{ResponseWriter: inner}).Unwrap() != http.ResponseWriter(inner) {
		t.Error("the writer below is another")
	}
}
