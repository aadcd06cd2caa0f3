package world

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Request is what reached a system, without the credentials that it came with.
type Request struct {
	Method, Path string              // of the directory: bind, add, modify, delete or search, and the DN
	As           string              // whom the system took the caller for: name, key id or subject; empty: nobody
	Body         []byte              // nil where a form came: those carry credentials
	Entry        map[string][]string // of the directory: attributes that were added or replaced
}

// String is one line: what was asked, as whom, and the data.
func (r Request) String() string {
	parts := []string{r.Method, r.Path}
	if r.As != "" {
		parts = append(parts, "as", r.As)
	}
	if len(r.Body) > 0 {
		parts = append(parts, string(r.Body))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Entry)) {
		parts = append(parts, name+"="+strings.Join(r.Entry[name], ","))
	}
	return strings.Join(parts, " ")
}

// traffic is what a system received, as it came.
type traffic struct {
	mu       sync.Mutex
	requests []*Request
	secrets  *ledger
}

func (t *traffic) add(r Request) *Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = append(t.requests, &r)
	return &r
}

// identify notes for whom a request was taken.
func (t *traffic) identify(r *Request, as string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.As = as
}

func (t *traffic) all() []Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Request, len(t.requests))
	for i, r := range t.requests {
		list[i] = *r
		list[i].Body = slices.Clone(r.Body)
	}
	return list
}

// caller is the key under which a handler finds whom to tell for whom it takes a request.
type caller struct{}

// as says, in a handler, for whom it takes the request.
func as(r *http.Request, name string) {
	if tell, ok := r.Context().Value(caller{}).(func(string)); ok {
		tell(name)
	}
}

// record notes each request before it is served, and what it came with as a secret.
func (t *traffic) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			return
		}
		t.secrets.credentials(r.Header)
		came := Request{Method: r.Method, Path: r.URL.Path, Body: body}
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			came.Body = nil
			t.secrets.form(body)
		}
		noted := t.add(came)
		r.Body = io.NopCloser(bytes.NewReader(body))
		tell := func(name string) { t.identify(noted, name) }
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), caller{}, tell)))
	})
}

// credentials keeps what the headers of a request prove.
func (l *ledger) credentials(h http.Header) {
	l.keep([]byte(h.Get("X-Api-Key")))
	_, credential, _ := strings.Cut(h.Get("Authorization"), " ")
	l.keep([]byte(credential))
	for _, c := range (&http.Request{Header: h}).Cookies() {
		l.keep([]byte(c.Value))
	}
}

// form keeps what a form proves: an assertion or a token, also as it is inside.
func (l *ledger) form(body []byte) {
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return
	}
	for _, name := range []string{"SAMLResponse", "subject_token", "client_secret", "password"} {
		l.keep([]byte(fields.Get(name)))
	}
	if assertion, err := base64.StdEncoding.DecodeString(fields.Get("SAMLResponse")); err == nil {
		l.keep(assertion)
	}
}

// issued keeps the tokens that a token endpoint answers with.
func (l *ledger) issued(endpoint http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		copied := &copying{ResponseWriter: w}
		endpoint.ServeHTTP(copied, r)
		var tokens struct {
			Access string `json:"access_token"`
			ID     string `json:"id_token"`
		}
		if json.Unmarshal(copied.body.Bytes(), &tokens) == nil {
			l.keep([]byte(tokens.Access), []byte(tokens.ID))
		}
	})
}

// copying is a ResponseWriter that remembers what it has written.
type copying struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (c *copying) Write(p []byte) (int, error) {
	c.body.Write(p)
	return c.ResponseWriter.Write(p)
}
