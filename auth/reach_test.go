package auth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping"
)

// never denies what is privileged.
func never(_ context.Context, f auth.Facts) auth.Decision {
	if f.Operation.Privileged {
		return auth.Decision{Rule: "never"}
	}
	return auth.Decision{Verdict: auth.Allowed, Rule: "everybody"}
}

// TestValuesNeverMakeAnotherOperation: a place stands for a value, and not for the word
// that makes another declared call, which policy denies, of it.
func TestValuesNeverMakeAnotherOperation(t *testing.T) {
	f := bordered(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"count": 0}`) })
	f.system.Operations = append(f.system.Operations,
		auth.Operation{Name: "crm.contact.wipe", Method: "PUT", Path: "/contacts/all", Effect: auth.Final, Privileged: true},
		auth.Operation{Name: "crm.contact.drop", Method: "DELETE", Path: "/contacts/some", Effect: auth.Final},
		auth.Operation{Name: "crm.inbox.purge", Method: "POST", Path: "/in/purge", Effect: auth.Final, Privileged: true},
		auth.Operation{Name: "crm.inbox.add", Method: "POST", Path: "/in/{box}", Effect: auth.Once, Input: auth.Opaque, Output: auth.Opaque, Reason: "a test"},
	)
	c, err := auth.NewCatalogue("acme", processor(), f.system)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(schema(t, personJSON), schema(t, contactJSON), []byte(contactMapping), c.Destination("crm"))
	if err != nil {
		t.Fatal(err)
	}
	bound, err := auth.NewBoundary(c, decider(never), &auth.BoundaryOptions{
		Schemas: map[string]*mapping.Schema{"found": schema(t, foundJSON)}, Mappings: map[string]*mapping.Mapper{"person-to-contact": m},
	})
	if err != nil {
		t.Fatal(err)
	}
	g := authtest.Gate(t, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	b, err := auth.NewBroker(g, auth.Translators{"crm": &key{}}, &auth.BrokerOptions{RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	for id, sent := range map[string]bool{"all": false, "ALL": false, "some": true, "alls": true, "al": true} {
		before := len(f.arrivals())
		_, err := b.Do(t.Context(), authorize(t, g, "crm.contact.put"), schema(t, personJSON).Document([]byte(`{"id": "`+id+`", "name": "x"}`)))
		if (err == nil) != sent || len(f.arrivals())-before != map[bool]int{true: 1}[sent] || !sent && !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v, %d requests", id, err, len(f.arrivals())-before)
		}
	}
	for path, sent := range map[string]bool{"/in/purge": false, "/in/%70urge": false, "/in/Purge": false, "/in/purges": true} {
		before := len(f.arrivals())
		response, err := b.Client(authorize(t, g, "crm.inbox.add")).Post(f.URL+path, "text/plain", strings.NewReader("x"))
		if err == nil {
			response.Body.Close()
		}
		if (err == nil) != sent || len(f.arrivals())-before != map[bool]int{true: 1}[sent] || !sent && !errors.Is(err, auth.ErrUndeclared) {
			t.Errorf("%s: %v, %d requests", path, err, len(f.arrivals())-before)
		}
	}
}

// TestPathsThatOneRequestCouldBoth be, and hosts that are in two places, are no
// declaration.
func TestPathsThatOneRequestCouldBoth(t *testing.T) {
	op := func(name, method, path string) auth.Operation {
		return auth.Operation{Name: name, Method: method, Path: path, Input: auth.Opaque, Reason: "a test", Effect: auth.Once}
	}
	for name, c := range map[string]struct {
		a, b auth.Operation
		want string
	}{
		"crossing":         {op("crm.a.b", "PUT", "/x/{a}/all"), op("crm.c.d", "PUT", "/x/all/{b}"), "B136 /systems/0/operations/0/path"},
		"wider":            {op("crm.a.b", "PUT", "/x/{a}"), op("crm.c.d", "PUT", "/x/all"), ""},
		"the same":         {op("crm.a.b", "PUT", "/x/{a}"), op("crm.c.d", "PUT", "/x/{b}"), ""},
		"apart":            {op("crm.a.b", "PUT", "/x/{a}/y"), op("crm.c.d", "PUT", "/x/{b}/z"), ""},
		"another method":   {op("crm.a.b", "PUT", "/x/{a}/all"), op("crm.c.d", "POST", "/x/all/{b}"), ""},
		"another length":   {op("crm.a.b", "PUT", "/x/{a}"), op("crm.c.d", "PUT", "/x/all/{b}"), ""},
		"an empty segment": {op("crm.a.b", "PUT", "/x/{a}"), op("crm.c.d", "PUT", "/x/"), ""},
	} {
		_, err := auth.NewCatalogue("acme", auth.System{Name: "crm", Origin: "https://crm.example", Operations: []auth.Operation{c.a, c.b}})
		findings, _ := errors.AsType[mapping.Findings](err)
		if c.want == "" && err != nil || c.want != "" && !has(findings, c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	eu := auth.System{Name: "crm-eu", Origin: "https://crm.example", Jurisdictions: []string{"eu", "ch"}}
	us := auth.System{Name: "crm-us", Origin: "https://CRM.example:443", Jurisdictions: []string{"us"}}
	_, err := auth.NewCatalogue("acme", eu, us)
	if findings, _ := errors.AsType[mapping.Findings](err); !has(findings, "B137 /systems/1/jurisdictions") {
		t.Errorf("one host in two places: %v", err)
	}
	us.Jurisdictions = []string{"ch", "eu"}
	if _, err := auth.NewCatalogue("acme", eu, us); err != nil {
		t.Errorf("one host in one place: %v", err)
	}
}

// TestMaterialEndsWithTheGrant, whatever a translator says of it.
func TestMaterialEndsWithTheGrant(t *testing.T) {
	f := farSide(t, ok)
	f.system.Ceiling = 300 * time.Millisecond
	k := &key{life: 24 * time.Hour}
	g, b := broker(t, f, k)
	for range 2 {
		if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.touch"), mapping.Document{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(400 * time.Millisecond)
	}
	if made, _ := k.counts(); made != 2 {
		t.Errorf("%d translations", made)
	}
}

// TestWayInThatFails is the service's, and says so: system, status and when to come
// again; a caller who is denied is denied.
func TestWayInThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		said    error
		want    auth.FailedError // zero: said itself
		status  int
		retried int
	}{
		"throttled": {&auth.FailedError{Side: auth.ErrThrottled, System: canary, Status: 429, RetryAfter: time.Minute},
			auth.FailedError{Side: auth.ErrThrottled, System: "crm", Status: 429, RetryAfter: time.Minute}, 503, 1},
		"away":          {auth.ErrUnavailable, auth.FailedError{Side: auth.ErrUnavailable, System: "crm"}, 503, 1},
		"lease is over": {auth.ErrExpired, auth.FailedError{Side: auth.ErrExpired, System: "crm"}, 502, 3},
		"wrong key":     {&auth.FailedError{Side: auth.ErrDenied, Status: 49}, auth.FailedError{Side: auth.ErrDenied, System: "crm", Status: 49}, 502, 1},
		"wrong answer":  {auth.ErrInvalid, auth.FailedError{Side: auth.ErrInvalid, System: "crm"}, 502, 3},
		"below zero":    {&auth.FailedError{Side: auth.ErrInvalid, Status: -1}, auth.FailedError{Side: auth.ErrInvalid, System: "crm"}, 502, 3},
		"the caller":    {auth.ErrDenied, auth.FailedError{}, 403, 1},
	} {
		k := &key{err: c.said}
		g, b := broker(t, farSide(t, ok), k)
		h := g.Handler(func(_ http.ResponseWriter, r *http.Request, p auth.Principal) error {
			grant, err := g.Authorize(r.Context(), p, "crm.contact.touch")
			if err != nil {
				return err
			}
			_, err = b.Do(r.Context(), grant, mapping.Document{})
			if failed, is := errors.AsType[*auth.FailedError](err); is != (c.want != auth.FailedError{}) || is && *failed != c.want {
				t.Errorf("%s: %+v", name, err)
			}
			return err
		})
		for range 3 {
			r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
			r.Header.Set("Authorization", "Bearer test")
			if h.ServeHTTP(w, r); w.Code != c.status || w.Header().Get("WWW-Authenticate") != "" {
				t.Errorf("%s: %d %v", name, w.Code, w.Header())
			}
		}
		if made, _ := k.counts(); made != c.retried {
			t.Errorf("%s: tried %d times", name, made)
		}
	}
}

// TestExplainIsWhatAuthorizeSays also of what has ended.
func TestExplainIsWhatAuthorizeSays(t *testing.T) {
	g := gate(t, decider(func(_ context.Context, f auth.Facts) auth.Decision {
		return auth.Decision{Verdict: auth.Allowed, Rule: "everybody", NotAfter: f.At.Add(-time.Second)}
	}), crm())
	if _, err := g.Authorize(t.Context(), admit(t, g), "crm.contact.read"); !errors.Is(err, auth.ErrExpired) {
		t.Error(err)
	}
	if d := g.Explain(t.Context(), admit(t, g), "crm.contact.read"); d.Verdict != auth.Denied {
		t.Error(d)
	}
}

// TestPrivilegedGetsItsOwn material each time, also while another's is in use.
func TestPrivilegedGetsItsOwn(t *testing.T) {
	hold, arrived := make(chan struct{}), make(chan struct{}, 3)
	f := farSide(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-hold })
	k := &key{}
	g, b := broker(t, f, k)
	var wg sync.WaitGroup
	for range 3 {
		grant := authorize(t, g, "crm.contact.reset")
		wg.Go(func() { _, _ = b.Do(t.Context(), grant, mapping.Document{}) })
		<-arrived
	}
	if made, closed := k.counts(); made != 3 || closed != 0 {
		t.Errorf("%d made, %d closed", made, closed)
	}
	close(hold)
	wg.Wait()
}

// TestMaterialIsLentUntilTheAnswerIsRead: what a credential opened may end with it.
func TestMaterialIsLentUntilTheAnswerIsRead(t *testing.T) {
	k, early := &key{}, 0
	f := farSide(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		time.Sleep(200 * time.Millisecond)
		_, early = k.counts()
		_, _ = io.WriteString(w, `{"name":"Zoë"}`)
	})
	f.system.Operations[0].Privileged = true
	g, b := broker(t, f, k)
	if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{}); err != nil || early != 0 {
		t.Errorf("%v, closed %d times before the answer", err, early)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, closed := k.counts(); closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

// TestWhoWaitedHasSentNothing: a performer that says so when its context ends is heard.
func TestWhoWaitedHasSentNothing(t *testing.T) {
	for said, want := range map[error]error{auth.ErrUnavailable: auth.ErrUnavailable, auth.ErrUnknown: auth.ErrUnknown} {
		ctx, cancel := context.WithCancel(t.Context())
		g, b := directory(t, func(ctx context.Context, _ auth.Grant, _ mapping.Record) ([]byte, error) {
			cancel()
			<-ctx.Done()
			return nil, said
		})
		_, err := b.Do(ctx, authorize(t, g, "directory.entry.drop"), mapping.Document{})
		cancel()
		if !errors.Is(err, want) || errors.Is(err, auth.ErrUnknown) != (want == auth.ErrUnknown) {
			t.Errorf("%v: %v", said, err)
		}
	}
}

// TestFrozenWhileItWaits for material: nothing is sent when that comes.
func TestFrozenWhileItWaits(t *testing.T) {
	f := farSide(t, ok)
	var g *auth.Gate
	slow := translator(func(ctx context.Context, _ auth.Need) (auth.Material, error) {
		_ = g.Freeze(context.WithoutCancel(ctx))
		return applied{&key{}, time.Now().Add(time.Hour)}, nil
	})
	g, b := broker(t, f, slow)
	_, err := b.Do(t.Context(), authorize(t, g, "crm.contact.touch"), mapping.Document{})
	if !errors.Is(err, auth.ErrUnavailable) || len(f.arrivals()) != 0 {
		t.Errorf("%v, %d requests", err, len(f.arrivals()))
	}
}
