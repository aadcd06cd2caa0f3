package hashivault

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/carnet-go/carnet/auth"
)

const (
	maxAnswer  = 1 << 20
	maxHeader  = 64 << 10
	maxSeconds = 1_000_000_000 // 31 years; a longer lease is a mistake
)

// answer is what the server said.
type answer struct {
	status int
	after  time.Duration // as it asked to wait; 0: not said
	sent   time.Time     // the request: what the answer lends runs from then
	body   node          // null: none, or no JSON
	json   bool          // there is a body, and it is one JSON value
}

// envelope is what every answer of a secrets engine has around its data.
type envelope struct {
	lease    string // empty: none
	lost     bool   // there is a lease, and its id is none
	fixed    bool   // the server says that it is not renewable
	duration time.Duration
	data     node
	auth     node
}

// envelope reads a body that is one.
func (a answer) envelope() (e envelope, err error) {
	e.data, e.auth = a.body.get("data"), a.body.get("auth") // first: of a login that is no use, the token is
	var ok bool
	if id := a.body.get("lease_id"); !id.absent() {
		if e.lease, ok = id.string(); !ok || e.lease != "" && !isLease(e.lease) {
			e.lease, e.lost = "", true
			return e, auth.ErrInvalid
		}
	}
	if e.duration, ok = seconds(a.body.get("lease_duration")); !ok || !isObject(e.data) || !isObject(e.auth) {
		return e, auth.ErrInvalid
	}
	renewable := a.body.get("renewable")
	e.fixed = renewable.kind == boolean && string(renewable.text) == "false"
	if renewable.kind != boolean && !renewable.absent() {
		return e, auth.ErrInvalid
	}
	return e, nil
}

func isObject(n node) bool { return n.kind == object || n.absent() }

// seconds is a whole number of them, not below zero; what is not there is none.
func seconds(n node) (time.Duration, bool) {
	if n.absent() {
		return 0, true
	}
	if n.kind != number || len(n.text) > 10 {
		return 0, false
	}
	var s int64
	for _, c := range n.text {
		if c < '0' || c > '9' {
			return 0, false
		}
		s = 10*s + int64(c-'0')
	}
	return time.Duration(s) * time.Second, s <= maxSeconds
}

// secrets are the members of an object as fields; all of them are text, but those named.
func secrets(n node, but ...string) (map[string]auth.Secret, error) {
	fields := make(map[string]auth.Secret, len(n.of))
	for i, name := range n.names {
		if slices.Contains(but, name) {
			continue
		}
		if n.of[i].kind != text || name == "" {
			return nil, auth.ErrInvalid
		}
		fields[name] = auth.NewSecret(bytes.Clone(n.of[i].text))
	}
	if n.kind != object || len(fields) == 0 {
		return nil, auth.ErrInvalid
	}
	return fields, nil
}

// read takes the body apart. That it is none matters only where the call was done.
func read(r *http.Response, sent time.Time) (answer, error) {
	a := answer{status: r.StatusCode, after: wait(r.Header.Get("Retry-After")), sent: sent}
	raw, err := slurp(r)
	defer clear(raw)
	if err != nil && done(a.status) { // of a refusal the status is enough
		return a, err
	}
	if err == nil && len(raw) > 0 && isJSON(r.Header["Content-Type"]) {
		a.body, a.json = parse(raw)
		a.json = a.json && a.body.kind == object
	}
	if done(a.status) && !a.json && (a.status != http.StatusNoContent || len(raw) > 0) {
		return a, auth.ErrInvalid
	}
	return a, nil
}

func done(status int) bool { return status >= 200 && status < 300 }

func isJSON(types []string) bool {
	if len(types) != 1 {
		return false
	}
	is, _, err := mime.ParseMediaType(types[0])
	return err == nil && is == "application/json"
}

// slurp reads all of a body that is not too long, and leaves no copy behind.
func slurp(r *http.Response) ([]byte, error) {
	size := 4 << 10
	if r.ContentLength > maxAnswer {
		return nil, auth.ErrInvalid
	}
	if r.ContentLength >= 0 {
		size = int(r.ContentLength) + 1 // and one to see the end
	}
	b := make([]byte, 0, size)
	for {
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > maxAnswer:
			return b, auth.ErrInvalid
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, auth.ErrUnavailable
		case len(b) == cap(b):
			grown := append(make([]byte, 0, min(2*cap(b), maxAnswer+1)), b...)
			clear(b)
			b = grown
		}
	}
}

// wait is a Retry-After: seconds or a date (RFC 9110, section 10.2.3), a day at most.
func wait(s string) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, 24*time.Hour)
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(0, time.Until(at)), 24*time.Hour)
	}
	return 0
}
