package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/auth/ldapauth"
)

var boundaryCheck = command{
	name:  "boundary check",
	short: "check a boundary, and list what to look at in a review",
	usage: `
carnet boundary check [-live [-mount PATH=ENGINE ...] [-private RANGE,...]] DIR

Everything that is wrong is told at once, one finding a line, with file:line:column and the
nearest right name; bases and filters of directories are read as ldapauth reads them. Of a
sound boundary it prints tenant, hash and counts, and what a reviewer must look at: opaque
operations with their reasons, privileged operations, operations that nobody may do, permits
without end, permits with which the service goes on for somebody who has gone, systems that
call people by an e-mail address or take logins without a time, systems that stand in for
others in canaries, functions of the service's own in mappings, whose code is not here, and
mappings that use releases, with the day on which the first of these ends.

-live asks the HashiCorp Vault or OpenBao that VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT and either
VAULT_ROLE_ID with VAULT_SECRET_ID, or VAULT_CLIENT_CERT with VAULT_CLIENT_KEY, name what that login
may do with the secrets that systems declare, and no others. What is more than to read them is
printed, one line each, and so is what could not be looked at; both are exit status 1. -mount says
which engine is where: kv1, kv2, database or pki; without it they are secret (kv2), database and
pki. -private names the ranges that the Vault's name may resolve to where they are not public.

Example:
  carnet boundary check boundary
  carnet boundary check -live -mount kv=kv2 boundary`,
	run: runBoundaryCheck,
}

func runBoundaryCheck(ctx context.Context, c *call) int {
	set, m := flag.NewFlagSet(c.name, flag.ContinueOnError), mounts{}
	live, private := set.Bool("live", false, ""), set.String("private", "", "")
	set.Var(m, "mount", "")
	if status, done := c.flags(set); done {
		return status
	}
	switch {
	case len(c.args) != 1:
		return c.misused("give one DIR")
	case (len(m) > 0 || *private != "") && !*live:
		return c.misused("-mount and -private are for -live")
	}
	s, custom, err := loaded(os.DirFS(c.args[0]), boundary.Options{Fits: map[string]func(auth.System) error{
		auth.KindDirectory: (*ldapauth.Bind)(nil).Fits,
	}}, boundary.Review)
	if err != nil {
		return c.wrong(err)
	}
	fmt.Fprintf(c.stdout, "boundary: tenant %s, hash %s\n", s.Tenant, s.Hash)
	fmt.Fprintf(c.stdout, "boundary: systems %d, operations %d, permits %d, rules %d, schemas %d, mappings %d\n",
		s.Systems, s.Operations, s.Permits, s.Rules, s.Schemas, s.Mappings)
	c.notes("opaque operation", s.Opaque)
	c.notes("privileged operation", s.Privileged)
	c.unreachable(s.Unreachable)
	c.notes("permit without end", s.Endless)
	c.notes("unattended permit", s.Unattended)
	c.notes("people by e-mail address in system", s.Mutable)
	c.notes("logins without time in system", s.Undated)
	for _, n := range s.Twins {
		fmt.Fprintf(c.stdout, "review: %s: system %s is the twin of %s, for canaries\n", n.At, n.Name, n.Reason)
	}
	for _, n := range custom {
		fmt.Fprintf(c.stdout, "review: %s: code to be read: %s, version %s\n", n.At, n.Name, n.Reason)
	}
	c.notes("tokens that who has their key can open, in mapping", s.Reversible)
	for _, m := range s.Released {
		fmt.Fprintf(c.stdout, "review: %s: mapping %s uses releases until %s\n", m.At, m.Name, m.NotAfter.UTC().Format(time.RFC3339))
	}
	if !*live {
		return statusOK
	}
	var ranges []string
	if *private != "" {
		ranges = strings.Split(*private, ",")
	}
	switch excess, err := c.live(ctx, m, ranges, s.Secrets); {
	case err != nil:
		return c.failed(err)
	case excess > 0:
		return statusWrong
	}
	return statusOK
}

func (c *call) unreachable(notes []boundary.Note) {
	for _, n := range notes {
		why := "there is no permit"
		if n.Reason != "" {
			why = "rule " + n.Reason + " denies everybody"
		}
		fmt.Fprintf(c.stdout, "review: %s: unreachable operation %s: %s\n", n.At, n.Name, why)
	}
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
