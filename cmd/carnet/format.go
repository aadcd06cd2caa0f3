package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/mapping"
)

var formatOf = command{
	name:  "format",
	short: "print what an editor checks our files with",
	usage: `
carnet format boundary | schema | mapping

It prints the JSON Schema (2020-12) of boundary.jsonc, of a schema or of a mapping. An editor that is
told of it completes members, says what they are, and marks what cannot be. What depends on other
files, carnet boundary check finds. VS Code is told in .vscode/settings.json:

  "json.schemas": [
    {"fileMatch": ["/boundary/boundary.jsonc"], "url": "./.vscode/boundary.json"},
    {"fileMatch": ["/boundary/schemas/*.jsonc"], "url": "./.vscode/schema.json"},
    {"fileMatch": ["/boundary/mappings/*.jsonc"], "url": "./.vscode/mapping.json"}
  ]

or by a member "$schema" in the file itself, which nothing else reads.

Example:
  carnet format boundary > .vscode/boundary.json`,
	run: runFormat,
}

func runFormat(_ context.Context, c *call) int {
	if status, done := c.flags(flag.NewFlagSet(c.name, flag.ContinueOnError)); done {
		return status
	}
	formats := map[string]func() []byte{"boundary": boundary.Format, "schema": mapping.SchemaFormat, "mapping": mapping.MappingFormat}
	if len(c.args) != 1 || formats[c.args[0]] == nil {
		return c.misused("give one of boundary, schema and mapping")
	}
	fmt.Fprintf(c.stdout, "%s", formats[c.args[0]]())
	return statusOK
}
