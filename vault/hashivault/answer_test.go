package hashivault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
)

// TestBadAnswers: whatever is not one answer in one reading is none.
func TestBadAnswers(t *testing.T) {
	replace := func(old, with string) string { return strings.Replace(kvAnswer, old, with, 1) }
	for name, handler := range map[string]http.HandlerFunc{
		"empty":            ok(""),
		"not JSON":         ok("<html>"),
		"a list":           ok("[]"),
		"text":             ok(`"x"`),
		"trailing data":    ok(kvAnswer + "{}"),
		"duplicate member": ok(replace(`"lease_id":""`, `"lease_id":"","lease_id":""`)),
		"duplicate data":   ok(replace(`"auth":null`, `"data":null`)),
		"duplicate field":  ok(replace(`"k":"v"`, `"k":"v","\u006b":"w"`)),
		"HTML type":        say(200, "text/html", kvAnswer),
		"no type":          say(200, "", kvAnswer),
		"two types": func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = []string{jsonType, jsonType}
			_, _ = w.Write([]byte(kvAnswer))
		},
		"a number as field":    ok(replace(`"v"`, `1`)),
		"a boolean as field":   ok(replace(`"v"`, `true`)),
		"an object as field":   ok(replace(`"v"`, `{"a":"b"}`)),
		"null as field":        ok(replace(`"v"`, `null`)),
		"a field without name": ok(replace(`"k"`, `""`)),
		"no field":             ok(replace(`"k":"v"`, ``)),
		"half a surrogate":     ok(replace(`"v"`, `"\ud800"`)),
		"no UTF-8":             ok(replace(`"v"`, "\"\xff\"")),
		"data is text":         ok(replace(`{"data"`, `"x","y":{"data"`)),
		"version is text":      ok(replace(`"version":1`, `"version":"1"`)),
		"version is zero":      ok(replace(`"version":1`, `"version":0`)),
		"version is missing":   ok(replace(`"version":1,`, ``)),
		"deletion_time":        ok(replace(`"deletion_time":""`, `"deletion_time":"soon"`)),
		"deletion_time number": ok(replace(`"deletion_time":""`, `"deletion_time":1`)),
		"lease_id is a number": ok(replace(`"lease_id":""`, `"lease_id":1`)),
		"duration negative":    ok(replace(`"lease_duration":0`, `"lease_duration":-1`)),
		"duration huge":        ok(replace(`"lease_duration":0`, `"lease_duration":1000000001`)),
		"duration overflows":   ok(replace(`"lease_duration":0`, `"lease_duration":18446744073709551617`)),
		"duration fraction":    ok(replace(`"lease_duration":0`, `"lease_duration":1.5`)),
		"duration exponent":    ok(replace(`"lease_duration":0`, `"lease_duration":1e3`)),
		"duration text":        ok(replace(`"lease_duration":0`, `"lease_duration":"60"`)),
		"too long":             ok(strings.Replace(kvAnswer, `"v"`, `"`+strings.Repeat("v", 1<<20)+`"`, 1)),
		"too long, unsaid":     endless(kvAnswer),
		"204 with nothing":     say(204, jsonType, ""),
		"created":              say(201, jsonType, "x"),
	} {
		t.Run(name, func(t *testing.T) {
			issued, err := stubbed(t, map[string]http.HandlerFunc{kvPath: handler}).Issue(t.Context(), "secret/app")
			if !errors.Is(err, auth.ErrInvalid) || issued.Fields != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	issued, err := stubbed(t, map[string]http.HandlerFunc{kvPath: say(200, "application/json; charset=utf-8", kvAnswer)}).Issue(t.Context(), "secret/app")
	if err != nil || !issued.Fields["k"].Equal([]byte("v")) || issued.Version != "1" {
		t.Errorf("the good one: %v", err)
	}
}

// endless never says how long it is.
func endless(begin string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		for range 40 {
			_, _ = fmt.Fprint(w, begin, strings.Repeat(" ", 64<<10))
			w.(http.Flusher).Flush()
			begin = ""
		}
	}
}

func TestLongHeaderIsRefused(t *testing.T) {
	v := stubbed(t, map[string]http.HandlerFunc{kvPath: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 128<<10))
		ok(kvAnswer)(w, r)
	}})
	if _, err := v.Issue(t.Context(), "secret/app"); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// TestSlowBody: the caller's context ends it.
