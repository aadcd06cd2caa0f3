package wire

import (
	"context"
	"errors"
	"net/http"
)

var errPanicked = errors.New("wire: panic")

// Headers are those of r with a credential: of all that apply may do to the request
// that it is shown, they alone count.
func Headers(r *http.Request, apply func(*http.Request) error) (h http.Header, err error) {
	defer func() {
		if recover() != nil {
			h, err = nil, errPanicked
		}
	}()
	shown := r.Clone(context.Background())
	shown.Body = nil
	if err := apply(shown); err != nil {
		return nil, err
	}
	return shown.Header, nil
}

// Refused says whether an answer means that a credential is no longer accepted: 401
// does, and what else its material says of status and headers.
func Refused(r *http.Response, material any) (yes bool) {
	yes = r.StatusCode == http.StatusUnauthorized
	judge, ok := material.(interface{ Refused(*http.Response) bool })
	if !ok {
		return yes
	}
	defer func() {
		if recover() != nil {
			yes = true
		}
	}()
	return judge.Refused(&http.Response{StatusCode: r.StatusCode, Header: r.Header.Clone()}) || yes
}
