package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/boundary"
)

var mappingReport = command{
	name:  "mapping report",
	short: "say which field flows where, for people, tools or a page",
	usage: `
carnet mapping report [-json | -svg] DIR [NAME ...]

DIR is a boundary. Of each mapping, or of those that are named, it prints what carnet mapping check
does; with -json it is a list of objects, and with -svg one picture of one mapping.

Example:
  carnet mapping report -svg boundary employee-to-contact > flows.svg`,
	run: runMappingReport,
}

func runMappingReport(_ context.Context, c *call) int {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	data, picture := set.Bool("json", false, ""), set.Bool("svg", false, "")
	if status, done := c.flags(set); done {
		return status
	}
	switch {
	case len(c.args) == 0:
		return c.misused("give DIR, and after it the names of mappings")
	case *data && *picture:
		return c.misused("say either -json or -svg")
	}
	bound, names, status := c.mappings()
	switch {
	case bound == nil:
		return status
	case *picture && len(names) != 1:
		return c.misused("a picture is of one mapping: name it")
	case *picture:
		_, _ = c.stdout.Write(bound.Mapping(names[0]).ReportSVG())
	case *data:
		c.reports(bound, names)
	default:
		c.texts(bound, names)
	}
	return statusOK
}

// mappings is the boundary of the first argument, and the mappings that the others name, or
// all; nil: what is wrong was said.
func (c *call) mappings() (*auth.Boundary, []string, int) {
	bound, custom, err := loaded(os.DirFS(c.args[0]), boundary.Options{}, boundary.Load)
	if err != nil {
		return nil, nil, c.wrong(err)
	}
	all, names := mappingsOf(bound), c.args[1:]
	if err := named(names, all); err != nil {
		return nil, nil, c.failed(err)
	}
	if len(names) == 0 {
		names = all
	}
	c.warn(custom)
	return bound, names, statusOK
}

func (c *call) texts(bound *auth.Boundary, names []string) {
	for i, name := range names {
		if i > 0 {
			fmt.Fprintln(c.stdout)
		}
		fmt.Fprintln(c.stdout, strings.TrimRight(bound.Mapping(name).Report(), "\n"))
	}
}

func (c *call) reports(bound *auth.Boundary, names []string) {
	all := []json.RawMessage{}
	for _, name := range names {
		all = append(all, bound.Mapping(name).ReportJSON())
	}
	raw, _ := json.Marshal(all) // of JSON
	var out bytes.Buffer
	_ = json.Indent(&out, raw, "", "  ")
	fmt.Fprintln(c.stdout, out.String())
}
