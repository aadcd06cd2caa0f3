package examples_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// rules say who may import whom. "a, b < c, d;" means that c and d may import a and
// b, and all that these may import. A package that does not stand here may not
// exist, and a right that nobody uses may not stand here.
const rules = `
	# The ground: what may cross, and what happened. Neither knows the other.
	NONE < internal/atomicfile, internal/declare, internal/flight, internal/netguard, internal/segment;
	NONE < mapping/internal/apart, mapping/internal/names, mapping/internal/scan, mapping/internal/siv, mapping/internal/split, mapping/internal/strict;
	mapping/internal/siv < mapping/internal/keyed;
	internal/declare, mapping/internal/keyed, mapping/internal/names, mapping/internal/scan < mapping/internal/transform;
	mapping/internal/keyed < mapping/token;
	mapping/internal/transform < mapping/internal/program;
	mapping/internal/names, mapping/internal/scan < mapping/internal/shape;
	internal/declare, mapping/internal/names, mapping/internal/scan, mapping/internal/shape, mapping/internal/transform < mapping/internal/format;
	mapping/internal/names < mapping/internal/report;
	NONE < mapping/internal/gotype;
	internal/declare < mapping/internal/finder;
	mapping/internal/apart, 	mapping/internal/finder, mapping/internal/format, mapping/internal/gotype, mapping/internal/program, mapping/internal/report, mapping/internal/shape, mapping/internal/split, mapping/internal/strict < mapping;
	mapping < mapping/mappingtest;
	NONE < mapping/isolate/internal/wall;
	mapping, mapping/isolate/internal/wall < mapping/isolate;
	internal/atomicfile < audit/internal/tree;
	NONE < audit/internal/carry, audit/internal/crashtest, audit/internal/key, audit/internal/member, audit/internal/names, audit/internal/ocsf;
	audit/internal/carry < audit/internal/queue;
	audit/internal/carry, audit/internal/key, audit/internal/tree < audit/internal/reach;
	internal/atomicfile, audit/internal/names, audit/internal/reach < audit/internal/cursor;
	internal/segment, audit/internal/reach < audit/internal/removal;
	audit/internal/reach < audit/internal/proof;
	audit/internal/queue, audit/internal/reach < audit/internal/replay;
	audit/internal/replay < audit/internal/head;
	internal/atomicfile, internal/segment, audit/internal/key < audit/internal/site;
	internal/atomicfile, internal/segment, audit/internal/key < audit/internal/people;
	audit/internal/cursor, audit/internal/proof, audit/internal/replay, audit/internal/site < audit/internal/reopen;
	audit/internal/head, audit/internal/people, audit/internal/reopen < audit/internal/rekey;
	audit/internal/member, audit/internal/names, audit/internal/ocsf, audit/internal/rekey, audit/internal/removal < audit;
	internal/segment < internal/segment/segmenttest;
	internal/atomicfile, internal/segment, audit/internal/tree < audit/witnessaudit;

	# Who gets a copy: a sink knows nothing of the other sinks.
	audit < audit/audittest, audit/slogaudit, audit/syslogaudit, audit/webhookaudit;

	# Who reads a log shares nothing with who writes it.
	NONE < audit/verify/internal/carried, audit/verify/internal/commit, audit/verify/internal/cosign, audit/verify/internal/prefix, audit/verify/internal/rekey;
	audit/verify/internal/commit < audit/verify/internal/edge;
	audit/verify/internal/carried, audit/verify/internal/cosign, audit/verify/internal/edge, audit/verify/internal/prefix, audit/verify/internal/rekey < audit/verify;

	# Who, and whether they may.
	NONE < auth/internal/aside, auth/internal/answer, auth/internal/build, auth/internal/deep, auth/internal/held, auth/internal/lifetime, auth/internal/names, auth/internal/strictjson, auth/internal/tally;
	mapping < auth/internal/subject;
	mapping, internal/netguard < auth/internal/wire;
	mapping, internal/declare, internal/netguard, auth/internal/names, auth/internal/subject, auth/internal/wire < auth/internal/check;
	internal/flight, auth/internal/lifetime < auth/internal/loan;
	mapping, audit, internal/netguard, auth/internal/aside, auth/internal/answer, auth/internal/build, auth/internal/check, auth/internal/deep, auth/internal/held, auth/internal/lifetime < auth;
	auth/internal/loan, auth/internal/names, auth/internal/subject, auth/internal/tally, auth/internal/wire < auth;

	# What implements or loads for auth: never a sibling, but the boundary folder holds a policy.
	auth/internal/strictjson < auth/oauthauth, auth/oidcauth;
	auth/internal/wire < auth/oauthauth, auth/samlauth;
	auth < auth/internal/pemkey;
	auth/internal/pemkey < auth/oauthauth, auth/samlauth;
	auth < auth/authtest, auth/keyauth, auth/ldapauth, auth/oauthauth, auth/oidcauth, auth/policy, auth/samlauth;
	auth/policy < auth/boundary;

	# With what, for how long.
	NONE < vault/internal/memorytest;
	internal/flight, mapping/token < vault;
	auth < vault < vault/dirvault, vault/filevault, vault/hashivault, vault/vaulttest;

	# How it ends. The guard is alone, and nothing imports failsafe but the roof.
	NONE < failsafe/guard, failsafe/internal/aside, failsafe/internal/frames, failsafe/internal/meter, failsafe/internal/pool, failsafe/internal/seal;
	failsafe/guard < failsafe/internal/core;
	internal/atomicfile, internal/segment, failsafe/internal/frames < failsafe/internal/file;
	failsafe/internal/frames < failsafe/internal/peek;
	auth, internal/declare, failsafe/internal/core < failsafe/internal/plan;
	failsafe/internal/plan < failsafe/internal/canary;
	mapping, audit, auth < failsafe;
	failsafe/guard, failsafe/internal/core, failsafe/internal/file, failsafe/internal/seal < failsafe;
	failsafe/internal/aside, failsafe/internal/canary, failsafe/internal/meter, failsafe/internal/peek, failsafe/internal/plan, failsafe/internal/pool < failsafe;
	failsafe < failsafe/failsafetest, failsafe/syslogfailsafe, failsafe/webhookfailsafe;

	# The roof.
	audit, audit/verify, audit/witnessaudit, auth/boundary, auth/ldapauth, failsafe, vault/filevault, vault/hashivault < cmd/carnet;
	NONE < carnet;
`

