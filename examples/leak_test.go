package examples_test

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/auth/ldapauth"
	"github.com/carnet-go/carnet/auth/oauthauth"
	"github.com/carnet-go/carnet/auth/oidcauth"
	"github.com/carnet-go/carnet/auth/samlauth"
	"github.com/carnet-go/carnet/examples/world"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/filevault"
)

// demonstrated is the quickstart's service, with its parts to be looked into.
type demonstrated struct {
	world  *world.World
	bound  *auth.Boundary
	log    *audit.Log
	vault  *vault.Vault
	gate   *auth.Gate
	broker *auth.Broker
	notes  *locked // what the library logs
}

// demonstration starts the world and a service, until the test ends.
func demonstration(t *testing.T) (*world.World, *demonstrated) {
	t.Helper()
	w, err := world.Start(t.Context(), filepath.Join(t.TempDir(), "run"))
	if err != nil {
		t.Fatal(err)
	}
	s := &demonstrated{world: w, notes: new(locked)}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return w, s
}

func (s *demonstrated) open(ctx context.Context) (err error) {
	w := s.world
	signer := &audit.Options{Signer: w.Key}
	if err = audit.Create(ctx, w.Dir+"/audit", "acme.example/hr/a", signer); err != nil {
		return err
	}
	if s.log, err = audit.Open(ctx, w.Dir+"/audit", signer); err != nil {
		return err
	}
	if s.vault, err = vault.New(s.log, filevault.File{Path: w.Secrets, Identity: w.Identity}, nil); err != nil {
		return err
	}
	if s.bound, err = boundary.Load(w.Boundary, nil); err != nil {
		return err
	}
	login, err := oidcauth.New(ctx, w.Issuer, world.Audience, &oidcauth.Options{Client: w.Client})
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewJSONHandler(s.notes, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if s.gate, err = auth.NewGate(ctx, s.log, s.bound, auth.Verifiers{auth.SchemeBearer: login}, &auth.GateOptions{Logger: logger}); err != nil {
		return err
	}
	s.broker, err = auth.NewBroker(s.gate, s.translators(), &auth.BrokerOptions{Keys: s.vault.Keys, RootCAs: w.RootCAs})
	return err
}

func (s *demonstrated) translators() auth.Translators {
	return auth.Translators{
		"directory": &ldapauth.Bind{Login: s.vault.Source("directory/bind")},
		"erp":       samlauth.Session{Issuer: world.Entity, Key: s.vault.Source("saml/signing"), Cookies: []string{"session"}},
		"crm":       keyauth.Header{Name: "X-Api-Key", Source: s.vault.Source("crm/api")},
		"hub":       oauthauth.Exchange{Client: s.vault.Source("hub/client")},
	}
}

func (s *demonstrated) close(ctx context.Context) error {
	return errors.Join(s.broker.Close(ctx), s.vault.Close(ctx), s.log.Close(ctx))
}

// grant is the first two steps, for a user: Alice has a second factor, and proves it.
func (s *demonstrated) grant(ctx context.Context, user, operation string) (auth.Grant, error) {
	login := s.world.Token
	if user == "alice" {
		login = s.world.StepUp
	}
	token, err := login(ctx, user)
	if err != nil {
		return auth.Grant{}, err
	}
	principal, err := s.gate.Admit(ctx, auth.Bearer(token))
	if err != nil {
		return auth.Grant{}, err
	}
	return s.gate.Authorize(ctx, principal, operation)
}

// call is all three.
func (s *demonstrated) call(ctx context.Context, user, operation string) error {
	grant, err := s.grant(ctx, user, operation)
	if err != nil {
		return err
	}
	_, err = s.broker.Do(ctx, grant, mapping.Document{})
	return err
}

// locked is a buffer for several writers.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// outputs are all texts of a run, by what they are.
type outputs map[string]string

// kept are values to be printed when nothing moves any more: fmt follows pointers into
// what others are at work on.
type kept struct {
	name   string
	values []any
}

type keeper []kept

func (k *keeper) add(name string, values ...any) { *k = append(*k, kept{name, values}) }

func (o outputs) print(all keeper) {
	for _, k := range all {
		o.add(k.name, k.values...)
	}
}

func (o outputs) add(name string, values ...any) {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%v %+v %#v\n", v, v, v)
		if !moves(v) {
			fmt.Fprintf(&b, "%s %q %x %d\n", v, v, v, v)
		}
		raw, err := json.Marshal(v)
		fmt.Fprintf(&b, "%s %v\n", raw, err)
		slog.New(slog.NewTextHandler(&b, nil)).Info("value", "v", v)
		func() {
			defer func() { fmt.Fprintf(&b, "%v\n%s", recover(), debug.Stack()) }()
			panic(v)
		}()
	}
	o[name] += b.String()
}

