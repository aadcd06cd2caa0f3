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

const liveWithin = time.Minute

// engines are the words of -mount.
var engines = map[string]hashivault.Engine{"kv1": hashivault.KV1, "kv2": hashivault.KV2, "database": hashivault.Database, "pki": hashivault.PKI}

// mounts are -mount, given any number of times.
type mounts map[string]hashivault.Engine

// String implements flag.Value.
func (m mounts) String() string { return "" }

// Set implements flag.Value.
func (m mounts) Set(s string) error {
	path, engine, ok := strings.Cut(s, "=")
	if _, known := engines[engine]; !ok || path == "" || !known {
		return errors.New("give -mount PATH=kv1, kv2, database or pki")
	}
	m[path] = engines[engine]
	return nil
}

// live asks a Vault what its login may do with the secrets of a boundary, and prints what is
// more than is needed.
func (c *call) live(ctx context.Context, m mounts, secrets []boundary.Note) (excess int, err error) {
	ctx, cancel := context.WithTimeout(ctx, liveWithin)
	defer cancel()
	origin, login, o, err := hashivault.FromEnv()
	if err != nil {
		return 0, err
	}
	if len(m) > 0 {
		o.Mounts = m
	}
	v, err := hashivault.New(ctx, origin, login, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.Close(context.WithoutCancel(ctx))) }()
	var seen []string
	for _, n := range secrets {
		granted, err := v.Capabilities(ctx, []string{n.Name})
		switch {
		case errors.Is(err, auth.ErrUndeclared):
			fmt.Fprintf(c.stdout, "live: %s: %s of system %s is below no mount of the Vault\n", n.At, n.Name, n.Reason)
			continue
		case err != nil:
			return excess, err
		}
		for _, f := range hashivault.Excess(granted, o.Mounts) {
			if line := f.String(); !slices.Contains(seen, line) {
				seen = append(seen, line)
				fmt.Fprintf(c.stdout, "live: %s: %s\n", n.At, line)
			}
		}
	}
	return len(seen), nil
}