// unreachable is what a package may not reach, over however many imports.
var unreachable = map[string][]string{
	"mapping":      {"net", "os/exec", "plugin"},
	"audit/verify": {"net", "os/exec", "plugin"},
	"auth/policy":  {"os/exec", "plugin"},
}

// unimportable is what a package itself may not import.
var unimportable = map[string][]string{
	"mapping": {"unsafe"},
	"auth":    {"unsafe"},
	"vault":   {"unsafe"},
}

// node is what `go list -json` says about a package.
type node struct {
	ImportPath, Name string
	Standard         bool
	Imports, Deps    []string
	Module           *struct{ Path string }
}

// list asks for packages of the root module, with all that they reach.
func list(t *testing.T, dir string, patterns ...string) map[string]node {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-json=ImportPath,Name,Standard,Imports,Deps,Module"}, patterns...)...)
	command.Dir, command.Env = dir, append(os.Environ(), "GOWORK=off", "GOOS=linux", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	found := map[string]node{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var n node
		if err := decoder.Decode(&n); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		found[n.ImportPath] = n
	}
}

// short is the path below the module; carnet is the root package.
func short(importPath string) string {
	if importPath == module {
		return "carnet"
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

// order is what rules say: for each package what it may import, over all floors, and
// the pairs that are written down.
type order struct {
	may   map[string]map[string]bool
	pairs [][2]string // below, above
}

// parse reads rules.
func parse(t *testing.T, text string) order {
	t.Helper()
	var lines []string
	for line := range strings.Lines(text) {
		if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) != "" {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	o := order{may: map[string]map[string]bool{}}
	for _, rule := range strings.Split(strings.TrimSuffix(strings.Join(lines, " "), ";"), ";") {
		levels := strings.Split(rule, "<")
		if len(levels) < 2 {
			t.Fatalf("rule without <: %s", rule)
		}
		below := names(levels[0])
		for _, level := range levels[1:] {
			for _, name := range names(level) {
				o.above(t, name, below)
			}
			below = names(level)
		}
	}
	return o
}

// above puts a package above others, and above all that they stand above.
func (o *order) above(t *testing.T, name string, below []string) {
	t.Helper()
	if o.may[name] == nil {
		o.may[name] = map[string]bool{}
	}
	for _, b := range below {
		if b == "NONE" {
			continue
		}
		if o.may[b] == nil {
			t.Fatalf("%s stands below %s before it is declared", b, name)
		}
		maps.Copy(o.may[name], o.may[b])
		o.may[name][b] = true
		o.pairs = append(o.pairs, [2]string{b, name})
	}
}

func names(list string) []string {
	var split []string
	for name := range strings.SplitSeq(list, ",") {
		split = append(split, strings.TrimSpace(name))
	}
	return split
}

// full is the import path of what rules call by its short name.
func full(name string) string {
	if name == "carnet" {
		return module
	}
	return path.Join(module, name)
}

// violations of the rules, each a line that a reader understands.
func (o order) violations(packages map[string]node) []string {
	var wrong []string
	for name, n := range packages {
		if ours(name) {
			wrong = append(wrong, o.imports(short(name), n)...)
		}
	}
	for name := range o.may {
		if _, ok := packages[full(name)]; !ok {
			wrong = append(wrong, name+" stands in a rule and does not exist")
		}
	}
	for _, pair := range o.pairs {
		if n, ok := packages[full(pair[1])]; ok && !slices.Contains(n.Imports, full(pair[0])) {
			wrong = append(wrong, pair[1]+" does not use its right to import "+pair[0])
		}
	}
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

// imports that a package should not have.
func (o order) imports(name string, n node) []string {
	var wrong []string
	if o.may[name] == nil {
		wrong = append(wrong, name+" stands in no rule")
	}
	for _, imported := range n.Imports {
		if ours(imported) && !o.may[name][short(imported)] {
			wrong = append(wrong, name+" may not import "+short(imported))
		}
		if imported == "testing" && !strings.HasSuffix(n.Name, "test") || slices.Contains(unimportable[name], imported) {
			wrong = append(wrong, name+" may not import "+imported)
		}
	}
	for _, reached := range unreachable[name] {
		if slices.Contains(n.Deps, reached) {
			wrong = append(wrong, name+" may not reach "+reached)
		}
	}
	return wrong
}

func TestImports(t *testing.T) {
	for _, wrong := range parse(t, rules).violations(list(t, root(t), "./...")) {
		t.Error(wrong)
	}
}

func TestImportsAreSeen(t *testing.T) {
	const small = "NONE < mapping, audit; audit < auth < vault, auth/a, auth/b, auth/atest;"
	below := map[string][]string{"auth": {"audit"}, "vault": {"auth"}, "auth/a": {"auth"}, "auth/b": {"auth"}, "auth/atest": {"auth"}}
	for _, tt := range []struct {
		what, name string
		imports    []string
		reaches    string
		want       string
	}{
		{"upward", "audit", []string{full("auth")}, "", "audit may not import auth"},
		{"sideways", "mapping", []string{full("audit")}, "", "mapping may not import audit"},
		{"sibling", "auth/a", []string{full("auth/b")}, "", "auth/a may not import auth/b"},
		{"two floors down", "vault", []string{full("audit")}, "", ""},
		{"testing", "auth", []string{"testing"}, "", "auth may not import testing"},
		{"testing for tests", "auth/atest", []string{"testing"}, "", ""},
		{"unsafe", "mapping", []string{"unsafe"}, "", "mapping may not import unsafe"},
		{"network", "mapping", nil, "net", "mapping may not reach net"},
		{"unknown", "util", nil, "", "util stands in no rule"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			o, packages := parse(t, small), map[string]node{}
			for name := range o.may {
				n := node{Name: path.Base(name)}
				for _, b := range below[name] {
					n.Imports = append(n.Imports, full(b))
				}
				packages[full(name)] = n
			}
			n := packages[full(tt.name)]
			n.Name, n.Imports, n.Deps = path.Base(tt.name), append(n.Imports, tt.imports...), []string{tt.reaches}
			packages[full(tt.name)] = n
			if got := strings.Join(o.violations(packages), "\n"); got != tt.want {
				t.Errorf("violations = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRulesHoldNothingIdle(t *testing.T) {
	o := parse(t, "NONE < audit; audit < auth;")
	got := o.violations(map[string]node{full("auth"): {Name: "auth"}})
	want := []string{"audit stands in a rule and does not exist", "auth does not use its right to import audit"}
	if !slices.Equal(got, want) {
		t.Errorf("violations = %q, want %q", got, want)
	}
}
