package examples_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/auth/oidcauth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/dirvault"
)

// The rules that hold everywhere, each with the one test that holds it.

// library are the packages that services link: no tests, examples or commands.
func library(t *testing.T) []source {
	return sources(t, func(name string) bool {
		dir := path.Dir(name)
		return !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, "examples/") &&
			!strings.HasPrefix(name, "cmd/") && !strings.HasSuffix(dir, "test")
	})
}

// core is the part of the library that others import.
func core(t *testing.T) []source {
	return slices.DeleteFunc(library(t), func(s source) bool { return strings.Contains(s.name, "internal/") })
}

// functions calls see for each function declaration.
func functions(all []source, see func(s source, fn *ast.FuncDecl)) {
	for _, s := range all {
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				see(s, fn)
			}
		}
	}
}

// selectors calls see for each expression pkg.Name.
func selectors(all []source, see func(s source, selector string)) {
	for _, s := range all {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok {
					see(s, x.Name+"."+sel.Sel.Name)
				}
			}
			return true
		})
	}
}

// TestRule1: zero values fail closed, and none panics.
func TestRule1(t *testing.T) {
	ctx := t.Context()
	gate, grant := crossing(t)
	for name, err := range map[string]error{
		"gate":      second(new(auth.Gate).Admit(ctx, auth.Bearer("t"))),
		"self":      second(new(auth.Gate).AdmitSelf(ctx)),
		"principal": second(gate.Authorize(ctx, auth.Principal{}, "crm.contact.read")),
		"broker":    second(new(auth.Broker).Do(ctx, grant, mapping.Document{})),
		"grant":     auth.Grant{}.Live(),
		"secret":    auth.Secret{}.Use(func([]byte) error { return nil }),
		"lease":     second(new(auth.Lease).Secret("key")),
		"vault":     second(new(vault.Vault).Lease(ctx, grant, "crm/api")),
		"log":       second(new(audit.Log).Append(ctx, audit.Event{Action: "a"})),
		"verifier":  second(new(oidcauth.Verifier).Verify(ctx, auth.Bearer("t"))),
		"header":    second(keyauth.Header{}.Translate(ctx, auth.Need{Grant: grant})),
		"basic":     second(keyauth.Basic{}.Translate(ctx, auth.Need{Grant: grant})),
		"dir":       second(dirvault.Dir("").Issue(ctx, "crm/api")),
		"document":  mapping.Document{}.Decode(new(any)),
		"presented": second(gate.Admit(ctx, auth.Presented{})),
		"system":    second(auth.NewCatalogue("acme", auth.System{})),
		"tenant":    second(auth.NewCatalogue("")),
	} {
		if err == nil {
			t.Errorf("the zero %s does not refuse", name)
		}
	}
	if d := new(policy.Policy).Decide(ctx, auth.Facts{}); d.Verdict != auth.Denied {
		t.Errorf("the zero policy: %v", d.Verdict)
	}
	if (auth.Decision{}).Verdict != auth.Denied || auth.EffectUndeclared != 0 || audit.OutcomeUnknown != 0 {
		t.Error("a zero that allows")
	}
}

func second[T any](_ T, err error) error { return err }

