package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/mapping"
)

var boundaryCheck = command{
	name:  "boundary check",
	short: "check a boundary, and list what to look at in a review",
	usage: `
carnet boundary check DIR

Everything that is wrong is told at once, one finding a line, with file:line:column and the
nearest right name. Of a sound boundary it prints tenant, hash and counts, and what a reviewer
must look at: opaque operations with their reasons, privileged operations, permits without end,
and permits with which the service goes on for somebody who has gone.

Example:
  carnet boundary check boundary`,
	run: runBoundaryCheck,
}

func runBoundaryCheck(_ context.Context, c *call) int {
	if status, done := c.flags(flag.NewFlagSet(c.name, flag.ContinueOnError)); done {
		return status
	}
	if len(c.args) != 1 {
		return c.misused("give one DIR")
	}
	s, err := boundary.Review(os.DirFS(c.args[0]))
	if findings, ok := errors.AsType[mapping.Findings](err); ok {
		fmt.Fprintln(c.stdout, findings)
		fmt.Fprintf(c.stderr, "carnet boundary check: findings: %d\n", len(findings))
		return statusWrong
	}
	if err != nil {
		return c.failed(err)
	}
	fmt.Fprintf(c.stdout, "boundary: tenant %s, hash %s\n", s.Tenant, s.Hash)
	fmt.Fprintf(c.stdout, "boundary: systems %d, operations %d, permits %d, rules %d\n", s.Systems, s.Operations, s.Permits, s.Rules)
	c.notes("opaque operation", s.Opaque)
	c.notes("privileged operation", s.Privileged)
	c.notes("permit without end", s.Endless)
	c.notes("unattended permit", s.Unattended)
	return statusOK
}

// notes lists what is right and still wants somebody's eyes.
func (c *call) notes(what string, notes []boundary.Note) {
	for _, n := range notes {
		fmt.Fprintf(c.stdout, "review: %s: %s %s", n.At, what, n.Name)
		if n.Reason != "" {
			fmt.Fprintf(c.stdout, ": %q", n.Reason)
		}
		fmt.Fprintln(c.stdout)
	}
}
