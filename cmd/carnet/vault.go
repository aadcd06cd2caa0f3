package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

// mostWait is how long a change waits for another writer, the second included after
// which filevault tells of it.
const mostWait = 30 * time.Second

var (
	errThere    = errors.New("SECRETS is there already, and nothing is overwritten")
	errNoFolder = errors.New("the folder of SECRETS does not exist: make it first")
	errBusy     = errors.New("another writer has had SECRETS for 30 seconds: nothing was written; see who holds SECRETS.lock, and try again")
	errNoSecret = errors.New("there is no secret under that path")
)

const vaultKeys = `
-identity FILE opens it with what is in FILE: an age identity, or a private SSH key (ed25519 or RSA)
without a passphrase of its own. FILE must be its owner's alone (mode 600); -passphrase asks for a
passphrase instead. Values and passphrases come from a terminal, unseen, or from standard input;
none is ever an argument, and none is printed.

SECRETS and FILE are for their owner alone, and root is no exception: the service could not read
what root writes. Run this as the service's user, such as with sudo -u. A change waits up to 30
seconds for another writer.
`

var vaultInit = command{
	name:  "vault init",
	short: "make an encrypted file for secrets, and the identity that opens it",
	usage: `
carnet vault init (-identity FILE [-pq] | -passphrase) SECRETS
` + vaultKeys + `
Where the identity's FILE does not exist it is made, an age identity. With -pq it is one that a
quantum computer does not break either, and a FILE that holds another one is refused. SECRETS is
never overwritten.

Example:
  carnet vault init -identity vault.key -pq secrets.age`,
	run: func(ctx context.Context, c *call) int {
		return c.vault(task{fresh: true, do: func(f filevault.File, _ []string) error {
			return c.change(ctx, f, func(ctx context.Context, f filevault.File) error { return f.Create(ctx) })
		}})
	},
}

