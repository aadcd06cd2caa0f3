// Auditonly: a log that a stranger can verify, and nothing else.
//
//	go run ./examples/auditonly DIR
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
)

// release records what happened before it counts as having happened.
func release(ctx context.Context, out io.Writer, events *audit.Log) error {
	receipt, err := events.Append(ctx, audit.Event{
		Actor:   audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711"},
		Action:  "billing.invoice.release",
		Outcome: audit.OutcomeSuccess,
	})
	if err != nil {
		return err // not recorded: what it would have proved must not happen
	}
	proof, err := events.Proof(ctx, receipt.Index) // for whoever asks about this one line
	if err != nil {
		return err
	}
	_, err = out.Write(proof)
	return err
}

func run(ctx context.Context, out io.Writer, dir string) error {
	if err := audit.Create(ctx, dir, "acme.example/billing/a", nil); err != nil {
		return err
	}
	events, err := audit.Open(ctx, dir, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(release(ctx, out, events), events.Close(ctx)); err != nil {
		return err
	}
	report, err := verify.Dir(ctx, os.DirFS(dir), []string{events.Key()})
	fmt.Fprintln(out, "audit:", report)
	if len(report.Findings) > 0 {
		return errors.New("the log does not verify")
	}
	return err
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: auditonly DIR")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "auditonly:", err)
		os.Exit(1)
	}
}
