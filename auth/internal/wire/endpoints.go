package wire

import (
	"errors"
	"net/http"

	"github.com/carnet-go/carnet/internal/netguard"
)

// ErrElsewhere: a request to what is not one of the endpoints, or no longer to them.
var ErrElsewhere = errors.New("wire: not an endpoint")

// Endpoints is a client for URLs that were declared, and for nothing else: no redirect
// is followed, and what was sent is not sent again. Live is asked before each request.
func (l *Line) Endpoints(urls map[string]string, live func() error) *http.Client {
	return &http.Client{
		Transport:     endpoints{l, urls, live},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type endpoints struct {
	line *Line
	urls map[string]string
	live func() error
}

// RoundTrip implements http.RoundTripper.
func (e endpoints) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := e.live(); err != nil || r.URL.RawQuery != "" || r.URL.ForceQuery || r.URL.User != nil || r.URL.Fragment != "" || !e.declared(r) {
		if r.Body != nil {
			r.Body.Close()
		}
		if err != nil {
			return nil, err
		}
		return nil, ErrElsewhere
	}
	return e.line.transmit(r.Clone(r.Context()), true)
}

func (e endpoints) declared(r *http.Request) bool {
	origin, path, err := netguard.ParseEndpoint(r.URL.Scheme + "://" + r.URL.Host + r.URL.EscapedPath())
	if err != nil || r.Host != "" && r.Host != r.URL.Host {
		return false
	}
	for _, url := range e.urls {
		if o, p, err := netguard.ParseEndpoint(url); err == nil && o == origin && p == path {
			return true
		}
	}
	return false
}
