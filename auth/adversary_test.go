package auth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping"
)

// bent is material whose methods can be replaced.
type bent struct {
	expires    func() time.Time
	credential func() string
	apply      func(*http.Request) error
	close      func(context.Context) error
}

func (m bent) Expires() time.Time {
	if m.expires != nil {
		return m.expires()
	}
	return time.Now().Add(time.Hour)
}
func (m bent) Credential() string {
	if m.credential != nil {
		return m.credential()
	}
	return "l-test"
}
func (m bent) Apply(r *http.Request) error {
	if m.apply != nil {
		return m.apply(r)
	}
	r.Header.Set("X-Api-Key", canary)
	return nil
}
func (m bent) Close(ctx context.Context) error {
	if m.close != nil {
		return m.close(ctx)
	}
	return nil
}

type translator func(context.Context, auth.Need) (auth.Material, error)

func (t translator) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	return t(ctx, n)
}

func yieldsBent(m bent) auth.Translator {
	return translator(func(context.Context, auth.Need) (auth.Material, error) { return m, nil })
}

// rawBroker is broker without the Close in Cleanup.
func rawBroker(t testing.TB, f *far, k auth.Translator) (*auth.Gate, *auth.Broker) {
	t.Helper()
	g := gate(t, decider(allow), f.system)
	b, err := auth.NewBroker(g, auth.Translators{"crm": k}, &auth.BrokerOptions{RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	return g, b
}

func closes(t *testing.T, b *auth.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// TestALogHasOneGate: a second gate, with a boundary of its own, could open what the first one's vault holds; attack 2.
func TestALogHasOneGate(t *testing.T) {
	s := crm()
	log := authtest.Log(t)
	make := func(tenant string) *auth.Gate {
		c, err := auth.NewCatalogue(tenant, s)
		if err != nil {
			t.Fatal(err)
		}
		b, err := auth.NewBoundary(c, decider(allow), nil)
		if err != nil {
			t.Fatal(err)
		}
		g, err := auth.NewGate(t.Context(), log, b, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)}, nil)
		if err != nil {
			return nil // refused: as it should be
		}
		return g
	}
	mine, other := make("acme"), make("globex")
	if other == nil {
		return
	}
	if err := authorize(t, other, "crm.contact.read").Opens(mine.Log(), "crm/api"); !errors.Is(err, auth.ErrForeign) {
		t.Errorf("globex's grant opens acme's secret: %v", err)
	}
}

// TestApplyCannotMoveTheRequest: of all that Apply does to the request, only headers count.
func TestApplyCannotMoveTheRequest(t *testing.T) {
	f := farSide(t, ok)
	evil := &far{}
	evil.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		evil.mu.Lock()
		evil.received = append(evil.received, r.Clone(context.Background()))
		evil.mu.Unlock()
	}))
	defer evil.Close()
	f.roots.AddCert(evil.Certificate())
	u, _ := url.Parse(evil.URL)
	for name, apply := range map[string]func(*http.Request) error{
		"host":   func(r *http.Request) error { r.URL.Host = u.Host; r.Header.Set("X-Api-Key", canary); return nil },
		"path":   func(r *http.Request) error { r.URL.Path, r.URL.RawPath = "/admin", ""; return nil },
		"query":  func(r *http.Request) error { r.URL.RawQuery = "x=1"; return nil },
		"method": func(r *http.Request) error { r.Method = "DELETE"; return nil },
		"Host":   func(r *http.Request) error { r.Host = "internal.example"; return nil },
		"body": func(r *http.Request) error {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("ssn=1")), 5
			return nil
		},
	} {
		f.mu.Lock()
		f.received = nil
		f.mu.Unlock()
		evil.mu.Lock()
		evil.received = nil
		evil.mu.Unlock()
		g, b := rawBroker(t, f, yieldsBent(bent{apply: apply}))
		_, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{})
		arrived := f.arrivals()
		if len(evil.arrivals()) > 0 {
			t.Errorf("%s: arrived at another origin with key %q, Do = %v", name, evil.arrivals()[0].Header.Get("X-Api-Key"), err)
		} else if len(arrived) > 0 && (arrived[0].Method != "GET" || arrived[0].URL.RequestURI() != "/" || arrived[0].Host != strings.TrimPrefix(f.URL, "https://") || arrived[0].ContentLength > 0) {
			t.Errorf("%s: arrived as %s %s host %s length %d", name, arrived[0].Method, arrived[0].URL.RequestURI(), arrived[0].Host, arrived[0].ContentLength)
		}
		closes(t, b)
	}
}

