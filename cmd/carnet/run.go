package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

// The exit statuses.
const (
	statusOK    = 0
	statusWrong = 1 // with what was read
	statusUsage = 2
)

// command is one thing that carnet does.
type command struct {
	name  string // with its group: audit verify
	short string // one line
	usage string // arguments, what it does, and an example
	run   func(ctx context.Context, c *call) int
}

// commands are all, in the order of help.
func commands() []command {
	return []command{auditVerify, auditProve, auditErase, auditRekey, auditWitness, boundaryInit, boundaryCheck, mappingCheck, mappingReport, mappingDiff, formatOf, runList, runShow, vaultInit, vaultSet, vaultList, vaultRemove, vaultRekey, vaultRaise, version}
}

// call is one run of a command.
type call struct {
	command
	args           []string
	stdout, stderr io.Writer
	secrets        asker
}

// run is the whole program: arguments in, exit status out.
func run(ctx context.Context, args []string, secrets asker, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, overview(""))
		return statusUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return help(args[1:], stdout, stderr)
	}
	c, rest, ok := find(args)
	if !ok {
		return unknown(args, stdout, stderr)
	}
	out := &printed{w: stdout}
	status := c.run(ctx, &call{c, rest, out, stderr, secrets})
	if out.failed && status == statusOK {
		fmt.Fprintln(stderr, "carnet: the output could not be written")
		return statusWrong
	}
	return status
}

// printed remembers whether something could not be written: who reads a report that
// broke off must not be told that all is well.
type printed struct {
	w      io.Writer
	failed bool
}

func (p *printed) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.failed = p.failed || err != nil
	return n, err
}

// find takes the longest command that the arguments begin with.
func find(args []string) (command, []string, bool) {
	for _, c := range commands() {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.name {
			return c, args[len(words):], true
		}
	}
	return command{}, nil, false
}

func help(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stdout, overview(""))
		return statusOK
	}
	if c, _, ok := find(args); ok {
		fmt.Fprint(stdout, c.text())
		return statusOK
	}
	return unknown(append(args, "-h"), stdout, stderr)
}

// unknown answers a group without a command, or tells the nearest right name.
func unknown(args []string, stdout, stderr io.Writer) int {
	var names []string
	group := false
	for _, c := range commands() {
		names = append(names, c.name)
		group = group || strings.HasPrefix(c.name, args[0]+" ")
	}
	name := args[0]
	if group {
		if len(args) == 1 {
			fmt.Fprint(stderr, overview(args[0]+" "))
			return statusUsage
		}
		if args[1] == "-h" || args[1] == "-help" || args[1] == "--help" {
			fmt.Fprint(stdout, overview(args[0]+" "))
			return statusOK
		}
	}
	if len(args) > 1 && !strings.HasPrefix(args[1], "-") {
		name += " " + args[1]
	}
	fmt.Fprintf(stderr, "carnet: no command %q", name)
	if near := nearest(name, args[0], names); near != "" {
		fmt.Fprintf(stderr, "; did you mean %q?", near)
	}
	fmt.Fprintln(stderr, "\nRun carnet help for what there is.")
	return statusUsage
}

// nearest looks for a whole name first, then for one whose group or command is near.
func nearest(name, word string, names []string) string {
	if near := declare.Nearest(name, append(names, "help")); near != "" {
		return near
	}
	for _, n := range names {
		for _, part := range strings.Fields(n) {
			if declare.Nearest(word, []string{part}) != "" {
				return n
			}
		}
	}
	return ""
}

// overview lists the commands that begin with a prefix.
func overview(prefix string) string {
	var b strings.Builder
	b.WriteString("carnet verifies logs, checks boundaries, tells which runs wait, and keeps secrets.\n\n")
	for _, c := range commands() {
		if strings.HasPrefix(c.name, prefix) {
			fmt.Fprintf(&b, "  carnet %-16s %s\n", c.name, c.short)
		}
	}
	b.WriteString("\nRun any with -h for its arguments and an example.\n")
	return b.String()
}

func (c command) text() string {
	return fmt.Sprintf("carnet %s: %s\n\n%s\n", c.name, c.short, strings.TrimSpace(c.usage))
}

// flags parses; done is true where nothing is left to do but return the status.
func (c *call) flags(set *flag.FlagSet) (status int, done bool) {
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	err := set.Parse(c.args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(c.stdout, c.text())
		return statusOK, true
	}
	if err != nil {
		return c.misused(err.Error()), true
	}
	rest := set.Args()
	if i := len(c.args) - len(rest); i == 0 || c.args[i-1] != "--" {
		if slices.ContainsFunc(rest, func(arg string) bool { return len(arg) > 1 && arg[0] == '-' }) {
			return c.misused("flags come before the arguments; an argument that begins with - comes after --"), true
		}
	}
	c.args = rest
	return 0, false
}

// misused is a usage error.
func (c *call) misused(problem string) int {
	fmt.Fprintf(c.stderr, "carnet %s: %s\nRun carnet %s -h for its arguments and an example.\n", c.name, problem, c.name)
	return statusUsage
}

// failed is an error about what was to be read.
func (c *call) failed(err error) int {
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	fmt.Fprintf(c.stderr, "carnet %s: %s\n", c.name, text)
	return statusWrong
}

// wrong tells findings, one a line, or another error about what was to be read.
func (c *call) wrong(err error) int {
	findings, ok := errors.AsType[mapping.Findings](err)
	if !ok {
		return c.failed(err)
	}
	fmt.Fprintln(c.stdout, findings)
	fmt.Fprintf(c.stderr, "carnet %s: findings: %d\n", c.name, len(findings))
	return statusWrong
}

// list is a flag that may be repeated.
type list []string

// String is for flag.Value.
func (l *list) String() string { return strings.Join(*l, " ") }

// Set is for flag.Value.
func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}
