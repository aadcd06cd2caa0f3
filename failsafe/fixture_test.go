package failsafe_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/failsafe/guard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "canary-5dA9x"

var alice = auth.Identity{Issuer: "https://login.acme.example", Subject: "alice"}

// hire is the state of the workflows here.
type hire struct {
	Name  string
	Trail []string // what was kept
	Note  string
}

// says is an error of a class.
type says string

func (s says) Error() string        { return "says " + string(s) }
func (s says) FailureClass() string { return string(s) }

// decide is a policy that a test can change.
type decide func(f auth.Facts) auth.Decision

func (d decide) Decide(_ context.Context, f auth.Facts) auth.Decision { return d(f) }
func (decide) Hash() string                                           { return "decide" }

var allowed = auth.Decision{Verdict: auth.Allowed, Rule: "everything"}

// everybody may do everything; nobody is known yet.
func everybody(f auth.Facts) auth.Decision {
	if f.Who == nil {
		return auth.Decision{Verdict: auth.Needs, Needs: []auth.Obligation{{Kind: auth.NeedIdentity}}}
	}
	return allowed
}

// office is a gate, a journal and a runner, and the systems on the far side.
type office struct {
	t      *testing.T
	dir    string
	log    *audit.Log
	gate   *auth.Gate
	runner *failsafe.Runner
	key    map[string]auth.Secret
	alerts alerts

	mu     sync.Mutex
	policy decide
	lives  time.Duration  // whoever comes now; zero: an hour
	there  map[string]int // what stands on the far side, by system and name
	calls  []string       // in their order
	fail   map[string][]error
}

// alerts remembers what it was told.
type alerts struct {
	mu   sync.Mutex
	all  []failsafe.Alert
	fail error
}

func (a *alerts) Alert(_ context.Context, one failsafe.Alert) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail != nil {
		return a.fail
	}
	a.all = append(a.all, one)
	return nil
}

func (a *alerts) reasons() (all []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.all {
		all = append(all, one.Run+" "+one.Step+" "+one.Reason)
	}
	return all
}

// system is one with entry.add (once), entry.set (idempotent), entry.drop and entry.seen,
// which undo and ask; entry.send is final, entry.wipe privileged, entry.read reads.
func system(name string) auth.System {
	op := func(verb string, effect auth.Effect, change ...func(*auth.Operation)) auth.Operation {
		o := auth.Operation{Name: name + ".entry." + verb, Method: "POST", Path: "/" + verb, Effect: effect}
		if effect == auth.ReadOnly {
			o.Method = "GET"
		}
		for _, c := range change {
			c(&o)
		}
		return o
	}
	back := func(o *auth.Operation) { o.Undo = name + ".entry.drop" }
	ask := func(o *auth.Operation) { o.Ask = name + ".entry.seen" }
	privileged := func(o *auth.Operation) { o.Privileged = true }
	return auth.System{Name: name, Origin: "https://" + name + ".example", Operations: []auth.Operation{
		op("add", auth.Once, back, ask), op("put", auth.Once, back), op("set", auth.Idempotent, back), op("drop", auth.Idempotent), op("seen", auth.ReadOnly),
		op("send", auth.Final), op("wipe", auth.Idempotent, privileged, back), op("read", auth.ReadOnly), op("keyed", auth.Once, back, func(o *auth.Operation) { o.Keyed = true }),
	}}
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{
		t: t, dir: t.TempDir(), policy: everybody, there: map[string]int{}, fail: map[string][]error{},
		key: map[string]auth.Secret{"key": auth.NewSecret([]byte(strings.Repeat("k", 32)))},
	}
	self := auth.System{Name: auth.Self, Operations: []auth.Operation{
		{Name: "self.run.pause", Effect: auth.Idempotent}, {Name: "self.run.continue", Effect: auth.Idempotent},
		{Name: "self.gate.thaw", Effect: auth.Idempotent}, {Name: "self.run.halt", Effect: auth.Idempotent}, {Name: "self.run.resume", Effect: auth.Idempotent},
	}}
	catalogue, err := auth.NewCatalogue("acme", self, system("dir"), system("erp"), system("crm"))
	if err != nil {
		t.Fatal(err)
	}
	bound, err := auth.NewBoundary(catalogue, decide(func(f auth.Facts) auth.Decision {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.policy(f)
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.log = authtest.Log(t)
	if o.gate, err = auth.NewGate(t.Context(), o.log, bound, auth.Verifiers{auth.SchemeBearer: o}, nil); err != nil {
		t.Fatal(err)
	}
	o.open()
	t.Cleanup(o.close)
	return o
}

// Verify finds alice in everything that is presented.
func (o *office) Verify(ctx context.Context, p auth.Presented) (auth.Identity, error) {
	id := alice
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lives != 0 {
		id.Expires = time.Now().Add(o.lives)
	}
	return authtest.As(id).Verify(ctx, p)
}

// open starts a runner, as after a crash.
func (o *office) open() {
	o.t.Helper()
	journal, err := failsafe.OpenJournal(o.t.Context(), o.dir+"/journal")
	if err != nil {
		o.t.Fatal(err)
	}
	o.on(journal)
}

func (o *office) on(journal failsafe.Journal) {
	o.t.Helper()
	var err error
	if o.runner, err = failsafe.New(o.t.Context(), o.gate, journal, o.source(), o.options()); err != nil {
		o.t.Fatal(errors.Join(err, journal.Close(o.t.Context())))
	}
}

func (o *office) options() *failsafe.Options {
	return &failsafe.Options{
		Alerters: []failsafe.Alerter{&o.alerts}, Logger: slog.New(slog.DiscardHandler),
		Guard: &guard.Options{Failures: 100},
	}
}

// source leases the key of the journal.
func (o *office) source() auth.Source { return keyed{o.key} }

type keyed struct{ fields map[string]auth.Secret }

func (k keyed) Lease(context.Context, auth.Grant) (*auth.Lease, error) {
	return auth.NewLease("l-journal", k.fields, nil), nil
}

func (o *office) close() {
	if o.runner == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := o.runner.Close(ctx); err != nil {
		o.t.Error(err)
	}
	o.runner = nil
}

// policyIs changes what is allowed.
func (o *office) policyIs(d decide) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.policy = d
}

// fails makes the next calls of a step's phase fail, in turn; nil works.
func (o *office) fails(call string, errs ...error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail[call] = errs
}

// enter notes a call, and says how it is to fail.
func (o *office) enter(call string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, call)
	if errs := o.fail[call]; len(errs) > 0 {
		o.fail[call] = errs[1:]
		return errs[0]
	}
	return nil
}

func (o *office) called() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.calls, ", ")
}