// TestMaterialThatPanics: a panic of material is an outcome, and not the secret's way into a log.
func TestMaterialThatPanics(t *testing.T) {
	f := farSide(t, ok)
	for name, m := range map[string]bent{
		"Apply":      {apply: func(*http.Request) error { panic(canary) }},
		"Credential": {credential: func() string { panic(canary) }},
	} {
		for _, client := range []bool{false, true} {
			t.Run(fmt.Sprint(name, client), func(t *testing.T) {
				g, b := rawBroker(t, f, yieldsBent(m))
				grant := authorize(t, g, "crm.contact.read")
				func() {
					defer func() {
						if p := recover(); p != nil {
							t.Errorf("panics with %v", p)
						}
					}()
					if client {
						_, _ = b.Client(grant).Get(f.URL + "/")
					} else {
						_, _ = b.Do(t.Context(), grant, mapping.Document{})
					}
				}()
				if n := len(events(t, g.Log(), func(e audit.Event) bool { return e.Use == 1 })); n != 1 {
					t.Errorf("%d outcomes in the log", n)
				}
				closes(t, b)
			})
		}
	}
}

// TestNilURLIsRefused: a request without a URL is refused, and holds nothing up.
func TestNilURLIsRefused(t *testing.T) {
	f := farSide(t, ok)
	g, b := rawBroker(t, f, &key{})
	func() {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("panics: %v", p)
			}
		}()
		_, err := b.Client(authorize(t, g, "crm.contact.read")).Transport.RoundTrip(&http.Request{Method: "GET"})
		if !errors.Is(err, auth.ErrUndeclared) {
			t.Errorf("RoundTrip = %v", err)
		}
	}()
	closes(t, b)
}

// TestCloseOfMaterialPanics: whoever takes a lease back cannot end the process.
func TestCloseOfMaterialPanics(t *testing.T) {
	f := farSide(t, ok)
	g, b := rawBroker(t, f, yieldsBent(bent{close: func(context.Context) error { panic(canary) }}))
	_, _ = b.Do(t.Context(), authorize(t, g, "crm.contact.reset"), mapping.Document{})
	closes(t, b)
}

// TestMaterialEndsWhenItFirstSaid: material is asked once when it ends.
func TestMaterialEndsWhenItFirstSaid(t *testing.T) {
	f := farSide(t, ok)
	var made, asked atomic.Int32
	tr := translator(func(context.Context, auth.Need) (auth.Material, error) {
		made.Add(1)
		return bent{expires: func() time.Time {
			if asked.Add(1)%2 == 1 {
				return time.Now().Add(10 * time.Millisecond)
			}
			return time.Time{} // "zero: already"
		}}, nil
	})
	g, b := rawBroker(t, f, tr)
	grant := authorize(t, g, "crm.contact.touch")
	for range 2 {
		_, _ = b.Do(t.Context(), grant, mapping.Document{})
		time.Sleep(20 * time.Millisecond)
	}
	if made.Load() != 2 {
		t.Errorf("material without an end is kept for ever: made %d", made.Load())
	}
	closes(t, b)
}

