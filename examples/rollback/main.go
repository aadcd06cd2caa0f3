// Rollback: an order reserves goods and takes money, at two systems, and ends with both
// or with neither.
//
//	go run ./examples/rollback
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/dirvault"
)

// declare says what may be done, what takes it back, and who asks whether it has happened.
func declare(far *far) (*auth.Boundary, error) {
	catalogue, err := auth.NewCatalogue("acme", auth.System{
		Name: "stock", Origin: far.stock.URL, Private: []string{"127.0.0.0/8"}, Secrets: []string{"stock/api"},
		Operations: []auth.Operation{
			{Name: "stock.goods.reserve", Method: "PUT", Path: "/goods", Effect: auth.Idempotent, Undo: "stock.goods.release"},
			{Name: "stock.goods.release", Method: "DELETE", Path: "/goods", Effect: auth.Idempotent},
		},
	}, auth.System{
		Name: "bank", Origin: far.bank.URL, Private: []string{"127.0.0.0/8"}, Secrets: []string{"bank/api"},
		Operations: []auth.Operation{
			{Name: "bank.money.take", Method: "POST", Path: "/money", Effect: auth.Once, Undo: "bank.money.refund", Ask: "bank.money.find"},
			{Name: "bank.money.refund", Method: "DELETE", Path: "/money", Effect: auth.Idempotent},
			{Name: "bank.money.find", Method: "GET", Path: "/money", Effect: auth.ReadOnly, Output: auth.Opaque, Reason: "it answers yes or no"},
		},
	})
	if err != nil {
		return nil, err
	}
	permits, err := policy.New(catalogue, policy.Declaration{Permits: []policy.Permit{{
		Name: "orders", Who: policy.Who{Issuer: "local", Subject: "self"}, Operations: []string{
			"stock.goods.reserve", "stock.goods.release", "bank.money.take", "bank.money.refund", "bank.money.find",
		},
	}}})
	if err != nil {
		return nil, err
	}
	return auth.NewBoundary(catalogue, permits, nil)
}

// Order is what a run remembers of it.
type Order struct{ Number int }

// ordering is the workflow: the money comes last, because it is what hurts.
func ordering(broker *auth.Broker) failsafe.Workflow[Order] {
	cross := func(ctx context.Context, x failsafe.Crossing, _ *Order) error {
		_, err := broker.Do(ctx, x.Grant, mapping.Document{})
		return err
	}
	taken := func(ctx context.Context, x failsafe.Crossing, _ *Order) (bool, error) {
		reply, err := broker.Do(ctx, x.Grant, mapping.Document{})
		if err != nil {
			return false, err
		}
		var yes bool
		err = reply.Document.Decode(&yes)
		return yes, err
	}
	return failsafe.Workflow[Order]{Name: "order", Version: "1", Steps: []failsafe.Step[Order]{
		{Name: "reserve", Operation: "stock.goods.reserve", Do: cross, Undo: cross},
		{Name: "pay", Operation: "bank.money.take", Do: cross, Undo: cross, Ask: taken},
	}}
}

type service struct {
	orders *failsafe.Flow[Order]
	runner *failsafe.Runner
	broker *auth.Broker
	gate   *auth.Gate
	vault  *vault.Vault
}

// close gives back what is lent, in this order.
func (s *service) close(ctx context.Context) error {
	return errors.Join(s.runner.Close(ctx), s.broker.Close(ctx), s.vault.Close(ctx))
}

func open(ctx context.Context, dir string, events *audit.Log, far *far) (s *service, err error) {
	s = new(service)
	bound, err := declare(far)
	if err != nil {
		return s, err
	}
	s.vault, err = vault.New(events, dirvault.Dir(filepath.Join(dir, "secrets")), &vault.Options{Own: []string{"self/journal"}})
	if err != nil {
		return s, err
	}
	if s.gate, err = auth.NewGate(ctx, events, bound, nil, nil); err != nil {
		return s, err
	}
	s.broker, err = auth.NewBroker(s.gate, auth.Translators{
		"stock": keyauth.Header{Name: "X-Api-Key", Source: s.vault.Source("stock/api")},
		"bank":  keyauth.Header{Name: "X-Api-Key", Source: s.vault.Source("bank/api")},
	}, &auth.BrokerOptions{RootCAs: far.roots()})
	if err != nil {
		return s, err
	}
	journal, err := failsafe.OpenJournal(ctx, filepath.Join(dir, "journal"))
	if err != nil {
		return s, err
	}
	quiet := slog.New(slog.DiscardHandler) // what is alerted, run prints
	s.runner, err = failsafe.New(ctx, s.gate, journal, s.vault.Own("self/journal"), &failsafe.Options{Logger: quiet})
	if err != nil {
		return s, errors.Join(err, journal.Close(ctx))
	}
	s.orders, err = failsafe.Compile(s.runner, ordering(s.broker))
	return s, err
}

func run(ctx context.Context, out io.Writer, dir string) (err error) {
	if err := secrets(dir); err != nil {
		return err
	}
	far := newFar()
	defer far.close()
	if err := audit.Create(ctx, filepath.Join(dir, "audit"), "acme.example/orders/a", nil); err != nil {
		return err
	}
	events, err := audit.Open(ctx, filepath.Join(dir, "audit"), nil)
	if err != nil {
		return err
	}
	s, err := open(ctx, dir, events, far)
	defer func() {
		ctx := context.WithoutCancel(ctx)
		err = errors.Join(err, s.close(ctx), events.Close(ctx))
	}()
	if err != nil {
		return err
	}
	for n, trouble := range []string{"", "denies", "forgets to answer", "loses the request"} {
		far.is(trouble)
		self, err := s.gate.AdmitSelf(ctx)
		if err != nil {
			return err
		}
		result, err := s.orders.Run(ctx, self, fmt.Sprintf("order-%d", n+1), Order{Number: n + 1})
		if ctx.Err() != nil {
			return err
		}
		if trouble == "" {
			trouble = "is well"
		}
		goods, money := far.taken()
		fmt.Fprintf(out, "the bank %s: %v; goods %d, money %d\n", trouble, result.End, goods, money)
	}
	return nil
}

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "usage: rollback")
		os.Exit(2)
	}
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, "rollback:", err)
		os.Exit(1)
	}
}

func start() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "rollback-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return run(ctx, os.Stdout, dir)
}
