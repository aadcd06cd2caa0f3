package vaulttest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// hashiRoot is the token that may do everything.
const hashiRoot = "root"

// Hashi is a server on loopback that speaks as HashiCorp Vault 1.21 does, as far as
// package hashivault goes: KV, tokens and the leases that die with them, database logins, of
// no database but where there is a HashiDatabase, transit, PKI, sealing. One logs in by
// AppRole, with a secret id that may be wrapped, by a JWT, as a Kubernetes service account,
// or with a TLS certificate. It begins unsealed, with the mount "secret" of KV version 2; the
// methods that fill it mount what they need. Safe for concurrent use.
type Hashi struct {
	URL string // of the server

	server *httptest.Server
	life   context.Context // ends when it closes, and with it what a database is asked
	end    context.CancelFunc
	stop   <-chan struct{} // its Done, of whoever made it, and not of the first that waits in a bubble

	mu       sync.Mutex
	closed   bool
	ahead    time.Duration // of the clock
	sealed   bool
	broken   bool              // backends revoke nothing
	mounts   map[string]string // engine by path
	methods  map[string]string // auth method by path
	policies map[string][]hashiRule
	tokens   map[string]*hashiToken
	wraps    map[string]*hashiWrap
	leases   map[string]*hashiLease
	owed     map[string]*hashiLease // ended, and not dropped yet
	base     HashiDatabase          // nil: none
	wake     *time.Timer            // at the next end; nil: nothing ends in a database
	running  int                    // goroutines that drop
	idle     chan struct{}          // closed by the last of them; nil: nobody waits
	roles    map[string]*hashiRole  // AppRoles
	entries  map[string]*hashiEntry // roles of the other methods, by mount and name
	flat     map[string]map[string]any
	kept     map[string]*hashiSecret
	database map[string]hashiLogin
	keys     map[string]*hashiKey
	issuer   *hashiIssuer
	faults   []*hashiFault
	seen     map[string]int // requests, by path
}

// NewHashi is one that t closes.
func NewHashi(t testing.TB) *Hashi {
	t.Helper()
	h := StartHashi()
	t.Cleanup(h.Close)
	return h
}

// StartHashi needs no test, so that an Example can run one. Whoever calls it calls Close.
func StartHashi() *Hashi {
	h := &Hashi{
		mounts: map[string]string{"secret": "kv2"}, methods: map[string]string{},
		policies: map[string][]hashiRule{"default": hashiDefault()}, tokens: map[string]*hashiToken{hashiRoot: {id: hashiRoot, display: "token"}},
		wraps: map[string]*hashiWrap{}, leases: map[string]*hashiLease{}, owed: map[string]*hashiLease{}, roles: map[string]*hashiRole{}, entries: map[string]*hashiEntry{},
		flat: map[string]map[string]any{}, kept: map[string]*hashiSecret{}, database: map[string]hashiLogin{},
		keys: map[string]*hashiKey{}, seen: map[string]int{},
	}
	h.life, h.end = context.WithCancel(context.Background())
	h.stop = h.life.Done()
	h.server = httptest.NewUnstartedServer(h)
	h.server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert} // whoever has one may show it
	h.server.StartTLS()
	h.URL = h.server.URL
	return h
}

// Close ends the server and what hangs in it, and drops the logins that are left in a
// database, for at most 5 seconds.
func (h *Hashi) Close() {
	h.mu.Lock()
	h.closed = true
	h.arm()
	if h.running > 0 && h.idle == nil {
		h.idle = make(chan struct{})
	}
	idle := h.idle
	h.mu.Unlock()
	h.end()
	h.server.Close()
	if idle != nil {
		<-idle
	}
	h.dropAll()
}

// RootCAs is what a client has to trust.
func (h *Hashi) RootCAs() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(h.server.Certificate())
	return pool
}

// Certificate is the server's own.
func (h *Hashi) Certificate() *x509.Certificate { return h.server.Certificate() }

// Mount mounts an engine: "kv1", "kv2", "database", "pki" or "transit".
func (h *Hashi) Mount(path, engine string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mounts[path] = engine
}

