package failsafe_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/failsafe/guard"
	"github.com/carnet-go/carnet/mapping"
)

const day = 24 * time.Hour

// shop is a CRM with notes and mails, or its twin, behind TLS.
type shop struct {
	server *httptest.Server
	key    string

	mu    sync.Mutex
	notes int
	calls []string
	odd   func(w http.ResponseWriter, call string) bool // answers itself; nil: nothing is odd
}

func newShop(t *testing.T, key string, roots *x509.CertPool, from, until time.Time) *shop {
	t.Helper()
	s := &shop{key: key}
	s.server = httptest.NewUnstartedServer(s)
	s.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t, roots, from, until)}}
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	return s
}

// certificate is one for loopback that nobody else vouches for.
func certificate(t *testing.T, roots *x509.CertPool, from, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "shop"}, NotBefore: from, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	roots.AddCert(c)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// ServeHTTP implements http.Handler.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := r.Method + " " + r.URL.Path
	s.calls = append(s.calls, call)
	if r.Header.Get("X-Api-Key") != s.key {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if s.odd != nil && s.odd(w, call) {
		return
	}
	switch call {
	case "PUT /notes":
		s.notes = 1
		w.WriteHeader(http.StatusCreated)
	case "DELETE /notes":
		s.notes = 0
	case "GET /notes":
		_, _ = fmt.Fprintf(w, `{"notes": %d}`, s.notes)
	}
}

