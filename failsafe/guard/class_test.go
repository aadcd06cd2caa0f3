package guard_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/carnet-go/carnet/failsafe/guard"
)

// says is an error that classifies itself.
type says struct {
	class string
	delay time.Duration
}

func (s *says) Error() string               { return "says " + s.class }
func (s *says) FailureClass() string        { return s.class }
func (s *says) FailureDelay() time.Duration { return s.delay }

// loop wraps itself.
type loop struct{}

func (l loop) Error() string   { return "loop" }
func (l loop) Unwrap() []error { return []error{l, l} }

type slow struct{ error }

func (slow) Timeout() bool   { return true }
func (slow) Temporary() bool { return true }

func TestClassify(t *testing.T) {
	dial := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://secret", Err: &net.OpError{Op: "dial", Err: err}}
	}
	read := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://secret", Err: &net.OpError{Op: "read", Err: err}}
	}
	for name, c := range map[string]struct {
		err  error
		want guard.Class
	}{
		"nil":                   {nil, guard.Permanent},
		"unclassified":          {errors.New("503 try again"), guard.Permanent},
		"wrapped nothing":       {fmt.Errorf("a: %w", errors.New("b")), guard.Permanent},
		"denied":                {&says{class: "denied"}, guard.Denied},
		"expired":               {&says{class: "expired"}, guard.Expired},
		"foreign":               {&says{class: "foreign"}, guard.Permanent},
		"undeclared":            {&says{class: "undeclared"}, guard.Permanent},
		"invalid":               {&says{class: "invalid"}, guard.Permanent},
		"throttled":             {&says{class: "throttled"}, guard.Throttled},
		"unavailable":           {&says{class: "unavailable"}, guard.Transient},
		"transient":             {&says{class: "transient"}, guard.Transient},
		"unknown":               {&says{class: "unknown"}, guard.Unknown},
		"rejected":              {guard.ErrRejected, guard.Rejected},
		"rejected, with why":    {&guard.RejectedError{Guard: "crm", Why: "open"}, guard.Rejected},
		"a word of its own":     {&says{class: "fine"}, guard.Permanent},
		"no word":               {&says{}, guard.Permanent},
		"another case":          {&says{class: "Transient"}, guard.Permanent},
		"typed nil":             {(*says)(nil), guard.Permanent},
		"typed nil, net":        {(*net.OpError)(nil), guard.Permanent},
		"typed nil, DNS":        {(*net.DNSError)(nil), guard.Permanent},
		"wraps itself":          {loop{}, guard.Permanent},
		"cancelled":             {fmt.Errorf("a: %w", context.Canceled), guard.Cancelled},
		"deadline":              {fmt.Errorf("a: %w", context.DeadlineExceeded), guard.Unknown},
		"os deadline":           {os.ErrDeadlineExceeded, guard.Unknown},
		"refused":               {dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), guard.Transient},
		"dial timed out":        {dial(slow{errors.New("i/o timeout")}), guard.Transient},
		"no such host":          {dial(&net.DNSError{IsNotFound: true}), guard.Permanent},
		"resolver failed":       {dial(&net.DNSError{IsTemporary: true}), guard.Transient},
		"no such host, alone":   {&net.DNSError{IsNotFound: true}, guard.Permanent},
		"resolver alone":        {&net.DNSError{IsTimeout: true}, guard.Transient},
		"reset":                 {read(os.NewSyscallError("read", syscall.ECONNRESET)), guard.Unknown},
		"refused, alone":        {syscall.ECONNREFUSED, guard.Transient},
		"broken pipe":           {fmt.Errorf("a: %w", syscall.EPIPE), guard.Unknown},
		"no such file":          {syscall.ENOENT, guard.Permanent},
		"read timed out":        {read(slow{errors.New("i/o timeout")}), guard.Unknown},
		"cut off":               {&url.Error{Op: "Get", URL: "x", Err: io.ErrUnexpectedEOF}, guard.Unknown},
		"hung up":               {&url.Error{Op: "Get", URL: "x", Err: io.EOF}, guard.Unknown},
		"certificate":           {&url.Error{Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, guard.Permanent},
		"host name":             {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}, guard.Permanent},
		"alert":                 {&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, guard.Permanent},
		"joined: denied":        {errors.Join(&says{class: "transient"}, &says{class: "denied"}), guard.Denied},
		"joined: permanent":     {errors.Join(&says{class: "transient"}, &says{class: "invalid"}), guard.Permanent},
		"joined: unknown":       {errors.Join(&says{class: "throttled"}, context.Canceled, &says{class: "unknown"}), guard.Unknown},
		"joined: transient":     {errors.Join(&guard.RejectedError{}, &says{class: "unavailable"}), guard.Transient},
		"joined with a mystery": {errors.Join(errors.New("x"), &says{class: "transient"}), guard.Transient},
		"deep":                  {fmt.Errorf("%w", fmt.Errorf("%w %w", io.EOF, errors.Join(nil2(), &says{class: "denied"}))), guard.Denied},
	} {
		if got := guard.Classify(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func nil2() error { return errors.New("x") }

// TestClassOfRealFailures of net/http: what it says when nobody listens, when the
// connection is cut and when the certificate is somebody else's.
func TestClassOfRealFailures(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			c.Close()
		}
	}))
	defer cut.Close()
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	for name, c := range map[string]struct {
		url  string
		want guard.Class
	}{"nobody": {gone.URL, guard.Transient}, "cut": {cut.URL, guard.Unknown}, "certificate": {secure.URL, guard.Permanent}} {
		_, err := (&http.Client{Transport: &http.Transport{}}).Get(c.url)
		if got := guard.Classify(err); got != c.want {
			t.Errorf("%s: %v of %v, want %v", name, got, err, c.want)
		}
	}
}

