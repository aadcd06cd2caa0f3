package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/boundary"
)

var mappingDiff = command{
	name:  "mapping diff",
	short: "say which flows are others than before",
	usage: `
carnet mapping diff OLD NEW

OLD and NEW are boundaries, such as the one in force and the one that is proposed. For each mapping
it prints the lines of its report that went (-) and came (+): fields that flow elsewhere, with
another transform, label or release, or not any more, and combinations that no schema names now.
Which operations carry a mapping, and where to, is told too. Where only a hash is another, so is
what no line shows: a limit, a pattern, a unit, or a release that is not used. It ends with status 0
where all is as it was, 1 where something is not.

Example:
  carnet mapping diff boundary proposed/boundary`,
	run: runMappingDiff,
}

func runMappingDiff(_ context.Context, c *call) int {
	if status, done := c.flags(flag.NewFlagSet(c.name, flag.ContinueOnError)); done {
		return status
	}
	if len(c.args) != 2 {
		return c.misused("give OLD and NEW")
	}
	var both [2]*auth.Boundary
	for i, dir := range c.args {
		bound, custom, err := loaded(os.DirFS(dir), boundary.Options{}, boundary.Load)
		if err != nil {
			fmt.Fprintf(c.stdout, "%s:\n", dir)
			return c.wrong(err)
		}
		c.warn(custom)
		both[i] = bound
	}
	names := slices.Concat(mappingsOf(both[0]), mappingsOf(both[1]))
	slices.Sort(names)
	status := statusOK
	for _, name := range slices.Compact(names) {
		changed := changes(flows(both[0], name), flows(both[1], name))
		if len(changed) == 0 {
			continue
		}
		if status != statusOK {
			fmt.Fprintln(c.stdout)
		}
		status = statusWrong
		fmt.Fprintln(c.stdout, name+":")
		for _, line := range changed {
			fmt.Fprintln(c.stdout, line)
		}
	}
	return status
}

// flows are the lines of a mapping's report, and which operations carry it where; nil: there is
// none of that name.
func flows(b *auth.Boundary, name string) []string {
	m := b.Mapping(name)
	if m == nil {
		return nil
	}
	lines := strings.Split(strings.TrimRight(m.Report(), "\n"), "\n")
	for _, system := range b.Catalogue().Systems() {
		for _, op := range system.Operations {
			if op.Input == name {
				lines = append(lines, "carried by "+op.Name+": "+where(system, op))
			}
		}
	}
	return lines
}

// where is what an operation is done to. The names of a directory are quoted: they may hold spaces.
func where(system auth.System, op auth.Operation) string {
	to := op.Method + " " + system.Origin + op.Path
	if op.Base != "" {
		to += fmt.Sprintf(" base %q", op.Base)
	}
	if op.Filter != "" {
		to += fmt.Sprintf(" filter %q", op.Filter)
	}
	return to
}

// changes are the lines that only one of both has, by the field that they are about. A hash that
// is another always is one of them: what else changed need not be all that did.
func changes(old, now []string) []string {
	var all []string
	for _, side := range []struct {
		sign        string
		has, others []string
	}{{"- ", old, now}, {"+ ", now, old}} {
		for _, line := range side.has {
			if !slices.Contains(side.others, line) {
				all = append(all, side.sign+line)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(about(a), about(b)) })
	return all
}

// stories are how lines begin, in the order in which they are told; a field that is set, and then
// absent, is one story.
var stories = [][]string{
	{"destination "}, {"carried by "}, {"set ", "absent ", "drop "}, {"together ", "not together "}, {"custom "}, {"reversible "},
	{"leaves "}, {"no release is used", "not after "}, {"hash of the source's schema "}, {"hash of the destination's schema "}, {"hash "},
}

// about is what a line is about: which story, and of which field.
func about(line string) string {
	for i, story := range stories {
		for _, begins := range story {
			rest, ok := strings.CutPrefix(line[2:], begins)
			switch {
			case ok && strings.HasPrefix(rest, "/"):
				return fmt.Sprintf("%02d %s", i, strings.TrimRight(strings.Fields(rest)[0], ":,"))
			case ok:
				return fmt.Sprintf("%02d", i)
			}
		}
	}
	return ""
}