// TestTranslationAfterCloseIsGivenBack: what came too late is given back.
func TestTranslationAfterCloseIsGivenBack(t *testing.T) {
	f := farSide(t, ok)
	k := &key{wait: make(chan struct{})}
	g, b := rawBroker(t, f, k)
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan struct{})
	grant := authorize(t, g, "crm.contact.read")
	go func() { _, _ = b.Do(ctx, grant, mapping.Document{}); close(done) }()
	for made := 0; made == 0; made, _ = k.counts() {
		time.Sleep(time.Millisecond)
	}
	leave()
	<-done
	closes(t, b)
	close(k.wait)
	time.Sleep(100 * time.Millisecond)
	closes(t, b)
	time.Sleep(100 * time.Millisecond)
	if made, closed := k.counts(); made != closed {
		t.Errorf("made %d, closed %d: lent for ever", made, closed)
	}
}

// TestTranslationAfterOneClose: also where nobody closes again.
func TestTranslationAfterOneClose(t *testing.T) {
	f := farSide(t, ok)
	k := &key{wait: make(chan struct{})}
	g, b := rawBroker(t, f, k)
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan struct{})
	grant := authorize(t, g, "crm.contact.read")
	go func() { _, _ = b.Do(ctx, grant, mapping.Document{}); close(done) }()
	for made := 0; made == 0; made, _ = k.counts() {
		time.Sleep(time.Millisecond)
	}
	leave()
	<-done
	closes(t, b)
	close(k.wait)
	time.Sleep(300 * time.Millisecond)
	if made, closed := k.counts(); made != closed {
		t.Errorf("made %d, closed %d: lent for ever", made, closed)
	}
}

// TestEveryMaterialIsGivenBack: however calls and translations interleave.
func TestEveryMaterialIsGivenBack(t *testing.T) {
	f := farSide(t, ok)
	var made, closed atomic.Int32
	tr := translator(func(context.Context, auth.Need) (auth.Material, error) {
		made.Add(1)
		return bent{close: func(context.Context) error { closed.Add(1); return nil }, apply: func(*http.Request) error { return auth.ErrInvalid }}, nil
	})
	g := gate(t, decider(allow), f.system)
	for round := 0; round < 300 && made.Load() <= int32(round); round++ {
		b, _ := auth.NewBroker(g, auth.Translators{"crm": tr}, nil)
		grant := authorize(t, g, "crm.contact.touch")
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() { _, _ = b.Do(t.Context(), grant, mapping.Document{}) })
		}
		wg.Wait()
		closes(t, b)
	}
	if made.Load() != closed.Load() {
		t.Errorf("made %d, closed %d", made.Load(), closed.Load())
	}
}

// TestCloseBesideDo: closing beside a call ends neither of them badly.
func TestCloseBesideDo(t *testing.T) {
	f := farSide(t, ok)
	g := gate(t, decider(allow), f.system)
	grant := authorize(t, g, "crm.contact.reset")
	tr := yieldsBent(bent{apply: func(*http.Request) error { return auth.ErrInvalid }})
	for range 200 {
		b, _ := auth.NewBroker(g, auth.Translators{"crm": tr}, nil)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 20 {
					_, _ = b.Do(t.Context(), auth.Grant{}, mapping.Document{})
				}
			})
		}
		_ = grant
		wg.Go(func() { closes(t, b) })
		wg.Wait()
	}
}