func TestClassifyStatus(t *testing.T) {
	for status, want := range map[int]guard.Class{
		400: guard.Permanent, 401: guard.Expired, 403: guard.Denied, 404: guard.Permanent, 407: guard.Denied, 409: guard.Permanent, 422: guard.Permanent,
		429: guard.Throttled, 500: guard.Unknown, 501: guard.Permanent, 502: guard.Unknown, 503: guard.Transient, 504: guard.Unknown, 505: guard.Permanent, 599: guard.Unknown,
	} {
		if got, ok := guard.ClassifyStatus(status); got != want || ok {
			t.Errorf("%d: %v, %t, want %v", status, got, ok, want)
		}
	}
	for _, status := range []int{0, 100, 200, 204, 304, 399} {
		if _, ok := guard.ClassifyStatus(status); !ok {
			t.Errorf("%d is a failure", status)
		}
	}
}

func TestNames(t *testing.T) {
	if guard.Class(99).String() != "permanent" || guard.Cancelled.String() != "cancelled" || guard.State(99).String() != "isolated" || guard.HalfOpen.String() != "half-open" {
		t.Error("names")
	}
}

// TestDelayIsNeverAbsurd: of what far sides ask for, none is negative, past or longer
// than a day (pitfall 10).
func TestDelayIsNeverAbsurd(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, " 7 ": 7 * time.Second, "0": 0, "-5": 0, "1.5": 0, "soon": 0, "1e3": 0, "1000000000000000000": 24 * time.Hour,
		"99999999999999999999999999": 24 * time.Hour, "86401": 24 * time.Hour, "Mon, 01 Jun 2026 12:01:00 GMT": time.Minute,
		"Mon, 01 Jun 2020 12:01:00 GMT": 0, "Mon, 01 Jun 2999 12:01:00 GMT": 24 * time.Hour,
	} {
		if got := guard.RetryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
	for name, c := range map[string]struct {
		err  error
		want time.Duration
	}{
		"nil":       {nil, 0},
		"nothing":   {errors.New("x"), 0},
		"one":       {fmt.Errorf("%w", &says{delay: time.Second}), time.Second},
		"longest":   {errors.Join(&says{delay: time.Second}, &says{delay: time.Minute}), time.Minute},
		"negative":  {&says{delay: -1 << 62}, 0},
		"for ever":  {&says{delay: 1<<63 - 1}, 24 * time.Hour},
		"typed nil": {(*says)(nil), 0},
	} {
		if got := guard.Delay(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
