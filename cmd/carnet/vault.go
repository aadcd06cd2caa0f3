package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

const vaultKeys = `
-identity FILE opens it with the age identity in FILE, which must be its owner's alone (mode 600);
-passphrase asks for a passphrase instead. Values and passphrases come from a terminal, unseen, or
from standard input; none is ever an argument, and none is printed.
`

var vaultInit = command{
	name:  "vault init",
	short: "make an encrypted file for secrets, and the identity that opens it",
	usage: `
carnet vault init (-identity FILE | -passphrase) SECRETS
` + vaultKeys + `
Where the identity's FILE does not exist it is made. SECRETS is never overwritten.

Example:
  carnet vault init -identity vault.key secrets.age`,
	run: func(ctx context.Context, c *call) int {
		return c.vault(ctx, true, 0, 0, func(f filevault.File, _ []string) error { return f.Create(ctx) })
	},
}

var vaultSet = command{
	name:  "vault set",
	short: "write a secret, in place of what stood there",
	usage: `
carnet vault set (-identity FILE | -passphrase) SECRETS PATH FIELD ...
` + vaultKeys + `
From standard input one field takes all of it, such as a key in PEM, and several take a line each,
in their order. A newline at the end is not part of a value.

Example:
  carnet vault set -identity vault.key secrets.age crm/api key`,
	run: runVaultSet,
}

var vaultList = command{
	name:  "vault list",
	short: "list paths, versions and fields, without values",
	usage: `
carnet vault list (-identity FILE | -passphrase) SECRETS
` + vaultKeys + `
Example:
  carnet vault list -identity vault.key secrets.age`,
	run: func(ctx context.Context, c *call) int {
		return c.vault(ctx, false, 0, 0, func(f filevault.File, _ []string) error {
			entries, err := f.List(ctx)
			for _, e := range entries {
				fmt.Fprintf(c.stdout, "%s\tversion %s\t%s\t%s\n", e.Path, e.Version, strings.Join(e.Fields, " "), e.Set.UTC().Format(time.RFC3339))
			}
			return err
		})
	},
}

var vaultRemove = command{
	name:  "vault remove",
	short: "remove a secret",
	usage: `
carnet vault remove (-identity FILE | -passphrase) SECRETS PATH
` + vaultKeys + `
Example:
  carnet vault remove -identity vault.key secrets.age crm/api`,
	run: func(ctx context.Context, c *call) int {
		return c.vault(ctx, false, 1, 1, func(f filevault.File, rest []string) error { return f.Delete(ctx, rest[0]) })
	},
}

var vaultRekey = command{
	name:  "vault rekey",
	short: "encrypt the file to another identity",
	usage: `
carnet vault rekey (-identity FILE | -passphrase) (-to FILE | -to-passphrase) SECRETS
` + vaultKeys + `
-to names the new identity, which is made where FILE does not exist. Copies of the file that exist
are still opened by the old one: change the secrets in them too.

Example:
  carnet vault rekey -identity vault.key -to new.key secrets.age`,
	run: runVaultRekey,
}

// vault opens the file that the first argument names, and takes from least to most
// arguments after it; most below 0: any number.
func (c *call) vault(ctx context.Context, fresh bool, least, most int, do func(f filevault.File, rest []string) error) int {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	key := keyOf(set, "identity", "passphrase")
	if status, done := c.flags(set); done {
		return status
	}
	return c.opened(key, fresh, least, most, do)
}

// keyOf adds the two flags of a key.
func keyOf(set *flag.FlagSet, file, passphrase string) *keyFlags {
	k := &keyFlags{}
	set.StringVar(&k.file, file, "", "")
	set.BoolVar(&k.passphrase, passphrase, false, "")
	return k
}

func (c *call) opened(key *keyFlags, fresh bool, least, most int, do func(f filevault.File, rest []string) error) int {
	if n := len(c.args) - 1; n < least || most >= 0 && n > most {
		return c.misused("the arguments are not the ones it takes")
	}
	secret, err := key.secret(c.secrets, "passphrase", fresh)
	if errors.Is(err, errWhichKey) {
		return c.misused(err.Error())
	}
	if err == nil {
		err = do(filevault.File{Path: c.args[0], Identity: secret}, c.args[1:])
	}
	if err != nil {
		return c.failed(err)
	}
	return statusOK
}

func runVaultSet(ctx context.Context, c *call) int {
	return c.vault(ctx, false, 2, -1, func(f filevault.File, rest []string) error {
		if err := f.Check(); err != nil { // before anybody types a secret
			return err
		}
		fields, err := values(c.secrets, rest[1:])
		if err != nil {
			return err
		}
		return f.Set(ctx, rest[0], fields)
	})
}

// values are those of the fields, in their order.
func values(from asker, names []string) (map[string]auth.Secret, error) {
	fields := map[string]auth.Secret{}
	for _, name := range names {
		read := func() ([]byte, error) { return from.twice(name) }
		if len(names) == 1 && !from.person() {
			read = from.all
		}
		value, err := read()
		if errors.Is(err, errNoInput) && len(fields) > 0 {
			err = errFewValues
		}
		if err != nil {
			return nil, err
		}
		if _, twice := fields[name]; twice {
			return nil, errors.New("a field is named twice")
		}
		fields[name] = auth.NewSecret(value)
	}
	return fields, nil
}

func runVaultRekey(ctx context.Context, c *call) int {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	key, to := keyOf(set, "identity", "passphrase"), keyOf(set, "to", "to-passphrase")
	if status, done := c.flags(set); done {
		return status
	}
	if to.passphrase == (to.file != "") {
		return c.misused("say either -to FILE or -to-passphrase")
	}
	return c.opened(key, false, 0, 0, func(f filevault.File, _ []string) error {
		if err := f.Check(); err != nil {
			return err
		}
		next, err := to.secret(c.secrets, "new passphrase", true)
		if err != nil {
			return err
		}
		return f.Rekey(ctx, next)
	})
}