// TestUnclosedBodyDoesNotHoldCloseForEver: the grant ends what a caller forgot.
func TestUnclosedBodyDoesNotHoldCloseForEver(t *testing.T) {
	f := farSide(t, ok)
	f.system.Ceiling = 200 * time.Millisecond
	g, b := rawBroker(t, f, &key{})
	response, err := b.Client(authorize(t, g, "crm.contact.read")).Get(f.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(response.Body) // and never closed
	time.Sleep(400 * time.Millisecond)
	closes(t, b)
}

func outcome(t *testing.T, g *auth.Gate) audit.Event {
	t.Helper()
	found := events(t, g.Log(), func(e audit.Event) bool { return e.Use == 1 })
	if len(found) != 1 {
		t.Errorf("%d outcomes: %+v", len(found), found)
		return audit.Event{}
	}
	return found[0]
}

// TestHappenedIsNotRecordedAsFailed: what may have happened is unknown, or somebody does it again.
func TestHappenedIsNotRecordedAsFailed(t *testing.T) {
	for name, c := range map[string]struct {
		output string
		answer http.HandlerFunc
	}{
		"303 after a POST":    {"", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Location", "/done"); w.WriteHeader(303) }},
		"302 after a POST":    {"", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Location", "/done"); w.WriteHeader(302) }},
		"503 by a middle box": {"", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }},
		"201 and 5 MB":        {auth.Opaque, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201); _, _ = w.Write(make([]byte, 5<<20)) }},
	} {
		f := farSide(t, c.answer)
		f.system.Operations[2].Output, f.system.Operations[2].Reason = c.output, "a test"
		g, b := rawBroker(t, f, &key{})
		_, err := b.Do(t.Context(), authorize(t, g, "crm.contact.open"), mapping.Document{})
		if e := outcome(t, g); !errors.Is(err, auth.ErrUnknown) || e.Outcome != audit.OutcomeUnknown {
			t.Errorf("%s: Do = %v, recorded outcome %v reason %s", name, err, e.Outcome, e.Reason)
		}
	}
}

// TestOneOutcomePerUse: one use has one outcome in the log.
func TestOneOutcomePerUse(t *testing.T) {
	var g *auth.Gate
	f := farSide(t, func(w http.ResponseWriter, r *http.Request) { _ = g.Log().Close(r.Context()); ok(w, r) })
	var b *auth.Broker
	g, b = rawBroker(t, f, &key{})
	_, err := b.Client(authorize(t, g, "crm.contact.read")).Transport.RoundTrip(httptest.NewRequest("GET", f.URL+"/", nil))
	if n := strings.Count(err.Error(), "not recorded"); n != 1 {
		t.Errorf("recorded %d times: %q", n, err)
	}
}

// TestCredentialThatTheLogRefuses: a credential that cannot be named in the log is not used.
func TestCredentialThatTheLogRefuses(t *testing.T) {
	f := farSide(t, ok)
	g, b := rawBroker(t, f, yieldsBent(bent{credential: func() string { return "database/creds/readonly/AbC1" }}))
	_, err := b.Do(t.Context(), authorize(t, g, "crm.contact.open"), mapping.Document{})
	n := len(events(t, g.Log(), func(e audit.Event) bool { return e.Use == 1 }))
	if len(f.arrivals()) > 0 && n == 0 {
		t.Errorf("a call was made (%d arrived) that the log can never hold: %v", len(f.arrivals()), err)
	}
}

// TestWhoCannotBeRecordedIsNotAdmitted: who could not be recorded is not let in.
func TestWhoCannotBeRecordedIsNotAdmitted(t *testing.T) {
	scopes := make([]string, 33)
	for i := range scopes {
		scopes[i] = fmt.Sprintf("s%d", i)
	}
	for name, change := range map[string]func(*auth.Identity){
		"33 scopes":      func(id *auth.Identity) { id.Scopes = scopes },
		"acr with space": func(id *auth.Identity) { id.Assurance.ACR = "level 2" },
		"issuer":         func(id *auth.Identity) { id.Issuer = "https://login.acme.example/o'neill" },
		"subject":        func(id *auth.Identity) { id.Subject = strings.Repeat("x", 1025) },
		"auth_time 0":    func(id *auth.Identity) { id.Assurance.AuthTime = time.Unix(0, 0) },
	} {
		id := alice
		change(&id)
		g := authtest.Gate(t, bounded(t, decider(allow), crm()), auth.Verifiers{auth.SchemeBearer: authtest.As(id)})
		p, err := g.Admit(t.Context(), auth.Bearer("t"))
		if err != nil {
			continue // refused at the door: fine
		}
		if _, err := g.Authorize(t.Context(), p, "crm.contact.read"); err != nil {
			t.Errorf("%s: admitted, but Authorize = %v", name, err)
		}
	}
}

