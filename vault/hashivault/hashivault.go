// Package hashivault speaks to HashiCorp Vault and OpenBao, on net/http alone.
//
//	backend, err := hashivault.New(ctx, "https://vault.acme.example:8200",
//		hashivault.Login{RoleID: id, Wrapped: token, Role: "payroll"}, nil)
//	v, err := vault.New(log, backend, nil)
//	lease, err := v.Lease(ctx, grant, "database/creds/payroll")
//
// A path begins with a mount of Options.Mounts: "secret/app" is a secret of a KV mount,
// "database/creds/ro" a new login at a database, "database/static-creds/ro" one that is
// changed from time to time, "pki/issue/web" a certificate with its key. A certificate is
// issued as Options.Certificates says, and has the fields certificate, private_key,
// ca_chain and serial; the others have the fields that the server gives.
//
// # Guarantees
//
// Nothing is read from the environment, but by [FromEnv]: no VAULT_TOKEN, no switch that
// turns verification off, no proxy. What is dialled is the origin's address alone, if
// it is public, the origin itself, or in Options.Private. A redirect is refused, unless it
// names the same URL again, as a standby does; the token goes nowhere else.
//
// Whoever needs a login waits for the same one, as long as their own context lasts. It is
// renewed, or where that does not help replaced, when less than a third of its life is
// left. A call that is refused because the server knows the login no more is made once
// more, under a new login; any other 403 is [auth.ErrDenied]. A login that comes when nobody
// waits for it any more is kept for who comes next; one that comes past its deadline of 10
// seconds is revoked, and so is one that was replaced and that no lease depends on. Close
// revokes the last one, and with it all leases, and takes up what could not be revoked
// before: that is kept until the server has surely ended it, and where 1000 logins are left
// so, one has to be revoked before there is another. A refused login is not repeated for 30
// seconds, one that was not answered for one, or as long as the server says, 5 minutes at
// most.
//
// A wrapping token is looked up before it is used: it must have been made by
// auth/<mount>/role/<role>/secret-id. One that is used up is [ErrUnwrapped], an alarm.
//
// A lease that the caller did not wait for is revoked when it comes. A lease ends with its
// login: Issued.ParentTTL is what is left of that, and Renew says no more. Revoke returns
// nil only where the server has revoked the lease, or says that there is none. Each call is
// one transmission; net/http does not repeat it.
//
// An answer is one JSON object of at most 1 MiB, of type application/json, in which no name
// stands twice. A field is text: a number or a boolean of a KV secret is refused, not
// guessed at. A duration is a whole number of seconds, at most 31 years. A certificate is
// used only if it fits its key, has begun, and names all that was asked for, and a signature
// if the public key verifies it. Buffers are overwritten after use.
//
// # Limits
//
// Tokens are text in the headers of net/http, and secret ids and JWTs in its bodies: those
// are not overwritten; crypto/tls and net/http keep what they read last in two buffers, until
// there is a next answer. The secret id of a wrapping token is kept in memory, for further
// logins: give it as many uses as there will be. If New is interrupted between unwrapping
// and login, the wrapping token is used up all the same.
//
// The server's policy must let the login update sys/leases/revoke, besides what the policy
// "default" lets it. Without auth/token/lookup-self, every 403 costs a login. Policies
// that a role has got since come with the next login. What an answer that was lost had
// issued lives until its login ends, and where the lost answer was that of a login, that
// lives until its own TTL. Let the role give service tokens: a batch token cannot be
// revoked, so that Close fails, and it lives until its TTL, with its leases. A certificate
// that is no lease cannot be revoked at all. Logins are renewed when something is called, not
// in the background. Paths are lower case, as everywhere in package vault. A new client
// certificate is shown by new connections.
//
// # Errors
//
// All are of package auth, or the three of this package that are one of those, and none has
// text of the server, a path or a URL. [auth.ErrUndeclared]: a path under no mount, nothing
// there, [ErrDeleted], [ErrDestroyed], a lease to renew that is gone, or a zero Vault.
// [auth.ErrDenied]: the server refuses the login, or refuses the call to it, [ErrUnwrapped].
// [auth.ErrInvalid]: an argument, or an answer that is none. [auth.ErrExpired]: what is there
// is about to be replaced. [auth.ErrThrottled] and [auth.ErrUnavailable]: as the server says
// (then an [*auth.FailedError]), it is sealed, did not answer, or v is closed.
// [auth.ErrUnknown]: a TokenSource said nothing that is known here.
//
// # Concurrency
//
// A Vault is safe for concurrent use. A login, and a call that issues a lease, have a
// goroutine that may outlive their caller, by less than a minute; Close waits for them.
package hashivault

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/flight"
)

