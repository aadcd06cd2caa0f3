// Siem: a log that two receivers get, a syslog server and a webhook. One of them dies and
// comes back, and nothing is missing. What they hold then is evidence against the log's own
// operator.
//
//	go run ./examples/siem
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/syslogaudit"
	"github.com/carnet-go/carnet/audit/verify"
	"github.com/carnet-go/carnet/audit/webhookaudit"
)

// options say where the log's lines may be kept, and where each receiver keeps them. One in
// the US would be refused by Open.
func options(far *far) *audit.Options {
	feed := audit.Feed{Jurisdictions: []string{"eu"}, Clearance: "internal", Within: 2 * time.Second, MaxLag: 300 * time.Millisecond}
	logged, posted := feed, feed
	logged.Name, logged.To = "syslog", syslogaudit.Syslog{Address: far.syslog.Addr().String(), TLS: far.trust()}
	posted.Name, posted.To = "hook", webhookaudit.Webhook{URL: far.hook.URL, TLS: far.trust()}
	return &audit.Options{Feeds: []audit.Feed{logged, posted}, Jurisdictions: []string{"eu"}}
}

// until waits for what a feed does by itself.
func until(ctx context.Context, is func() bool) error {
	for !is() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// work records what a service does.
func work(ctx context.Context, events *audit.Log, n int) error {
	for range n {
		_, err := events.Append(ctx, audit.Event{
			Actor: audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711"}, Action: "crm.contact.read", Outcome: audit.OutcomeSuccess,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// outage is the service at work while the hook is dead, and until it has come back.
func outage(ctx context.Context, out io.Writer, events *audit.Log, far *far) error {
	if err := work(ctx, events, 100); err != nil {
		return err
	}
	late := func() bool { return events.Health().Feeds[1].Late }
	if err := until(ctx, late); err != nil {
		return err
	}
	if err := until(ctx, func() bool { return far.logged.has() > 100 }); err != nil {
		return err
	}
	hook := events.Health().Feeds[1]
	fmt.Fprintf(out, "%s is dead (%s): the service works on, syslog has everything, the hook %d lines\n", hook.Name, hook.Failure, far.posted.has())
	far.posted.is(false)
	return until(ctx, func() bool { _, line := far.posted.find("audit.caughtup"); return line != "" })
}

// compare is what a receiver does who trusts nobody: with the log's key, which it was given
// once, and the newest checkpoint that it has received itself.
func compare(ctx context.Context, out io.Writer, what, dir string, keys []string, known ...[]byte) error {
	report, err := verify.Dir(ctx, os.DirFS(dir), keys, known...)
	if err != nil {
		return err
	}
	verdict := "verifies"
	if len(report.Findings) > 0 {
		verdict = "does not verify: " + report.Findings[0].Code
	}
	_, err = fmt.Fprintf(out, "%s: %s\n", what, verdict)
	return err
}

// prove holds one line that the hook has against a proof that the operator gives.
func prove(ctx context.Context, out io.Writer, events *audit.Log, far *far) error {
	index, line := far.posted.find("crm.contact.read")
	proof, err := events.Proof(ctx, index)
	if err != nil {
		return err
	}
	if err := verify.Proof(proof, []byte(line), []string{events.Key()}); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "a line that the hook has is proven to be in the log")
	return err
}

func run(ctx context.Context, out io.Writer, dir string) (err error) {
	far, err := newFar()
	if err != nil {
		return err
	}
	defer far.close()
	log, old := filepath.Join(dir, "audit"), filepath.Join(dir, "old")
	if err := audit.Create(ctx, log, "acme.example/crm/a", nil); err != nil {
		return err
	}
	if err := os.CopyFS(old, os.DirFS(log)); err != nil { // which an operator keeps for later
		return err
	}
	far.posted.is(true)
	events, err := audit.Open(ctx, log, options(far))
	if err != nil {
		return err
	}
	err = outage(ctx, out, events, far)
	if err == nil {
		err = prove(ctx, out, events, far)
	}
	if err := errors.Join(err, events.Close(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	return evidence(ctx, out, events, far, log, old)
}

// evidence is what the hook holds when all is over.
func evidence(ctx context.Context, out io.Writer, events *audit.Log, far *far, log, old string) error {
	lines := events.Health().Lines
	_, lag := far.posted.find("audit.lag")
	_, caughtUp := far.posted.find("audit.caughtup")
	fmt.Fprintf(out, "missing: %d lines of syslog, %d of the hook; the outage is in the log: %t\n",
		lines-far.logged.has(), lines-far.posted.has(), lag != "" && caughtUp != "")
	keys, held := []string{events.Key()}, far.posted.checkpoint()
	return errors.Join(
		compare(ctx, out, "the log, with the checkpoint that the hook received", log, keys, held),
		compare(ctx, out, "an older copy in its place, by itself", old, keys),
		compare(ctx, out, "an older copy in its place, with that checkpoint", old, keys, held),
	)
}

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "usage: siem")
		os.Exit(2)
	}
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, "siem:", err)
		os.Exit(1)
	}
}

func start() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "siem-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return run(ctx, os.Stdout, dir)
}