func TestSlowBody(t *testing.T) {
	v := stubbed(t, map[string]http.HandlerFunc{kvPath: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		for range 1000 {
			if _, err := w.Write([]byte(" ")); err != nil || r.Context().Err() != nil {
				return
			}
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := v.Issue(ctx, "secret/app")
	if !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

// TestStatuses: on which side each is, and when to come again.
func TestStatuses(t *testing.T) {
	for status, want := range map[int]error{
		400: auth.ErrInvalid, 401: auth.ErrDenied, 403: auth.ErrDenied, 404: auth.ErrUndeclared, 405: auth.ErrInvalid, 412: auth.ErrUnavailable,
		429: auth.ErrThrottled, 472: auth.ErrUnavailable, 473: auth.ErrUnavailable, 500: auth.ErrUnavailable, 502: auth.ErrUnavailable, 503: auth.ErrUnavailable,
		501: auth.ErrUnavailable,
	} {
		for _, after := range []string{"7", "", "x", "-1", "999999"} {
			v := stubbed(t, map[string]http.HandlerFunc{kvPath: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", after)
				say(status, jsonType, `{"errors":["c4n4ry"]}`)(w, r)
			}})
			_, err := v.Issue(t.Context(), "secret/app")
			if !errors.Is(err, want) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "c4n4ry") {
				t.Errorf("%d: %v, want %v", status, err, want)
			}
			failed, is := errors.AsType[*auth.FailedError](err)
			if is != (want == auth.ErrThrottled || want == auth.ErrUnavailable) {
				t.Errorf("%d: %T", status, err)
			}
			if is && (failed.Status != status || failed.RetryAfter != map[string]time.Duration{"7": 7 * time.Second, "999999": 24 * time.Hour}[after]) {
				t.Errorf("%d, %q: %+v", status, after, failed)
			}
		}
	}
}

func TestRetryAfterIsADate(t *testing.T) {
	v := stubbed(t, map[string]http.HandlerFunc{kvPath: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat))
		say(503, jsonType, "")(w, r)
	}})
	_, err := v.Issue(t.Context(), "secret/app")
	if failed, is := errors.AsType[*auth.FailedError](err); !is || failed.RetryAfter < 50*time.Second || failed.RetryAfter > time.Minute {
		t.Errorf("got %v", err)
	}
}

// TestRedirects: to no other host, port, scheme or path, and not for ever.
func TestRedirects(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer plain.Close()
	var self string
	for name, location := range map[string]func() []string{
		"another port":   func() []string { return []string{other.URL + kvPath} },
		"another scheme": func() []string { return []string{plain.URL + kvPath} },
		"another host":   func() []string { return []string{"https://vault.example" + kvPath} },
		"another path":   func() []string { return []string{self + "/v1/secret/data/other"} },
		"a query":        func() []string { return []string{self + kvPath + "?version=1"} },
		"a user":         func() []string { return []string{strings.Replace(self, "://", "://a:b@", 1) + kvPath} },
		"relative":       func() []string { return []string{kvPath} },
		"dots":           func() []string { return []string{self + "/v1/x/../secret/data/app"} },
		"none":           func() []string { return nil },
		"two":            func() []string { return []string{self + kvPath, self + kvPath} },
		"itself, always": func() []string { return []string{self + kvPath} },
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprintf("%s/%d", name, status), func(t *testing.T) {
				var times atomic.Int32
				s, o := stub(t, map[string]http.HandlerFunc{kvPath: func(w http.ResponseWriter, r *http.Request) {
					times.Add(1)
					w.Header()["Location"] = location()
					w.WriteHeader(status)
				}})
				self = s.URL
				v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
				must(t, err)
				defer v.Close(t.Context())
				if _, err := v.Issue(t.Context(), "secret/app"); !errors.Is(err, auth.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
				if n := times.Load(); n > 2 || n > 1 && !strings.HasPrefix(name, "itself") {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("the token went elsewhere")
	}
}

// TestStandbyNamesItself: a load balancer whose next member answers.
func TestStandbyNamesItself(t *testing.T) {
	var self string
	var times atomic.Int32
	s, o := stub(t, map[string]http.HandlerFunc{kvPath: func(w http.ResponseWriter, r *http.Request) {
		if times.Add(1) == 1 {
			w.Header().Set("Location", self+kvPath)
			w.WriteHeader(307)
			return
		}
		if r.Header.Get("X-Vault-Token") != "hvs.stub" {
			t.Error("no token")
		}
		ok(kvAnswer)(w, r)
	}})
	self = s.URL
	v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
	must(t, err)
	defer v.Close(t.Context())
	if _, err := v.Issue(t.Context(), "secret/app"); err != nil {
		t.Error(err)
	}
}