// namePattern is what stands in a URL or a header: mounts, roles, keys, namespaces.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

// Options of New. Nil means the documented defaults.
type Options struct {
	Namespace    string                 // empty: root
	RootCAs      *x509.CertPool         // nil: the host's
	Private      []string               // ranges, such as 10.20.0.0/16, that the origin's name may resolve to; nil: public addresses, and the one that the origin itself is
	Mounts       map[string]Engine      // by path; nil: "secret" KV2, "database" Database, "pki" PKI
	Transit      string                 // mount of the keys of Signer and DataKey; empty: "transit"
	Certificates map[string]Certificate // by path of a PKI role, such as "pki/issue/web"; nil: none is issued
}

// Vault is a server that is logged in to. It is a vault.Backend and a vault.Renewer. A
// zero Vault refuses. Safe for concurrent use.
type Vault struct {
	client       *client
	login        *login
	mounts       map[string]Engine
	transit      string
	certificates map[string]Certificate
	flights      flight.Group[struct{}, struct{}]
	tasks        sync.WaitGroup // what goes on when whoever asked for it has left

	mu      sync.Mutex
	closed  bool
	current *session          // nil: none
	old     map[*session]bool // replaced, and waiting for what depends on them
	undone  map[*session]bool // not revoked: true as long as that is under way; what failed is left, for Close, until it is over
	lent    map[string]loan   // by lease id
	sweepAt int               // size of lent at which it is looked through
	swept   time.Time
	failure error     // of the newest login; nil: it went well
	until   time.Time // the failure stands for further ones
}

// New logs in to the server at origin, which is https://host[:port], or http on a loopback
// host. Close ends the login.
func New(ctx context.Context, origin string, l Login, o *Options) (*Vault, error) {
	return open(ctx, origin, l, o, nil)
}

func open(ctx context.Context, origin string, l Login, o *Options, dial dialer) (*Vault, error) {
	if o == nil {
		o = &Options{}
	}
	by, err := l.compile()
	if err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	c, err := newClient(origin, o, l.Certificate, dial)
	if err != nil {
		return nil, err
	}
	v := &Vault{
		client: c, login: by, mounts: maps.Clone(o.Mounts), transit: o.Transit, certificates: map[string]Certificate{},
		old: map[*session]bool{}, undone: map[*session]bool{}, lent: map[string]loan{},
	}
	for path, c := range o.Certificates {
		c.DNS, c.URIs, c.IPs = slices.Clone(c.DNS), slices.Clone(c.URIs), slices.Clone(c.IPs)
		v.certificates[path] = c
	}
	if v.mounts == nil {
		v.mounts = usual()
	}
	if v.transit == "" {
		v.transit = "transit"
	}
	s, err := v.enter(ctx, 0)
	if err != nil {
		v.abandon()
		_ = v.Close(ended())
		return nil, err
	}
	v.leave(s)
	return v, nil
}

// ended is a context that leaves no time for anything.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (o *Options) check() error {
	if o.Namespace != "" && !isName(trimSlash(o.Namespace)) {
		return fmt.Errorf("%w: Namespace: not names separated by /", auth.ErrInvalid)
	}
	if o.Transit != "" && !isName(o.Transit) {
		return fmt.Errorf("%w: Transit: not a mount", auth.ErrInvalid)
	}
	for mount, engine := range o.Mounts {
		if !isPath(mount) || engine < KV1 || engine > PKI {
			return fmt.Errorf("%w: Mounts: not a path, or not an engine", auth.ErrInvalid)
		}
	}
	for path, c := range o.Certificates {
		if !isPath(path) || !c.usable() {
			return fmt.Errorf("%w: Certificates: not a path, or not a certificate that can be asked for", auth.ErrInvalid)
		}
	}
	return nil
}

func isName(s string) bool { return len(s) <= longestPath && namePattern.MatchString(s) }

func trimSlash(s string) string {
	if len(s) > 1 && s[len(s)-1] == '/' {
		return s[:len(s)-1]
	}
	return s
}

// zero says that v is none that New made.
func (v *Vault) zero() bool { return v == nil || v.client == nil }

// Check says whether the server answers, is unsealed, and v is open. vault.New calls it.
func (v *Vault) Check() error {
	if v.zero() {
		return auth.ErrUndeclared
	}
	v.mu.Lock()
	closed := v.closed
	v.mu.Unlock()
	if closed {
		return errClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), loginWithin)
	defer cancel()
	a, err := v.client.do(ctx, auth.Secret{}, request{method: http.MethodGet, path: "sys/health", query: "perfstandbyok=true&standbyok=true"})
	if err != nil {
		return err
	}
	defer a.body.wipe()
	return a.side()
}
