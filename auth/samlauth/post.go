package samlauth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/wire"
	"github.com/carnet-go/carnet/internal/netguard"
)

// post sends the response once, as a browser's form would, and yields the Set-Cookie
// lines of the answer. Its body is nobody's.
func post(ctx context.Context, n auth.Need, to string, response []byte, relayState string) ([]string, error) {
	form := url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString(response)}}
	if relayState != "" {
		form.Set("RelayState", relayState)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, auth.ErrInvalid
	}
	r.GetBody = nil // or net/http may send it again
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "carnet")
	if err := n.Grant.Live(); err != nil { // the wait for the lease may have been long
		return nil, err
	}
	once := *n.Client
	once.Jar, once.CheckRedirect = nil, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := once.Do(r)
	if err != nil {
		return nil, unanswered(n.Grant, err)
	}
	defer answer.Body.Close()
	return answer.Header.Values("Set-Cookie"), outcome(n.Grant.System().Name, answer.StatusCode, wire.RetryAfter(answer.Header.Get("Retry-After")))
}

// unanswered is why there is no answer. What err says stays out of it: it quotes
// addresses.
func unanswered(g auth.Grant, err error) error {
	if dead := g.Live(); dead != nil {
		return dead
	}
	if errors.Is(err, netguard.ErrRefused) {
		return auth.ErrUndeclared
	}
	return auth.ErrUnavailable
}

// outcome is what a status says about a sign-in. To repeat the POST elsewhere would
// hand the assertion to a place that nobody declared.
func outcome(system string, status int, after time.Duration) error {
	failed := &auth.FailedError{Side: auth.ErrInvalid, System: system, Status: status, RetryAfter: after}
	switch {
	case status == http.StatusOK, status == http.StatusFound, status == http.StatusSeeOther:
		return nil
	case status == http.StatusTooManyRequests:
		failed.Side = auth.ErrThrottled
	case status >= 500:
		failed.Side = auth.ErrUnavailable
	case status >= 400:
		failed.Side = auth.ErrDenied
	}
	return failed
}
