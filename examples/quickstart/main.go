// Quickstart: a token comes in, an API key goes out, and what happened can be verified.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/auth/oidcauth"
	"github.com/carnet-go/carnet/examples/world"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/dirvault"
)

type service struct {
	vault  *vault.Vault
	gate   *auth.Gate
	broker *auth.Broker
}

// open wires who comes in and how each system is entered; all else is declared in the boundary.
func open(ctx context.Context, w *world.World, events *audit.Log) (s service, err error) {
	if s.vault, err = vault.New(events, dirvault.Dir(w.Secrets), nil); err != nil {
		return s, err
	}
	bound, err := boundary.Load(w.Boundary, nil)
	if err != nil {
		return s, err
	}
	login, err := oidcauth.New(ctx, w.Issuer, world.Audience, &oidcauth.Options{Client: w.Client})
	if err != nil {
		return s, err
	}
	if s.gate, err = auth.NewGate(ctx, events, bound, auth.Verifiers{auth.SchemeBearer: login}, nil); err != nil {
		return s, err
	}
	crm := keyauth.Header{Name: "X-Api-Key", Source: s.vault.Source("crm/api")}
	s.broker, err = auth.NewBroker(s.gate, auth.Translators{"crm": crm}, &auth.BrokerOptions{RootCAs: w.RootCAs})
	return s, err
}

// read is what the bearer of a token gets to see.
func (s service) read(ctx context.Context, token, operation string, answer any) error {
	principal, err := s.gate.Admit(ctx, auth.Bearer(token)) // who; otherwise there is no Principal
	if err != nil {
		return err
	}
	return s.cross(ctx, principal, operation, answer)
}

// cross makes one declared call: each line needs what only the line before can make.
func (s service) cross(ctx context.Context, p auth.Principal, operation string, answer any) error {
	grant, err := s.gate.Authorize(ctx, p, operation) // whether; otherwise there is no Grant
	if err != nil {
		return err
	}
	reply, err := s.broker.Do(ctx, grant, mapping.Document{}) // with the API key that the grant opens
	if err != nil {
		return err
	}
	return reply.Document.Decode(answer)
}

// visit prints what a user sees, or why he sees nothing.
func (s service) visit(ctx context.Context, out io.Writer, w *world.World, user, operation string) error {
	token, err := w.Token(ctx, user)
	if err != nil {
		return err
	}
	var contact map[string]string
	if err = s.read(ctx, token, operation, &contact); err == nil {
		fmt.Fprintf(out, "%s: %s, %s\n", user, contact["name"], contact["city"])
		return nil
	}
	fmt.Fprintf(out, "%s: %v\n", user, err)
	if denied, ok := errors.AsType[*auth.DeniedError](err); ok && denied.Challenge() != "" {
		fmt.Fprintln(out, "challenge:", denied.Challenge())
	}
	return nil
}

// count is a background job: nobody asked, so the service acts as itself.
func (s service) count(ctx context.Context, out io.Writer) error {
	self, err := s.gate.AdmitSelf(ctx)
	if err != nil {
		return err
	}
	var contacts map[string]int
	err = s.cross(ctx, self, "crm.contact.count", &contacts)
	fmt.Fprintf(out, "background job: %d contacts\n", contacts["count"])
	return err
}

func run(ctx context.Context, out io.Writer, dir string) error {
	w, err := world.Start(ctx, dir)
	if err != nil {
		return err
	}
	defer w.Close()
	signer := &audit.Options{Signer: w.Key}
	if err = audit.Create(ctx, w.Dir+"/audit", "acme.example/hr/a", signer); err != nil {
		return err
	}
	events, err := audit.Open(ctx, w.Dir+"/audit", signer)
	if err != nil {
		return err
	}
	s, err := open(ctx, w, events)
	if err != nil {
		return errors.Join(err, events.Close(context.WithoutCancel(ctx)))
	}
	err = errors.Join(
		s.visit(ctx, out, w, "alice", "crm.contact.read"), s.visit(ctx, out, w, "mallory", "crm.contact.read"),
		s.visit(ctx, out, w, "carol", "crm.contact.export"), // wants a second factor
		s.count(ctx, out),
		s.visit(ctx, out, w, "alice", "crm.photo.read"), // redirects to another host
	)
	fmt.Fprintln(out, "the other host:", len(w.Received(world.Lurker)), "requests")
	end := context.WithoutCancel(ctx) // also after Ctrl-C what is lent goes back, and the log is signed
	if err = errors.Join(err, s.broker.Close(end), s.vault.Close(end), events.Close(end)); err != nil {
		return err
	}
	report, err := verify.Dir(ctx, os.DirFS(w.Dir+"/audit"), []string{events.Key()})
	fmt.Fprintln(out, "audit:", report)
	if len(report.Findings) > 0 {
		err = errors.New("the log does not verify")
	}
	return err
}

func main() {
	dir := flag.String("dir", "", "empty folder for log and boundary, which stay; otherwise they are temporary")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	if err := run(ctx, os.Stdout, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
	stop()
}
