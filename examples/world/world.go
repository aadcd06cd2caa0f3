// Package world is the far side of the demonstration: an OpenID provider, a CRM
// that wants an API key, and a host that would like to have that key. They are
// real servers on loopback, behind certificates of an authority that ends with
// them.
//
//	w, err := world.Start(ctx, "")
//	token, err := w.Token(ctx, "alice")
//
// # Guarantees
//
// Every key, password and token is made for one World. None is written below
// World.Dir; the secrets of the service stand in a folder of their own, which is
// gone after Close.
//
// # Limits
//
// The provider is zitadel/oidc's, with users that this package knows. It is for
// demonstrations and tests: what it accepts says nothing about a provider that
// somebody operates.
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
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// Audience is what the service is called at the provider: the aud of its tokens.
const Audience = "hr-onboarding"

// The systems that Received answers for.
const (
	CRM    = "crm"    // the one that the boundary declares
	Lurker = "lurker" // where the CRM's redirect leads; nobody declared it
)

// World is the running servers, and what the service needs to know of them.
type World struct {
	Dir      string         // where the service keeps its files
	Issuer   string         // of the provider
	Client   *http.Client   // trusts RootCAs alone; for discovery
	RootCAs  *x509.CertPool // of all servers
	Boundary fs.FS          // DIR/boundary, with the origins of the servers
	Secrets  string         // folder for dirvault, outside Dir
	Key      crypto.Signer  // signs the log; in memory only

	provider *provider
	servers  []*server
	client   *http.Transport
	remove   []string
	secrets  ledger
	close    func() error
}

// Start starts the world, until ctx ends or Close. Its files go to dir, which must
// be empty or missing; empty: a temporary folder, which is gone after Close.
func Start(ctx context.Context, dir string) (*World, error) {
	w := new(World)
	w.close = sync.OnceValue(w.end)
	if err := errors.Join(w.folders(dir), ctx.Err()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if err := w.start(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	context.AfterFunc(ctx, func() { _ = w.Close() })
	return w, nil
}

// Close ends the servers and removes what was temporary. Dir stays if it was named.
func (w *World) Close() error { return w.close() }

// Received is what reached a system so far, oldest first.
func (w *World) Received(system string) []Request {
	for _, s := range w.servers {
		if s.name == system {
			return s.received.all()
		}
	}
	return nil
}

// SecretsOfRun is every key, password and token that the world has made so far, as
// the bytes that a leak would show.
func (w *World) SecretsOfRun() [][]byte { return w.secrets.all() }

func (w *World) folders(dir string) (err error) {
	if w.Secrets, err = w.temporary("carnet-secrets-"); err != nil {
		return err
	}
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

func (w *World) start() error {
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	w.RootCAs, w.client = authority.pool(), authority.transport()
	w.Client = &http.Client{Transport: w.client}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	w.Key = key
	w.secrets.keep(key.Seed())
	w.secrets.keep(authority.secrets()...)
	if err := w.serve(authority); err != nil {
		return err
	}
	return w.declare()
}

func (w *World) serve(a *authority) error {
	login, err := a.listen("provider")
	if err != nil {
		return err
	}
	w.servers = append(w.servers, login)
	lurker, err := a.listen(Lurker)
	if err != nil {
		return err
	}
	w.servers = append(w.servers, lurker)
	crm, err := a.listen(CRM)
	if err != nil {
		return err
	}
	w.servers = append(w.servers, crm)
	w.Issuer = login.origin
	if w.provider, err = newProvider(login.origin, w.Client, &w.secrets); err != nil {
		return err
	}
	key := w.secrets.random()
	login.serve(w.provider)
	crm.serve(newCRM(key, lurker.origin+"/photo"))
	lurker.serve(http.NotFoundHandler())
	return w.mount("crm/api", "key", key)
}

// mount writes a secret as an orchestrator would: one folder for each path, one
// file for each field.
func (w *World) mount(path, field, value string) error {
	folder := filepath.Join(w.Secrets, filepath.FromSlash(path))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, field), []byte(value), 0o600)
}

func (w *World) end() error {
	var err error
	for _, s := range w.servers {
		err = errors.Join(err, s.close())
	}
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
	for _, dir := range w.remove {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}
