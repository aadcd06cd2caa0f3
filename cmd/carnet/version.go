package main

import (
	"context"
	"flag"
	"fmt"
	"runtime/debug"
)

var version = command{
	name:  "version",
	short: "print the version that this command was built from",
	usage: `
carnet version

Example:
  carnet version`,
	run: runVersion,
}

func runVersion(_ context.Context, c *call) int {
	if status, done := c.flags(flag.NewFlagSet(c.name, flag.ContinueOnError)); done {
		return status
	}
	if len(c.args) > 0 {
		return c.misused("takes no argument")
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	fmt.Fprintln(c.stdout, versionText(info))
	return statusOK
}

// versionText is module version, revision and Go version, as far as they are known.
func versionText(info *debug.BuildInfo) string {
	text, goVersion := info.Main.Version, info.GoVersion
	if text == "" {
		text = "(unknown)"
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			text += " " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			text += " (modified)"
		}
	}
	if goVersion == "" {
		goVersion = "(unknown)"
	}
	return "carnet " + text + ", Go " + goVersion
}
