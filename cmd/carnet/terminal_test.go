package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// TestTypedLine: which keys make a value, and which end the asking.
func TestTypedLine(t *testing.T) {
	longest := strings.Repeat("x", mostTyped-1)
	for name, c := range map[string]struct {
		keys, want string
		err        error
		rest       string
	}{
		"return":         {"canary\rmore", "canary", nil, "more"},
		"newline":        {"canary\nmore", "canary", nil, "more"},
		"tab and UTF-8":  {"a\tgrüße\r", "a\tgrüße", nil, ""},
		"backspace":      {"grü\x7f\x08\x7f\x7f\x7fab\x7f\r", "a", nil, ""},
		"kill":           {"wrong\x15right\r", "right", nil, ""},
		"longest":        {longest + "\r", longest, nil, ""},
		"cut":            {longest + "x\r", "", errTyped, ""},
		"longer":         {longest + "xyz\rmore", "", errTyped, "more"},
		"longer, killed": {longest + "xyz\x15right\r", "right", nil, ""},
		"arrow":          {"ab\x1b[Dc\rmore", "", errOddKey, "more"},
		"nothing":        {"\r", "", errNoInput, ""},
		"end":            {"\x04more", "", errNoInput, "more"},
		"end of a line":  {"canary\x04", "", errNoInput, ""},
		"interrupt":      {"canary\x03", "", context.Canceled, ""},
		"gone":           {"canary", "", errNoInput, ""},
	} {
		t.Run(name, func(t *testing.T) {
			keys := strings.NewReader(c.keys)
			got, err := typedLine(keys)
			rest, _ := io.ReadAll(keys)
			if string(got) != c.want || err != c.err || string(rest) != c.rest {
				t.Errorf("%d bytes, %v, and %q is left", len(got), err, rest)
			}
		})
	}
}

// TestALongEntryIsRefused: what a terminal would have cut is not stored cut.
func TestALongEntryIsRefused(t *testing.T) {
	dir := t.TempDir()
	key, file := filepath.Join(dir, "vault.key"), filepath.Join(dir, "secrets.age")
	vaulted(t, nil, statusOK, "init", "-identity", key, file)
	for n, status := range map[int]int{mostTyped - 1: statusOK, mostTyped: statusWrong, 5000: statusWrong} {
		entry := strings.Repeat("x", n)
		_, problem := vaulted(t, typed(new(bytes.Buffer), entry, entry), status, "set", "-identity", key, file, "crm/api", "key")
		if status != statusOK && !strings.Contains(problem, "longer than a terminal takes: use standard input") {
			t.Errorf("%d bytes: %q", n, problem)
		}
	}
}
