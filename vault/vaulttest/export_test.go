package vaulttest

import (
	"context"

	"github.com/carnet-go/carnet/vault"
)

// Broken are the names of the rules that a backend breaks.
func Broken(ctx context.Context, open func() vault.Backend) []string {
	var names []string
	for _, c := range checks {
		if c.check(ctx, open()) != nil {
			names = append(names, c.name)
		}
	}
	return names
}
