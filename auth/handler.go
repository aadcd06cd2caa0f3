package auth

import (
	"errors"
	"math"
	"net/http"
	"strconv"
)

// Handler admits the caller of each request and hands the principal to fn as an
// argument. An error that fn returns before it writes becomes a status and, where
// there is one, an RFC 6750 or RFC 9470 challenge; its text never leaves.
func (g *Gate) Handler(fn func(w http.ResponseWriter, r *http.Request, p Principal) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		presented := FromRequest(r)
		p, err := g.Admit(r.Context(), presented)
		if err != nil {
			turnAway(w, presented, err)
			return
		}
		watched := &watched{ResponseWriter: w}
		if fn == nil {
			plain(w, http.StatusInternalServerError)
			return
		}
		if err := fn(watched, r, p); err != nil && !watched.wrote {
			answerError(w, err)
		}
	})
}

// turnAway answers whoever was not admitted (RFC 6750, section 3.1). Somebody who
// presents nothing gets no error code.
func turnAway(w http.ResponseWriter, p Presented, err error) {
	switch {
	case errors.Is(err, ErrUnavailable):
		plain(w, http.StatusServiceUnavailable)
	case p.Scheme == SchemeNone:
		w.Header().Set("WWW-Authenticate", "Bearer")
		plain(w, http.StatusUnauthorized)
	default:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		plain(w, http.StatusUnauthorized)
	}
}

// answerError answers for what fn returned.
func answerError(w http.ResponseWriter, err error) {
	if denied, ok := errors.AsType[*DeniedError](err); ok && denied.Challenge() != "" {
		w.Header().Set("WWW-Authenticate", denied.Challenge())
		plain(w, http.StatusUnauthorized)
		return
	}
	failed, far := errors.AsType[*FailedError](err)
	if far && failed.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(failed.RetryAfter.Seconds()))))
	}
	if !far && statusOf(err, far) == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	plain(w, statusOf(err, far))
}

// statusOf is for the caller of the service; what the far side thinks of the
// service's own credential is not the caller's doing.
func statusOf(err error, far bool) int {
	switch {
	case errors.Is(err, ErrUnknown):
		return http.StatusBadGateway
	case errors.Is(err, ErrDenied) && !far:
		return http.StatusForbidden
	case errors.Is(err, ErrThrottled), errors.Is(err, ErrUnavailable):
		return http.StatusServiceUnavailable
	case far:
		return http.StatusBadGateway
	case errors.Is(err, ErrExpired):
		return http.StatusUnauthorized
	case errors.Is(err, ErrInvalid):
		return http.StatusBadRequest
	default:
		return http.StatusInternalServerError
	}
}

func plain(w http.ResponseWriter, status int) {
	w.Header().Del("Set-Cookie") // of the answer that failed
	http.Error(w, http.StatusText(status), status)
}

// watched notices whether fn has begun to answer.
type watched struct {
	http.ResponseWriter
	wrote bool
}

// WriteHeader implements http.ResponseWriter.
func (w *watched) WriteHeader(status int) {
	w.wrote = w.wrote || status >= 200
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *watched) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// FlushError is for http.ResponseController.
func (w *watched) FlushError() error {
	w.wrote = true
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
