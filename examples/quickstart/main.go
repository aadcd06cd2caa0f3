// Quickstart: one token comes in, and new employees go to four systems. Each system is
// entered by its own protocol and learns what it may; what happened can be verified.
package main

import (
	"context"
	"embed"
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
	"github.com/carnet-go/carnet/auth/ldapauth"
	"github.com/carnet-go/carnet/auth/oauthauth"
	"github.com/carnet-go/carnet/auth/oidcauth"
	"github.com/carnet-go/carnet/auth/samlauth"
	"github.com/carnet-go/carnet/examples/world"
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

// cross takes data over one border, whatever is spoken there: as the operation declares.
func (s service) cross(ctx context.Context, p auth.Principal, operation string, d mapping.Document) (auth.Reply, error) {
	grant, err := s.gate.Authorize(ctx, p, operation) // whether; otherwise there is no Grant
	if err != nil {
		return auth.Reply{}, err
	}
	return s.broker.Do(ctx, grant, d) // what of d may leave, how, and as whom
}

type service struct {
	vault    *vault.Vault
	gate     *auth.Gate
	broker   *auth.Broker
	employee *mapping.Schema
}

// open wires who comes in, what secrets there are, and how systems are entered.
func open(ctx context.Context, w *world.World, events *audit.Log, enter func(*vault.Vault) auth.Translators) (s service, err error) {
	if s.vault, err = vault.New(events, filevault.File{Path: w.Secrets, Identity: w.Identity}, nil); err != nil {
		return s, err
	}
	bound, err := boundary.Load(w.Boundary, nil)
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
	return s, err
}

// hire takes employees over every border, in the name of the bearer of a token.
func (s service) hire(ctx context.Context, token string) error {
	principal, err := s.gate.Admit(ctx, auth.Bearer(token)) // who; otherwise there is no Principal
	if err != nil {
		return err
	}
	for _, name := range []string{"mueller", "nguyen", "zolc"} {
		employee, err := testdata.ReadFile("testdata/employees/" + name + ".json")
		if err != nil {
			return err
		}
		for _, operation := range []string{"erp.payroll.open", "directory.account.create", "crm.contact.push", "hub.event.publish"} {
			if _, err := s.cross(ctx, principal, operation, s.employee.Document(employee)); err != nil {
				return err
			}
		}
	}
	return nil
}

// count is a background job: nobody asked, so the service acts as itself.
func (s service) count(ctx context.Context) (answer auth.Reply, err error) {
	self, err := s.gate.AdmitSelf(ctx)
	if err != nil {
		return answer, err
	}
	return s.cross(ctx, self, "crm.contact.count", mapping.Document{})
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
	s, err := open(ctx, w, events, enter)
	if err != nil {
		return errors.Join(err, events.Close(context.WithoutCancel(ctx)))
	}
	err = s.show(ctx, out, w)
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