var vaultSet = command{
	name:  "vault set",
	short: "write a secret, in place of what stood there",
	usage: `
carnet vault set (-identity FILE | -passphrase) SECRETS PATH FIELD ...
` + vaultKeys + `
From standard input one field takes all of it, such as a key in PEM, and several take a line each,
in their order, and no line may be left. A newline at the end, of Windows too, is not part of a
value. A terminal takes less than 4095 bytes.

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
		return c.vault(task{do: func(f filevault.File, _ []string) error {
			entries, err := f.List(ctx)
			for _, e := range entries {
				fmt.Fprintf(c.stdout, "%s\tversion %s\t%s\t%s\n", e.Path, e.Version, strings.Join(e.Fields, " "), e.Set.UTC().Format(time.RFC3339))
			}
			return err
		}})
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
	run: runVaultRemove,
}

var vaultRekey = command{
	name:  "vault rekey",
	short: "encrypt the file to another identity",
	usage: `
carnet vault rekey (-identity FILE | -passphrase) (-to FILE [-pq] | -to-passphrase) SECRETS
` + vaultKeys + `
-to names the new identity, which is made where FILE does not exist. With -pq it is one that a
quantum computer does not break either, and a FILE that holds another one is refused. Copies of the
file that exist are still opened by the old one: change the secrets in them too.

Example:
  carnet vault rekey -identity vault.key -to new.key -pq secrets.age`,
	run: runVaultRekey,
}

var vaultRaise = command{
	name:  "vault raise",
	short: "make an older copy of the file newer than a generation",
	usage: `
carnet vault raise (-identity FILE | -passphrase) SECRETS GENERATION
` + vaultKeys + `
A service refuses a copy that is older than what its log has seen: it may be there to bring back
secrets that were withdrawn. Where it was put back on purpose, GENERATION is the count of the log's
newest event vault.generation; look at what is in the file first.

Example:
  carnet vault raise -identity vault.key secrets.age 17`,
	run: runVaultRaise,
}

// task is what a command does with the file that its first argument names.
type task struct {
	fresh       bool                                        // there is no file yet
	least, most int                                         // arguments after it; most below 0: any number
	names       func(rest []string) error                   // checks them before anybody is asked; nil: nothing to check
	do          func(f filevault.File, rest []string) error // with the file and the arguments after it
}

func (c *call) vault(t task) int {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	key := keyOf(set, "identity", "passphrase")
	if t.fresh {
		key.quantum(set)
	}
	if status, done := c.flags(set); done {
		return status
	}
	return c.opened(key, t)
}

// keyOf adds the two flags of a key.
func keyOf(set *flag.FlagSet, file, passphrase string) *keyFlags {
	k := &keyFlags{}
	set.StringVar(&k.file, file, "", "")
	set.BoolVar(&k.passphrase, passphrase, false, "")
	return k
}

// quantum adds the flag of a key that may be made.
func (k *keyFlags) quantum(set *flag.FlagSet) { set.BoolVar(&k.pq, "pq", false, "") }

// opened finds what is wrong with the command line before anybody is asked, or a key is
// made.
func (c *call) opened(key *keyFlags, t task) int {
	if n := len(c.args) - 1; n < t.least || t.most >= 0 && n > t.most {
		return c.misused("the arguments are not the ones it takes")
	}
	if key.unclear() {
		return c.misused(errWhichKey.Error())
	}
	if key.pq && key.passphrase {
		return c.misused(errPQPhrase.Error())
	}
	if t.names != nil {
		if err := t.names(c.args[1:]); err != nil {
			return c.misused(err.Error())
		}
	}
	if err := c.work(key, t); err != nil {
		return c.failed(err)
	}
	return statusOK
}

func (c *call) work(key *keyFlags, t task) error {
	if t.fresh {
		if err := vacant(c.args[0]); err != nil {
			return err
		}
	}
	secret, err := key.secret(c.secrets, "passphrase", t.fresh)
	if err != nil {
		return err
	}
	err = t.do(filevault.File{Path: c.args[0], Identity: secret}, c.args[1:])
	c.stays(key, err)
	return err
}

// stays tells of a key that was made for nothing. It is not removed: another call may use
// it by now.
func (c *call) stays(key *keyFlags, err error) {
	if err != nil && key.made {
		fmt.Fprintf(c.stderr, "carnet %s: the new identity was made all the same, and stays in its file\n", c.name)
	}
}

// vacant says whether a file can be made: a key is not made for none.
func vacant(name string) error {
	if _, err := os.Lstat(name); err == nil {
		return errThere
	}
	if info, err := os.Stat(filepath.Dir(name)); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return errNoFolder
	}
	return nil
}

// change tells of a wait for another writer, and ends it. What takes its time without one
// is not ended.
func (c *call) change(ctx context.Context, f filevault.File, do func(ctx context.Context, f filevault.File) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f.Waiting = func() {
		fmt.Fprintf(c.stderr, "carnet %s: waiting for another writer\n", c.name)
		time.AfterFunc(mostWait-time.Second, func() { cancel(errBusy) })
	}
	err := do(ctx, f)
	if errors.Is(err, context.Canceled) && context.Cause(ctx) == errBusy {
		return errBusy
	}
	return err
}

func runVaultSet(ctx context.Context, c *call) int {
	return c.vault(task{
		least: 2, most: -1,
		names: func(rest []string) error { return filevault.CheckNames(rest[0], rest[1:]...) },
		do: func(f filevault.File, rest []string) error {
			if err := f.Check(); err != nil { // before anybody types a secret
				return err
			}
			fields, err := values(c.secrets, rest[1:])
			if err != nil {
				return err
			}
			return c.change(ctx, f, func(ctx context.Context, f filevault.File) error { return f.Set(ctx, rest[0], fields) })
		},
	})
}

// values are those of the fields, in their order.
func values(from asker, names []string) (map[string]auth.Secret, error) {
	if len(names) == 1 && !from.person() {
		value, err := from.all()
		return map[string]auth.Secret{names[0]: auth.NewSecret(value)}, err
	}
	fields := map[string]auth.Secret{}
	for _, name := range names {
		value, err := from.twice(name)
		if errors.Is(err, errNoInput) && len(fields) > 0 {
			err = errFewValues
		}
		if err != nil {
			return nil, err
		}
		fields[name] = auth.NewSecret(value)
	}
	return fields, from.over()
}

func runVaultRemove(ctx context.Context, c *call) int {
	return c.vault(task{least: 1, most: 1, do: func(f filevault.File, rest []string) error {
		err := c.change(ctx, f, func(ctx context.Context, f filevault.File) error { return f.Delete(ctx, rest[0]) })
		if errors.Is(err, auth.ErrUndeclared) {
			return errNoSecret
		}
		return err
	}})
}

func runVaultRekey(ctx context.Context, c *call) int {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	key, to := keyOf(set, "identity", "passphrase"), keyOf(set, "to", "to-passphrase")
	to.quantum(set)
	if status, done := c.flags(set); done {
		return status
	}
	if to.unclear() {
		return c.misused("say either -to FILE or -to-passphrase")
	}
	if to.pq && to.passphrase {
		return c.misused(errPQPhrase.Error())
	}
	return c.opened(key, task{do: func(f filevault.File, _ []string) error {
		if err := f.Check(); err != nil {
			return err
		}
		next, err := to.secret(c.secrets, "new passphrase", true)
		if err != nil {
			return err
		}
		err = c.change(ctx, f, func(ctx context.Context, f filevault.File) error { return f.Rekey(ctx, next) })
		c.stays(to, err)
		return err
	}})
}

func runVaultRaise(ctx context.Context, c *call) int {
	above := func(rest []string) (uint64, error) {
		n, err := strconv.ParseUint(rest[0], 10, 63)
		if err != nil {
			return 0, errors.New("GENERATION is not a number")
		}
		return n, nil
	}
	return c.vault(task{
		least: 1, most: 1,
		names: func(rest []string) error { _, err := above(rest); return err },
		do: func(f filevault.File, rest []string) error {
			n, err := above(rest)
			if err != nil {
				return err
			}
			return c.change(ctx, f, func(ctx context.Context, f filevault.File) error { return f.Raise(ctx, n) })
		},
	})
}
