package world

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/carnet-go/carnet/auth"
)

// Handout is what a service in another process needs to know of a World. It holds
// secrets: it goes through a pipe, and nowhere else.
type Handout struct {
	Dir, Issuer, Secrets string
	Roots                []byte // PEM
	Identity, Key        []byte
}

// Handout is for Attach.
func (w *World) Handout() (h Handout, err error) {
	key, ok := w.Key.(ed25519.PrivateKey)
	if !ok || w.authority == nil {
		return h, errors.New("world: attached, not started")
	}
	h = Handout{Dir: w.Dir, Issuer: w.Issuer, Secrets: w.Secrets, Key: key.Seed()}
	h.Roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.authority.root.Raw})
	err = w.Identity.Use(func(b []byte) error {
		h.Identity = append(h.Identity, b...)
		return nil
	})
	return h, err
}

// Attach is the service's side of a World that another process has started: what Start
// makes for the service, without the servers. Close ends nothing of theirs.
func Attach(h Handout) (*World, error) {
	w := &World{Dir: h.Dir, Issuer: h.Issuer, Secrets: h.Secrets, RootCAs: x509.NewCertPool(), Identity: auth.NewSecret(h.Identity)}
	if !w.RootCAs.AppendCertsFromPEM(h.Roots) || len(h.Key) != ed25519.SeedSize || h.Dir == "" {
		return nil, errors.New("world: that is no handout")
	}
	w.Key = ed25519.NewKeyFromSeed(h.Key)
	w.Boundary = os.DirFS(filepath.Join(h.Dir, "boundary"))
	w.client = transport(w.RootCAs)
	w.Client = &http.Client{Transport: w.client}
	w.close = sync.OnceValue(w.end)
	return w, nil
}
