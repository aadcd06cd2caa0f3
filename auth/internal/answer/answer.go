// Package answer is what package auth tells the callers of a service.
//
//	answer.TurnAway(w, unavailable, presented)
//	answer.Error{Class: "denied", Challenge: challenge}.Write(w)
//
// # Guarantees
//
// An answer is a status, its text and a challenge (RFC 6750, RFC 9470): of an error
// nothing else leaves.
//
// # Concurrency
//
// All functions share nothing.
package answer

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

const invalidToken = `Bearer error="invalid_token"`

// TurnAway answers whoever was not admitted (RFC 6750, section 3.1). Somebody who
// presents nothing gets no error code.
func TurnAway(w http.ResponseWriter, unavailable, presented bool) {
	switch {
	case unavailable:
		Plain(w, http.StatusServiceUnavailable)
	case !presented:
		w.Header().Set("WWW-Authenticate", "Bearer")
		Plain(w, http.StatusUnauthorized)
	default:
		w.Header().Set("WWW-Authenticate", invalidToken)
		Plain(w, http.StatusUnauthorized)
	}
}

// Error is what is said of an error.
type Error struct {
	Class      string        // of package auth; empty: it is not its
	Challenge  string        // that the caller can answer; empty: none
	Far        bool          // a system on the far side failed
	RetryAfter time.Duration // as that asked
}

// Write answers.
func (e Error) Write(w http.ResponseWriter) {
	if e.Challenge != "" {
		w.Header().Set("WWW-Authenticate", e.Challenge)
		Plain(w, http.StatusUnauthorized)
		return
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e.status() == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", invalidToken)
	}
	Plain(w, e.status())
}

// status is for the caller of the service; what the far side thinks of the service's
// own credential is not the caller's doing.
func (e Error) status() int {
	switch {
	case e.Class == "unknown":
		return http.StatusBadGateway
	case e.Class == "denied" && !e.Far:
		return http.StatusForbidden
	case e.Class == "throttled", e.Class == "unavailable":
		return http.StatusServiceUnavailable
	case e.Far:
		return http.StatusBadGateway
	case e.Class == "expired":
		return http.StatusUnauthorized
	case e.Class == "invalid":
		return http.StatusBadRequest
	default:
		return http.StatusInternalServerError
	}
}

// Plain answers with a status and its text.
func Plain(w http.ResponseWriter, status int) {
	w.Header().Del("Set-Cookie") // of the answer that failed
	http.Error(w, http.StatusText(status), status)
}

// Watched notices whether an answer has begun.
type Watched struct {
	http.ResponseWriter
	Wrote bool
}

// WriteHeader implements http.ResponseWriter.
func (w *Watched) WriteHeader(status int) {
	w.Wrote = w.Wrote || status >= 200
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *Watched) Write(b []byte) (int, error) {
	w.Wrote = true
	return w.ResponseWriter.Write(b)
}

// FlushError is for http.ResponseController.
func (w *Watched) FlushError() error {
	w.Wrote = true
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *Watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
