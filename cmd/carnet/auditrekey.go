package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/carnet-go/carnet/audit"
)

var auditRekey = command{
	name:  "audit rekey",
	short: "let a log that is not in use go on under another key",
	usage: `
carnet audit rekey [-key FILE] [-to FILE] [-checkpoint FILE] DIR

  -key  the log's private key, where it does not stand beside the log as DIR.key
  -to   the new private key, which stays where it is; without it a new one is made beside the log
  -checkpoint
        a checkpoint that was kept elsewhere: a log that is behind it, or beside it, is refused

It prints the new public key, which those who verify the log have to know; who has the old one
finds it in the log, with carnet audit verify. From now on the log opens under the new key only. A
new key that is made here takes the place of DIR.key, and the old one stays as DIR.key.HASH: with it
alone the fingerprints in older lines can be made again. Keep it as long as somebody may ask, and
then remove it. Pseudonyms stay. Give witnesses the new public key too, behind the old one.

FILE is a private key as DIR.key has it, one line, and must be its owner's alone (mode 600). Run
this as the service's user, such as with sudo -u: the service could not read what root writes.

After a crash the log is under one of the two keys. Where both stand beside it, the service finds
out which when it opens the log; run this again if carnet audit verify names the old one.

Example:
  carnet audit rekey /var/lib/acme/audit`,
	run: runAuditRekey,
}

var (
	errTheirLog   = errors.New("DIR is somebody else's, who could not open it any more: run this as its owner")
	errNoLog      = errors.New("DIR is no folder that can be read")
	errLogKeyFile = errors.New("is no private key of a log, in a regular file that is its owner's alone: chmod 600 it")
)

func runAuditRekey(ctx context.Context, c *call) int {
	var old, next, kept string
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.StringVar(&old, "key", "", "")
	set.StringVar(&next, "to", "", "")
	set.StringVar(&kept, "checkpoint", "", "")
	if status, done := c.flags(set); done {
		return status
	}
	if len(c.args) != 1 {
		return c.misused("give one DIR, after the flags")
	}
	info, err := os.Stat(c.args[0])
	switch {
	case err != nil || !info.IsDir():
		return c.failed(errNoLog)
	case !mine(info):
		return c.failed(errTheirLog)
	}
	from, err := logKey(old, "-key")
	if err != nil {
		return c.failed(err)
	}
	to, err := logKey(next, "-to")
	if err != nil {
		return c.failed(err)
	}
	o := &audit.Options{Signer: from}
	if kept != "" {
		if o.Floor, err = readSmall(kept, "-checkpoint"); err != nil {
			return c.failed(err)
		}
	}
	vkey, err := audit.Rekey(ctx, c.args[0], to, o)
	if vkey != "" { // also where not all beside the log could be written
		fmt.Fprintln(c.stdout, vkey)
	}
	if err != nil {
		return c.failed(err)
	}
	return statusOK
}

// logKey reads a private key as audit.Create writes it; nil of no file. What is looked at is what
// is read, whoever replaces the name meanwhile.
func logKey(name, argument string) (crypto.Signer, error) {
	if name == "" {
		return nil, nil
	}
	bad := fmt.Errorf("the file that %s names %w", argument, errLogKeyFile)
	file, err := openFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the file that %s names cannot be read: %w", argument, fs.ErrNotExist)
	}
	if err != nil {
		return nil, bad
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || !mine(info) || info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, bad
	}
	text, err := io.ReadAll(io.LimitReader(file, mostIdentity))
	if err != nil {
		return nil, bad
	}
	defer clear(text)
	line := strings.TrimSuffix(string(text), "\n")
	parts := strings.SplitN(line, "+", 5)
	if _, err := note.NewSigner(line); err != nil || len(parts) != 5 {
		return nil, bad
	}
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, bad
	}
	defer clear(seed)
	return ed25519.NewKeyFromSeed(seed[1:]), nil
}
