package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
)

func TestHandlerAnswers(t *testing.T) {
	stepUp := &auth.DeniedError{Rule: "mfa", Needs: []auth.Obligation{{Kind: auth.NeedAssurance, ACR: []string{"mfa"}, MaxAge: 15 * time.Minute}}}
	for name, c := range map[string]struct {
		authorization string
		err           error
		status        int
		challenge     string
	}{
		"admitted":          {"Bearer t", nil, 200, ""},
		"nothing":           {"", nil, 401, "Bearer"},
		"basic":             {"Basic dTpw", nil, 401, "Bearer"},
		"empty bearer":      {"Bearer ", nil, 401, `Bearer error="invalid_token"`},
		"denied":            {"Bearer t", &auth.DeniedError{}, 403, ""},
		"step up":           {"Bearer t", stepUp, 401, `Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="900"`},
		"expired":           {"Bearer t", auth.ErrExpired, 401, `Bearer error="invalid_token"`},
		"bad input":         {"Bearer t", auth.ErrInvalid, 400, ""},
		"undeclared":        {"Bearer t", auth.ErrUndeclared, 500, ""},
		"own bug":           {"Bearer t", errors.New(canary), 500, ""},
		"far key is denied": {"Bearer t", &auth.FailedError{Side: auth.ErrDenied, System: "crm", Status: 403}, 502, ""},
		"far side away":     {"Bearer t", &auth.FailedError{Side: auth.ErrUnavailable, System: "crm", Status: 503}, 503, ""},
		"far side unknown":  {"Bearer t", &auth.FailedError{Side: auth.ErrUnknown, System: "crm", Status: 500}, 502, ""},
		"far key refused":   {"Bearer t", &auth.FailedError{Side: auth.ErrExpired, System: "crm", Status: 401}, 502, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := gate(t, decider(allow), crm())
			h := g.Handler(func(w http.ResponseWriter, _ *http.Request, p auth.Principal) error {
				if p.Identity().Subject != "alice" {
					t.Errorf("admitted %q", p.Identity().Subject)
				}
				return c.err
			})
			r := httptest.NewRequest("GET", "/", nil)
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status || w.Header().Get("WWW-Authenticate") != c.challenge || strings.Contains(w.Body.String(), canary) {
				t.Errorf("%d, %q, %q", w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
			}
		})
	}
}

func TestHandlerKeepsWhatWasWritten(t *testing.T) {
	g := gate(t, decider(allow), crm())
	for name, fn := range map[string]func(http.ResponseWriter){
		"status": func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) },
		"body":   func(w http.ResponseWriter) { _, _ = w.Write([]byte("x")) },
		"flush":  func(w http.ResponseWriter) { w.WriteHeader(202); _ = http.NewResponseController(w).Flush() },
	} {
		h := g.Handler(func(w http.ResponseWriter, _ *http.Request, _ auth.Principal) error {
			fn(w)
			return auth.ErrDenied
		})
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer t")
		h.ServeHTTP(w, r)
		if w.Code >= 400 || strings.Contains(w.Body.String(), "Forbidden") {
			t.Errorf("%s: %d %q", name, w.Code, w.Body)
		}
	}
}

func TestHandlerSaysThatItCannotTell(t *testing.T) {
	b := bounded(t, decider(allow), crm())
	g := authtest.Gate(t, b, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	_ = g.Freeze(t.Context())
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer t")
	g.Handler(func(_ http.ResponseWriter, r *http.Request, p auth.Principal) error {
		_, err := g.Authorize(r.Context(), p, "crm.contact.read")
		return err
	}).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("a frozen gate answers %d", w.Code)
	}
}

func TestRetryAfterReachesTheCaller(t *testing.T) {
	g := gate(t, decider(allow), crm())
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer t")
	g.Handler(func(http.ResponseWriter, *http.Request, auth.Principal) error {
		return &auth.FailedError{Side: auth.ErrThrottled, System: "crm", Status: 429, RetryAfter: 1500 * time.Millisecond}
	}).ServeHTTP(w, r)
	if w.Code != 503 || w.Header().Get("Retry-After") != "2" {
		t.Errorf("%d, %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestFromRequest(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		token   string
	}{
		"bearer":      {[]string{"Bearer abc"}, "abc"},
		"lower case":  {[]string{"bearer abc"}, "abc"},
		"none":        {nil, ""},
		"two headers": {[]string{"Bearer abc", "Bearer def"}, ""},
		"basic":       {[]string{"Basic abc"}, ""},
		"no space":    {[]string{"Bearerabc"}, ""},
		"scheme only": {[]string{"Bearer"}, ""},
	} {
		r := httptest.NewRequest("POST", "/?access_token=query", strings.NewReader("access_token=body"))
		r.Header["Authorization"] = c.headers
		p := auth.FromRequest(r)
		if got := p.Scheme == auth.SchemeBearer && p.Secret.Equal([]byte(c.token)); got != (c.token != "") {
			t.Errorf("%s: %v", name, p.Scheme)
		}
	}
}
