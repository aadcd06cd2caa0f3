package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"

	"github.com/carnet-go/carnet/audit"
)

var auditProve = command{
	name:  "audit prove",
	short: "print the proof of one event, or the event",
	usage: `
carnet audit prove [-line] DIR INDEX

  -line  print the event itself instead of its proof

The proof is a c2sp.org/tlog-proof@v1. With the event, and the log's public key, anybody
can verify it, without the log and without a network. The log must be closed or idle.

Example:
  carnet audit prove audit 42 > event.tlog-proof
  carnet audit prove -line audit 42 > event.json
  carnet audit verify -key audit.vkey -proof event.tlog-proof -line event.json`,
	run: runAuditProve,
}

func runAuditProve(ctx context.Context, c *call) int {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	line := set.Bool("line", false, "")
	if status, done := c.flags(set); done {
		return status
	}
	if len(c.args) != 2 {
		return c.misused("give DIR and INDEX, after the flags")
	}
	index, err := strconv.ParseInt(c.args[1], 10, 64)
	if err != nil || index < 0 {
		return c.misused("INDEX is a number from 0")
	}
	proof, event, err := audit.Prove(ctx, os.DirFS(c.args[0]), index)
	if err != nil {
		return c.failed(err)
	}
	if *line {
		proof = append(event, '\n')
	}
	if _, err := c.stdout.Write(proof); err != nil {
		return c.failed(fmt.Errorf("the output cannot be written"))
	}
	return statusOK
}
