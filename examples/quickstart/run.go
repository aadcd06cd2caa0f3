package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/examples/world"
	"github.com/carnet-go/carnet/failsafe"
)

// quiet: the acts say what is to be said.
var quiet = slog.New(slog.DiscardHandler)

// options of a service: what the acts need besides.
type options struct {
	narrow   []auth.Decider
	alerters []failsafe.Alerter
}

// record opens the log, and makes it where there is none.
func record(ctx context.Context, w *world.World) (*audit.Log, error) {
	signer := &audit.Options{Signer: w.Key}
	if err := audit.Create(ctx, w.Dir+"/audit", "acme.example/hr/a", signer); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return audit.Open(ctx, w.Dir+"/audit", signer)
}

// verified says what a stranger finds in the log.
func verified(ctx context.Context, out io.Writer, w *world.World, key string) error {
	report, err := verify.Dir(ctx, os.DirFS(w.Dir+"/audit"), []string{key})
	fmt.Fprintln(out, "audit:", report)
	if len(report.Findings) > 0 {
		err = errors.New("the log does not verify")
	}
	return err
}

func run(ctx context.Context, out io.Writer, dir string) error {
	w, err := world.Start(ctx, dir)
	if err != nil {
		return err
	}
	defer w.Close()
	events, err := record(ctx, w)
	if err != nil {
		return err
	}
	end := context.WithoutCancel(ctx) // also after Ctrl-C what is lent goes back, and the log is signed
	s, err := open(ctx, w, events, enter, options{narrow: []auth.Decider{revoked{w}}, alerters: []failsafe.Alerter{bell{out}}})
	if err == nil {
		err = errors.Join(s.show(ctx, out, w), s.close(end))
	}
	if err = errors.Join(err, events.Close(end)); err != nil {
		return err
	}
	return verified(ctx, out, w, events.Key())
}

func main() {
	dir := flag.String("dir", "", "empty folder for log, journal and boundary, which stay; otherwise they are temporary")
	kill := flag.String("kill", "", "instead: end the service with SIGKILL in the middle of this `step` (account, payroll, contact or announce), and start the next")
	child := flag.Bool("child", false, "be that service; its world comes on standard input")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	act := func() error { return run(ctx, os.Stdout, *dir) }
	switch {
	case *child:
		act = func() error { return serve(ctx, os.Stdin, os.Stdout) }
	case *kill != "":
		act = func() error { return killed(ctx, os.Stdout, *dir, *kill) }
	}
	if err := act(); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
	stop()
}
