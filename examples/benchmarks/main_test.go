package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/mapping/isolate"
)

var (
	headPattern   = regexp.MustCompile(`^on \S+, \d+ CPUs, go\S+(, load \S+)?; medians of interleaved rounds$`)
	linePattern   = regexp.MustCompile(`^[a-z]+/[a-z0-9]+( [a-z]+)?: \d+(\.\d\d)?( allocs| calls| waits| s| ms| MiB| bytes)? \((no target|target [≤≥] \d+(\.\d\d)?)\)( missed)?$`)
	detailPattern = regexp.MustCompile(`^    \S.*[^ ]$`)
)

// TestMain is a child's main, too.
func TestMain(m *testing.M) {
	isolate.Main()
	os.Exit(m.Run())
}

// printed are the lines of each figure, each with the peers that its detail names.
var printed = map[string][]string{
	"failsafe/step":       {"failsafe/step: failsafe-go", "failsafe/step allocations: failsafe-go"},
	"failsafe/breaker":    {"failsafe/breaker: gobreaker", "failsafe/breaker allocations:", "failsafe/breaker contended: gobreaker"},
	"failsafe/rejected":   {"failsafe/rejected: gobreaker"},
	"failsafe/local":      {"failsafe/local waits:", "failsafe/local wait:"},
	"failsafe/operation":  {"failsafe/operation waits:", "failsafe/operation wait:"},
	"failsafe/together":   {"failsafe/together:"},
	"failsafe/unfinished": {"failsafe/unfinished:"},
	"vault/read":          {"vault/read: runtimevar.Variable.Latest aws.CredentialsCache.Retrieve", "vault/read setec: setec.Secret.Get", "vault/read allocations:"},
	"vault/use":           {"vault/use: aws.CredentialsCache.Retrieve", "vault/use allocations:"},
	"vault/herd":          {"vault/herd: aws.CredentialsCache setec's"},
	"vault/renewals":      {"vault/renewals: vault/api's"},
	"map/structs":         {"map/structs: encoding/json"},
	"map/jsonv2":          {"map/jsonv2: go-json-experiment/json"},
	"map/validate":        {"map/validate: jsonschema.UnmarshalJSON Schema.Validate"},
	"map/query":           {"map/query: gojq Bloblang"},
	"map/tokens":          {"map/tokens: encoding/json crypto/hmac"},
	"map/allocations":     {"map/allocations: encoding/json go-json-experiment/json"},
	"map/stream":          {"map/stream: documents"},
	"map/compile":         {"map/compile: ParseSchema"},
	"map/isolate":         {"map/isolate start: process", "map/isolate: process"},
	"audit/together":      {"audit/together: fdatasync"},
	"audit/tessera":       {"audit/tessera: tessera"},
	"audit/tree":          {"audit/tree: group"},
	"audit/one":           {"audit/one: fdatasync"},
	"audit/many":          {"audit/many: 256"},
	"audit/sink":          {"audit/sink: without"},
	"audit/noise":         {"audit/noise: without"},
	"audit/allocations":   {"audit/allocations:"},
	"audit/proof":         {"audit/proof: checkpoint"},
	"audit/reopen":        {"audit/reopen:"},
	"audit/verify":        {"audit/verify: SHA-256", "audit/verify elapsed: SHA-256"},
}

// TestFigures measures each figure, for as short as that can be: its lines are as they
// are to be, whatever they say.
func TestFigures(t *testing.T) {
	for _, g := range groups() {
		for _, f := range g.figures {
			t.Run(f.name, func(t *testing.T) {
				dir := t.TempDir()
				var out bytes.Buffer
				s := &session{effort: effort{1, 1, 100 * time.Microsecond, 2, 2, 3, 1}, parent: dir, out: &out, notes: t.Output()}
				if status := measure(t.Context(), []figure{f}, s, false); status != statusOK {
					t.Fatalf("status %d", status)
				}
				lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
				want := printed[f.name]
				if len(want) == 0 || len(lines) != 1+2*len(want) || !headPattern.MatchString(lines[0]) {
					t.Fatalf("printed\n%s", out.String())
				}
				for i := 1; i < len(lines); i += 2 {
					name, peers, _ := strings.Cut(want[i/2], ":")
					if !linePattern.MatchString(lines[i]) || !strings.HasPrefix(lines[i], name+": ") {
						t.Errorf("line %q, not of %q", lines[i], name)
					}
					for _, peer := range strings.Fields(peers) {
						if !strings.Contains(lines[i+1], peer) {
							t.Errorf("detail %q without %s", lines[i+1], peer)
						}
					}
					if !detailPattern.MatchString(lines[i+1]) || strings.Contains(lines[i+1], "NaN") {
						t.Errorf("detail %q", lines[i+1])
					}
				}
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("left %v, %v", left, err)
				}
			})
		}
	}
}

