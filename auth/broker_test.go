package auth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping"
)

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"name":"Zoë"}`)) }

func TestNewBrokerChecks(t *testing.T) {
	g := gate(t, decider(allow), crm())
	for name, c := range map[string]struct {
		translators auth.Translators
		want        string
	}{
		"none":       {nil, "B201 crm"},
		"nil":        {auth.Translators{"crm": nil}, "B201 crm"},
		"misspelt":   {auth.Translators{"crm": &key{}, "crn": &key{}}, "B202 translators"},
		"incomplete": {auth.Translators{"crm": unchecked{}}, "B203 crm"},
	} {
		_, err := auth.NewBroker(g, c.translators, nil)
		findings, ok := errors.AsType[mapping.Findings](err)
		if !ok || !has(findings, c.want) {
			t.Errorf("%s: NewBroker = %v, want %s", name, err, c.want)
		}
	}
	_, err := auth.NewBroker(g, auth.Translators{"crm": &key{}, "crn": &key{}}, nil)
	if !strings.Contains(err.Error(), `did you mean "crm"?`) {
		t.Errorf("no nearest name: %v", err)
	}
}

type unchecked struct{ auth.Translator }

func (unchecked) Check() error { return auth.ErrInvalid }

func TestDo(t *testing.T) {
	f := farSide(t, ok)
	k := &key{}
	g, b := broker(t, f, k)
	reply, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{})
	if err != nil {
		t.Fatal(err)
	}
	var contact struct {
		Name string `json:"name"`
	}
	if err := reply.Document.Decode(&contact); err != nil || contact.Name != "Zoë" || reply.Status != 200 {
		t.Errorf("answered %d, %+v, %v", reply.Status, contact, err)
	}
	arrived := f.arrivals()
	if len(arrived) != 1 || arrived[0].Method != "GET" || arrived[0].URL.Path != "/" || arrived[0].Header.Get("X-Api-Key") != canary {
		t.Errorf("the far side received %+v", arrived)
	}
	done := events(t, g.Log(), func(e audit.Event) bool { return e.Use == 1 })
	if len(done) != 1 || done[0].Outcome != audit.OutcomeSuccess || done[0].Status != 200 || done[0].Lease != "l-test" ||
		done[0].Grant == "" || done[0].UsedAt.IsZero() || done[0].Action != "crm.contact.read" {
		t.Errorf("the log has %+v", done)
	}
}

// TestFreshConnectionForOneAttempt: an output of none is not read, and operations
// with one effect work too.
func TestDoWithoutOutput(t *testing.T) {
	f := farSide(t, ok)
	g, b := broker(t, f, &key{})
	for _, operation := range []string{"crm.contact.touch", "crm.contact.open", "crm.contact.reset"} {
		reply, err := b.Do(t.Context(), authorize(t, g, operation), mapping.Document{})
		if err != nil || !reply.Document.IsZero() || reply.Receipt.Index == 0 {
			t.Errorf("%s: %+v, %v", operation, reply, err)
		}
	}
}

func TestDoRefuses(t *testing.T) {
	f := farSide(t, ok)
	g, b := broker(t, f, &key{})
	other, _ := broker(t, f, &key{})
	for name, c := range map[string]struct {
		grant    auth.Grant
		document mapping.Document
		want     error
	}{
		"no grant":       {auth.Grant{}, mapping.Document{}, auth.ErrForeign},
		"another gate's": {authorize(t, other, "crm.contact.read"), mapping.Document{}, auth.ErrForeign},
		"data for none":  {authorize(t, g, "crm.contact.read"), mapping.Opaque([]byte(`{}`)), auth.ErrInvalid},
		"opaque input":   {authorize(t, g, "crm.contact.push"), mapping.Document{}, auth.ErrUndeclared},
	} {
		if _, err := b.Do(t.Context(), c.grant, c.document); !errors.Is(err, c.want) {
			t.Errorf("%s: Do = %v, want %v", name, err, c.want)
		}
	}
	if n := len(f.arrivals()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
	foreign := events(t, g.Log(), func(e audit.Event) bool { return e.Action == "broker.refuse" })
	if len(foreign) != 1 || foreign[0].Reason != "foreign" || foreign[0].Grant != "" || foreign[0].Actor != (audit.Actor{}) {
		t.Errorf("the log has %+v", foreign)
	}
}

// TestPrivilegedGrantHasOneUse, and others have as many as they like.
func TestPrivilegedGrantHasOneUse(t *testing.T) {
	f := farSide(t, ok)
	g, b := broker(t, f, &key{})
	grant := authorize(t, g, "crm.contact.reset")
	var wg sync.WaitGroup
	var mu sync.Mutex
	used := map[bool]int{}
	for range 8 {
		wg.Go(func() {
			_, err := b.Do(t.Context(), grant, mapping.Document{})
			mu.Lock()
			defer mu.Unlock()
			used[err == nil]++
			if err != nil && !errors.Is(err, auth.ErrExpired) {
				t.Errorf("Do = %v", err)
			}
		})
	}
	wg.Wait()
	if used[true] != 1 || len(f.arrivals()) != 1 {
		t.Errorf("used %d times, %d arrived", used[true], len(f.arrivals()))
	}
	again := events(t, g.Log(), func(e audit.Event) bool { return e.Action == "broker.refuse" })
	if len(again) != 7 || again[0].Reason != "expired" || again[0].Grant != grant.ID() || again[0].Actor.Issuer != alice.Issuer {
		t.Errorf("the log has %+v", again)
	}
	often := authorize(t, g, "crm.contact.read")
	for range 3 {
		if _, err := b.Do(t.Context(), often, mapping.Document{}); err != nil {
			t.Errorf("Do = %v", err)
		}
	}
}

// TestSides: which side a status is on, and that the body of an error goes nowhere.
func TestSides(t *testing.T) {
	for name, c := range map[string]struct {
		operation string
		status    int
		want      error
	}{
		"bad request":            {"crm.contact.read", 400, auth.ErrInvalid},
		"unauthorized":           {"crm.contact.read", 401, auth.ErrExpired},
		"forbidden":              {"crm.contact.read", 403, auth.ErrDenied},
		"not found":              {"crm.contact.read", 404, auth.ErrInvalid},
		"throttled":              {"crm.contact.read", 429, auth.ErrThrottled},
		"broken while reading":   {"crm.contact.read", 500, auth.ErrUnavailable},
		"broken while writing":   {"crm.contact.open", 500, auth.ErrUnknown},
		"gateway while writing":  {"crm.contact.open", 504, auth.ErrUnknown},
		"away":                   {"crm.contact.touch", 503, auth.ErrUnavailable},
		"away while writing":     {"crm.contact.open", 503, auth.ErrUnknown},
		"done, see elsewhere":    {"crm.contact.open", 303, auth.ErrUnknown},
		"redirect":               {"crm.contact.read", 302, auth.ErrUndeclared},
		"not modified":           {"crm.contact.read", 304, auth.ErrUndeclared},
		"temporary with a body":  {"crm.contact.open", 307, auth.ErrUndeclared},
		"teapot":                 {"crm.contact.read", 418, auth.ErrInvalid},
		"proxy wants a password": {"crm.contact.read", 407, auth.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			f := farSide(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "https://evil.example/"+canary)
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(canary))
			})
			g, b := broker(t, f, &key{})
			_, err := b.Do(t.Context(), authorize(t, g, c.operation), mapping.Document{})
			failed, is := errors.AsType[*auth.FailedError](err)
			if !is || !errors.Is(err, c.want) || failed.Status != c.status || failed.System != "crm" || failed.Credential != "l-test" {
				t.Fatalf("Do = %v, want %v", err, c.want)
			}
			if c.status >= 400 && failed.FailureDelay() != 7*time.Second {
				t.Errorf("delay %v", failed.FailureDelay())
			}
			for _, out := range outputs(err) {
				if leaks(out) {
					t.Errorf("the error talks: %s", out)
				}
			}
			done := events(t, g.Log(), func(e audit.Event) bool { return e.Use == 1 })
			want := audit.OutcomeFailure
			if c.want == auth.ErrUnknown {
				want = audit.OutcomeUnknown
			}
			if len(done) != 1 || done[0].Outcome != want || done[0].Status != c.status || "auth: "+done[0].Reason != c.want.Error() {
				t.Errorf("the log has %+v", done)
			}
		})
	}
}

func TestRetryAfterIsBounded(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"120":                           2 * time.Minute,
		"-5":                            0,
		"99999999999999999999":          0,
		"2000000000":                    24 * time.Hour,
		"soon":                          0,
		"Fri, 31 Dec 1999 23:59:59 GMT": 0,
		"Fri, 31 Dec 9999 23:59:59 GMT": 24 * time.Hour,
	} {
		f := farSide(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		g, b := broker(t, f, &key{})
		_, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{})
		if failed, ok := errors.AsType[*auth.FailedError](err); !ok || failed.RetryAfter != want {
			t.Errorf("%q: %+v, want %v", value, err, want)
		}
	}
}

func TestOversizeAnswer(t *testing.T) {
	f := farSide(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 5<<20)) })
	g, b := broker(t, f, &key{})
	if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{}); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("Do = %v", err)
	}
}

// TestNobodyAnswers: before anything was sent nothing can have happened; after, a
// reading call has changed nothing, and any other may have happened.
func TestNobodyAnswers(t *testing.T) {
	silent := func(w http.ResponseWriter, r *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		_ = conn.Close()
	}
	for operation, want := range map[string]error{"crm.contact.read": auth.ErrUnavailable, "crm.contact.touch": auth.ErrUnknown, "crm.contact.open": auth.ErrUnknown} {
		f := farSide(t, silent)
		g, b := broker(t, f, &key{})
		if _, err := b.Do(t.Context(), authorize(t, g, operation), mapping.Document{}); !errors.Is(err, want) {
			t.Errorf("%s: Do = %v, want %v", operation, err, want)
		}
	}
	f := farSide(t, ok)
	g, b := broker(t, f, &key{})
	f.Close()
	if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.open"), mapping.Document{}); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("nobody there: Do = %v", err)
	}
}

// TestWrongCertificate: a peer that the given roots do not vouch for gets no byte of
// the request.
func TestWrongCertificate(t *testing.T) {
	f := farSide(t, ok)
	g := gate(t, decider(allow), f.system)
	b, err := auth.NewBroker(g, auth.Translators{"crm": &key{}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.open"), mapping.Document{}); !errors.Is(err, auth.ErrUnavailable) || len(f.arrivals()) != 0 {
		t.Errorf("Do = %v, %d arrived", err, len(f.arrivals()))
	}
}

// TestPrivateAddressMustBeDeclared: loopback is not dialled unless the system says so.
func TestPrivateAddressMustBeDeclared(t *testing.T) {
	f := farSide(t, ok)
	f.system.Private = nil
	g, b := broker(t, f, &key{})
	if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{}); !errors.Is(err, auth.ErrUndeclared) || len(f.arrivals()) != 0 {
		t.Errorf("Do = %v", err)
	}
}

func TestMaterialIsSharedByEqualPrincipalsOnly(t *testing.T) {
	f := farSide(t, ok)
	k := &key{}
	identity := alice
	g, b := brokerOf(t, f, k, verifier(func(context.Context, auth.Presented) (auth.Identity, error) {
		id := identity
		id.Expires = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
		return id, nil
	}))
	call := func(operation string) {
		t.Helper()
		if _, err := b.Do(t.Context(), authorize(t, g, operation), mapping.Document{}); err != nil {
			t.Fatal(err)
		}
	}
	call("crm.contact.read")
	call("crm.contact.read")
	if made, _ := k.counts(); made != 1 {
		t.Fatalf("translated %d times for the same principal", made)
	}
	for name, change := range map[string]func(){
		"subject":   func() { identity.Subject = "bob" },
		"issuer":    func() { identity.Issuer = "https://other.example" },
		"scopes":    func() { identity.Scopes = []string{"admin"} },
		"assurance": func() { identity.Assurance.ACR = "mfa" },
		"claims":    func() { identity.Claims = map[string][]string{"groups": {"hr"}} },
	} {
		identity = alice
		change()
		before, _ := k.counts()
		call("crm.contact.read")
		if made, _ := k.counts(); made != before+1 {
			t.Errorf("another %s shares material", name)
		}
	}
	identity = alice
	before, _ := k.counts()
	call("crm.contact.touch")
	call("crm.contact.reset")
	call("crm.contact.reset")
	if made, closed := k.counts(); made != before+3 {
		t.Errorf("another operation shares material, or privileged ones do: %d, %d closed", made-before, closed)
	}
}

func brokerOf(t testing.TB, f *far, k auth.Translator, v auth.Verifier) (*auth.Gate, *auth.Broker) {
	t.Helper()
	g, err := auth.NewGate(t.Context(), authtest.Log(t), bounded(t, decider(allow), f.system), auth.Verifiers{auth.SchemeBearer: v}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := auth.NewBroker(g, auth.Translators{"crm": k}, &auth.BrokerOptions{RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	return g, b
}

// TestOneTranslationHoweverManyWait, also where the first of them leaves.
func TestOneTranslationHoweverManyWait(t *testing.T) {
	f := farSide(t, ok)
	k := &key{wait: make(chan struct{})}
	g, b := broker(t, f, k)
	grant := authorize(t, g, "crm.contact.read")
	first, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { _, err := b.Do(first, grant, mapping.Document{}); left <- err }()
	for made := 0; made == 0; made, _ = k.counts() {
		time.Sleep(time.Millisecond)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := b.Do(t.Context(), grant, mapping.Document{}); err != nil {
				t.Errorf("a caller who stayed: %v", err)
			}
		})
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) || !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("the caller who left: %v", err)
	}
	close(k.wait)
	wg.Wait()
	if made, _ := k.counts(); made != 1 {
		t.Errorf("translated %d times", made)
	}
}

// TestRefusedMaterialIsNotLentAgain: 401 evicts, and what is evicted is given back.
func TestRefusedMaterialIsNotLentAgain(t *testing.T) {
	status := http.StatusUnauthorized
	f := farSide(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	k := &key{}
	g, b := broker(t, f, k)
	for range 2 {
		if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.touch"), mapping.Document{}); !errors.Is(err, auth.ErrExpired) {
			t.Fatalf("Do = %v", err)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if made, closed := k.counts(); made != 2 || closed != 2 {
		t.Errorf("made %d, closed %d", made, closed)
	}
}

func TestMaterialEnds(t *testing.T) {
	f := farSide(t, ok)
	k := &key{life: 20 * time.Millisecond}
	g, b := broker(t, f, k)
	grant := authorize(t, g, "crm.contact.touch")
	for range 2 {
		if _, err := b.Do(t.Context(), grant, mapping.Document{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Millisecond)
	}
	if made, _ := k.counts(); made != 2 {
		t.Errorf("made %d", made)
	}
}

// TestFailedTranslationIsNotTriedInALoop: what was denied is remembered briefly, so
// that callers do not lock an account between them.
func TestFailedTranslationIsNotTriedInALoop(t *testing.T) {
	for name, c := range map[string]struct {
		key  *key
		want error
		made int
	}{
		"denied":      {&key{err: auth.ErrDenied}, auth.ErrDenied, 1},
		"unavailable": {&key{err: errors.New(canary)}, auth.ErrUnavailable, 1},
		"panics":      {&key{panics: true}, auth.ErrUnavailable, 5},
		"has ended":   {&key{life: -time.Second}, auth.ErrExpired, 5},
	} {
		t.Run(name, func(t *testing.T) {
			f := farSide(t, ok)
			g, b := broker(t, f, c.key)
			for range 5 {
				_, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{})
				if !errors.Is(err, c.want) || strings.Contains(err.Error(), canary) {
					t.Fatalf("Do = %v, want %v", err, c.want)
				}
			}
			if err := b.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			made, closed := c.key.counts()
			if made != c.made {
				t.Errorf("tried %d times, want %d", made, c.made)
			}
			if c.key.life < 0 && closed != made {
				t.Errorf("%d of %d ended materials were given back", closed, made)
			}
			if len(f.arrivals()) != 0 {
				t.Error("something was sent without a credential")
			}
		})
	}
}

func TestCloseWaitsAndRefuses(t *testing.T) {
	release := make(chan struct{})
	f := farSide(t, func(w http.ResponseWriter, r *http.Request) { <-release; ok(w, r) })
	k := &key{}
	g, b := broker(t, f, k)
	done := make(chan error, 1)
	grant := authorize(t, g, "crm.contact.read")
	go func() { _, err := b.Do(t.Context(), grant, mapping.Document{}); done <- err }()
	for len(f.arrivals()) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close under a call = %v", err)
	}
	if _, err := b.Do(t.Context(), grant, mapping.Document{}); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if made, closed := k.counts(); made != 1 || closed != 1 {
		t.Errorf("made %d, closed %d", made, closed)
	}
}

// TestOutcomeThatIsNotRecordedIsUnknown: the call has happened, the log does not
// know, so nobody may be told that all is well.
func TestOutcomeThatIsNotRecordedIsUnknown(t *testing.T) {
	var g *auth.Gate
	f := farSide(t, func(w http.ResponseWriter, r *http.Request) {
		_ = g.Log().Close(r.Context())
		ok(w, r)
	})
	var b *auth.Broker
	g, b = broker(t, f, &key{})
	if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{}); !errors.Is(err, auth.ErrUnknown) {
		t.Errorf("Do = %v", err)
	}
}

// TestFreezeStopsWhatIsUnderWay, streams included; attack 17.
func TestFreezeStopsWhatIsUnderWay(t *testing.T) {
	entered := make(chan struct{}, 8)
	f := farSide(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("x"))
		_ = http.NewResponseController(w).Flush()
		entered <- struct{}{}
		<-r.Context().Done()
	})
	g, b := broker(t, f, &key{})
	response, err := b.Client(authorize(t, g, "crm.contact.read")).Get(f.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	<-entered
	grant := authorize(t, g, "crm.contact.read")
	done := make(chan error, 1)
	go func() { _, err := b.Do(t.Context(), grant, mapping.Document{}); done <- err }()
	<-entered
	if err := g.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("the call under way: %v", err)
	}
	if _, err := response.Body.Read(make([]byte, 16)); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("the stream under way: %v", err)
	}
	if err := grant.Live(); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("Live = %v", err)
	}
	if _, err := b.Do(t.Context(), grant, mapping.Document{}); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("after Freeze: %v", err)
	}
	if err := g.Freeze(t.Context()); err != nil {
		t.Errorf("a second Freeze: %v", err)
	}
	if n := len(events(t, g.Log(), func(e audit.Event) bool { return e.Action == "gate.freeze" })); n != 1 {
		t.Errorf("%d freezes in the log", n)
	}
}

// TestThaw: whom policy permits lifts a freeze, nobody else does, and what was granted or
// under way before it stays ended.
func TestThaw(t *testing.T) {
	f := farSide(t, ok)
	self := processor()
	self.Operations = []auth.Operation{{Name: "self.gate.thaw", Effect: auth.Idempotent}, {Name: "self.run.halt", Effect: auth.Idempotent}}
	may := false
	g := gate(t, decider(func(ctx context.Context, f auth.Facts) auth.Decision {
		if f.Operation.Name == "self.gate.thaw" && !may {
			return auth.Decision{Rule: "not-you"}
		}
		return allow(ctx, f)
	}), self, f.system)
	k := &key{}
	b, err := auth.NewBroker(g, auth.Translators{"crm": k}, &auth.BrokerOptions{RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	defer closes(t, b)
	call := func() error {
		grant, err := g.Authorize(t.Context(), admit(t, g), "crm.contact.read")
		if err == nil {
			_, err = b.Do(t.Context(), grant, mapping.Document{})
		}
		return err
	}
	if err := call(); err != nil {
		t.Fatal(err)
	}
	before := authorize(t, g, "crm.contact.read")
	if err := g.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := admit(t, g) // also now: somebody must be able to lift it
	if err := g.Thaw(t.Context(), p); !errors.Is(err, auth.ErrDenied) || !g.Frozen() {
		t.Errorf("lifted by whom nobody permits: %v", err)
	}
	if err := g.Thaw(t.Context(), auth.Principal{}); !errors.Is(err, auth.ErrForeign) || !g.Frozen() {
		t.Errorf("lifted by nobody: %v", err)
	}
	for _, operation := range []string{"crm.contact.read", "self.run.halt"} {
		if _, err := g.Authorize(t.Context(), p, operation); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("frozen, %s: %v", operation, err)
		}
	}
	may = true
	inert, err := g.Authorize(t.Context(), p, "self.gate.thaw") // which lifts nothing
	if err != nil || !g.Frozen() || !errors.Is(inert.Live(), auth.ErrUnavailable) {
		t.Errorf("%v, %v", err, inert.Live())
	}
	if err := g.Thaw(t.Context(), p); err != nil || g.Frozen() {
		t.Fatal(err)
	}
	for _, old := range []auth.Grant{before, inert} {
		if err := old.Live(); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("granted before: %v", err)
		}
	}
	if _, err := b.Do(t.Context(), before, mapping.Document{}); !errors.Is(err, auth.ErrExpired) {
		t.Errorf("used after: %v", err)
	}
	if err := call(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	var story []string
	for _, e := range events(t, g.Log(), func(e audit.Event) bool {
		return strings.HasPrefix(e.Action, "gate.fr") || e.Action == "self.gate.thaw"
	}) {
		story = append(story, strings.TrimSpace(e.Action+" "+e.Decision))
		if e.Action == "self.gate.thaw" && e.Actor.Subject == "" {
			t.Error("the log does not tell who")
		}
	}
	if want := "gate.freeze, self.gate.thaw denied, self.gate.thaw allowed, self.gate.thaw allowed"; strings.Join(story, ", ") != want {
		t.Errorf("the log tells %q", story)
	}
	if err := g.Freeze(t.Context()); err != nil || !g.Frozen() || call() == nil {
		t.Errorf("a second freeze: %v", err)
	}
	if n := len(events(t, g.Log(), func(e audit.Event) bool { return e.Action == "gate.freeze" })); n != 2 {
		t.Errorf("%d freezes in the log", n)
	}
}

// TestFreezeWhileItIsLifted holds.
func TestFreezeWhileItIsLifted(t *testing.T) {
	self := processor()
	self.Operations = []auth.Operation{{Name: "self.gate.thaw", Effect: auth.Idempotent}}
	var g *auth.Gate
	g = gate(t, decider(func(ctx context.Context, f auth.Facts) auth.Decision {
		if f.Operation.Name == "self.gate.thaw" {
			_ = g.Freeze(context.Background())
		}
		return allow(ctx, f)
	}), self, crm())
	if err := g.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Thaw(t.Context(), admit(t, g)); !errors.Is(err, auth.ErrUnavailable) || !g.Frozen() {
		t.Errorf("%v, frozen %t", err, g.Frozen())
	}
	if err := (*auth.Gate)(nil).Thaw(t.Context(), auth.Principal{}); !errors.Is(err, auth.ErrForeign) {
		t.Error(err)
	}
}