func (s *shop) is(odd func(w http.ResponseWriter, call string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.odd = odd
}

// answers lets one call be answered with a status, and with a body.
func (s *shop) answers(call string, status int, body string) {
	s.is(func(w http.ResponseWriter, c string) bool {
		if c != call {
			return false
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	})
}

func (s *shop) called() (string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.calls, ", "), s.notes
}

// trade is a CRM called crm, its twin called lab, and a runner.
type trade struct {
	t        *testing.T
	dir      string
	log      *audit.Log
	gate     *auth.Gate
	broker   *auth.Broker
	runner   *failsafe.Runner
	crm, lab *shop
	alerts   alerts

	mu     sync.Mutex
	permit string // the name of the one that allows everything; empty: nothing is allowed
	twice  bool   // a step calls twice
	skips  string // an operation that is not called
	before func() // a step's call
}

func newTrade(t *testing.T, until time.Duration) *trade {
	t.Helper()
	b := &trade{t: t, dir: t.TempDir(), permit: "tries"}
	roots, now := x509.NewCertPool(), time.Now()
	b.crm, b.lab = newShop(t, "crm-key", roots, now.Add(-day), now.Add(90*day)), newShop(t, "lab-key", roots, now.Add(until-90*day), now.Add(until))
	loopback := []string{"127.0.0.0/8"}
	catalogue, err := auth.NewCatalogue("acme", auth.System{
		Name: auth.Self, Jurisdictions: []string{"eu"}, Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"hr"}}, Operations: []auth.Operation{
			{Name: "self.run.resume", Effect: auth.Idempotent}, {Name: "self.gate.thaw", Effect: auth.Idempotent},
		},
	}, auth.System{
		Name: "crm", Origin: b.crm.server.URL, Private: loopback, Secrets: []string{"crm/api"}, Operations: []auth.Operation{
			{Name: "crm.note.put", Method: "PUT", Path: "/notes", Effect: auth.Idempotent, Undo: "crm.note.drop", Ask: "crm.note.count"},
			{Name: "crm.note.drop", Method: "DELETE", Path: "/notes", Effect: auth.Idempotent},
			{Name: "crm.note.count", Method: "GET", Path: "/notes", Effect: auth.ReadOnly, Output: "count"},
			{Name: "crm.mail.send", Method: "POST", Path: "/mails", Effect: auth.Final},
		},
	}, auth.System{
		Name: "lab", TwinOf: "crm", Origin: b.lab.server.URL, Private: loopback, Secrets: []string{"lab/api"},
	}, system("erp"))
	if err != nil {
		t.Fatal(err)
	}
	count, err := mapping.ParseSchema([]byte(`{
		"title": "count", "type": "object", "additionalProperties": false, "required": ["notes"],
		"defaults": {"classification": "internal", "residency": ["*"], "purposes": ["hr"]},
		"properties": {"notes": {"type": "integer", "minimum": 0, "maximum": 9}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	bound, err := auth.NewBoundary(catalogue, decide(b.decide), &auth.BoundaryOptions{Schemas: map[string]*mapping.Schema{"count": count}})
	if err != nil {
		t.Fatal(err)
	}
	b.log = authtest.Log(t)
	if b.gate, err = auth.NewGate(t.Context(), b.log, bound, nil, nil); err != nil {
		t.Fatal(err)
	}
	key := func(key string) auth.Translator {
		return keyauth.Header{Name: "X-Api-Key", Source: auth.Constant(map[string]auth.Secret{"key": auth.NewSecret([]byte(key))})}
	}
	b.broker, err = auth.NewBroker(b.gate, auth.Translators{"crm": key("crm-key"), "lab": key("lab-key"), "erp": key("erp-key")}, &auth.BrokerOptions{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	b.open()
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(b.runner.Close(ctx), b.broker.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return b
}

// decide allows everything that somebody asks, by one permit, or nothing.
func (b *trade) decide(f auth.Facts) auth.Decision {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case f.Who == nil:
		return auth.Decision{Verdict: auth.Needs, Needs: []auth.Obligation{{Kind: auth.NeedIdentity}}}
	case b.permit == "" && f.System.Name != auth.Self:
		return auth.Decision{Rule: "nobody"}
	}
	return auth.Decision{Verdict: auth.Allowed, Rule: b.permit}
}

func (b *trade) permits(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.permit = name
}

// open starts a runner, as after a crash.
func (b *trade) open() {
	b.t.Helper()
	journal, err := failsafe.OpenJournal(b.t.Context(), filepath.Join(b.dir, "journal"))
	if err != nil {
		b.t.Fatal(err)
	}
	key := keyed{map[string]auth.Secret{"key": auth.NewSecret([]byte(strings.Repeat("k", 32)))}}
	b.runner, err = failsafe.New(b.t.Context(), b.gate, journal, key, &failsafe.Options{
		Alerters: []failsafe.Alerter{&b.alerts}, Logger: slog.New(slog.DiscardHandler), Guard: &guard.Options{Failures: 100},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// cross is every Do and every Undo.
func (b *trade) cross(ctx context.Context, x failsafe.Crossing, h *hire) error {
	b.mu.Lock()
	before, twice, skips := b.before, b.twice, b.skips
	b.mu.Unlock()
	if skips == x.Grant.Operation().Name {
		return nil
	}
	if before != nil {
		before()
	}
	h.Trail = append(h.Trail, x.Grant.Operation().Name)
	_, err := b.broker.Do(ctx, x.Grant, mapping.Document{})
	if twice {
		_, _ = b.broker.Do(ctx, x.Grant, mapping.Document{})
	}
	return err
}

func (b *trade) count(ctx context.Context, x failsafe.Crossing, _ *hire) (bool, error) {
	reply, err := b.broker.Do(ctx, x.Grant, mapping.Document{})
	if err != nil {
		return false, err
	}
	var found struct {
		Notes int `json:"notes"`
	}
	err = reply.Document.Decode(&found)
	return found.Notes > 0, err
}

func (b *trade) flow(version string) *failsafe.Flow[hire] {
	b.t.Helper()
	return b.within(version, failsafe.Limits{}, b.cross)
}

func (b *trade) within(version string, limits failsafe.Limits, do func(context.Context, failsafe.Crossing, *hire) error) *failsafe.Flow[hire] {
	b.t.Helper()
	f, err := failsafe.Compile(b.runner, failsafe.Workflow[hire]{Name: "note", Version: version, Steps: []failsafe.Step[hire]{
		{Name: "put", Operation: "crm.note.put", Do: do, Undo: b.cross, Ask: b.count, Limits: limits},
		{Name: "mail", Operation: "crm.mail.send", Do: b.cross},
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// codes of what a canary found.
func codes(err error) string {
	found, _ := errors.AsType[mapping.Findings](err)
	var all []string
	for _, f := range found {
		all = append(all, f.Code+" "+f.Path)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

const there = "PUT /notes, POST /mails, DELETE /notes, GET /notes"

// TestCanaryIsNoProductionCall: it goes there and back on the twin alone, with the twin's
// key, and the log says so of each crossing.
func TestCanaryIsNoProductionCall(t *testing.T) {
	b := newTrade(t, 90*day)
	result, err := b.flow("1").Canary(t.Context(), hire{Name: "test"}, 4)
	if err != nil || result.End != failsafe.RolledBack || result.Step != "" || !strings.HasPrefix(result.Run, "canary-") {
		t.Fatalf("%+v, %v", result, err)
	}
	if got := strings.Join(result.State.Trail, " "); got != "lab.note.put lab.mail.send lab.note.drop" {
		t.Errorf("trail %s", got)
	}
	if calls, _ := b.crm.called(); calls != "" {
		t.Errorf("called the real one: %s", calls)
	}
	if calls, notes := b.lab.called(); calls != there || notes != 0 {
		t.Errorf("called %s, and %d are left", calls, notes)
	}
	uses, ended := 0, ""
	for e, err := range b.log.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Run != result.Run {
			continue
		}
		if e.Action == "run.end" {
			ended = fmt.Sprint(e.Outcome == audit.OutcomeSuccess, e.Reason)
		}
		if e.Step != "" && (e.System != "lab" || e.Phase != audit.PhaseCanary || e.For != audit.Actor{}) {
			t.Errorf("%+v", e)
		}
		if uses += min(e.Use, 1); e.Use > 0 && e.Peer.Until.IsZero() {
			t.Errorf("%s: nobody looked at the certificate", e.Action)
		}
	}
	if uses != 4 || ended != "true" || len(b.alerts.reasons()) > 0 {
		t.Errorf("%d crossings, ended %q, alerts %q", uses, ended, b.alerts.reasons())
	}
	self, err := b.gate.AdmitSelf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.flow("1").Run(t.Context(), self, result.Run, hire{Name: "test"}); err != failsafe.ErrConflict {
		t.Errorf("a run by the id of a canary: %v", err)
	}
	if _, err := b.flow("1").Run(t.Context(), self, "note-1", hire{}); err != nil {
		t.Fatal(err)
	}
	if calls, notes := b.crm.called(); calls != "PUT /notes, POST /mails" || notes != 1 {
		t.Errorf("a run called %s, and %d are left", calls, notes)
	}
}

// TestCanaryFindsDrift: what is not as it was declared, or as it was, halts the canary,
// is undone, is a finding, and alerts.
func TestCanaryFindsDrift(t *testing.T) {
	for name, c := range map[string]struct {
		until time.Duration // of the twin's certificate
		good  bool          // there was a good canary before
		drift func(b *trade)
		want  string // findings
		calls string // of the canary that found them
	}{
		"a permission that is gone":         {90 * day, false, func(b *trade) { b.lab.answers("PUT /notes", 403, "") }, "W122 /steps/0/do", "PUT /notes"},
		"a credential that is gone":         {90 * day, false, func(b *trade) { b.lab.key = "other" }, "W122 /steps/0/do", "PUT /notes, PUT /notes"},
		"a policy that changed":             {90 * day, false, func(b *trade) { b.permits("") }, "W122 /steps/0", ""},
		"another answer":                    {90 * day, false, func(b *trade) { b.lab.answers("GET /notes", 200, `{"notes": 0, "more": 1}`) }, "W123 /steps/0/ask", there},
		"a request that is no longer taken": {90 * day, false, func(b *trade) { b.lab.answers("PUT /notes", 422, "") }, "W123 /steps/0/do", "PUT /notes"},
		"a certificate that ends":           {13 * day, false, func(*trade) {}, "W124 /steps/0/ask, W124 /steps/0/do, W124 /steps/0/undo", "PUT /notes, DELETE /notes, GET /notes"},
		"a certificate that has ended":      {-time.Hour, false, func(*trade) {}, "W124 /steps/0/do", ""},
		"a second call":                     {90 * day, false, func(b *trade) { b.twice = true }, "W121 /steps/0", "PUT /notes, DELETE /notes, GET /notes"},
		"a call that nobody makes":          {90 * day, false, func(b *trade) { b.skips = "lab.mail.send" }, "W129 /steps/1/do", "PUT /notes, DELETE /notes, GET /notes"},
		"an undo that nobody makes":         {90 * day, false, func(b *trade) { b.skips = "lab.note.drop"; b.lab.answers("PUT /notes", 200, "") }, "W129 /steps/0/undo", "PUT /notes, POST /mails, GET /notes"},
		"a redirect":                        {90 * day, false, func(b *trade) { b.lab.answers("POST /mails", 302, "") }, "W123 /steps/1/do", there},
		"another permit":                    {90 * day, true, func(b *trade) { b.permits("all") }, "W125 /steps/0/ask, W125 /steps/0/do, W125 /steps/0/undo", "PUT /notes, DELETE /notes, GET /notes"},
		"another status":                    {90 * day, true, func(b *trade) { b.lab.answers("POST /mails", 202, "") }, "W127 /steps/1/do", there},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTrade(t, c.until)
			flow := b.flow("1")
			if c.good {
				if _, err := flow.Canary(t.Context(), hire{}, 9); err != nil {
					t.Fatal(err)
				}
				b.lab.calls = nil
			}
			c.drift(b)
			result, err := flow.Canary(t.Context(), hire{}, 9)
			stopped, _ := errors.AsType[*failsafe.StoppedError](err)
			if got := codes(err); stopped == nil || stopped.Cause != "drift" && result.End != failsafe.Parked || got != c.want {
				t.Errorf("%v %v: found %q, want %q", result.End, err, got, c.want)
			}
			calls, notes := b.lab.called()
			if calls != c.calls || notes != 0 {
				t.Errorf("called %s, and %d are left; want %s", calls, notes, c.calls)
			}
			if got := b.alerts.reasons(); len(got) != 1 || !strings.HasPrefix(got[0], result.Run+" ") {
				t.Errorf("alerted %q", got)
			}
		})
	}
}

// TestCanaryKeepsItsBudget: it goes no further than it can come back from, and no crossing
// is beyond it, whatever is repeated.
func TestCanaryKeepsItsBudget(t *testing.T) {
	b := newTrade(t, 90*day)
	flow := b.flow("1")
	if _, err := flow.Canary(t.Context(), hire{}, 3); codes(err) != "W116 /budget" {
		t.Errorf("a budget that is too small: %v", err)
	}
	b.lab.is(func(w http.ResponseWriter, call string) bool {
		if call == "PUT /notes" {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		return call == "PUT /notes"
	})
	_, err := flow.Canary(t.Context(), hire{}, 4)
	if calls, _ := b.lab.called(); codes(err) != "W128 /steps/0" || calls != "PUT /notes, PUT /notes" {
		t.Errorf("%v after %s", err, calls)
	}
	b.lab.calls = nil
	b.lab.is(func(w http.ResponseWriter, call string) bool {
		if call == "DELETE /notes" {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		return call == "DELETE /notes"
	})
	result, err := flow.Canary(t.Context(), hire{}, 4)
	if calls, _ := b.lab.called(); codes(err) != "W128 /steps/0" || result.End != failsafe.Parked || strings.Count(calls, ",")+1 != 4 {
		t.Errorf("%v, %v after %s", result.End, err, calls)
	}
}

// TestCanaryBudgetHoldsForWhatIsAbandoned: calls that are still under way, and grants that
// nobody has used yet, count.
func TestCanaryBudgetHoldsForWhatIsAbandoned(t *testing.T) {
	b := newTrade(t, 90*day)
	var stash []auth.Grant
	for name, do := range map[string]func(context.Context, failsafe.Crossing, *hire) error{
		"under way": func(_ context.Context, x failsafe.Crossing, _ *hire) error {
			_, err := b.broker.Do(context.Background(), x.Grant, mapping.Document{})
			return err
		},
		"kept": func(ctx context.Context, x failsafe.Crossing, _ *hire) error {
			if stash = append(stash, x.Grant); len(stash) < 3 {
				return says("transient")
			}
			for _, grant := range stash {
				_, _ = b.broker.Do(ctx, grant, mapping.Document{})
			}
			return says("transient")
		},
	} {
		b.lab.is(func(_ http.ResponseWriter, call string) bool {
			if name == "under way" && call == "PUT /notes" {
				time.Sleep(300 * time.Millisecond)
			}
			return false
		})
		b.lab.calls = nil
		result, err := b.within(name[:4], failsafe.Limits{Attempts: 5, Attempt: 20 * time.Millisecond}, do).Canary(t.Context(), hire{}, 4)
		if err == nil {
			t.Errorf("%s: %v", name, result.End)
		}
		time.Sleep(time.Second)
		if calls, _ := b.lab.called(); strings.Count(calls, ",")+1 > 4 {
			t.Errorf("%s: called %s", name, calls)
		}
	}
}

// TestCanaryWithLocalSteps takes the budget that it says.
func TestCanaryWithLocalSteps(t *testing.T) {
	b := newTrade(t, 90*day)
	nothing := func(context.Context, failsafe.Crossing, *hire) error { return nil }
	local := failsafe.Step[hire]{Name: "local", Do: nothing, Undo: nothing}
	flow, err := failsafe.Compile(b.runner, failsafe.Workflow[hire]{Name: "x", Version: "1", Steps: []failsafe.Step[hire]{
		{Name: "put", Operation: "crm.note.put", Do: b.cross, Undo: b.cross, Ask: b.count}, local,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flow.Canary(t.Context(), hire{}, 2); codes(err) != "W116 /budget" {
		t.Errorf("less than it takes: %v", err)
	}
	if _, err := flow.Canary(t.Context(), hire{}, 3); err != nil {
		t.Errorf("what it takes: %v", err)
	}
	first, err := failsafe.Compile(b.runner, failsafe.Workflow[hire]{Name: "z", Version: "1", Steps: []failsafe.Step[hire]{
		local, {Name: "put", Operation: "crm.note.put", Do: b.cross, Undo: b.cross, Ask: b.count},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Canary(t.Context(), hire{}, 3); err != nil {
		t.Errorf("what it takes, the local step first: %v", err)
	}
	if flow, err = failsafe.Compile(b.runner, failsafe.Workflow[hire]{Name: "y", Version: "1", Steps: []failsafe.Step[hire]{local}}); err != nil {
		t.Fatal(err)
	}
	for budget, want := range map[int]string{-1: "W116 /budget", 0: "W116 /budget", 1: ""} {
		if result, err := flow.Canary(t.Context(), hire{}, budget); codes(err) != want || want == "" && (err != nil || result.End != failsafe.RolledBack) {
			t.Errorf("budget %d of nothing: %v, %v", budget, result.End, err)
		}
	}
}

// TestCanaryRemembersWhatItFound, over a freeze, a crash and the person who lets it go on:
// the alert says drift whenever it comes.
func TestCanaryRemembersWhatItFound(t *testing.T) {
	b := newTrade(t, 90*day)
	if _, err := b.flow("1").Canary(t.Context(), hire{}, 9); err != nil {
		t.Fatal(err)
	}
	b.lab.answers("POST /mails", 202, "")
	b.before = func() {
		if calls, _ := b.lab.called(); strings.HasSuffix(calls, "POST /mails") && strings.Count(calls, "POST") == 2 {
			_ = b.gate.Freeze(context.Background())
		}
	}
	if _, err := b.flow("1").Canary(t.Context(), hire{}, 9); !errors.Is(err, failsafe.ErrStopped) {
		t.Fatalf("frozen on the way back: %v", err)
	}
	b.before = nil
	for _, err := range b.flow("1").Resume(t.Context()) { // which is no crash
		if !errors.Is(err, failsafe.ErrStopped) {
			t.Errorf("frozen: %v", err)
		}
	}
	self, err := b.gate.AdmitSelf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.gate.Thaw(t.Context(), self); err != nil {
		t.Fatal(err)
	}
	if err := b.runner.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.open()
	n := 0
	for _, err := range b.flow("1").Resume(t.Context()) {
		stopped, _ := errors.AsType[*failsafe.StoppedError](err)
		if n++; stopped == nil || stopped.Cause != "drift" || codes(err) != "W127 /steps/1/do" {
			t.Errorf("resumed: %v, %s", err, codes(err))
		}
	}
	if got := b.alerts.reasons(); n != 1 || len(got) != 1 || !strings.HasSuffix(got[0], " rolled-back.drift") {
		t.Errorf("%d runs, alerted %q", n, got)
	}
}

// TestCanaryIsJudgedByTheLastGoodOne, also after a crash, and until whoever accepts the
// change has changed the version.
func TestCanaryIsJudgedByTheLastGoodOne(t *testing.T) {
	b := newTrade(t, 90*day)
	if _, err := b.flow("1").Canary(t.Context(), hire{}, 9); err != nil {
		t.Fatal(err)
	}
	if err := b.runner.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.lab.is(func(w http.ResponseWriter, call string) bool {
		if call != "DELETE /notes" {
			return false
		}
		b.lab.notes = 0
		w.WriteHeader(204)
		return true
	})
	for range 2 {
		if _, err := b.flow("1").Canary(t.Context(), hire{}, 9); codes(err) != "W127 /steps/0/undo" {
			t.Errorf("found %v", err)
		}
	}
	for range 2 {
		if _, err := b.flow("2").Canary(t.Context(), hire{}, 9); err != nil {
			t.Errorf("accepted, and found %v", err)
		}
	}
	b.lab.is(nil) // as at first: but the newest good one counts, which is of version 2
	if _, err := b.flow("2").Canary(t.Context(), hire{}, 9); codes(err) != "W127 /steps/0/undo" {
		t.Errorf("found %v", err)
	}
}

// TestCanaryIsUndoneAfterACrash, on the twin, and is none that the next is judged by.
func TestCanaryIsUndoneAfterACrash(t *testing.T) {
	b := newTrade(t, 90*day)
	stop := make(chan struct{})
	b.before = func() { // at the second step
		if calls, _ := b.lab.called(); calls == "PUT /notes" {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = b.runner.Close(ctx)
			<-stop
		}
	}
	done := make(chan error)
	go func() {
		_, err := b.flow("1").Canary(t.Context(), hire{}, 9)
		done <- err
	}()
	if err := <-done; err == nil {
		t.Fatal("went on")
	}
	close(stop)
	b.before = nil
	if err := b.runner.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.open()
	n := 0
	for result, err := range b.flow("1").Resume(t.Context()) {
		n++
		stopped, _ := errors.AsType[*failsafe.StoppedError](err)
		if stopped == nil || result.End != failsafe.RolledBack {
			t.Errorf("%+v, %v", result, err)
		}
	}
	calls, notes := b.lab.called()
	if real, _ := b.crm.called(); n != 1 || notes != 0 || real != "" || !strings.HasSuffix(calls, "DELETE /notes, GET /notes") {
		t.Errorf("%d runs, %d notes, called %s and %s", n, notes, calls, real)
	}
	if got := b.alerts.reasons(); len(got) != 1 {
		t.Errorf("alerted %q", got)
	}
}

// TestCanaryThatIsStuck waits for a person, and goes back on the twin when he lets it.
func TestCanaryThatIsStuck(t *testing.T) {
	b := newTrade(t, 90*day)
	flow := b.flow("1")
	b.lab.answers("DELETE /notes", 403, "")
	result, err := flow.Canary(t.Context(), hire{}, 9)
	if result.End != failsafe.Parked || codes(err) != "W122 /steps/0/undo" {
		t.Fatalf("%+v, %v", result, err)
	}
	b.lab.is(nil)
	self, err := b.gate.AdmitSelf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := b.alerts.reasons(); len(got) != 1 || !strings.HasSuffix(got[0], " put drift.stuck") {
		t.Errorf("alerted %q", got)
	}
	again, err := flow.Retry(t.Context(), self, result.Run)
	_, notes := b.lab.called()
	if calls, _ := b.crm.called(); codes(err) != "W122 /steps/0/undo" || again.End != failsafe.RolledBack || notes != 0 || calls != "" {
		t.Errorf("%+v, %v; %d notes, called %s", again, err, notes, calls)
	}
}

// TestCanaryNeedsTwins, and a workflow cannot take a twin itself.
func TestCanaryNeedsTwins(t *testing.T) {
	b := newTrade(t, 90*day)
	nothing := func(context.Context, failsafe.Crossing, *hire) error { return nil }
	steps := []failsafe.Step[hire]{
		{Name: "erp", Operation: "erp.entry.set", Do: nothing, Undo: nothing}, {Name: "mail", Operation: "crm.mail.send", Do: nothing},
	}
	flow, err := failsafe.Compile(b.runner, failsafe.Workflow[hire]{Name: "x", Version: "1", Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flow.Canary(t.Context(), hire{}, 9); codes(err) != "W115 /steps/0/operation" {
		t.Errorf("a system without a twin: %v", err)
	}
	steps[0].Operation = "lab.note.put"
	if _, err := failsafe.Compile(b.runner, failsafe.Workflow[hire]{Name: "x", Version: "1", Steps: steps}); codes(err) != "W106 /steps/0/operation" {
		t.Errorf("a twin in a workflow: %v", err)
	}
	for _, f := range []*failsafe.Flow[hire]{nil, {}} {
		if _, err := f.Canary(t.Context(), hire{}, 9); err == nil {
			t.Error("tried nothing")
		}
	}
	if _, err := b.flow("1").Canary(t.Context(), hire{Note: strings.Repeat("x", 1<<20)}, 9); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("a large state: %v", err)
	}
	if calls, _ := b.lab.called(); calls != "" {
		t.Errorf("called %s", calls)
	}
}
