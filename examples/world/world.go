// Package world is the far side of the demonstration: an OpenID provider, an LDAP
// directory, an ERP that takes SAML sessions, a CRM that wants an API key, a hub that
// takes exchanged tokens only, and a host that would like to have that key. They are
// real servers on loopback, behind certificates of an authority that ends with them.
//
//	w, err := world.Start(ctx, "")
//	token, err := w.Token(ctx, "alice")
//
// # Guarantees
//
// Every key, password and token is made for one World. None is written below
// World.Dir; the secrets of the service stand in an encrypted file in a folder of
// its own, which is gone after Close. What Received tells holds no credential.
//
// # Limits
//
// The provider is zitadel/oidc's, with users that this package knows; the directory is
// gldap's, with one account that may do everything. They are for demonstrations and
// tests: what they accept says nothing about servers that somebody operates.
//
// # Errors
//
// A folder that holds files already is [fs.ErrExist]. A user who is unknown, and
// one without a second factor, are errors of Token and StepUp.
//
// # Concurrency
//
// A World is safe for concurrent use.
package world

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

// What the service is called.
const (
	Audience = "hr-onboarding"           // at the provider: the aud of its tokens, and the id of its client
	Entity   = "https://hr.acme.example" // where SAML is spoken: the issuer of its assertions
)

// The systems that Received answers for: those that the boundary declares, and two more.
const (
	Directory = "directory" // LDAP, in the EU
	ERP       = "erp"       // SAML, in the EU
	CRM       = "crm"       // an API key, in the US; takes SAML too
	Hub       = "hub"       // exchanged tokens, in the US
	Provider  = "provider"  // of the tokens
	Lurker    = "lurker"    // where the CRM's redirect leads; nobody declared it
)

// World is the running servers, and what the service needs to know of them.
type World struct {
	Dir      string         // where the service keeps its files
	Issuer   string         // of the provider
	Client   *http.Client   // trusts RootCAs alone; for discovery
	RootCAs  *x509.CertPool // of all servers
	Boundary fs.FS          // DIR/boundary, with the origins of the servers
	Secrets  string         // file for filevault, outside Dir
	Identity auth.Secret    // that opens it
	Key      crypto.Signer  // signs the log; in memory only

	authority *authority // nil: attached
	provider  *provider
	directory *directory
	servers   []*server
	sessions  map[string]*sessions
	payrolls  *erp
	contacts  *crm
	client    *http.Transport
	remove    []string
	private   string // folder of what the service keeps to itself
	secrets   ledger
	close     func() error
}

