package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/carnet-go/carnet/audit"
)

var auditErase = command{
	name:  "audit erase",
	short: "forget whose pseudonym in a log was somebody's",
	usage: `
carnet audit erase -issuer ISSUER [-subject SUBJECT] DIR

  -issuer   who vouches for the person, as the log's service says it
  -subject  who the person is to that issuer; read from standard input if it is not said, so that
            it stands neither in a list of processes nor in a shell's history

DIR is a log that no service has open, with its key beside it in DIR.key. It is opened as the
service does it: what a crash has left is repaired, and grants that nobody answered are closed. A
service whose log has a signer elsewhere calls audit.Log.Erase itself.

Lines keep the pseudonym, and stay valid; that it was this person's, nobody can tell any more. The
log says that somebody was erased, and not who. Backups and snapshots of DIR/people still know, and
so may blocks of the disk.

Example:
  carnet audit erase -issuer https://login.acme.example /var/lib/acme/audit`,
	run: runAuditErase,
}

func runAuditErase(ctx context.Context, c *call) int {
	var a audit.Actor
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.StringVar(&a.Issuer, "issuer", "", "")
	set.StringVar(&a.Subject, "subject", "", "")
	if status, done := c.flags(set); done {
		return status
	}
	if a.Issuer == "" || len(c.args) != 1 {
		return c.misused("give -issuer and one DIR")
	}
	if a.Subject == "" {
		read, err := c.secrets.ask("subject")
		if err != nil {
			return c.failed(err)
		}
		a.Subject = string(read)
	}
	if err := erase(ctx, c.args[0], a); err != nil {
		return c.failed(err)
	}
	fmt.Fprintln(c.stdout, "audit: the person is erased")
	return statusOK
}

func erase(ctx context.Context, dir string, a audit.Actor) (err error) {
	log, err := audit.Open(ctx, dir, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close(context.WithoutCancel(ctx))) }()
	return log.Erase(ctx, a)
}