// TestCatalogueFitsTheLog: nor is a system declared that could not be.
func TestCatalogueFitsTheLog(t *testing.T) {
	s := crm()
	for i := range 33 {
		s.Jurisdictions = append(s.Jurisdictions, fmt.Sprintf("j%d", i))
	}
	c, err := auth.NewCatalogue("acme", s)
	if err != nil {
		return
	}
	b, _ := auth.NewBoundary(c, decider(allow), nil)
	g := authtest.Gate(t, b, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	if _, err := g.Authorize(t.Context(), admit(t, g), "crm.contact.read"); err != nil {
		t.Errorf("loads without findings, but Authorize = %v", err)
	}
}

// TestEndedContextIsNotADenial: a caller who is late is not told that policy denies him.
func TestEndedContextIsNotADenial(t *testing.T) {
	g := gate(t, decider(allow), crm())
	p := admit(t, g)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Authorize(ctx, p, "crm.contact.read"); errors.Is(err, auth.ErrDenied) || !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("Authorize = %v; an allowed caller is told that he is denied, finally", err)
	}
}

// TestDenialIsRecordedAlthoughTheCallerLeft: hanging up hides nothing.
func TestDenialIsRecordedAlthoughTheCallerLeft(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	g := gate(t, decider(func(context.Context, auth.Facts) auth.Decision { leave(); return auth.Decision{} }), crm())
	p := admit(t, g)
	_, err := g.Authorize(ctx, p, "crm.contact.read")
	_, err2 := g.Authorize(ctx, p, "crm.contact.undeclared")
	if n := len(events(t, g.Log(), func(e audit.Event) bool { return e.Decision == "denied" })); n != 2 {
		t.Errorf("%d of 2 refusals in the log (%v; %v)", n, err, err2)
	}
}

// TestPresenterPanics: a panic is no identity.
func TestPresenterPanics(t *testing.T) {
	g, err := auth.NewGate(t.Context(), authtest.Log(t), bounded(t, decider(allow), crm()), nil,
		&auth.GateOptions{Self: presenter(func(context.Context) (auth.Presented, error) { panic(canary) })})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panics: %v", p)
		}
	}()
	if _, err := g.AdmitSelf(t.Context()); !errors.Is(err, auth.ErrUnavailable) {
		t.Error(err)
	}
}

// TestOverrideHeadersDoNotPass: no header makes another request of a declared one.
func TestOverrideHeadersDoNotPass(t *testing.T) {
	f := farSide(t, ok)
	g, b := rawBroker(t, f, &key{})
	for _, name := range []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url", "True-Client-Ip", "X-Remote-User", "X-Auth-Token", "Private-Token", "X-Amz-Security-Token"} {
		f.mu.Lock()
		f.received = nil
		f.mu.Unlock()
		r, _ := http.NewRequest("POST", f.URL+"/in/1", strings.NewReader("x"))
		r.Header.Set(name, "DELETE")
		response, err := b.Client(authorize(t, g, "crm.contact.push")).Do(r)
		if err == nil {
			response.Body.Close()
		}
		if a := f.arrivals(); len(a) == 1 && a[0].Header.Get(name) != "" {
			t.Errorf("%s passes", name)
		}
	}
}

// TestAllowedHeadersCarryNothing: no header carries data out of an operation without input.
func TestAllowedHeadersCarryNothing(t *testing.T) {
	f := farSide(t, ok)
	g, b := rawBroker(t, f, &key{})
	r, _ := http.NewRequest("GET", f.URL+"/", nil)
	r.Header["User-Agent"] = []string{"national-id=" + canary}
	r.Header["Accept-Language"] = []string{canary, strings.Repeat("y", 10000)}
	response, err := b.Client(authorize(t, g, "crm.contact.read")).Do(r)
	if err == nil {
		response.Body.Close()
	}
	for _, a := range f.arrivals() {
		if strings.Contains(fmt.Sprint(a.Header["User-Agent"], a.Header["Accept-Language"]), canary) {
			t.Error("data of the caller's crossed under input none")
		}
	}
}