// Put writes a new version of the secret at a path below a KV mount, such as "secret/app".
func (h *Hashi) Put(path string, fields map[string]string) {
	data := map[string]any{}
	for name, value := range fields {
		data[name] = value
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if mount, rest := h.mounted(path); h.mounts[mount] == "kv1" {
		h.flat[path] = data
	} else {
		h.put(mount, rest, data)
	}
}

// Delete deletes the newest version; Undelete brings it back.
func (h *Hashi) Delete(path string) { h.change(path, func(v *hashiVersion) { v.deleted = h.now() }) }

// Undelete brings the newest version back.
func (h *Hashi) Undelete(path string) {
	h.change(path, func(v *hashiVersion) { v.deleted = time.Time{} })
}

// Destroy destroys the newest version.
func (h *Hashi) Destroy(path string) { h.change(path, func(v *hashiVersion) { v.destroyed = true }) }

func (h *Hashi) change(path string, do func(*hashiVersion)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	mount, rest := h.mounted(path)
	if s := h.kept[mount+"/"+rest]; s != nil {
		do(s.versions[len(s.versions)-1])
	}
}

// DatabaseRole adds database/creds/<name>, whose logins last ttl, and at most max.
func (h *Hashi) DatabaseRole(name string, ttl, most time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mounts["database"] = "database"
	h.database["creds/"+name] = hashiLogin{ttl: ttl, max: most}
}

// StaticRole adds database/static-creds/<name>, whose password changes each period.
func (h *Hashi) StaticRole(name string, period time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mounts["database"] = "database"
	h.database["static-creds/"+name] = hashiLogin{ttl: period, begun: h.now()}
}

// TransitKey adds a key, or a version of one: "ecdsa-p256", "ecdsa-p384", "ecdsa-p521",
// "ed25519", "rsa-2048" or "aes256-gcm96".
func (h *Hashi) TransitKey(name, kind string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mounts["transit"] = "transit"
	h.grow(name, kind)
}

// PKIRole adds pki/issue/<name>, whose certificates last at most max. leased: each is a
// lease, too.
func (h *Hashi) PKIRole(name string, most time.Duration, leased bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mounts["pki"] = "pki"
	h.authority("fake root", 24*time.Hour)
	h.issuer.roles[name] = hashiPKI{max: most, leased: leased}
}

// Advance moves the clock of the server, not of the process.
func (h *Hashi) Advance(by time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ahead += by
	h.expire()
	h.arm()
}

// Seal seals the server.
func (h *Hashi) Seal() { h.seal(true) }

// Unseal opens it again.
func (h *Hashi) Unseal() { h.seal(false) }

// Break lets the backends revoke nothing, as where their database is down: a synchronous
// revocation of a lease is 400, and the lease stays.
func (h *Hashi) Break() { h.breaks(true) }

// Mend lets them revoke again.
func (h *Hashi) Mend() { h.breaks(false) }

func (h *Hashi) breaks(broken bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken = broken
	h.takeUp()
}

func (h *Hashi) seal(sealed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sealed = sealed
	h.takeUp()
}

// Tokens is how many logins are alive.
func (h *Hashi) Tokens() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expire()
	return len(h.tokens) - 1
}

// Leases is how many leases are alive.
func (h *Hashi) Leases() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expire()
	return len(h.leases)
}

// Requests is how many came to a path below /v1/; a path that ends in * is a prefix.
func (h *Hashi) Requests(path string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p, times := range h.seen {
		if glob(path, p) {
			n += times
		}
	}
	return n
}

// RevokeTokens revokes all logins, as an operator may.
func (h *Hashi) RevokeTokens() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.tokens {
		if id != hashiRoot {
			h.kill(id)
		}
	}
}

func (h *Hashi) now() time.Time { return time.Now().Add(h.ahead) }

// mounted is the longest mount that a path is below, and the rest.
func (h *Hashi) mounted(path string) (mount, rest string) {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '/') {
		if _, ok := h.mounts[path[:end]]; ok {
			return path[:end], strings.TrimPrefix(path[end:], "/")
		}
	}
	return "", path
}

func glob(pattern, s string) bool {
	prefix, open := strings.CutSuffix(pattern, "*")
	return s == pattern || open && strings.HasPrefix(s, prefix)
}
