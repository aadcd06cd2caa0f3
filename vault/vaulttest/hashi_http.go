package vaulttest

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const hashiMost = 32 << 20 // bytes of a request

// hashiCall is a request that was read.
type hashiCall struct {
	method string
	path   string // below /v1/
	query  string
	body   map[string]any
	token  *hashiToken
	peer   *x509.Certificate // that the client has shown; nil: none
	wrap   time.Duration
}

// hashiReply is an answer, before it has its envelope.
type hashiReply struct {
	status    int // 0: 200, or 204 where there is nothing
	errors    []string
	bare      map[string]any // without an envelope
	beside    map[string]any // members beside the envelope's
	data      any
	lease     string
	renewable bool
	duration  time.Duration
	warnings  []string
	auth      map[string]any
	mount     string

	then func(context.Context) hashiReply // what is answered, by whoever may be slow; called without the lock
}

func refuse(status int, texts ...string) hashiReply {
	return hashiReply{status: status, errors: append([]string{}, texts...)}
}

func nothing() hashiReply { return hashiReply{status: http.StatusNoContent} }

// denied is what the server says to whom it knows.
func denied() hashiReply {
	return refuse(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
}

// ServeHTTP is the server without its network.
func (h *Hashi) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/")
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, hashiMost))
	if !ok || err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	fault := h.meets(path)
	if fault == nil || fault.After || fault.Delay > 0 {
		reply := h.answer(r, path, raw)
		if fault == nil || fault.Delay > 0 && fault.waits(r) {
			h.write(w, reply)
			return
		}
	}
	fault.happen(w, r, h.stop)
}

// answer is what the server says. Whatever a database is asked is finished whether the
// client waits or not: so a lease comes to be that nobody knows.
func (h *Hashi) answer(r *http.Request, path string, raw []byte) hashiReply {
	c := hashiCall{method: r.Method, path: path, query: r.URL.RawQuery}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		c.peer = r.TLS.PeerCertificates[0]
	}
	reply := h.decide(&c, r, raw)
	if reply.then != nil {
		ctx, cancel := context.WithTimeout(h.life, databaseWithin)
		defer cancel()
		reply = reply.then(ctx)
	}
	if c.token != nil && c.wrap > 0 && reply.status == 0 {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.wrapped(c, reply)
	}
	return reply
}

// decide is the part of it that needs the server alone.
func (h *Hashi) decide(c *hashiCall, r *http.Request, raw []byte) hashiReply {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.arm()
	h.expire()
	path := c.path
	switch {
	case path == "sys/health":
		return h.health()
	case path == "sys/seal-status":
		return h.status()
	case h.sealed:
		return refuse(http.StatusServiceUnavailable, "Vault is sealed")
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &c.body); err != nil {
			return refuse(http.StatusBadRequest, "error parsing JSON: failed to parse JSON input: "+err.Error())
		}
	}
	c.wrap, _ = time.ParseDuration(r.Header.Get("X-Vault-Wrap-TTL"))
	id := r.Header.Get("X-Vault-Token")
	if reply, ok := h.anybody(*c, id); ok {
		return reply
	}
	if id == "" {
		return refuse(http.StatusForbidden, "permission denied")
	}
	if c.token = h.tokens[id]; c.token == nil {
		return refuse(http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
	}
	if !h.may(c.token, path, verb(r.Method)) {
		return denied()
	}
	return h.route(*c)
}

func verb(method string) string {
	switch method {
	case http.MethodGet:
		return "read"
	case http.MethodDelete:
		return "delete"
	case "LIST":
		return "list"
	}
	return "update"
}

// route is by mount.
func (h *Hashi) route(c hashiCall) hashiReply {
	if rest, ok := strings.CutPrefix(c.path, "sys/"); ok {
		return h.system(c, rest)
	}
	if rest, ok := strings.CutPrefix(c.path, "auth/token/"); ok {
		return h.self(c, rest)
	}
	if rest, ok := strings.CutPrefix(c.path, "auth/approle/role/"); ok && h.methods["approle"] != "" {
		return h.approle(c, rest)
	}
	mount, rest := h.mounted(c.path)
	switch h.mounts[mount] {
	case "kv1":
		return h.kv1(c)
	case "kv2":
		return h.kv2(c, mount, rest)
	case "transit":
		return h.transit(c, rest)
	case "pki":
		return h.pki(c, mount, rest)
	case "database":
		return h.databaseCall(c, mount, rest)
	}
	return refuse(http.StatusNotFound, fmt.Sprintf("no handler for route %q. route entry not found.", c.path))
}

func (h *Hashi) write(w http.ResponseWriter, r hashiReply) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	if r.status == http.StatusNoContent {
		w.WriteHeader(r.status)
		return
	}
	body := r.bare
	switch {
	case r.errors != nil:
		body = map[string]any{"errors": r.errors}
	case body == nil:
		body = r.envelope()
	}
	if r.status != 0 {
		w.WriteHeader(r.status)
	}
	_ = json.NewEncoder(w).Encode(body)
}

func (r hashiReply) envelope() map[string]any {
	body := map[string]any{
		"request_id": uuid(), "lease_id": r.lease, "renewable": r.renewable, "lease_duration": int(r.duration / time.Second),
		"data": r.data, "wrap_info": nil, "warnings": nil, "auth": nil, "mount_type": r.mount,
	}
	if r.warnings != nil {
		body["warnings"] = r.warnings
	}
	if r.auth != nil {
		body["auth"] = r.auth
	}
	for name, value := range r.beside {
		body[name] = value
	}
	return body
}

func uuid() string {
	s := random(32)
	return fmt.Sprintf("%s-%s-%s-%s-%s", s[:8], s[8:12], s[12:16], s[16:20], s[20:])
}

func random(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)[:n]
}

// duration reads a duration of the API: "60s", "1h", or seconds.
func duration(v any) time.Duration {
	switch v := v.(type) {
	case float64:
		return time.Duration(v) * time.Second
	case string:
		d, _ := time.ParseDuration(v)
		return d
	}
	return 0
}

// short prints a duration as warnings do: "1m", not "1m0s".
func short(d time.Duration) string {
	s := d.Truncate(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// capped is how long something lasts that asks for so long and may last so long.
func capped(want, most time.Duration) (time.Duration, []string) {
	if most <= 0 || want <= most {
		return want, nil
	}
	return most, []string{fmt.Sprintf("TTL of %q exceeded the effective max_ttl of %q; TTL value is capped accordingly", short(want), short(most))}
}

// word is a text member.
func (c hashiCall) word(name string) string {
	s, _ := c.body[name].(string)
	return s
}
