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
another transform, label or release, or not any more. It ends with status 0 where all flows are as
they were, 1 where one is not.

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
		bound, err := boundary.Load(os.DirFS(dir), nil)
		if err != nil {
			fmt.Fprintf(c.stdout, "%s:\n", dir)
			return c.wrong(err)
		}
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

// flows are the lines of a mapping's report; nil: there is none of that name.
func flows(b *auth.Boundary, name string) []string {
	m := b.Mapping(name)
	if m == nil {
		return nil
	}
	return strings.Split(strings.TrimRight(m.Report(), "\n"), "\n")
}

// changes are the lines that only one of both has, by the field that they are about. That the
// hash is another is worth a line where nothing else is.
func changes(old, now []string) []string {
	var all []string
	hash := 0
	for _, side := range []struct {
		sign        string
		has, others []string
	}{{"- ", old, now}, {"+ ", now, old}} {
		for _, line := range side.has {
			if !slices.Contains(side.others, line) {
				all = append(all, side.sign+line)
				if strings.HasPrefix(line, "hash ") {
					hash++
				}
			}
		}
	}
	if len(all) > hash {
		all = slices.DeleteFunc(all, func(line string) bool { return strings.HasPrefix(line[2:], "hash ") })
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(about(a), about(b)) })
	return all
}

// about is what a line is about: what it does, and to which field.
func about(line string) string {
	words := strings.SplitN(line[2:], " ", 3)
	order := slices.Index([]string{"destination", "set", "absent", "drop", "together", "leaves", "not", "no", "hash"}, words[0])
	if order == 2 || order == 3 {
		order = 1 // a field that is set, and then absent, is one story
	}
	return fmt.Sprint(order+1, strings.TrimSuffix(words[min(1, len(words)-1)], ":"))
}
