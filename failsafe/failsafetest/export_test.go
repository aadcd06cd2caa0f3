package failsafetest

import (
	"context"

	"github.com/carnet-go/carnet/failsafe"
)

// Broken are the names of the rules that a journal breaks; open takes a name that is new
// for each rule.
func Broken(ctx context.Context, open func(name string) failsafe.Journal) []string {
	var names []string
	for _, c := range checks {
		if c.run(ctx, func() failsafe.Journal { return open(c.name) }) != nil {
			names = append(names, c.name)
		}
	}
	return names
}

// Rules are the names of all.
func Rules() (names []string) {
	for _, c := range checks {
		names = append(names, c.name)
	}
	return names
}