// times is how often something was called.
func (o *office) times(call string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.calls {
		if c == call {
			n++
		}
	}
	return n
}

// stands is how much is left on the far side.
func (o *office) stands() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []string
	for _, name := range []string{"dir", "erp", "crm"} {
		if n := o.there[name]; n != 0 {
			all = append(all, fmt.Sprintf("%s %d", name, n))
		}
	}
	return strings.Join(all, ", ")
}

func (o *office) change(name string, by int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.there[name] += by
}

// maybe is a failure after which the call has happened all the same.
type maybe struct{ says }

// strange is an error that nobody knows, of what a step made of an answer.
type strange struct{}

func (strange) Error() string { return "a strange answer" }

// step adds an entry at a system, and takes it away again.
func (o *office) step(name, verb string, limits failsafe.Limits) failsafe.Step[hire] {
	s := failsafe.Step[hire]{Name: name, Operation: name + ".entry." + verb, Limits: limits}
	s.Do = func(_ context.Context, x failsafe.Crossing, h *hire) error {
		err := o.enter("do " + name)
		if x.Grant.Operation().Name != name+".entry."+verb || x.Key == "" || x.Attempt < 1 {
			o.t.Errorf("do %s with %s, %q, %d", name, x.Grant.Operation().Name, x.Key, x.Attempt)
		}
		h.Trail = append(h.Trail, name)
		_, vague := errors.AsType[strange](err)
		if _, happened := errors.AsType[maybe](err); err == nil || happened || vague {
			o.change(name, 1)
		}
		return err
	}
	if verb == "send" || verb == "read" {
		return s
	}
	s.Undo = func(_ context.Context, x failsafe.Crossing, h *hire) error {
		err := o.enter("undo " + name)
		if x.Grant.Operation().Name != name+".entry.drop" || x.Grant.Identity().Subject != "self" {
			o.t.Errorf("undo %s with %s as %s", name, x.Grant.Operation().Name, x.Grant.Identity().Subject)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if _, happened := errors.AsType[maybe](err); err == nil || happened {
			o.there[name] = 0
		}
		return err
	}
	if verb == "add" {
		s.Ask = func(_ context.Context, x failsafe.Crossing, h *hire) (bool, error) {
			err := o.enter("ask " + name)
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.there[name] > 0, err
		}
	}
	return s
}

func (o *office) compile(steps ...failsafe.Step[hire]) *failsafe.Flow[hire] {
	o.t.Helper()
	f, err := failsafe.Compile(o.runner, failsafe.Workflow[hire]{Name: "new-hire", Version: "1", Steps: steps})
	if err != nil {
		o.t.Fatal(err)
	}
	return f
}

// three is the workflow of most tests.
func (o *office) three() *failsafe.Flow[hire] {
	o.t.Helper()
	return o.compile(o.step("dir", "add", failsafe.Limits{}), o.step("erp", "set", failsafe.Limits{}), o.step("crm", "set", failsafe.Limits{}))
}

func (o *office) alice() auth.Principal {
	o.t.Helper()
	p, err := o.gate.Admit(o.t.Context(), auth.Bearer("test"))
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

// ended checks how a run ended, what was called and what is left.
func (o *office) ended(result failsafe.Result[hire], err error, end failsafe.End, step, cause, calls, left string) {
	o.t.Helper()
	stopped, ok := errors.AsType[*failsafe.StoppedError](err)
	if (err == nil) != (end == failsafe.Done) || ok != (end != failsafe.Done) || result.End != end || result.Step != step {
		o.t.Errorf("%v at %q, %v; want %v at %q", result.End, result.Step, err, end, step)
	}
	if ok && (stopped.Cause != cause || stopped.Step != step || stopped.End != end) {
		o.t.Errorf("stopped %+v, want %s", stopped, cause)
	}
	if got := o.called(); got != calls {
		o.t.Errorf("called %s\nwant   %s", got, calls)
	}
	if got := o.stands(); got != left {
		o.t.Errorf("left %q, want %q", got, left)
	}
}
