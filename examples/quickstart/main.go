// Quickstart: one token comes in, and new employees go to four systems. Each system is
// entered by its own protocol and learns what it may; whatever fails, every hire ends
// done, rolled back or waiting for somebody; and what happened can be verified.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/auth/ldapauth"
	"github.com/carnet-go/carnet/auth/oauthauth"
	"github.com/carnet-go/carnet/auth/oidcauth"
	"github.com/carnet-go/carnet/auth/samlauth"
	"github.com/carnet-go/carnet/examples/world"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/filevault"
)

//go:embed testdata
var testdata embed.FS

// enter is how each system is entered; all else is declared in the boundary.
func enter(v *vault.Vault) auth.Translators {
	return auth.Translators{
		"directory": &ldapauth.Bind{Login: v.Source("directory/bind")},
		"erp":       samlauth.Session{Issuer: world.Entity, Key: v.Source("saml/signing"), Cookies: []string{"session"}},
		"crm":       keyauth.Header{Name: "X-Api-Key", Source: v.Source("crm/api")},
		"hub":       oauthauth.Exchange{Client: v.Source("hub/client")},
	}
}

// Hire is what a run remembers: data, no credential and no evidence.
type Hire struct{ Employee json.RawMessage }

// hiring is what is to be done, in this order; the way back is the reverse.
func (s *service) hiring() failsafe.Workflow[Hire] {
	return failsafe.Workflow[Hire]{Name: "new-hire", Version: "1", Steps: []failsafe.Step[Hire]{
		{Name: "account", Operation: "directory.account.create", Do: s.cross, Undo: s.cross, Ask: s.found},
		{Name: "payroll", Operation: "erp.payroll.open", Do: s.cross, Undo: s.cross},
		{Name: "contact", Operation: "crm.contact.push", Do: s.cross, Undo: s.cross},
		{Name: "announce", Operation: "hub.event.publish", Do: s.cross},
	}}
}

// cross is every step and every undo, whatever is spoken there: what may leave, how, and
// as whom, the grant's operation declares.
func (s *service) cross(ctx context.Context, x failsafe.Crossing, h *Hire) error {
	_, err := s.broker.Do(ctx, x.Grant, s.employee.Document(h.Employee))
	return err
}

// found says whether an account is there.
func (s *service) found(ctx context.Context, x failsafe.Crossing, h *Hire) (bool, error) {
	reply, err := s.broker.Do(ctx, x.Grant, s.employee.Document(h.Employee))
	if err != nil {
		return false, err
	}
	var found struct {
		Entries []json.RawMessage `json:"entries"`
	}
	err = reply.Document.Decode(&found)
	return len(found.Entries) > 0, err
}

type service struct {
	vault    *vault.Vault
	gate     *auth.Gate
	broker   *auth.Broker
	runner   *failsafe.Runner
	hires    *failsafe.Flow[Hire]
	employee *mapping.Schema
}

// open wires who comes in, what secrets there are, and how systems are entered.
func open(ctx context.Context, w *world.World, events *audit.Log, enter func(*vault.Vault) auth.Translators, o options) (s *service, err error) {
	s = new(service)
	secrets := filevault.File{Path: w.Secrets, Identity: w.Identity}
	if s.vault, err = vault.New(events, secrets, &vault.Options{Own: []string{"self/journal"}}); err != nil {
		return s, err
	}
	bound, err := boundary.Load(w.Boundary, &boundary.Options{Narrow: o.narrow})
	if err != nil {
		return s, err
	}
	s.employee = bound.Schema("employee")
	login, err := oidcauth.New(ctx, w.Issuer, world.Audience, &oidcauth.Options{Client: w.Client})
	if err != nil {
		return s, err
	}
	if s.gate, err = auth.NewGate(ctx, events, bound, auth.Verifiers{auth.SchemeBearer: login}, nil); err != nil {
		return s, err
	}
	s.broker, err = auth.NewBroker(s.gate, enter(s.vault), &auth.BrokerOptions{Keys: s.vault.Keys, RootCAs: w.RootCAs})
	if err != nil {
		return s, err
	}
	journal, err := failsafe.OpenJournal(ctx, w.Dir+"/journal")
	if err != nil {
		return s, err
	}
	s.runner, err = failsafe.New(ctx, s.gate, journal, s.vault.Own("self/journal"), &failsafe.Options{Alerters: o.alerters, Logger: quiet})
	if err != nil {
		return s, errors.Join(err, journal.Close(ctx))
	}
	s.hires, err = failsafe.Compile(s.runner, s.hiring())
	return s, err
}

// close gives back what is lent, in this order.
func (s *service) close(ctx context.Context) error {
	return errors.Join(s.runner.Close(ctx), s.broker.Close(ctx), s.vault.Close(ctx))
}
