package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/vault/filevault"
)

var (
	errNoRun        = errors.New("the journal does not know that run")
	errNoJournalKey = errors.New("there is no secret with a field key under -path in SECRETS")
)

const journalKeys = `
  -tenant      tenant of the service's boundary: what was sealed for another does not open
  -identity    file of the age identity or private SSH key that opens SECRETS; or -passphrase,
               which asks for one
  -secrets     file that holds the journal's key; secrets.age if it is not said
  -path        where the key stands in it, in the field key, and in the field previous the one
               before it; self/journal if it is not said

The service may be running: nothing is locked and nothing is changed. What the audit log knows of a
run is not asked. Times are UTC, and - stands for what is not known.
`

var runList = command{
	name:  "run list",
	short: "list the runs in a journal that wait, or are under way",
	usage: `
carnet run list -tenant NAME (-identity FILE | -passphrase) [-secrets SECRETS] [-path PATH] JOURNAL
` + journalKeys + `
JOURNAL is the folder. Each run is a line: its id, workflow, version, why it waits for a person,
the step at which it stands, and since when it has been running. A run whose frames were changed,
moved or left out is a finding.

Example:
  carnet run list -tenant acme -identity vault.key -secrets secrets.age journal`,
	run: func(ctx context.Context, c *call) int { return c.journal(ctx, 1, listRuns) },
}

var runShow = command{
	name:  "run show",
	short: "print what a journal remembers of one run, without its data",
	usage: `
carnet run show -tenant NAME (-identity FILE | -passphrase) [-secrets SECRETS] [-path PATH] JOURNAL RUN
` + journalKeys + `
JOURNAL is the folder, RUN the id. Each thing that happened is a line: when, step, do, undo or ask,
attempt, what, and why. Of a run that ended long ago the end may be all that is left.

Example:
  carnet run show -tenant acme -identity vault.key -secrets secrets.age journal hire-7`,
	run: func(ctx context.Context, c *call) int { return c.journal(ctx, 2, showRun) },
}

// opened is a journal with its key.
type opened struct {
	lease  *auth.Lease
	tenant string
}

func (c *call) journal(ctx context.Context, arguments int, do func(ctx context.Context, c *call, o opened) (int, error)) int {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	key := keyOf(set, "identity", "passphrase")
	tenant, secrets, path := set.String("tenant", "", ""), set.String("secrets", "secrets.age", ""), set.String("path", "self/journal", "")
	if status, done := c.flags(set); done {
		return status
	}
	switch {
	case len(c.args) != arguments:
		return c.misused("the arguments are not the ones it takes")
	case *tenant == "":
		return c.misused("-tenant is required: the journal is sealed for one")
	case key.unclear():
		return c.misused(errWhichKey.Error())
	}
	if err := filevault.CheckNames(*path, "key"); err != nil {
		return c.misused(err.Error())
	}
	lease, err := c.journalKey(ctx, key, *secrets, *path)
	if err != nil {
		return c.failed(err)
	}
	findings, err := do(ctx, c, opened{lease, *tenant})
	switch {
	case err != nil:
		return c.failed(err)
	case findings > 0:
		fmt.Fprintf(c.stderr, "carnet %s: findings: %d\n", c.name, findings)
		return statusWrong
	}
	return statusOK
}

func (c *call) journalKey(ctx context.Context, key *keyFlags, secrets, path string) (*auth.Lease, error) {
	secret, err := key.secret(c.secrets, "passphrase", false)
	if err != nil {
		return nil, err
	}
	issued, err := filevault.File{Path: secrets, Identity: secret}.Issue(ctx, path)
	if _, ok := issued.Fields["key"]; errors.Is(err, auth.ErrUndeclared) || err == nil && !ok {
		return nil, errNoJournalKey
	}
	return auth.NewLease("l-"+c.name, issued.Fields, nil), err
}

func listRuns(ctx context.Context, c *call, o opened) (findings int, err error) {
	for p, err := range failsafe.Inspect(failsafe.ReadJournal(ctx, c.args[0]), o.lease, o.tenant) {
		switch {
		case err != nil && p.Run == "":
			return findings, err
		case err != nil:
			findings++
			fmt.Fprintf(c.stdout, "%s\tdamaged: a frame of it was changed, moved or left out\n", printable(p.Run))
		default:
			columns(c, p.Run, p.Workflow, p.Version, p.Parked, p.Step, stamp(p.Since))
		}
	}
	return findings, nil
}

func showRun(ctx context.Context, c *call, o opened) (findings int, err error) {
	marks := 0
	for m, err := range failsafe.Trail(failsafe.ReadJournal(ctx, c.args[0]), o.lease, o.tenant, c.args[1]) {
		if err != nil {
			return 0, err
		}
		attempt := ""
		if m.Attempt > 0 {
			attempt = strconv.Itoa(m.Attempt)
		}
		columns(c, stamp(m.At), m.Step, m.Phase, attempt, m.What, m.Why)
		marks++
	}
	if marks == 0 {
		return 0, errNoRun
	}
	return 0, nil
}

// columns is a line, with - for what is empty: whoever cuts it finds each in its place.
func columns(c *call, values ...string) {
	for i, v := range values {
		if v == "" {
			values[i] = "-"
		}
	}
	fmt.Fprintln(c.stdout, strings.Join(values, "\t"))
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// printable is an id that anybody may have written.
func printable(id string) string {
	if quoted := strconv.QuoteToASCII(id); quoted != `"`+id+`"` {
		return quoted
	}
	return id
}
