package failsafe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/dirvault"
)

// Order is what a run remembers. A function gets its own copy of it, kept if the function
// returns nil.
type Order struct{ Reserved bool }

// The second step fails, and the first is undone. These steps are local: those of a
// service name an operation of its boundary, and their functions call broker.Do with the
// Crossing's Grant.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "carnet-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	gate, keys, done := exampleService(ctx, dir)
	defer done()

	journal, err := failsafe.OpenJournal(ctx, filepath.Join(dir, "journal"))
	if err != nil {
		log.Fatal(err)
	}
	runner, err := failsafe.New(ctx, gate, journal, keys.Own("self/journal"), &failsafe.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		log.Fatal(err)
	}
	defer runner.Close(ctx)
	orders, err := failsafe.Compile(runner, failsafe.Workflow[Order]{Name: "order", Version: "1", Steps: []failsafe.Step[Order]{
		{
			Name: "reserve",
			Do: func(_ context.Context, _ failsafe.Crossing, o *Order) error {
				fmt.Println("reserve")
				o.Reserved = true
				return nil
			},
			Undo: func(_ context.Context, _ failsafe.Crossing, o *Order) error {
				fmt.Println("release, reserved:", o.Reserved)
				return nil
			},
		},
		{
			Name: "pay",
			Do: func(context.Context, failsafe.Crossing, *Order) error {
				return errors.New("the card is not accepted")
			},
		},
	}})
	if err != nil {
		log.Fatal(err)
	}

	self, err := gate.AdmitSelf(ctx)
	if err != nil {
		log.Fatal(err)
	}
	result, err := orders.Run(ctx, self, "order-4711", Order{})
	fmt.Println(result.End, "at", result.Step)
	fmt.Println(err)
	fmt.Println(errors.Unwrap(err))
	_, err = orders.Run(ctx, self, "order-4711", Order{}) // the same run
	fmt.Println(err)
	_, err = orders.Run(ctx, self, "order-4711", Order{Reserved: true})
	fmt.Println(err)
	// Output:
	// reserve
	// release, reserved: true
	// rolled back at pay
	// failsafe: rolled back at pay: permanent
	// the card is not accepted
	// failsafe: rolled back at pay: permanent
	// failsafe: another run has this id
}

// exampleService is what a runner stands on: a log, a gate, and a vault with the key of
// the journal.
func exampleService(ctx context.Context, dir string) (*auth.Gate, *vault.Vault, func()) {
	secrets := filepath.Join(dir, "secrets", "self", "journal")
	if err := os.MkdirAll(secrets, 0o700); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(secrets, "key"), []byte("a key of at least thirty-two bytes"), 0o600); err != nil {
		log.Fatal(err)
	}
	if err := audit.Create(ctx, filepath.Join(dir, "audit"), "acme.example/orders/a", nil); err != nil {
		log.Fatal(err)
	}
	events, err := audit.Open(ctx, filepath.Join(dir, "audit"), nil)
	if err != nil {
		log.Fatal(err)
	}
	catalogue, err := auth.NewCatalogue("acme")
	if err != nil {
		log.Fatal(err)
	}
	nobody, err := policy.New(catalogue, policy.Declaration{})
	if err != nil {
		log.Fatal(err)
	}
	boundary, err := auth.NewBoundary(catalogue, nobody, nil)
	if err != nil {
		log.Fatal(err)
	}
	gate, err := auth.NewGate(ctx, events, boundary, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := vault.New(events, dirvault.Dir(filepath.Join(dir, "secrets")), &vault.Options{Own: []string{"self/journal"}})
	if err != nil {
		log.Fatal(err)
	}
	return gate, keys, func() { _ = errors.Join(keys.Close(ctx), events.Close(ctx)) }
}
