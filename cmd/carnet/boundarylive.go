package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/vault/hashivault"
)

const (
	liveWithin  = time.Minute
	closeWithin = 10 * time.Second
)

// engines are the words of -mount.
var engines = map[string]hashivault.Engine{"kv1": hashivault.KV1, "kv2": hashivault.KV2, "database": hashivault.Database, "pki": hashivault.PKI}

// mounts are -mount, given any number of times.
type mounts map[string]hashivault.Engine

// String implements flag.Value.
func (m mounts) String() string { return "" }

// Set implements flag.Value.
func (m mounts) Set(s string) error {
	path, engine, ok := strings.Cut(s, "=")
	if _, known := engines[engine]; !ok || path == "" || !known || m[path] != 0 {
		return errors.New("give -mount PATH=kv1, kv2, database or pki")
	}
	m[path] = engines[engine]
	return nil
}

// live asks a Vault what its login may do with the secrets of a boundary, and prints what is
// more than is needed.
func (c *call) live(ctx context.Context, m mounts, private []string, secrets []boundary.Note) (excess int, err error) {
	ctx, cancel := context.WithTimeout(ctx, liveWithin)
	defer cancel()
	origin, login, o, err := hashivault.FromEnv()
	if err != nil {
		return 0, err
	}
	if o.Private = private; len(m) > 0 {
		o.Mounts = m
	}
	v, err := hashivault.New(ctx, origin, login, o)
	if err != nil {
		return 0, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
		defer cancel()
		err = errors.Join(err, v.Close(ctx))
	}()
	var seen []string
	for _, n := range secrets {
		granted, err := v.Capabilities(ctx, []string{n.Name})
		var lines []string
		switch {
		case errors.Is(err, auth.ErrUndeclared):
			lines = []string{n.Name + " of system " + n.Reason + " could not be looked at: it is below no mount that is known of the Vault"}
		case err != nil:
			return 0, err
		case !useful(granted):
			lines = []string{n.Name + " of system " + n.Reason + " is not granted: the login is another, or the mount has another engine"}
		}
		for _, f := range hashivault.Excess(granted, o.Mounts) {
			lines = append(lines, f.String())
		}
		for _, line := range lines {
			if !slices.Contains(seen, line) {
				seen = append(seen, line)
				fmt.Fprintf(c.stdout, "live: %s: %s\n", n.At, line)
			}
		}
	}
	return len(seen), nil
}

// useful says whether anything is granted: where nothing is, something else was asked for.
func useful(granted map[string][]string) bool {
	for _, all := range granted {
		if slices.ContainsFunc(all, func(s string) bool { return s != "deny" }) {
			return true
		}
	}
	return false
}