// crossing is a real gate and a grant of it.
func crossing(t *testing.T) (*auth.Gate, auth.Grant) {
	t.Helper()
	gate := authtest.Gate(t, authtest.Boundary(t, auth.System{
		Name: "crm", Origin: "https://crm.example", Secrets: []string{"crm/api"},
		Operations: []auth.Operation{{Name: "crm.contact.read", Method: http.MethodGet, Path: "/", Effect: auth.ReadOnly}},
	}), auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"})})
	return gate, authtest.Grant(t, gate, "crm.contact.read")
}

// TestRule2: authority is an argument. Nothing is put into a context, and nothing is
// read out of one, but that a guard repeats a call already: that can only take away.
func TestRule2(t *testing.T) {
	for _, s := range library(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
				x, _ := sel.X.(*ast.Ident)
				if x != nil && x.Name == "context" && sel.Sel.Name == "WithValue" || sel.Sel.Name == "Value" && x != nil && strings.HasSuffix(strings.ToLower(x.Name), "ctx") {
					if strings.HasPrefix(s.name, "failsafe/guard/") && marksRepetition(call) {
						return true
					}
					t.Errorf("%s: authority in a context", s.set.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

const canary = "c4n4ry-n3ver-t0-be-seen"

// TestRule3: errors never carry values. Everything that reads something gets the
// canary, and says what is wrong without it.
func TestRule3(t *testing.T) {
	ctx := t.Context()
	gate, grant := crossing(t)
	principal, err := gate.Admit(ctx, auth.Bearer("t"))
	if err != nil {
		t.Fatal(err)
	}
	folder := func(content string) fstest.MapFS {
		return fstest.MapFS{"boundary.jsonc": {Data: []byte(content)}}
	}
	var number struct{ A int }
	var errs []error
	for _, content := range []string{
		canary, `{"` + canary + `": 1}`, `{"tenant": "` + strings.ToUpper(canary) + `"}`, `{"tenant": ["` + canary + `"]}`,
		`{"systems": [{"name": "crm", "origin": "https://` + canary + `/x", "ceiling": "` + canary + `"}]}`,
		`{"tenant": "acme", "permits": [{"name": "p", "operations": ["` + canary + `"], "until": "` + canary + `"}]}`,
		`{"tenant": "acme", "rules": [{"name": "r", "on": ["` + canary + `"], "transport": "` + canary + `"}]}`,
	} {
		errs = append(errs, second(boundary.Load(folder(content), nil)))
	}
	errs = append(errs,
		second(gate.Authorize(ctx, principal, canary)),
		second(gate.Authorize(ctx, principal.On(auth.Errand{Run: strings.ToUpper(canary)}), "crm.contact.read")),
		second(gate.Log().Append(ctx, audit.Event{Action: canary + "\n"})),
		second(oidcauth.New(ctx, "ftp://"+canary, "aud", nil)),
		second(dirvault.Dir(t.TempDir()).Issue(ctx, canary)),
		second(dirvault.Dir("/"+canary).Issue(ctx, "a/b")),
		grant.Opens(gate.Log(), canary),
		mapping.Opaque([]byte(`{"`+canary+`": "`+canary+`"}`)).Decode(&number),
		mapping.Opaque([]byte(`{"A": "`+canary+`"}`)).Decode(&number),
		verify.Proof([]byte(canary), []byte(canary), []string{canary}),
		second(verify.Dir(ctx, fstest.MapFS{}, []string{canary})),
		audit.Create(ctx, t.TempDir()+"/x", canary+" ", nil),
	)
	for i, err := range errs {
		if err == nil {
			t.Errorf("%d: no error", i)
			continue
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if text := strings.ToLower(fmt.Sprintf("%v %+v %#v", e, e, e)); strings.Contains(text, canary) {
				t.Errorf("%d: %v", i, e)
			}
		}
	}
}

// TestRule4: secrets cannot leak. The whole flow runs with random secrets, and every
// output is searched.
func TestRule4(t *testing.T) { leakRun(t) }

// TestRule5: interfaces that adapters implement are small, and those of the core have
// a conformance suite.
func TestRule5(t *testing.T) {
	seen := 0
	for _, s := range core(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			if i, ok := spec.Type.(*ast.InterfaceType); ok {
				seen++
				if m := i.Methods.NumFields(); m < 1 || m > 3 {
					t.Errorf("%s: %s has %d methods", s.name, spec.Name.Name, m)
				}
			}
			return true
		})
	}
	if seen < 6 {
		t.Errorf("only %d interfaces were read", seen)
	}
	suites := map[string]bool{}
	functions(sources(t, func(name string) bool {
		return strings.HasSuffix(path.Dir(name), "test") && !strings.HasSuffix(name, "_test.go")
	}), func(s source, fn *ast.FuncDecl) { suites[path.Base(path.Dir(s.name))+"."+fn.Name.Name] = true })
	for _, want := range []string{"authtest.RunVerifier", "authtest.RunTranslator", "vaulttest.Run"} {
		if !suites[want] {
			t.Errorf("there is no %s", want)
		}
	}
}

// TestRule6: construction is New(required…, *Options): no options as functions, no
// init, no variables that others can set. A nil or zero required argument is an error.
func TestRule6(t *testing.T) {
	functions(library(t), func(s source, fn *ast.FuncDecl) {
		if fn.Recv == nil && fn.Name.Name == "init" {
			t.Errorf("%s has an init", s.name)
		}
		for _, p := range fn.Type.Params.List {
			if v, ok := p.Type.(*ast.Ellipsis); ok && fn.Name.IsExported() {
				if strings.Contains(fmt.Sprintf("%T", v.Elt), "FuncType") || strings.HasSuffix(fmt.Sprint(v.Elt), "Option") {
					t.Errorf("%s: %s takes options as functions", s.name, fn.Name.Name)
				}
			}
		}
	})
	for _, s := range core(t) {
		for _, d := range s.file.Decls {
			if gen, ok := d.(*ast.GenDecl); ok && gen.Tok.String() == "var" {
				for _, spec := range gen.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						if name.IsExported() && !strings.HasPrefix(name.Name, "Err") {
							t.Errorf("%s: anybody can set %s", s.name, name.Name)
						}
					}
				}
			}
		}
	}
	ctx := t.Context()
	log := authtest.Log(t)
	catalogue, err := auth.NewCatalogue("acme")
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"gate without a log":        second(auth.NewGate(ctx, nil, authtest.Boundary(t), nil, nil)),
		"gate without a boundary":   second(auth.NewGate(ctx, log, nil, nil, nil)),
		"broker without a gate":     second(auth.NewBroker(nil, nil, nil)),
		"boundary without a policy": second(auth.NewBoundary(catalogue, nil, nil)),
		"boundary of nothing":       second(auth.NewBoundary(nil, new(policy.Policy), nil)),
		"policy without catalogue":  second(policy.New(nil, policy.Declaration{})),
		"vault without a log":       second(vault.New(nil, dirvault.Dir(t.TempDir()), nil)),
		"vault on a zero log":       second(vault.New(&audit.Log{}, dirvault.Dir(t.TempDir()), nil)),
		"vault without a backend":   second(vault.New(log, nil, nil)),
		"verifier of nobody":        second(oidcauth.New(ctx, "", "aud", nil)),
		"verifier for nobody":       second(oidcauth.New(ctx, "https://login.example", "", nil)),
		"boundary of no folder":     second(boundary.Load(nil, nil)),
		"log without an origin":     audit.Create(ctx, t.TempDir()+"/a", "", nil),
		"log without a folder":      audit.Create(ctx, "", "acme.example/a", nil),
		"open without a folder":     second(audit.Open(ctx, "", nil)),
		"verify no folder":          second(verify.Dir(ctx, nil, []string{log.Key()})),
		"verify without keys":       second(verify.Dir(ctx, fstest.MapFS{}, nil)),
	} {
		if err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

// TestRule7: there is no clock and no randomness to be given from outside.
func TestRule7(t *testing.T) {
	for _, s := range core(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok {
				return true
			}
			for _, name := range field.Names {
				if name.IsExported() && slices.Contains([]string{"Now", "TimeNow", "Clock", "Rand", "Random", "Ticker", "Sleep"}, name.Name) {
					t.Errorf("%s: %s can be set", s.set.Position(n.Pos()), name.Name)
				}
			}
			return true
		})
	}
	selectors(library(t), func(s source, selector string) {
		if strings.HasPrefix(selector, "rand.") && importsMathRand(s) {
			t.Errorf("%s takes randomness from math/rand", s.name)
		}
	})
}

