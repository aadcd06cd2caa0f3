package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
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

//go:embed starter/boundary.jsonc
var starter []byte

func runBoundaryInit(_ context.Context, c *call) int {
	if status, done := c.flags(flag.NewFlagSet(c.name, flag.ContinueOnError)); done {
		return status
	}
	if len(c.args) != 1 {
		return c.misused("give one DIR")
	}
	file := filepath.Join(c.args[0], boundary.File)
	if err := writeStarter(c.args[0], file); err != nil {
		return c.failed(err)
	}
	fmt.Fprintf(c.stdout, "wrote %s; change it, then run carnet boundary check %s\n", file, c.args[0])
	return statusOK
}

// writeStarter never overwrites, also where another process is faster.
func writeStarter(dir, file string) error {
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
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return errors.New("the file cannot be made")
	}
	_, err = f.Write(starter)
	if errors.Join(err, f.Close()) != nil {
		return errors.New("the file cannot be written")
	}
	return nil
}
