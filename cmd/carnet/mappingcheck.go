package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/declare"
)

var mappingCheck = command{
	name:  "mapping check",
	short: "check a boundary's mappings, and print which field flows where",
	usage: `
carnet mapping check DIR [NAME ...]

DIR is a boundary. Of each mapping, or of those that are named, it prints which field of which
schema flows where, how it is transformed, under which label and release, and what is dropped.
Functions of the service's own are not here: that their code is to be read, is said besides.
Where anything in DIR is wrong it prints that instead, one finding a line, with file:line:column
and the nearest right name.

Example:
  carnet mapping check boundary employee-to-contact`,
	run: runMappingCheck,
}

func runMappingCheck(_ context.Context, c *call) int {
	if status, done := c.flags(flag.NewFlagSet(c.name, flag.ContinueOnError)); done {
		return status
	}
	if len(c.args) == 0 {
		return c.misused("give DIR, and after it the names of mappings")
	}
	bound, names, status := c.mappings()
	if bound != nil {
		c.texts(bound, names)
	}
	return status
}

// named holds that all these mappings are there.
func named(names, all []string) error {
	for _, name := range names {
		if slices.Contains(all, name) {
			continue
		}
		problem := fmt.Sprintf("no mapping %q", name)
		if near := declare.Nearest(name, all); near != "" {
			problem += fmt.Sprintf("; did you mean %q?", near)
		}
		return errors.New(problem)
	}
	return nil
}

// mappingsOf are the names of a boundary's mappings: those that its operations take.
func mappingsOf(b *auth.Boundary) []string {
	var names []string
	for _, system := range b.Catalogue().Systems() {
		for _, op := range system.Operations {
			if b.Mapping(op.Input) != nil && !slices.Contains(names, op.Input) {
				names = append(names, op.Input)
			}
		}
	}
	slices.Sort(names)
	return names
}