func TestUsage(t *testing.T) {
	for name, c := range map[string]struct {
		args           []string
		status         int
		stdout, stderr string // what is in it
	}{
		"help":         {[]string{"-h"}, statusOK, "Example: GOWORK=off go run -C examples/benchmarks .", ""},
		"figures":      {[]string{"-h"}, statusOK, "failsafe/together", ""},
		"group":        {[]string{"-only", "failsave"}, statusUsage, "", `no figure "failsave"; did you mean failsafe?`},
		"figure":       {[]string{"-only", "Failsafe/steps"}, statusUsage, "", "did you mean failsafe/step?"},
		"flag":         {[]string{"-fast"}, statusUsage, "", "-fast"},
		"argument":     {[]string{"failsafe"}, statusUsage, "", "no arguments but flags"},
		"not a folder": {[]string{"-quick", "-only", "failsafe/local", "-dir", "main.go"}, statusMissed, "on ", "benchmarks: failsafe/local: "},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), c.args, &stdout, &stderr)
			if status != c.status || !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("status %d\n%s%s", status, &stdout, &stderr)
			}
			if (c.stdout == "") != (stdout.Len() == 0) || (c.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("printed\n%s%s", &stdout, &stderr)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	for name, want := range map[string]int{"": 31, "failsafe": 7, "vault": 4, "map": 9, "audit": 11, "failsafe/step": 1, "step": 0} {
		if chosen, near := choose(groups(), name); len(chosen) != want || len(near) == 0 {
			t.Errorf("%q: %d figures, near %q", name, len(chosen), near)
		}
	}
	if near := nearest("ab", []string{"abc", "xyz", "b"}); strings.Join(near, " ") != "abc b" {
		t.Errorf("near %q", near)
	}
}

// TestCheck: a target that is missed is told, and with -check a failure.
func TestCheck(t *testing.T) {
	prints := func(l ...line) []figure {
		return []figure{{"a/b", "", func(context.Context, *session) ([]line, error) { return l, nil }}}
	}
	for name, c := range map[string]struct {
		line   line
		text   string
		missed bool
	}{
		"at most":      {line{name: "a/b", value: 1.504, target: 1.5, detail: "d"}, "a/b: 1.50 (target ≤ 1.50)\n    d\n", false},
		"more":         {line{name: "a/b", value: 1.51, target: 1.5, detail: "d"}, "a/b: 1.51 (target ≤ 1.50) missed\n    d\n", true},
		"at least":     {line{name: "a/b", value: 20, least: true, target: 20, detail: "d"}, "a/b: 20.00 (target ≥ 20.00)\n    d\n", false},
		"less":         {line{name: "a/b", value: 19.9, least: true, target: 20, detail: "d"}, "a/b: 19.90 (target ≥ 20.00) missed\n    d\n", true},
		"one too many": {line{name: "a/b", value: 7, unit: "allocs", target: 6, detail: "d"}, "a/b: 7 allocs (target ≤ 6) missed\n    d\n", true},
	} {
		for _, check := range []bool{false, true} {
			var out, notes bytes.Buffer
			status := measure(t.Context(), prints(c.line), &session{out: &out, notes: &notes}, check)
			if (status == statusMissed) != (c.missed && check) || !strings.HasSuffix(out.String(), "\n"+c.text) {
				t.Errorf("%s: status %d\n%s", name, status, &out)
			}
			if told := notes.String() == "benchmarks: targets missed: a/b\n"; told != (c.missed && check) {
				t.Errorf("%s: %s", name, &notes)
			}
		}
	}
}

// TestInterrupt ends it in order: with a word, and no folder left.
func TestInterrupt(t *testing.T) {
	e := whole()
	e.rounds, e.few = 1<<20, 1<<20 // for ever
	for _, g := range groups() {
		for _, f := range g.figures {
			t.Run(f.name, func(t *testing.T) {
				dir := t.TempDir()
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				var out, notes bytes.Buffer
				status := measure(ctx, []figure{f}, &session{effort: e, parent: dir, out: &out, notes: &notes}, false)
				over := status == statusOK && notes.Len() == 0 // before the interrupt: it has no rounds
				if !over && (status != statusMissed || notes.String() != "benchmarks: interrupted\n") {
					t.Errorf("status %d, %s", status, &notes)
				}
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("left %v, %v", left, err)
				}
			})
		}
	}
}

// TestSetec: its store asks once for what was declared, and reads that from memory; what it
// looks up it has then too.
func TestSetec(t *testing.T) {
	m := &inMemory{}
	store, err := m.store(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for range 3 {
		if got := string(store.Secret("key").Get()); got != "k" || m.calls.Load() != 1 {
			t.Errorf("%q after %d calls", got, m.calls.Load())
		}
	}
	for range 3 {
		if secret, err := store.LookupSecret(t.Context(), "other"); err != nil || string(secret.Get()) != "k" || m.calls.Load() != 2 {
			t.Errorf("%v after %d calls", err, m.calls.Load())
		}
	}
}

// TestCompare: who is measured first takes turns, the first round does not count, and an
// error ends it.
func TestCompare(t *testing.T) {
	var order strings.Builder
	took := func(name string, all ...float64) turn {
		return func() (float64, error) {
			order.WriteString(name)
			t := all[0]
			all = all[1:]
			return t, nil
		}
	}
	s := &session{noted: time.Now(), notes: t.Output()}
	c, err := s.compare(t.Context(), 3, took("a", 99, 2, 3, 8), took("b", 1, 2, 1, 2))
	if err != nil || c != (comparison{ratio: 3, least: 2, ours: 3, theirs: 2, rounds: 3}) || order.String() != "abbaabba" {
		t.Errorf("%+v, %v, %s", c, err, order.String())
	}
	broken := errors.New("broken")
	fails := func() (float64, error) { return 0, broken }
	if _, err := s.compare(t.Context(), 3, fails, fails); err != broken {
		t.Error(err)
	}
}
