package vaulttest

import (
	"io"
	"net/http"
	"time"
)

// Fault is what a request meets instead of an answer. One field is set.
type Fault struct {
	Status  int    // with the body {"errors": []}; 0: none
	Body    string // answered with Status, or 200, as application/json; empty: none
	Type    string // Content-Type of Body; empty: application/json
	Headers http.Header
	Delay   time.Duration // the request is carried out, and answered so much later
	Hang    bool          // until the client leaves or the server closes
	Reset   bool          // the connection is cut
	After   bool          // with Hang or Reset: the request is carried out before
}

type hashiFault struct {
	Fault
	path string
	left int
}

// Fail lets the next n requests to a path below /v1/ meet a fault; a path that ends in *
// is a prefix.
func (h *Hashi) Fail(path string, n int, f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, &hashiFault{f, path, n})
}

// meets counts the request, and is the fault that it meets.
func (h *Hashi) meets(path string) *hashiFault {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen[path]++
	for _, f := range h.faults {
		if f.left > 0 && glob(f.path, path) {
			f.left--
			return f
		}
	}
	return nil
}

// waits says whether somebody still waits when the delay is over.
func (f *hashiFault) waits(r *http.Request) bool {
	select {
	case <-time.After(f.Delay):
		return true
	case <-r.Context().Done():
		return false
	}
}

func (f *hashiFault) happen(w http.ResponseWriter, r *http.Request, stop <-chan struct{}) {
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-stop:
		}
		panic(http.ErrAbortHandler)
	case f.Reset, f.Delay > 0:
		panic(http.ErrAbortHandler)
	}
	for name, values := range f.Headers {
		w.Header()[name] = values
	}
	body := f.Body
	if body == "" {
		body = `{"errors": []}`
	}
	w.Header().Set("Content-Type", "application/json")
	if f.Type != "" {
		w.Header().Set("Content-Type", f.Type)
	}
	if f.Status != 0 {
		w.WriteHeader(f.Status)
	}
	_, _ = io.WriteString(w, body)
}
