package awsvault_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/awsvault"
)

// answered is what AWS may say, and on which side that is.
var answered = map[string]error{
	"ResourceNotFoundException":                                  auth.ErrUndeclared,
	"com.amazonaws.secretsmanager#ResourceNotFoundException":     auth.ErrUndeclared,
	"ResourceNotFoundException:http://internal.amazon.com/coral": auth.ErrUndeclared,
	"InvalidRequestException":                                    auth.ErrInvalid,
	"InvalidParameterException":                                  auth.ErrInvalid,
	"ValidationException":                                        auth.ErrInvalid,
	"UnknownOperationException":                                  auth.ErrInvalid,
	"SomethingNew":                                               auth.ErrInvalid,
	"":                                                           auth.ErrInvalid,
	"AccessDeniedException":                                      auth.ErrDenied,
	"AccessDenied":                                               auth.ErrDenied,
	"DecryptionFailure":                                          auth.ErrDenied,
	"UnrecognizedClientException":                                auth.ErrDenied,
	"InvalidSignatureException":                                  auth.ErrDenied,
	"IncompleteSignature":                                        auth.ErrDenied,
	"OptInRequired":                                              auth.ErrDenied,
	"ExpiredTokenException":                                      auth.ErrExpired,
	"ExpiredToken":                                               auth.ErrExpired,
	"RequestExpired":                                             auth.ErrExpired,
	"RequestTimeTooSkewed":                                       auth.ErrExpired,
	"ThrottlingException":                                        auth.ErrThrottled,
	"Throttling":                                                 auth.ErrThrottled,
	"RequestLimitExceeded":                                       auth.ErrThrottled,
	"TooManyRequestsException":                                   auth.ErrThrottled,
	"LimitExceededException":                                     auth.ErrThrottled,
	"InternalServiceError":                                       auth.ErrUnavailable,
	"ServiceUnavailable":                                         auth.ErrUnavailable,
}

// TestFailures: each has its side, and each call is one request.
func TestFailures(t *testing.T) {
	for code, want := range answered {
		f := start(t)
		f.hook = say(http.StatusBadRequest, map[string]string{"__type": code, "message": canary})
		b := f.vault(t, nil)
		if _, err := b.Issue(t.Context(), "crm/api"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", code, err, want)
		}
		if a := b.IssueAll(t.Context(), []string{"crm/api"})["crm/api"]; !errors.Is(a.Err, want) {
			t.Errorf("%s among others: %v, want %v", code, a.Err, want)
		}
		if n := len(f.seen()); n != 2 {
			t.Errorf("%s: %d requests", code, n)
		}
	}
	for _, message := range []string{
		"You can't perform this operation on the secret because it was marked for deletion.",
		"An error occurred: the secret is Marked For Deletion",
	} {
		f := start(t)
		f.hook = say(http.StatusBadRequest, map[string]string{"__type": "InvalidRequestException", "Message": message})
		if _, err := f.vault(t, nil).Issue(t.Context(), "crm/api"); err != auth.ErrUndeclared {
			t.Errorf("%s: %v", message, err)
		}
	}
}

// TestStatus: an answer that names no error of AWS, such as one of a machine in between.
func TestStatus(t *testing.T) {
	for status, want := range map[int]error{
		400: auth.ErrInvalid, 401: auth.ErrDenied, 403: auth.ErrDenied, 404: auth.ErrInvalid, 413: auth.ErrInvalid, 429: auth.ErrThrottled,
		500: auth.ErrUnavailable, 502: auth.ErrUnavailable, 503: auth.ErrUnavailable, 504: auth.ErrUnavailable,
	} {
		for _, body := range []string{"", "<html>" + canary, "{}", `{"__type":4711}`} {
			f := start(t)
			f.hook = say(status, body)
			if _, err := f.vault(t, nil).Issue(t.Context(), "crm/api"); !errors.Is(err, want) {
				t.Errorf("%d %q: %v, want %v", status, body, err, want)
			}
			if n := len(f.seen()); n != 1 {
				t.Errorf("%d: %d requests", status, n)
			}
		}
	}
}

// TestThrottled: the wait that is asked for comes with it.
func TestThrottled(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"7": 7 * time.Second, "": 0, "-1": 0, "soon": 0, "999999999": 24 * time.Hour, "Mon, 02 Jan 2006 15:04:05 GMT": 0,
		time.Now().Add(48 * time.Hour).UTC().Format(http.TimeFormat): 24 * time.Hour,
	} {
		for status, code := range map[int]string{400: "ThrottlingException", 429: "", 503: "ServiceUnavailable"} {
			f := start(t)
			f.hook = func(w http.ResponseWriter, _ *http.Request, _ string) {
				w.Header().Set("Retry-After", value)
				refuse(w, status, code, canary)
			}
			side := auth.ErrThrottled
			if status == 503 {
				side = auth.ErrUnavailable
			}
			_, err := f.vault(t, nil).Issue(t.Context(), "crm/api")
			failed, ok := errors.AsType[*auth.FailedError](err)
			if !ok || failed.Side != side || failed.RetryAfter != want || failed.Status != status || failed.FailureDelay() != want {
				t.Errorf("%q, %d: %v, %+v", value, status, err, failed)
			}
		}
	}
}

// TestNobodyAnswers: no name, no listener, a connection that ends.
func TestNobodyAnswers(t *testing.T) {
	f := start(t)
	f.hook = func(http.ResponseWriter, *http.Request, string) { panic(http.ErrAbortHandler) }
	down := newFake(nil)
	down.server.Close()
	for name, o := range map[string]*awsvault.Options{
		"ends": nil, "down": {Endpoint: down.server.URL}, "no such name": {Endpoint: "https://secretsmanager.invalid"},
		"no TLS": {Endpoint: "https" + f.server.URL[len("http"):]},
	} {
		if _, err := f.with(t, static(), o).Issue(t.Context(), "crm/api"); err != auth.ErrUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	half := start(t)
	half.hook = func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"Name":`))
	}
	if _, err := half.vault(t, nil).Issue(t.Context(), "crm/api"); err != auth.ErrUnavailable {
		t.Errorf("half an answer: %v", err)
	}
	if n := len(half.seen()); n != 1 {
		t.Errorf("half an answer: %d requests", n)
	}
}

// TestClock: a clock that is wrong fails once, is not tried again by itself, and is
// corrected by what AWS says the time is.
func TestClock(t *testing.T) {
	f := start(t)
	ahead := time.Now().Add(time.Hour)
	f.hook = func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Date", ahead.UTC().Format(http.TimeFormat))
		refuse(w, http.StatusForbidden, "RequestTimeTooSkewed", canary)
	}
	b := f.vault(t, nil)
	for range 2 {
		if _, err := b.Issue(t.Context(), "crm/api"); err != auth.ErrExpired {
			t.Error(err)
		}
	}
	seen := f.seen()
	if len(seen) != 2 {
		t.Fatalf("%d requests", len(seen))
	}
	signed, err := time.Parse("20060102T150405Z", seen[1].header.Get("X-Amz-Date"))
	if err != nil || signed.Sub(ahead).Abs() > time.Minute {
		t.Errorf("signed at %v, %v", signed, err)
	}
}
