package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/auth/boundary"
)

var boundaryInit = command{
	name:  "boundary init",
	short: "write a commented boundary to start from",
	usage: `
carnet boundary init DIR

DIR must be new or empty: nothing is overwritten. What is written passes carnet boundary check.

Example:
  carnet boundary init boundary`,
	run: runBoundaryInit,
}

//go:embed starter
var starter embed.FS

func runBoundaryInit(_ context.Context, c *call) int {
	if status, done := c.flags(flag.NewFlagSet(c.name, flag.ContinueOnError)); done {
		return status
	}
	if len(c.args) != 1 {
		return c.misused("give one DIR")
	}
	dir := c.args[0]
	if err := writeStarter(dir); err != nil {
		return c.failed(err)
	}
	fmt.Fprintf(c.stdout, "wrote %s, with schemas and a mapping beside it; change them, then run carnet boundary check %s\n", filepath.Join(dir, boundary.File), dir)
	return statusOK
}

// writeStarter never overwrites, also where another process is faster.
func writeStarter(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return errors.New("DIR cannot be made")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return errors.New("DIR is no folder that can be read")
	}
	if len(entries) > 0 {
		return errors.New("DIR is not empty, and nothing is overwritten")
	}
	files, err := fs.Sub(starter, "starter")
	if err == nil {
		err = os.CopyFS(dir, files)
	}
	if err != nil {
		return errors.New("a file cannot be made")
	}
	return nil
}
