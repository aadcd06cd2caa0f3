package vaulttest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	crand "crypto/rand"
)

// hashiLease is a credential that ends, and dies with its token.
type hashiLease struct {
	id        string
	token     string
	issued    time.Time
	end, last time.Time
	renewed   time.Time
	ttl       time.Duration
	renewable bool
}

// hashiLogin is a role of the database, static where it has begun.
type hashiLogin struct {
	ttl, max time.Duration
	begun    time.Time
}

// expire ends what has ended.
func (h *Hashi) expire() {
	now := h.now()
	for id, t := range h.tokens {
		if !t.end.IsZero() && !now.Before(t.end) {
			h.kill(id)
		}
	}
	for id, l := range h.leases {
		if !now.Before(l.end) {
			delete(h.leases, id)
		}
	}
	for id, w := range h.wraps {
		if !now.Before(w.created.Add(w.ttl)) {
			delete(h.wraps, id)
		}
	}
}

// kill ends a token and all that was issued under it.
func (h *Hashi) kill(token string) {
	delete(h.tokens, token)
	for id, l := range h.leases {
		if l.token == token {
			delete(h.leases, id)
		}
	}
}

func (h *Hashi) lend(c hashiCall, path string, ttl, most time.Duration, renewable bool) *hashiLease {
	now := h.now()
	l := &hashiLease{id: path + "/" + random(24), token: c.token.id, issued: now, ttl: ttl, end: now.Add(ttl), renewable: renewable}
	if l.last = l.end; most > 0 {
		l.last = now.Add(most)
	}
	h.leases[l.id] = l
	return l
}

// leaseCall is what stands below sys/leases/.
func (h *Hashi) leaseCall(c hashiCall, what string) hashiReply {
	l := h.leases[c.word("lease_id")]
	switch {
	case what == "revoke" && l != nil && h.broken && c.body["sync"] == true:
		return refuse(http.StatusBadRequest, "failed to revoke entry: resp: (*logical.Response)(nil) err: the database is down")
	case what == "revoke":
		delete(h.leases, c.word("lease_id"))
		return nothing()
	case what == "lookup" && l == nil:
		return refuse(http.StatusBadRequest, "invalid lease")
	case what == "renew" && l == nil:
		return refuse(http.StatusBadRequest, "lease not found")
	case what == "lookup":
		data := map[string]any{
			"expire_time": l.end, "id": l.id, "issue_time": l.issued, "last_renewal": nil, "renewable": l.renewable,
			"ttl": int(l.end.Sub(h.now()).Round(time.Second) / time.Second),
		}
		if !l.renewed.IsZero() {
			data["last_renewal"] = l.renewed
		}
		return hashiReply{data: data, mount: "system"}
	case what == "renew" && !l.renewable:
		return refuse(http.StatusBadRequest, "lease is not renewable")
	case what == "renew":
		return h.renew(c, l)
	}
	return refuse(http.StatusNotFound, "unsupported path")
}

func (h *Hashi) renew(c hashiCall, l *hashiLease) hashiReply {
	now := h.now()
	want := duration(c.body["increment"])
	if want == 0 {
		want = l.ttl
	}
	left, warnings := capped(want, l.last.Sub(now))
	l.end, l.renewed = now.Add(left), now
	return hashiReply{lease: l.id, renewable: true, duration: left, warnings: warnings, mount: "system"}
}

// databaseCall is what stands below a database mount. There is no database.
func (h *Hashi) databaseCall(c hashiCall, mount, rest string) hashiReply {
	kind, name, _ := strings.Cut(rest, "/")
	switch {
	case kind == "config":
		return nothing()
	case kind == "roles" && c.method != http.MethodGet:
		h.database["creds/"+name] = hashiLogin{ttl: duration(c.body["default_ttl"]), max: duration(c.body["max_ttl"])}
		return nothing()
	case kind != "creds" && kind != "static-creds":
		return refuse(http.StatusNotFound, "unsupported path")
	}
	role, ok := h.database[rest]
	if !ok {
		return refuse(http.StatusBadRequest, "unknown role: "+name)
	}
	if kind == "static-creds" {
		return h.staticLogin(role, name)
	}
	l := h.lend(c, mount+"/"+rest, role.ttl, role.max, true)
	return hashiReply{lease: l.id, renewable: true, duration: role.ttl, mount: "database", data: map[string]any{
		"password": password(), "username": fmt.Sprintf("v-%s-%s-%s-%d", c.token.display, name, random(20), h.now().Unix()),
	}}
}

// staticLogin is the form of the documentation; the recording has none.
func (h *Hashi) staticLogin(role hashiLogin, name string) hashiReply {
	rounds := h.now().Sub(role.begun) / role.ttl
	begun := role.begun.Add(rounds * role.ttl)
	return hashiReply{mount: "database", data: map[string]any{
		"username": name, "password": fmt.Sprintf("%s-%d", name, rounds), "last_vault_rotation": begun,
		"rotation_period": int(role.ttl / time.Second), "ttl": int(role.ttl/time.Second) - int(h.now().Sub(begun)/time.Second),
	}}
}

func password() string {
	b := make([]byte, 15)
	_, _ = crand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