// moves says whether connections and timers hang on v. A verb that does not fit makes
// fmt print all that pointers lead to, while net/http still closes what it has.
func moves(v any) bool {
	switch v.(type) {
	case *auth.Gate, *auth.Broker, auth.Grant, auth.Principal, *vault.Vault, *audit.Log, *auth.Lease, auth.Material, *http.Client, *http.Request:
		return true
	}
	return false
}

// leakRun runs the whole flow with random secrets, collects every output, and looks
// for each secret in each, in every spelling.
func leakRun(t *testing.T) {
	w, s := demonstration(t)
	out, values := outputs{}, keeper{}
	exercise(t, s, out, &values)
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	out.print(values)
	out.add("parts", s.gate, s.broker, s.vault, s.log, w.Key.Public()) // nobody uses them any more
	report, err := verify.Dir(t.Context(), os.DirFS(w.Dir+"/audit"), []string{s.log.Key()})
	out.add("report", report, err)
	out["library's notes"] = s.notes.String()
	left(t, w.Dir, out)
	secrets := w.SecretsOfRun()
	if len(secrets) < 5 || len(out) < 15 {
		t.Fatalf("%d secrets, %d outputs", len(secrets), len(out))
	}
	remember(t, secrets)
	for i, secret := range secrets {
		if len(secret) < 12 {
			t.Errorf("secret %d is too short to be searched for", i)
		}
		for name, text := range out {
			if form, found := find(text, secret); found {
				t.Errorf("secret %d stands in %s as %s", i, name, form)
			}
		}
	}
}

// exercise takes every way through, the good and the bad ones.
func exercise(t *testing.T, s *demonstrated, out outputs, values *keeper) {
	ctx := t.Context()
	for _, call := range []struct{ user, operation string }{
		{"alice", "crm.contact.read"}, {"mallory", "crm.contact.read"}, {"carol", "crm.contact.export"},
		{"alice", "crm.photo.read"}, {"alice", "crm.contact.undeclared"},
		{"alice", "directory.account.create"}, {"alice", "erp.payroll.open"}, {"alice", "crm.contact.push"},
		{"alice", "hub.event.publish"}, {"carol", "erp.payroll.open"},
	} {
		grant, err := s.grant(ctx, call.user, call.operation)
		values.add("grant", grant, err, grant.Identity(), grant.System(), grant.Operation(), grant.Event("x"))
		document := mapping.Document{}
		if input := grant.Operation().Input; input != "" && input != auth.None {
			document = s.bound.Schema("employee").Document([]byte(read(t, "examples/quickstart/testdata/employees/mueller.json")))
		}
		reply, err := s.broker.Do(ctx, grant, document)
		values.add("reply", reply, err, document)
		var contact any
		values.add("decoded", reply.Document.Decode(&contact), contact)
	}
	token, err := s.world.Token(ctx, "alice")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{token + "x", token[:len(token)-4], strings.ReplaceAll(token, ".", ".."), "." + token} {
		principal, err := s.gate.Admit(ctx, auth.Bearer(bad))
		values.add("forgery", principal, err, auth.Bearer(bad))
	}
	principal, err := s.gate.Admit(ctx, auth.Bearer(token))
	values.add("principal", principal, err, auth.Bearer(token), principal.On(auth.Errand{Run: "r"}))
	grant, err := s.grant(ctx, "alice", "crm.contact.read")
	if err != nil {
		t.Fatal(err)
	}
	lease, err := s.vault.Lease(ctx, grant, "crm/api")
	values.add("lease", lease, err)
	secret, err := lease.Secret("key")
	values.add("secret", secret, err, &secret, struct{ s auth.Secret }{secret})
	material, err := keyauth.Header{Name: "X-Api-Key", Source: s.vault.Source("crm/api")}.Translate(ctx, auth.Need{Grant: grant})
	values.add("material", material, err)
	_, err = s.vault.Lease(ctx, grant, "other/path")
	values.add("undeclared secret", err, lease.Close(ctx))
	traced(t, s, grant, out, values)
	out["handler"] = handled(s, token)
}

