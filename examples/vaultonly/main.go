// Vaultonly: a cron job that leases one secret. Nobody comes in, and what it may do
// is declared in Go.
//
//	go run ./examples/vaultonly LOG SECRETS
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/dirvault"
)

func declare() (*auth.Boundary, error) {
	read := auth.Operation{Name: "billing.invoice.read", Method: "GET", Path: "/invoices", Effect: auth.ReadOnly}
	catalogue, err := auth.NewCatalogue("acme", auth.System{
		Name: "billing", Origin: "https://billing.example", Secrets: []string{"billing/api"}, Operations: []auth.Operation{read},
	})
	if err != nil {
		return nil, err
	}
	itself := policy.Permit{Name: "itself", Who: policy.Who{Issuer: "local", Subject: "self"}, Operations: []string{read.Name}}
	permits, err := policy.New(catalogue, policy.Declaration{Permits: []policy.Permit{itself}})
	if err != nil {
		return nil, err
	}
	return auth.NewBoundary(catalogue, permits, nil)
}

func job(ctx context.Context, out io.Writer, gate *auth.Gate, v *vault.Vault) error {
	self, err := gate.AdmitSelf(ctx)
	if err != nil {
		return err
	}
	grant, err := gate.Authorize(ctx, self, "billing.invoice.read")
	if err != nil {
		return err
	}
	lease, err := v.Lease(ctx, grant, "billing/api")
	if err != nil {
		return err
	}
	key, err := lease.Secret("key")
	if err == nil {
		fmt.Fprintln(out, "leased:", key) // prints no key
	}
	return errors.Join(err, lease.Close(ctx))
}

func run(ctx context.Context, out io.Writer, dir, secrets string) error {
	bound, err := declare()
	if err != nil {
		return err
	}
	events, err := audit.Open(ctx, dir, nil)
	if err != nil {
		return err
	}
	v, err := vault.New(events, dirvault.Dir(secrets), nil)
	if err != nil {
		return errors.Join(err, events.Close(ctx))
	}
	gate, err := auth.NewGate(ctx, events, bound, nil, nil)
	if err == nil {
		err = job(ctx, out, gate, v)
	}
	return errors.Join(err, v.Close(ctx), events.Close(ctx))
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: vaultonly LOG SECRETS")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Stdout, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "vaultonly:", err)
		os.Exit(1)
	}
}