// Start starts the world, until ctx ends or Close. Its files go to dir, which must
// be empty or missing; empty: a temporary folder, which is gone after Close.
func Start(ctx context.Context, dir string) (*World, error) {
	w := new(World)
	w.close = sync.OnceValue(w.end)
	if err := errors.Join(w.folders(dir), ctx.Err()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	context.AfterFunc(ctx, func() { _ = w.Close() })
	return w, nil
}

// Close ends the servers and removes what was temporary. Dir stays if it was named.
func (w *World) Close() error { return w.close() }

// Received is what reached a system so far, oldest first.
func (w *World) Received(system string) []Request {
	if system == Directory {
		return w.directory.received.all()
	}
	for _, s := range w.servers {
		if s.name == system {
			return s.received.all()
		}
	}
	return nil
}

// Break lets a system that speaks HTTP answer everything with 503, until Mend.
func (w *World) Break(system string) { w.breaks(system, true) }

// Mend ends Break.
func (w *World) Mend(system string) { w.breaks(system, false) }

func (w *World) breaks(system string, broken bool) {
	for _, s := range w.servers {
		if s.name == system {
			s.broken.Store(broken)
		}
	}
}

// Keeps is what a system has stored: numbers of accounts in the directory and of
// payrolls in the ERP, ids of contacts in the CRM. Of others, nothing.
func (w *World) Keeps(system string) []string {
	switch system {
	case Directory:
		return w.directory.tree.accounts()
	case ERP:
		w.payrolls.mu.Lock()
		defer w.payrolls.mu.Unlock()
		return slices.Sorted(maps.Keys(w.payrolls.payrolls))
	case CRM:
		w.contacts.mu.Lock()
		defer w.contacts.mu.Unlock()
		return slices.Sorted(maps.Keys(w.contacts.contacts))
	}
	return nil
}

// ExpireSessions ends all SAML sessions at a system, as a restart of it would.
func (w *World) ExpireSessions(system string) {
	if s, ok := w.sessions[system]; ok {
		s.expire()
	}
}

// SecretsOfRun is every key, password and token that the world has made so far, as
// the bytes that a leak would show.
func (w *World) SecretsOfRun() [][]byte { return w.secrets.all() }

func (w *World) folders(dir string) (err error) {
	if w.private, err = w.temporary("carnet-private-"); err != nil {
		return err
	}
	w.Secrets = filepath.Join(w.private, "secrets.age")
	if dir == "" {
		w.Dir, err = w.temporary("carnet-")
		return err
	}
	if w.Dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err = os.MkdirAll(w.Dir, 0o755); err != nil {
		return err
	}
	files, err := os.ReadDir(w.Dir)
	if len(files) > 0 {
		return fmt.Errorf("world: the folder holds files already: choose an empty one: %w", fs.ErrExist)
	}
	return err
}

func (w *World) temporary(pattern string) (string, error) {
	dir, err := os.MkdirTemp("", pattern)
	if err == nil {
		w.remove = append(w.remove, dir)
	}
	return dir, err
}

func (w *World) start(ctx context.Context) error {
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	w.authority, w.RootCAs = authority, authority.pool()
	w.client = transport(w.RootCAs)
	w.Client = &http.Client{Transport: w.client}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	w.Key = key
	w.secrets.keep(key.Seed())
	w.secrets.keep(authority.secrets()...)
	if err := w.serve(ctx, authority); err != nil {
		return err
	}
	return w.declare()
}

// serve starts the servers: first all addresses, then what knows of them.
func (w *World) serve(ctx context.Context, a *authority) error {
	at := map[string]*server{}
	for _, name := range []string{Provider, ERP, CRM, Hub, Lurker} {
		s, err := a.listen(name, &w.secrets)
		if err != nil {
			return err
		}
		w.servers = append(w.servers, s)
		at[name] = s
	}
	w.Issuer = at[Provider].origin
	provider, err := newProvider(w.Issuer, at[Hub].origin, w.Client, &w.secrets)
	if err != nil {
		return err
	}
	signing, err := newStamp()
	if err != nil {
		return err
	}
	w.provider, w.sessions = provider, map[string]*sessions{}
	for _, name := range []string{ERP, CRM} {
		origin := at[name].origin
		w.sessions[name] = newSessions(party{Entity, origin + "/saml", origin + "/saml/acs", signing.certificate}, &w.secrets)
	}
	key, password := w.secrets.random(), w.secrets.random()
	if w.directory, err = a.listenLDAP(password); err != nil {
		return err
	}
	at[Provider].serve(provider)
	payrolls, erp := newERP(w.sessions[ERP])
	contacts, crm := newCRM(key, at[Lurker].origin+"/photo", w.sessions[CRM])
	w.payrolls, w.contacts = payrolls, contacts
	at[ERP].serve(erp)
	at[CRM].serve(crm)
	at[Hub].serve(newHub(w.Issuer, at[Hub].origin, w.Client))
	at[Lurker].serve(newLurker())
	return w.entrust(ctx, key, password, signing)
}

// newLurker notes the key that it was handed.
func newLurker() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != "" {
			as(r, keyID)
		}
		http.NotFound(w, r)
	})
}

// entrust gives the service what it enters the systems with.
func (w *World) entrust(ctx context.Context, key, password string, signing *stamp) (err error) {
	w.secrets.keep(signing.key, signing.der)
	if w.Identity, err = filevault.NewIdentity(); err != nil {
		return err
	}
	if err := w.Identity.Use(func(b []byte) error { w.secrets.keep(b); return nil }); err != nil {
		return err
	}
	file := filevault.File{Path: w.Secrets, Identity: w.Identity}
	if err := file.Create(ctx); err != nil {
		return err
	}
	for path, fields := range map[string]map[string]string{
		"directory/bind": {"name": serviceDN, "password": password},
		"saml/signing":   {"key": string(signing.key), "certificate": string(signing.public)},
		"crm/api":        {"key": key},
		"crm/tokens":     {"key": w.secrets.randomKey()},
		"hub/client":     {"id": Audience, "secret": w.provider.storage.client.secret},
		"hub/tokens":     {"key": w.secrets.randomKey()},
		"self/journal":   {"key": w.secrets.randomKey()},
	} {
		secrets := map[string]auth.Secret{}
		for name, value := range fields {
			secrets[name] = auth.NewSecret([]byte(value))
		}
		if err := file.Set(ctx, path, secrets); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) end() error {
	var err error
	for _, s := range w.servers {
		err = errors.Join(err, s.close())
	}
	if w.directory != nil {
		err = errors.Join(err, w.directory.close())
	}
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
	for _, dir := range w.remove {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}