func rawServer(t *testing.T, answer string) (addr string, got func() string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var text strings.Builder
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 64<<10)
				_ = c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
				answered := false
				for {
					n, err := c.Read(buf)
					mu.Lock()
					text.Write(buf[:n])
					mu.Unlock()
					if n > 0 && !answered {
						answered = true
						_, _ = io.WriteString(c, answer)
					}
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String(), func() string { mu.Lock(); defer mu.Unlock(); return text.String() }
}

func plainSystem(addr string) auth.System {
	f := auth.System{Name: "crm", Origin: "http://" + addr, Private: []string{"127.0.0.0/8"}, Operations: []auth.Operation{
		{Name: "crm.contact.read", Method: "GET", Path: "/", Effect: auth.ReadOnly},
		{Name: "crm.contact.open", Method: "POST", Path: "/", Effect: auth.Once},
		{Name: "crm.contact.set", Method: "PUT", Path: "/", Effect: auth.Idempotent},
		{Name: "crm.contact.drop", Method: "DELETE", Path: "/", Effect: auth.Idempotent},
		{Name: "crm.contact.push", Method: "POST", Path: "/in/{id}", Input: auth.Opaque, Reason: "a test", Effect: auth.Idempotent},
	}}
	return f
}

// TestEmptyBodiesAreNotChunked: many servers refuse an empty body in chunks.
func TestEmptyBodiesAreNotChunked(t *testing.T) {
	for _, op := range []string{"open", "set", "drop", "read"} {
		addr, got := rawServer(t, "HTTP/1.1 204 No Content\r\n\r\n")
		g := gate(t, decider(allow), plainSystem(addr))
		b, _ := auth.NewBroker(g, auth.Translators{"crm": &key{}}, nil)
		_, err := b.Do(t.Context(), authorize(t, g, "crm.contact."+op), mapping.Document{})
		if text := got(); strings.Contains(strings.ToLower(text), "transfer-encoding") {
			t.Errorf("%s: %v\n%s", op, err, text)
		}
	}
}

// TestLengthWithoutBodyIsRefused: a length without a body would swallow the next request.
func TestLengthWithoutBodyIsRefused(t *testing.T) {
	for name, body := range map[string]io.ReadCloser{"nil": nil, "NoBody": http.NoBody} {
		addr, got := rawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		g := gate(t, decider(allow), plainSystem(addr))
		b, _ := auth.NewBroker(g, auth.Translators{"crm": &key{}}, nil)
		r, _ := http.NewRequest("GET", "http://"+addr+"/", nil)
		r.Body, r.ContentLength = body, 17
		_, err := b.Client(authorize(t, g, "crm.contact.read")).Transport.RoundTrip(r)
		if text := got(); strings.Contains(text, "Content-Length: 17") {
			t.Errorf("%s: a length without a body leaves: %v\n%s", name, err, text)
		}
	}
}

// TestQueriesAreOneLine: a space would end the request line.
func TestQueriesAreOneLine(t *testing.T) {
	addr, got := rawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	g := gate(t, decider(allow), plainSystem(addr))
	b, _ := auth.NewBroker(g, auth.Translators{"crm": &key{}}, nil)
	r, _ := http.NewRequest("POST", "http://"+addr+"/in/1", strings.NewReader("x"))
	r.URL.RawQuery = "a HTTP/1.0#f"
	_, err := b.Client(authorize(t, g, "crm.contact.push")).Transport.RoundTrip(r)
	if text := got(); strings.Contains(text, "?a HTTP/1.0") {
		t.Errorf("%v: request line %q", err, text[:strings.Index(text, "\r\n")])
	}
}

// TestRefusalsOfTheKnownAreInTheLog: whoever is known when he is refused stands in the log.
func TestRefusalsOfTheKnownAreInTheLog(t *testing.T) {
	f := farSide(t, ok)
	g, b := rawBroker(t, f, &key{})
	_, _ = b.Client(authorize(t, g, "crm.contact.reset")).Get(f.URL + "/reset")
	grant := authorize(t, g, "crm.contact.read")
	closes(t, b)
	_, err := b.Do(t.Context(), grant, mapping.Document{})
	refused := events(t, g.Log(), func(e audit.Event) bool { return e.Action == "broker.refuse" || e.Use > 0 })
	if len(refused) != 2 {
		t.Errorf("%d of 2 refusals in the log (%v): %+v", len(refused), err, refused)
	}
}

