package wire_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth/internal/wire"
)

func TestHeader(t *testing.T) {
	for name, c := range map[string]struct {
		header      string
		described   string // what becomes of it where data is described: pass, taken or refused
		undescribed string
	}{
		"harmless":   {"Accept", "pass", "pass"},
		"credential": {"Authorization", "taken", "taken"},
		"lower case": {"cookie", "taken", "taken"},
		"proxy":      {"Proxy-Authorization", "taken", "taken"},
		"forwarded":  {"X-Forwarded-Host", "taken", "taken"},
		"hop":        {"Connection", "taken", "taken"},
		"own":        {"X-National-Id", "refused", "pass"},
		"underscore": {"X_Actor", "refused", "refused"},
		"key":        {"Idempotency-Key", "refused", "pass"},
	} {
		for opaque, want := range map[bool]string{false: c.described, true: c.undescribed} {
			out, ok := wire.Header(http.Header{c.header: {"v"}}, opaque)
			got := "refused"
			if ok {
				got = "taken"
				if out.Get(c.header) == "v" {
					got = "pass"
				}
			}
			if got != want {
				t.Errorf("%s, opaque %v: %s, want %s", name, opaque, got, want)
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-1": 0, "1.5": 0, "7": 7 * time.Second, "99999999999": 0, "2000000000": 24 * time.Hour,
		"Fri, 31 Dec 1999 23:59:59 GMT": 0, "Fri, 31 Dec 9999 23:59:59 GMT": 24 * time.Hour,
	} {
		if got := wire.RetryAfter(value); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// TestBodyIsNotNothing: net/http must not take it for no body, or it could rewind it.
func TestBodyIsNotNothing(t *testing.T) {
	for name, c := range map[string]struct {
		body *wire.Body
		want string
	}{
		"empty": {&wire.Body{}, ""},
		"full":  {&wire.Body{Of: io.NopCloser(strings.NewReader("data"))}, "data"},
	} {
		got, err := io.ReadAll(c.body)
		if err != nil || string(got) != c.want || c.body.Close() != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		r, err := http.NewRequest(http.MethodGet, "https://crm.example/", c.body)
		if err != nil || r.GetBody != nil || r.Body == http.NoBody {
			t.Errorf("%s: net/http can rewind it", name)
		}
	}
}

func TestNewLineRefusesWhatIsNoRange(t *testing.T) {
	if _, err := wire.NewLine([]string{"10.0.0.1/8"}, nil); err == nil {
		t.Error("no error")
	}
}

func TestOnceIsAFreshConnection(t *testing.T) {
	line, err := wire.NewLine(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	once, often := line.Transport(true), line.Transport(false)
	if !once.DisableKeepAlives || often.DisableKeepAlives || once.Proxy != nil || often.Proxy != nil || often.ForceAttemptHTTP2 {
		t.Error("the transports are not what they are for")
	}
}
