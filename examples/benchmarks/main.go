// Benchmarks measures carnet against its peers, on the same work in the same process.
//
//	GOWORK=off go run -C examples/benchmarks .
//
// Each figure is a line, with what was measured below it. What is compared takes turns, in
// short rounds: a figure is the median of the rounds' ratios, so that whoever else uses the
// machine disturbs both sides alike. The least of each side is divided too: where the two
// differ much, the machine was busy, and it is better to measure again.
//
// # Limits
//
// A ratio holds for the machine and the disk on which it was measured. What is durable
// needs a folder on a disk: -dir, where the temporary folder is in memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/carnet-go/carnet/mapping/isolate"
)

// groups are all, in the order in which they are measured. Each has a file of its name.
func groups() []group {
	return []group{failsafeFigures(), vaultFigures(), mapFigures(), auditFigures()}
}

// The exit statuses.
const (
	statusOK     = 0
	statusMissed = 1 // a target, with -check; or it could not be measured
	statusUsage  = 2
)

func main() {
	isolate.Main() // returns, but in a process of isolate's
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second one ends it at once
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the whole program: arguments in, exit status out.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	set := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	only := set.String("only", "", "")
	quickly := set.Bool("quick", false, "")
	check := set.Bool("check", false, "")
	dir := set.String("dir", "", "")
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage())
		return statusOK
	case err != nil:
		return misused(stderr, err.Error())
	case set.NArg() > 0:
		return misused(stderr, "there are no arguments but flags")
	}
	chosen, near := choose(groups(), *only)
	if len(chosen) == 0 {
		return misused(stderr, fmt.Sprintf("no figure %q; did you mean %s?", *only, strings.Join(near, " or ")))
	}
	e := whole()
	if *quickly {
		e = quick()
	}
	return measure(ctx, chosen, &session{effort: e, parent: *dir, out: stdout, notes: stderr}, *check)
}

func misused(stderr io.Writer, problem string) int {
	fmt.Fprintf(stderr, "benchmarks: %s\nRun it with -h for its flags and an example.\n", problem)
	return statusUsage
}

func usage() string {
	var b strings.Builder
	b.WriteString(`benchmarks measures carnet against its peers, on the same work in the same process.

  -only NAME   one group, or one of its figures
  -quick       fewer and shorter rounds: whether it runs, rather than how fast
  -check       exit with 1 if a target is missed
  -dir DIR     where the files go, on a disk; otherwise the temporary folder

Example: GOWORK=off go run -C examples/benchmarks . -only failsafe/step

`)
	for _, g := range groups() {
		fmt.Fprintf(&b, "  %s\n", g.name)
		for _, f := range g.figures {
			fmt.Fprintf(&b, "    %-20s %s\n", f.name, f.about)
		}
	}
	return b.String()
}

// measure measures what was chosen, and says how that ended.
func measure(ctx context.Context, chosen []figure, s *session, check bool) int {
	missed, err := s.measure(ctx, chosen)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(s.notes, "benchmarks: interrupted")
		return statusMissed
	case err != nil:
		fmt.Fprintf(s.notes, "benchmarks: %v\n", err)
		return statusMissed
	case check && len(missed) > 0:
		fmt.Fprintf(s.notes, "benchmarks: targets missed: %s\n", strings.Join(missed, ", "))
		return statusMissed
	}
	return statusOK
}

// machine is on what it is measured, and how busy that is.
func machine() string {
	text := fmt.Sprintf("%s/%s, %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		if fields := strings.Fields(string(load)); len(fields) > 0 {
			text += ", load " + fields[0]
		}
	}
	return text
}
