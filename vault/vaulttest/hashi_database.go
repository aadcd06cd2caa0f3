package vaulttest

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	crand "crypto/rand"
)

const (
	databaseWithin = 5 * time.Second        // for each call of a HashiDatabase, and for all that Close drops
	firstRetry     = 100 * time.Millisecond // after a drop that failed, then each time twice as long
	lastRetry      = 10 * time.Second       // a longer one is left to Unseal, Mend, a revocation or Close
)

// HashiDatabase is where the logins of a database mount are made, such as PostgreSQL. Its
// methods return when their context ends, and may be called by several goroutines.
type HashiDatabase interface {
	// Create makes a login that may do what the role may. Its lease ends when it expires, by
	// the clock of the process. The username has at most 63 bytes, and may hold what the names
	// of the role and of the client hold: it has to be quoted. The password is of base64url.
	// With an error there is no login, and no lease.
	Create(ctx context.Context, role, username, password string, expires time.Time) error

	// Extend says that the lease was renewed. With an error it is not.
	Extend(ctx context.Context, username string, expires time.Time) error

	// Drop ends the login. One that is gone is no error; any other is tried again.
	Drop(ctx context.Context, username string) error
}

// Database makes the logins of database mounts in db from now on; before, they are of no
// database. They are dropped when their lease is revoked or ends, or its token, and at last
// by Close. A Hashi that has a database and is used in a bubble of testing/synctest is
// closed in it.
func (h *Hashi) Database(db HashiDatabase) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mounts["database"], h.base = "database", db
}

// hashiLogin is a role of the database, static where it has begun.
type hashiLogin struct {
	ttl, max time.Duration
	begun    time.Time
}

// databaseCall is what stands below a database mount.
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
	return h.creds(c, mount+"/"+rest, name, role)
}

// creds lends a login.
func (h *Hashi) creds(c hashiCall, path, name string, role hashiLogin) hashiReply {
	l, secret := h.loan(c, path, role.ttl, role.max, true), password()
	l.base, l.username = h.base, username(c.token.display, name, h.now())
	reply := hashiReply{lease: l.id, renewable: true, duration: role.ttl, mount: "database", data: map[string]any{
		"password": secret, "username": l.username,
	}}
	if l.base == nil {
		h.leases[l.id] = l
		return reply
	}
	expires := l.end.Add(-h.ahead)
	return hashiReply{then: func(ctx context.Context) hashiReply {
		if err := l.base.Create(ctx, name, l.username, secret, expires); err != nil {
			return refuse(http.StatusInternalServerError, "1 error occurred:\n\t* "+err.Error()+"\n\n")
		}
		return h.register(l, reply)
	}}
}

// register notes a login that was made, unless its token has ended meanwhile.
func (h *Hashi) register(l *hashiLease, reply hashiReply) hashiReply {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expire()
	if h.tokens[l.token] == nil || h.closed {
		h.owe(l)
		return refuse(http.StatusInternalServerError, "1 error occurred:\n\t* internal error\n\n")
	}
	h.leases[l.id] = l
	h.arm()
	return reply
}

// lose ends a lease, and what it kept in a database.
func (h *Hashi) lose(l *hashiLease) {
	delete(h.leases, l.id)
	if l.base != nil {
		h.owe(l)
	}
}

// owe notes a login that is to be dropped, and lets that begin.
func (h *Hashi) owe(l *hashiLease) {
	h.owed[l.id] = l
	if h.closed || l.settling {
		return
	}
	l.settling = true
	h.running++
	go func() {
		h.settle(l)
		h.mu.Lock()
		defer h.mu.Unlock()
		l.settling = false
		if h.running--; h.running == 0 && h.idle != nil {
			close(h.idle)
			h.idle = nil
		}
	}()
}

// settle drops a login, as often as it takes, but not for ever.
func (h *Hashi) settle(l *hashiLease) {
	for rest := firstRetry; !h.dropped(l) && rest <= lastRetry; rest *= 2 {
		ctx, cancel := context.WithTimeout(h.life, rest)
		<-ctx.Done()
		cancel()
	}
}

// dropped says whether nothing of the login is left. It holds no lock while it asks.
func (h *Hashi) dropped(l *hashiLease) bool {
	h.mu.Lock()
	able := h.able() && h.life.Err() == nil
	h.mu.Unlock()
	if !able {
		return false
	}
	ctx, cancel := context.WithTimeout(h.life, databaseWithin)
	defer cancel()
	if l.base.Drop(ctx, l.username) != nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.owed, l.id)
	return true
}

// able says whether backends revoke: a sealed server does nothing.
func (h *Hashi) able() bool { return !h.broken && !h.sealed }

// takeUp begins again with what was given up.
func (h *Hashi) takeUp() {
	for _, l := range h.owed {
		if h.able() {
			h.owe(l)
		}
	}
}

// arm lets the next end of a login be noticed where nobody calls.
func (h *Hashi) arm() {
	if h.wake != nil {
		h.wake.Stop()
		h.wake = nil
	}
	if h.base == nil || h.closed {
		return
	}
	var next time.Time
	for _, l := range h.leases {
		if t := h.tokens[l.token]; l.base != nil {
			next = earlier(next, earlier(l.end, t.end))
		}
	}
	if !next.IsZero() {
		h.wake = time.AfterFunc(next.Sub(h.now()), h.wakes)
	}
}

func (h *Hashi) wakes() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expire()
	h.arm()
}

// earlier of two times; a zero one is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// dropAll drops what is left when nothing runs any more.
func (h *Hashi) dropAll() {
	h.mu.Lock()
	var left []*hashiLease
	for _, all := range []map[string]*hashiLease{h.leases, h.owed} {
		for id, l := range all {
			delete(all, id)
			if l.base != nil {
				left = append(left, l)
			}
		}
	}
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), databaseWithin)
	defer cancel()
	for _, l := range left {
		_ = l.base.Drop(ctx, l.username) // nobody is left who could try again
	}
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

// username is by the server's own template for PostgreSQL, whose names have 63 bytes: 51
// at most.
func username(display, role string, now time.Time) string {
	return fmt.Sprintf("v-%s-%s-%s-%d", begin(display), begin(role), random(20), now.Unix())
}

// begin is the first 8 bytes, but no part of a letter.
func begin(s string) string { return strings.ToValidUTF8(s[:min(len(s), 8)], "") }

func password() string {
	b := make([]byte, 15)
	_, _ = crand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
