package vaulttest

import (
	"context"
	"net/http"
	"time"
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

	base     HashiDatabase // nil: it keeps nothing in one
	username string        // in base
	settling bool          // it is being dropped
}

// expire ends what has ended.
func (h *Hashi) expire() {
	now := h.now()
	for id, t := range h.tokens {
		if !t.end.IsZero() && !now.Before(t.end) {
			h.kill(id)
		}
	}
	for _, l := range h.leases {
		if !now.Before(l.end) {
			h.lose(l)
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
	for _, l := range h.leases {
		if l.token == token {
			h.lose(l)
		}
	}
}

func (h *Hashi) lend(c hashiCall, path string, ttl, most time.Duration, renewable bool) *hashiLease {
	l := h.loan(c, path, ttl, most, renewable)
	h.leases[l.id] = l
	return l
}

// loan is a lease that is not noted yet.
func (h *Hashi) loan(c hashiCall, path string, ttl, most time.Duration, renewable bool) *hashiLease {
	now := h.now()
	l := &hashiLease{id: path + "/" + random(24), token: c.token.id, issued: now, ttl: ttl, end: now.Add(ttl), renewable: renewable}
	if l.last = l.end; most > 0 {
		l.last = now.Add(most)
	}
	return l
}

// leaseCall is what stands below sys/leases/. A lease that has ended is still one as long
// as its login could not be dropped.
func (h *Hashi) leaseCall(c hashiCall, what string) hashiReply {
	l, ended := h.leases[c.word("lease_id")], false
	if l == nil {
		l, ended = h.owed[c.word("lease_id")], true
	}
	switch {
	case what == "revoke" && l == nil:
		return nothing()
	case what == "revoke":
		return h.revoke(l, c.body["sync"] == true)
	case what == "lookup" && l == nil:
		return refuse(http.StatusBadRequest, "invalid lease")
	case what == "lookup":
		return h.lookupLease(l)
	case what == "renew" && l == nil:
		return refuse(http.StatusBadRequest, "lease not found")
	case what == "renew" && ended:
		return refuse(http.StatusBadRequest, "lease expired")
	case what == "renew" && !l.renewable:
		return refuse(http.StatusBadRequest, "lease is not renewable")
	case what == "renew":
		return h.renew(c, l)
	}
	return refuse(http.StatusNotFound, "unsupported path")
}

func (h *Hashi) lookupLease(l *hashiLease) hashiReply {
	data := map[string]any{
		"expire_time": l.end, "id": l.id, "issue_time": l.issued, "last_renewal": nil, "renewable": l.renewable,
		"ttl": int(l.end.Sub(h.now()).Round(time.Second) / time.Second),
	}
	if !l.renewed.IsZero() {
		data["last_renewal"] = l.renewed
	}
	return hashiReply{data: data, mount: "system"}
}

// revoke waits for the database only where that was asked for.
func (h *Hashi) revoke(l *hashiLease, synchronous bool) hashiReply {
	if synchronous && h.broken {
		return notRevoked("the database is down")
	}
	if !synchronous || l.base == nil {
		h.lose(l)
		return nothing()
	}
	return hashiReply{then: func(ctx context.Context) hashiReply {
		if err := l.base.Drop(ctx, l.username); err != nil {
			return notRevoked(err.Error())
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.leases, l.id)
		delete(h.owed, l.id)
		return nothing()
	}}
}

func notRevoked(why string) hashiReply {
	return refuse(http.StatusBadRequest, "failed to revoke entry: resp: (*logical.Response)(nil) err: "+why)
}

func (h *Hashi) renew(c hashiCall, l *hashiLease) hashiReply {
	now := h.now()
	want := duration(c.body["increment"])
	if want == 0 {
		want = l.ttl
	}
	left, warnings := capped(want, l.last.Sub(now))
	end := now.Add(left)
	reply := hashiReply{lease: l.id, renewable: true, duration: left, warnings: warnings, mount: "system"}
	if l.base == nil {
		l.end, l.renewed = end, now
		return reply
	}
	expires := end.Add(-h.ahead)
	return hashiReply{then: func(ctx context.Context) hashiReply {
		if err := l.base.Extend(ctx, l.username, expires); err != nil {
			return refuse(http.StatusBadRequest, "failed to renew entry: resp: (*logical.Response)(nil) err: "+err.Error())
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.expire(); h.leases[l.id] == nil { // meanwhile
			return refuse(http.StatusBadRequest, "lease not found")
		}
		l.end, l.renewed = end, now
		h.arm()
		return reply
	}}
}