// traced makes a call as an SDK does, under a trace that wants to see everything.
func traced(t *testing.T, s *demonstrated, grant auth.Grant, out outputs, values *keeper) {
	var seen locked
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteHeaderField: func(k string, v []string) { fmt.Fprintln(&seen, k, v) },
		GotConn:          func(i httptrace.GotConnInfo) { fmt.Fprintf(&seen, "%v\n", i.Reused) },
	})
	for _, path := range []string{grant.Operation().Path, "/undeclared"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, grant.System().Origin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := s.broker.Client(grant).Do(r)
		values.add("client", err, s.broker.Client(grant))
		if response != nil {
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			values.add("response", response.Header, response.Request.Header, response.Request, string(body))
		}
	}
	out["httptrace"] = seen.String()
}

// handled is what a caller of the service gets to see.
func handled(s *demonstrated, token string) string {
	var b strings.Builder
	h := s.gate.Handler(func(_ http.ResponseWriter, r *http.Request, p auth.Principal) error {
		_, err := s.gate.Authorize(r.Context(), p, "crm.contact.undeclared")
		return err
	})
	for _, bearer := range []string{token, token + "x", ""} {
		w := &recorder{header: http.Header{}}
		r, _ := http.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+bearer)
		h.ServeHTTP(w, r)
		fmt.Fprintf(&b, "%v %s\n", w.header, w.body.String())
	}
	return b.String()
}

type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
func (r *recorder) WriteHeader(int)             {}

// left is every file that the run left behind.
func left(t *testing.T, dir string, out outputs) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		out["file "+filepath.Base(name)] += string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// remember writes the list of secrets for whoever wants to search again: one on a
// line, in base64 where it is not text.
func remember(t *testing.T, secrets [][]byte) {
	t.Helper()
	name := os.Getenv("CARNET_LEAK_SECRETS")
	if name == "" {
		return
	}
	var b bytes.Buffer
	for _, secret := range secrets {
		if line := string(secret); strconv.Quote(line) == `"`+line+`"` {
			fmt.Fprintln(&b, line)
			continue
		}
		fmt.Fprintln(&b, base64.StdEncoding.EncodeToString(secret))
	}
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// find looks for a secret as it is, escaped, and in the usual encodings. In base64 it
// may begin at any of three places of a group.
func find(text string, secret []byte) (form string, found bool) {
	quoted, _ := json.Marshal(string(secret))
	forms := map[string]string{
		"itself":  string(secret),
		"hex":     hex.EncodeToString(secret),
		"HEX":     strings.ToUpper(hex.EncodeToString(secret)),
		"escaped": url.QueryEscape(string(secret)),
		"json":    strings.Trim(string(quoted), `"`),
		"decimal": strings.Trim(fmt.Sprint(secret), "[]"),
		"base32":  strings.TrimRight(base32.StdEncoding.EncodeToString(secret), "="),
	}
	for shift := range 3 {
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			encoded := encoding.EncodeToString(append(make([]byte, shift), secret...))
			forms[fmt.Sprint(name, shift)] = encoded[(shift*8+5)/6 : len(encoded)-1]
		}
	}
	for name, form := range forms {
		if strings.Contains(text, form) {
			return name, true
		}
	}
	return "", false
}

// TestLeaksAreFound holds that find finds: a search that cannot fail proves nothing.
func TestLeaksAreFound(t *testing.T) {
	secret := []byte("s3cr3t-\"with\" spaces/and+more")
	for _, text := range []string{
		string(secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("%d", secret), fmt.Sprintf("%q", secret),
		url.QueryEscape(string(secret)),
		base64.StdEncoding.EncodeToString(secret),
		base64.URLEncoding.EncodeToString(append([]byte("u:"), secret...)),
		base64.StdEncoding.EncodeToString(append([]byte("x"), secret...)),
	} {
		if _, found := find("before "+text+" after", secret); !found {
			t.Errorf("%q is not found", text)
		}
	}
	if form, found := find("nothing is here", secret); found {
		t.Errorf("found as %s where nothing is", form)
	}
}