// marksRepetition says whether nothing but the type nested goes into a context, or is
// looked up in one.
func marksRepetition(call *ast.CallExpr) bool {
	said := 0
	for _, arg := range call.Args {
		if lit, ok := arg.(*ast.CompositeLit); ok && len(lit.Elts) == 0 {
			if name, ok := lit.Type.(*ast.Ident); ok && name.Name == "nested" {
				said++
			}
		}
	}
	return said > 0 && said >= len(call.Args)-1
}

func importsMathRand(s source) bool {
	for _, i := range s.file.Imports {
		if strings.Contains(i.Path.Value, "math/rand") {
			return true
		}
	}
	return false
}

// TestRule8: every wait ends with its context; here it has ended before it began.
func TestRule8(t *testing.T) {
	gate, grant := crossing(t)
	v, err := vault.New(gate.Log(), dirvault.Dir(t.TempDir()), nil)
	if err != nil {
		t.Fatal(err)
	}
	broker, err := auth.NewBroker(gate, auth.Translators{"crm": keyauth.Header{Name: "X-Api-Key", Source: v.Source("crm/api")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	principal, err := gate.Admit(t.Context(), auth.Bearer("t"))
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := gate.Log().Append(t.Context(), audit.Event{Action: "a"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	for name, err := range map[string]error{
		"Admit":     second(gate.Admit(ctx, auth.Bearer("t"))),
		"Authorize": second(gate.Authorize(ctx, principal, "crm.contact.read")),
		"Do":        second(broker.Do(ctx, grant, mapping.Document{})),
		"Lease":     second(v.Lease(ctx, grant, "crm/api")),
		"Append":    second(gate.Log().Append(ctx, audit.Event{Action: "a"})),
		"Proof":     second(gate.Log().Proof(ctx, receipt.Index)), // no checkpoint covers it yet
		"Dir":       second(verify.Dir(ctx, fstest.MapFS{}, []string{gate.Log().Key()})),
		"New":       second(oidcauth.New(ctx, "https://login.example", "aud", nil)),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s does not say that the caller left: %v", name, err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	selectors(library(t), func(s source, selector string) {
		if selector == "time.Sleep" {
			t.Errorf("%s sleeps", s.name)
		}
	})
}

// TestRule9: one call is one transmission and one decision, however warm it is.
func TestRule9(t *testing.T) {
	w, s := demonstration(t)
	before, decided := len(w.Received("crm")), granted(t, s)
	const calls = 3
	for range calls {
		if err := s.call(t.Context(), "alice", "crm.contact.read"); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(w.Received("crm")) - before; got != calls {
		t.Errorf("%d transmissions of %d calls", got, calls)
	}
	if got := granted(t, s) - decided; got != calls {
		t.Errorf("%d decisions of %d calls", got, calls)
	}
}

func granted(t *testing.T, s *demonstrated) (n int) {
	t.Helper()
	for e, err := range s.log.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Decision == "allowed" {
			n++
		}
	}
	return n
}

// TestRule10: a failure says which side it is on, to whoever does not import us too.
func TestRule10(t *testing.T) {
	classes := map[string]error{}
	for _, err := range []error{
		auth.ErrDenied, auth.ErrExpired, auth.ErrUnavailable, auth.ErrThrottled,
		auth.ErrUndeclared, auth.ErrForeign, auth.ErrInvalid, auth.ErrUnknown,
	} {
		classed, ok := err.(interface{ FailureClass() string })
		if !ok || classes[classed.FailureClass()] != nil {
			t.Fatalf("%v has no class of its own", err)
		}
		classes[classed.FailureClass()] = err
		failed := &auth.FailedError{Side: err, System: "crm", RetryAfter: time.Second}
		if c, ok := errors.AsType[interface {
			error
			FailureClass() string
		}](failed); !ok || c.FailureClass() != classed.FailureClass() {
			t.Errorf("a failed call does not say %v", err)
		}
		if failed.FailureDelay() != time.Second || !errors.Is(failed, err) {
			t.Errorf("%v has no delay", err)
		}
		for _, other := range classes {
			if other != err && errors.Is(failed, other) {
				t.Errorf("%v is %v", err, other)
			}
		}
	}
	if !errors.Is(&auth.DeniedError{}, auth.ErrDenied) {
		t.Error("a denial is not denied")
	}
}

// TestRule11: names that reach logs are closed.
func TestRule11(t *testing.T) {
	gate, _ := crossing(t)
	principal, err := gate.Admit(t.Context(), auth.Bearer("t"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"Upper", "-dash", ".dot", "sp ace", "line\nbreak", "nul\x00", "esc\x1b[31m", "quote\"", "back\\slash", "ünïcode", "\u2028",
		"bad\xff", strings.Repeat("a", 65), "a/b", "{}", "%41",
	} {
		for what, err := range map[string]error{
			"tenant":    second(auth.NewCatalogue(bad)),
			"system":    second(auth.NewCatalogue("acme", auth.System{Name: bad, Origin: "https://crm.example"})),
			"operation": second(auth.NewCatalogue("acme", auth.System{Name: "crm", Origin: "https://crm.example", Operations: []auth.Operation{{Name: "crm.a." + bad, Method: "GET", Path: "/", Effect: auth.ReadOnly}}})),
			"run":       second(gate.Authorize(t.Context(), principal.On(auth.Errand{Run: bad}), "crm.contact.read")),
			"step":      second(gate.Authorize(t.Context(), principal.On(auth.Errand{Step: bad}), "crm.contact.read")),
			"action":    second(gate.Log().Append(t.Context(), audit.Event{Action: bad})),
			"reason":    second(gate.Log().Append(t.Context(), audit.Event{Action: "a", Reason: bad})),
			"rule":      second(gate.Log().Append(t.Context(), audit.Event{Action: "a", Rule: bad})),
		} {
			if err == nil {
				t.Errorf("%q is a name of a %s", bad, what)
			}
		}
	}
}

// TestRule12: a gate serves one tenant, and two tenants with equal names share
// nothing: no grant, no principal, no secret.
func TestRule12(t *testing.T) {
	ctx := t.Context()
	tenant := func() (*auth.Gate, auth.Grant, *vault.Vault) {
		gate, grant := crossing(t)
		v, err := vault.New(gate.Log(), dirvault.Dir(t.TempDir()), nil)
		if err != nil {
			t.Fatal(err)
		}
		return gate, grant, v
	}
	a, grant, _ := tenant()
	b, _, theirs := tenant()
	principal, err := a.Admit(ctx, auth.Bearer("t"))
	if err != nil {
		t.Fatal(err)
	}
	broker, err := auth.NewBroker(b, auth.Translators{"crm": keyauth.Header{Name: "X-Api-Key", Source: theirs.Source("crm/api")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"principal": second(b.Authorize(ctx, principal, "crm.contact.read")),
		"grant":     second(broker.Do(ctx, grant, mapping.Document{})),
		"secret":    second(theirs.Lease(ctx, grant, "crm/api")),
	} {
		if !errors.Is(err, auth.ErrForeign) {
			t.Errorf("a %s of the other tenant: %v", name, err)
		}
	}
	other := authtest.Gate(t, authtest.Boundary(t), auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{
		Tenant: "globex", Issuer: "https://carnet.invalid", Subject: "alice"})})
	if _, err := other.Admit(ctx, auth.Bearer("t")); !errors.Is(err, auth.ErrForeign) {
		t.Errorf("a caller of another tenant: %v", err)
	}
}