// TestCountsSurviveAFailedFlush: counts of the door reach the log although whoever closes has left.
func TestCountsSurviveAFailedFlush(t *testing.T) {
	f := farSide(t, ok)
	g, b := rawBroker(t, f, &key{})
	_, _ = g.Admit(t.Context(), auth.Presented{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_ = b.Close(ended)
	_ = b.Close(t.Context())
	if n := len(events(t, g.Log(), func(e audit.Event) bool { return e.Count > 0 })); n != 1 {
		t.Errorf("%d sums in the log", n)
	}
}

// TestInvalidUTF8SharesNoMaterial: two subjects that JSON would write alike are two.
func TestInvalidUTF8SharesNoMaterial(t *testing.T) {
	f := farSide(t, ok)
	k := &key{}
	id := alice
	g, b := brokerOf(t, f, k, verifier(func(context.Context, auth.Presented) (auth.Identity, error) {
		i := id
		i.Expires = time.Now().Add(time.Hour)
		return i, nil
	}))
	for _, s := range []string{"\xff", "\xfe"} {
		id.Subject = s
		if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{}); err != nil {
			t.Fatal(err)
		}
	}
	if made, _ := k.counts(); made != 2 {
		t.Errorf("two subjects share material: made %d", made)
	}
}

// TestErrandsForOthersShareNoMaterial: material made on behalf of one is not lent on behalf of another.
func TestErrandsForOthersShareNoMaterial(t *testing.T) {
	f := farSide(t, ok)
	var seen []string
	tr := translator(func(_ context.Context, n auth.Need) (auth.Material, error) {
		seen = append(seen, n.Grant.Event("x").For.Subject)
		return bent{}, nil
	})
	g, b := rawBroker(t, f, tr)
	for _, s := range []string{"alice", "bob"} {
		self, _ := g.AdmitSelf(t.Context())
		grant, err := g.Authorize(t.Context(), self.On(auth.Errand{For: &auth.Identity{Issuer: "https://i", Subject: s}}), "crm.contact.read")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Do(t.Context(), grant, mapping.Document{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 2 {
		t.Errorf("bob's errand goes with material made for %v", seen)
	}
}

// TestHandlerGivesNothingAway: a refused caller gets a challenge, and nothing of an answer that failed.
func TestHandlerGivesNothingAway(t *testing.T) {
	g := gate(t, decider(allow), crm())
	get := func(fn func(w http.ResponseWriter, r *http.Request, p auth.Principal) error, tokens ...string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		for _, tk := range tokens {
			r.Header.Add("Authorization", tk)
		}
		g.Handler(fn).ServeHTTP(w, r)
		return w
	}
	w := get(func(http.ResponseWriter, *http.Request, auth.Principal) error { return auth.ErrExpired }, "Bearer t")
	if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
		t.Error("401 without a challenge (RFC 9110, 15.5.2)")
	}
	w = get(func(w http.ResponseWriter, r *http.Request, _ auth.Principal) error {
		w.Header().Set("Set-Cookie", "session=1")
		_ = http.NewResponseController(w).Flush()
		return auth.ErrUnavailable
	}, "Bearer t")
	if strings.Contains(w.Body.String(), "Service Unavailable") {
		t.Errorf("an error page in an answer that had begun: %d %q", w.Code, w.Body)
	}
	w = get(func(w http.ResponseWriter, r *http.Request, _ auth.Principal) error {
		w.Header().Set("Set-Cookie", "session=1")
		return auth.ErrDenied
	}, "Bearer t")
	if w.Header().Get("Set-Cookie") != "" {
		t.Errorf("%d with the session of the answer that failed", w.Code)
	}
}
