package auth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping"
)

const (
	personJSON = `{"title": "person", "type": "object", "additionalProperties": false, "required": ["id", "name"],
		"defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
		"properties": {
			"id": {"type": "string", "maxLength": 64,
				"release": [{"via": "token.hmac", "to": "internal", "residency": ["*"], "approved": "D-1", "until": "2099-12-31"}]},
			"name": {"type": "string", "maxLength": 100},
			"note": {"type": "string", "maxLength": 100}
		}}`
	contactJSON = `{"title": "contact", "type": "object", "additionalProperties": false, "required": ["id", "name", "lang", "X-Unit"],
		"properties": {
			"id": {"type": "string", "maxLength": 64, "in": "path"},
			"lang": {"type": "string", "maxLength": 64, "in": "query"},
			"X-Unit": {"type": "string", "maxLength": 64, "in": "header"},
			"name": {"type": "string", "maxLength": 100, "in": "body"},
			"note": {"type": "string", "maxLength": 100, "in": "body"}
		}}`
	contactMapping = `{"mapping": "person-to-contact", "from": "person", "to": "contact",
		"set": {"/id": {"from": "/id"}, "/name": {"from": "/name"}, "/note": {"from": "/note"}, "/lang": {"const": "de & en"}, "/X-Unit": {"const": "hr"}}}`
	foundJSON = `{"title": "found", "type": "object", "additionalProperties": false, "required": ["count"],
		"defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
		"properties": {"count": {"type": "integer", "minimum": 0, "maximum": 9}}}`
)

func schema(t testing.TB, text string) *mapping.Schema {
	t.Helper()
	s, err := mapping.ParseSchema([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var cleared = mapping.Clearance{Class: mapping.Internal, Purposes: []string{"hr"}}

// processor is self, cleared for everything that these tests hold.
func processor() auth.System {
	return auth.System{Name: auth.Self, Zone: "production", Jurisdictions: []string{"eu"}, Clearance: cleared}
}

// bordered is a far side with data: crm.contact.put (mapping in, schema out, idempotent),
// crm.contact.add (the same, once) and crm.contact.count (schema out).
func bordered(t testing.TB, answer http.HandlerFunc) *far {
	f := farSide(t, answer)
	f.system.Jurisdictions, f.system.Clearance = []string{"eu"}, cleared
	f.system.Operations = append(f.system.Operations,
		auth.Operation{Name: "crm.contact.put", Method: "PUT", Path: "/contacts/{id}", Input: "person-to-contact", Output: "found", Effect: auth.Idempotent},
		auth.Operation{Name: "crm.contact.add", Method: "POST", Path: "/contacts/{id}", Input: "person-to-contact", Effect: auth.Once},
		auth.Operation{Name: "crm.contact.count", Method: "GET", Path: "/count", Output: "found", Effect: auth.ReadOnly},
	)
	return f
}

// joined is a boundary of a far side, with mappings for it.
func joined(t testing.TB, f *far, text string, systems ...auth.System) (*auth.Boundary, error) {
	t.Helper()
	c, err := auth.NewCatalogue("acme", append(systems, f.system)...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(schema(t, personJSON), schema(t, contactJSON), []byte(text), c.Destination("crm"))
	if err != nil {
		t.Fatal(err)
	}
	return auth.NewBoundary(c, decider(allow), &auth.BoundaryOptions{
		Schemas:  map[string]*mapping.Schema{"found": schema(t, foundJSON)},
		Mappings: map[string]*mapping.Mapper{"person-to-contact": m},
	})
}

// crossed is a broker over the border, for alice.
func crossed(t testing.TB, f *far, k auth.Translator) (*auth.Gate, *auth.Broker) {
	t.Helper()
	bound, err := joined(t, f, contactMapping, processor())
	if err != nil {
		t.Fatal(err)
	}
	g := authtest.Gate(t, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	b, err := auth.NewBroker(g, auth.Translators{"crm": k}, &auth.BrokerOptions{RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	return g, b
}

func TestMappedCallArrivesAsDeclared(t *testing.T) {
	var body, content string
	f := bordered(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		body, content = string(raw), r.Header.Get("Content-Type")
		_, _ = io.WriteString(w, `{"count": 3}`)
	})
	g, b := crossed(t, f, &key{})
	document := schema(t, personJSON).Document([]byte(`{"id": "a b?x=é", "name": "Zoë \"Z\"", "note": "</script>"}`))
	reply, err := b.Do(t.Context(), authorize(t, g, "crm.contact.put"), document)
	if err != nil {
		t.Fatal(err)
	}
	r := f.arrivals()[0]
	if r.Method != "PUT" || r.Header.Get("X-Unit") != "hr" || r.URL.Query().Get("lang") != "de & en" || len(r.URL.Query()) != 1 {
		t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	if content != "application/json" || body != `{"name":"Zoë \"Z\"","note":"\u003c/script\u003e"}` {
		t.Errorf("%s: %s", content, body)
	}
	if r.URL.Path != "/contacts/a b?x=é" {
		t.Errorf("path %q", r.URL.Path)
	}
	var count struct {
		Count int `json:"count"`
	}
	if err := reply.Document.Decode(&count); err != nil || count.Count != 3 || reply.Document.Schema().Title() != "found" || reply.Status != 200 {
		t.Errorf("answer: %d, %+v, %v", count.Count, reply, err)
	}
}

// TestValuesNeverMakeAnotherPath: what cannot be one segment is not sent.
func TestValuesNeverMakeAnotherPath(t *testing.T) {
	for id, sent := range map[string]bool{
		"4711": true, "a b": true, "é": true, "a?b": true, "a#b": true, "a&b": true, "": false, ".": false, "..": false, "a/b": false, `a\b`: false,
		"a%2fb": false, "a;b": false, "a.b": true, "../admin": false,
	} {
		f := bordered(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"count": 0}`) })
		g, b := crossed(t, f, &key{})
		document, err := schema(t, personJSON).Encode(map[string]string{"id": id, "name": "n"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Do(t.Context(), authorize(t, g, "crm.contact.put"), document)
		arrived := f.arrivals()
		if len(arrived) > 0 && strings.Count(arrived[0].URL.EscapedPath(), "/") != 2 {
			t.Errorf("%q became %s", id, arrived[0].URL.EscapedPath())
		}
		if sent != (err == nil) || sent != (len(arrived) == 1) || !sent && !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%q: %v, %d requests", id, err, len(arrived))
		}
	}
}

// TestOnlyDocumentsOfTheSourceCross: A6, and A7 on the way in.
func TestOnlyDocumentsOfTheSourceCross(t *testing.T) {
	f := bordered(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"count": 0}`) })
	g, b := crossed(t, f, &key{})
	for name, c := range map[string]struct {
		operation string
		document  mapping.Document
		want      error
	}{
		"none":           {"crm.contact.put", mapping.Document{}, auth.ErrForeign},
		"opaque":         {"crm.contact.put", mapping.Opaque([]byte(`{"id":"1","name":"n"}`)), auth.ErrForeign},
		"another schema": {"crm.contact.put", schema(t, strings.Replace(personJSON, ": 100", ": 99", 1)).Document([]byte(`{"id":"1","name":"n"}`)), auth.ErrForeign},
		"unknown member": {"crm.contact.put", schema(t, personJSON).Document([]byte(`{"id":"1","name":"n","` + canary + `":1}`)), auth.ErrInvalid},
		"wrong type":     {"crm.contact.put", schema(t, personJSON).Document([]byte(`{"id":1,"name":"n"}`)), auth.ErrInvalid},
		"to none":        {"crm.contact.count", schema(t, personJSON).Document([]byte(`{"id":"1","name":"n"}`)), auth.ErrInvalid},
	} {
		_, err := b.Do(t.Context(), authorize(t, g, c.operation), c.document)
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	r, _ := http.NewRequest("PUT", f.URL+"/contacts/1", nil)
	if _, err := b.Client(authorize(t, g, "crm.contact.put")).Do(r); !errors.Is(err, auth.ErrUndeclared) {
		t.Errorf("a client made a mapped call: %v", err)
	}
	if n := len(f.arrivals()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// TestAnswersAreLabelled: A7. What is not as declared is no answer.
func TestAnswersAreLabelled(t *testing.T) {
	text := ""
	f := bordered(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	g, b := crossed(t, f, &key{})
	for _, c := range []struct {
		text, operation string
		want            error
	}{
		{`{"count": 3}`, "crm.contact.count", nil},
		{`{"count": 3, "` + canary + `": 1}`, "crm.contact.count", auth.ErrInvalid},
		{`{"count": 33}`, "crm.contact.count", auth.ErrInvalid},
		{``, "crm.contact.count", auth.ErrInvalid},
		{`{"count": 33}`, "crm.contact.put", auth.ErrUnknown}, // it was done
	} {
		text = c.text
		document := mapping.Document{}
		if c.operation == "crm.contact.put" {
			document = schema(t, personJSON).Document([]byte(`{"id":"1","name":"n"}`))
		}
		reply, err := b.Do(t.Context(), authorize(t, g, c.operation), document)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.text, err, c.want)
		}
		if _, ok := errors.AsType[*mapping.DataError](err); ok != (c.want != nil) || err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", c.text, err)
		}
		if got := reply.Document.Schema().Title(); (got == "found") != (c.want == nil) {
			t.Errorf("%s: under %q", c.text, got)
		}
	}
}

// TestClientGivesNoDataWithoutItsLabel, in whatever part of an answer it stands: A7.
func TestClientGivesNoDataWithoutItsLabel(t *testing.T) {
	for _, status := range []int{200, 404, 500} {
		f := bordered(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Name", canary)
			w.Header().Set("Location", "/"+canary)
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, canary)
		})
		g, b := crossed(t, f, &key{})
		for _, operation := range []string{"crm.contact.count", "crm.contact.touch"} {
			path := map[string]string{"crm.contact.count": "/count", "crm.contact.touch": "/touch"}[operation]
			response, err := b.Client(authorize(t, g, operation)).Get(f.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(response.Body)
			response.Body.Close()
			if len(raw) > 0 || err != nil || strings.Contains(fmt.Sprint(response.Header), canary) || response.ContentLength > 0 {
				t.Errorf("%s, %d: %q %v %v", operation, status, raw, response.Header, err)
			}
			if response.StatusCode != status || response.Header.Get("Retry-After") != "7" {
				t.Errorf("%s, %d: %d %v", operation, status, response.StatusCode, response.Header)
			}
		}
	}
}

// TestTheLogSaysWhatKindOfDataCrossed, and never which: A21.
func TestTheLogSaysWhatKindOfDataCrossed(t *testing.T) {
	var digests []string
	for range 2 {
		f := bordered(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"count": 0}`) })
		g, b := crossed(t, f, &key{})
		if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.put"), schema(t, personJSON).Document([]byte(`{"id":"1","name":"n"}`))); err != nil {
			t.Fatal(err)
		}
		all := events(t, g.Log(), func(e audit.Event) bool { return e.Use == 1 })
		if len(all) != 1 {
			t.Fatalf("%d outcomes", len(all))
		}
		d := all[0].Data
		if len(d.Mapping) != 64 || d.Class != "internal" || d.Fields != 4 || !slices.Equal(d.Residency, []string{"*"}) || len(d.Digest) != 64 {
			t.Errorf("%+v", d)
		}
		digests = append(digests, d.Digest)
	}
	if digests[0] == digests[1] {
		t.Error("two logs have one digest for the same data: it has no key")
	}
}

func TestBoundaryFindings(t *testing.T) {
	f := bordered(t, func(http.ResponseWriter, *http.Request) {})
	c, err := auth.NewCatalogue("acme", f.system)
	if err != nil {
		t.Fatal(err)
	}
	compile := func(to, text string, d mapping.Destination) *mapping.Mapper {
		m, err := mapping.Compile(schema(t, personJSON), schema(t, to), []byte(text), d)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	elsewhere := c.Destination("crm")
	elsewhere.System = "erp"
	tokened := strings.Replace(contactMapping, `"/id": {"from": "/id"}`, `"/id": {"from": "/id", "do": [{"token.hmac": {"key": "crm/tokens"}}], "on_error": "fail"}`, 1)
	noPath := strings.Replace(contactJSON, `"in": "path"`, `"in": "query"`, 1)
	here := c.Destination("crm")
	strict := processor()
	strict.Clearance.Class = mapping.Public
	const input, output = "/systems/1/operations/5/input", "/systems/1/operations/5/output"
	for name, tt := range map[string]struct {
		self   *auth.System
		mapper *mapping.Mapper
		found  *mapping.Schema
		want   string
	}{
		"no mapping":     {nil, nil, schema(t, foundJSON), "B140 " + input},
		"another system": {nil, compile(contactJSON, contactMapping, elsewhere), schema(t, foundJSON), "B141 " + input},
		"places":         {nil, compile(noPath, contactMapping, here), schema(t, foundJSON), "B142 " + input},
		"no such place":  {nil, compile(strings.Replace(contactJSON, `"in": "query"`, `"in": "filter"`, 1), contactMapping, here), schema(t, foundJSON), "B143 " + input},
		"no schema":      {nil, compile(contactJSON, contactMapping, here), nil, "B144 " + output},
		"not held here":  {&strict, compile(contactJSON, contactMapping, here), schema(t, foundJSON), "B145 " + output},
		"undeclared key": {nil, compile(contactJSON, tokened, here), schema(t, foundJSON), "B146 " + input},
	} {
		self := processor()
		if tt.self != nil {
			self = *tt.self
		}
		c, err := auth.NewCatalogue("acme", self, f.system)
		if err != nil {
			t.Fatal(err)
		}
		o := &auth.BoundaryOptions{Schemas: map[string]*mapping.Schema{}, Mappings: map[string]*mapping.Mapper{}}
		if tt.found != nil {
			o.Schemas["found"] = tt.found
		}
		if tt.mapper != nil {
			o.Mappings["person-to-contact"] = tt.mapper
		}
		_, err = auth.NewBoundary(c, decider(allow), o)
		if findings, _ := errors.AsType[mapping.Findings](err); !has(findings, tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	if _, err := joined(t, f, contactMapping); err == nil || !strings.Contains(err.Error(), "B147") {
		t.Errorf("data without a place to be: %v", err)
	}
}

// TestSubjectsWithoutANameAreDenied: A11, where the decision is made.
func TestSubjectsWithoutANameAreDenied(t *testing.T) {
	for name, c := range map[string]struct {
		subject auth.Subject
		named   bool
	}{
		"table":            {auth.Subject{Table: map[string]string{alice.Issuer + " alice": "a.example"}}, true},
		"another's table":  {auth.Subject{Table: map[string]string{"https://other.example alice": "a.example"}}, false},
		"template":         {auth.Subject{Issuer: alice.Issuer, Template: "{claim}@acme.example"}, true},
		"another's issuer": {auth.Subject{Issuer: "https://other.example", Template: "{claim}@acme.example"}, false},
		"reserved":         {auth.Subject{Issuer: alice.Issuer, Template: "{claim}", Reserved: []string{"ALICE"}}, false},
		"no such claim":    {auth.Subject{Issuer: alice.Issuer, Claim: "oid", Template: "{claim}"}, false},
	} {
		s := crm()
		s.Subject = c.subject
		g := gate(t, decider(allow), s)
		_, err := g.Authorize(t.Context(), admit(t, g), "crm.contact.read")
		explained := g.Explain(t.Context(), admit(t, g), "crm.contact.read").Verdict == auth.Allowed
		denied, _ := errors.AsType[*auth.DeniedError](err)
		if c.named != (err == nil) || c.named != explained || !c.named && (denied == nil || denied.Rule != "subject") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// asked is a Translator that keeps what it was asked for, and performs.
type asked struct {
	need    auth.Need
	perform func(context.Context, auth.Grant, mapping.Record) ([]byte, error)
}

func (a *asked) Translate(_ context.Context, n auth.Need) (auth.Material, error) {
	a.need = n
	if a.perform == nil {
		return applied{&key{}, time.Now().Add(time.Minute)}, nil
	}
	return performing{a}, nil
}

type performing struct{ of *asked }

func (performing) Expires() time.Time { return time.Now().Add(time.Minute) }
func (performing) Credential() string { return "l-test" }
func (p performing) Perform(ctx context.Context, g auth.Grant, r mapping.Record) ([]byte, error) {
	return p.of.perform(ctx, g, r)
}

func TestTranslatorsGetWhatIsDeclaredAndNoMore(t *testing.T) {
	f := farSide(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}
	})
	f.system.Endpoints = map[string]string{"token": f.URL + "/token"}
	f.system.Subject = auth.Subject{Issuer: alice.Issuer, Template: "{claim}@acme.example"}
	a := &asked{}
	g, b := broker(t, f, a)
	if _, err := b.Do(t.Context(), authorize(t, g, "crm.contact.touch"), mapping.Document{}); err != nil {
		t.Fatal(err)
	}
	token := ""
	_ = a.need.Token.Use(func(b []byte) error { token = string(b); return nil })
	if a.need.Name != "alice@acme.example" || token != "test" || a.need.TLS.ServerName != "127.0.0.1" {
		t.Errorf("%q %q %q", a.need.Name, token, a.need.TLS.ServerName)
	}
	before := len(f.arrivals())
	for _, url := range []string{"/", "/token/", "/token?x=1", "/token#x", "/elsewhere"} {
		if _, err := a.need.Client.Post(f.URL+url, "text/plain", strings.NewReader(canary)); err == nil {
			t.Errorf("%s was called", url)
		}
	}
	response, err := a.need.Client.Post(f.URL+"/token", "text/plain", strings.NewReader(canary))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusTemporaryRedirect || len(f.arrivals()) != before+1 {
		t.Errorf("status %d, %d requests", response.StatusCode, len(f.arrivals())-before)
	}
	conn, err := a.need.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := g.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.need.Dial(t.Context()); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("dialled by a frozen gate: %v", err)
	}
	if _, err := a.need.Client.Get(f.URL + "/token"); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("called by a frozen gate: %v", err)
	}
}

// directory is a system whose material makes the calls.
func directory(t *testing.T, perform func(context.Context, auth.Grant, mapping.Record) ([]byte, error)) (*auth.Gate, *auth.Broker) {
	t.Helper()
	s := auth.System{
		Name: "directory", Kind: auth.KindDirectory, Origin: "ldaps://127.0.0.1", Private: []string{"127.0.0.0/8"},
		Operations: []auth.Operation{
			{Name: "directory.entry.read", Method: "search", Base: "o=acme", Attributes: []string{"uid"}, Output: "found", Effect: auth.ReadOnly},
			{Name: "directory.entry.drop", Method: "delete", Base: "uid=x,o=acme", Effect: auth.Idempotent},
		},
	}
	c, err := auth.NewCatalogue("acme", processor(), s)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := auth.NewBoundary(c, decider(allow), &auth.BoundaryOptions{Schemas: map[string]*mapping.Schema{"found": schema(t, foundJSON)}})
	if err != nil {
		t.Fatal(err)
	}
	g := authtest.Gate(t, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	b, err := auth.NewBroker(g, auth.Translators{"directory": &asked{perform: perform}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	return g, b
}

func TestPerformers(t *testing.T) {
	for name, c := range map[string]struct {
		operation string
		answer    string
		err       error
		want      error
	}{
		"answers":          {"directory.entry.read", `{"count": 1}`, nil, nil},
		"answers unasked":  {"directory.entry.drop", `{"count": 1}`, nil, nil},
		"answers nothing":  {"directory.entry.drop", "", nil, nil},
		"answers wrongly":  {"directory.entry.read", `{"count": "1"}`, nil, auth.ErrInvalid},
		"does not answer":  {"directory.entry.read", "", nil, auth.ErrInvalid},
		"denied":           {"directory.entry.drop", "", auth.ErrDenied, auth.ErrDenied},
		"with a status":    {"directory.entry.drop", "", &auth.FailedError{Side: auth.ErrThrottled, System: canary, Status: 51, RetryAfter: time.Second}, auth.ErrThrottled},
		"with no status":   {"directory.entry.drop", "", &auth.FailedError{Side: auth.ErrInvalid, Status: -1}, auth.ErrInvalid},
		"says what it saw": {"directory.entry.drop", "", errors.New(canary), auth.ErrUnknown},
		"only read":        {"directory.entry.read", "", errors.New(canary), auth.ErrUnavailable},
	} {
		g, b := directory(t, func(context.Context, auth.Grant, mapping.Record) ([]byte, error) {
			if c.answer == "" {
				return nil, c.err
			}
			return []byte(c.answer), c.err
		})
		reply, err := b.Do(t.Context(), authorize(t, g, c.operation), mapping.Document{})
		if !errors.Is(err, c.want) || c.want == nil && err != nil || err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if strings.Contains(fmt.Sprint(err), "recorded") {
			t.Errorf("%s: %v", name, err)
		}
		if reply.Document.IsZero() != (name != "answers") {
			t.Errorf("%s: an answer that was not declared, or none that was", name)
		}
		if failed, ok := errors.AsType[*auth.FailedError](err); name == "with a status" && (!ok || failed.Status != 51 || failed.RetryAfter != time.Second || failed.System != "directory") {
			t.Errorf("%+v", failed)
		}
		if _, err := b.Client(authorize(t, g, c.operation)).Get("https://127.0.0.1/"); !errors.Is(err, auth.ErrUndeclared) {
			t.Errorf("a client reached a directory: %v", err)
		}
	}
}

// TestPerformersThatForget their context, or panic, end with the caller.
func TestPerformersThatForget(t *testing.T) {
	ended := make(chan struct{})
	defer close(ended)
	g, b := directory(t, func(context.Context, auth.Grant, mapping.Record) ([]byte, error) { <-ended; return nil, nil })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Do(ctx, authorize(t, g, "directory.entry.drop"), mapping.Document{}); !errors.Is(err, auth.ErrUnknown) {
		t.Errorf("forgets: %v", err)
	}
	g, b = directory(t, func(context.Context, auth.Grant, mapping.Record) ([]byte, error) { panic(canary) })
	if _, err := b.Do(t.Context(), authorize(t, g, "directory.entry.drop"), mapping.Document{}); !errors.Is(err, auth.ErrUnknown) {
		t.Errorf("panics: %v", err)
	}
}

// sessions is a Translator whose material says what a redirect means.
type sessions struct{ key }

func (s *sessions) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	m, err := s.key.Translate(ctx, n)
	if err != nil {
		return nil, err
	}
	return session{m.(applied)}, nil
}

type session struct{ applied }

func (session) Refused(r *http.Response) bool { return r.StatusCode == http.StatusFound }

// TestSessionsThatAreGone are not used again, and what may have been done is not done
// again.
func TestSessionsThatAreGone(t *testing.T) {
	f := farSide(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) })
	s := &sessions{}
	g, b := broker(t, f, s)
	for i, c := range []struct {
		operation string
		want      error
	}{{"crm.contact.read", auth.ErrExpired}, {"crm.contact.touch", auth.ErrExpired}, {"crm.contact.touch", auth.ErrExpired}, {"crm.contact.open", auth.ErrUnknown}} {
		_, err := b.Do(t.Context(), authorize(t, g, c.operation), mapping.Document{})
		made, _ := s.counts()
		if !errors.Is(err, c.want) || made != i+1 || len(f.arrivals()) != i+1 {
			t.Errorf("%s: %v, %d sessions, %d requests", c.operation, err, made, len(f.arrivals()))
		}
	}
}

// TestNobodyBringsRecords: a record of another mapper, tenant or destination has no way
// in, because no record has.
func TestNobodyBringsRecords(t *testing.T) {
	record := reflect.TypeFor[mapping.Record]()
	for _, of := range []reflect.Type{
		reflect.TypeFor[*auth.Broker](), reflect.TypeFor[*auth.Gate](), reflect.TypeFor[auth.Grant](), reflect.TypeFor[auth.Principal](),
		reflect.TypeFor[auth.Need](), reflect.TypeFor[*auth.Boundary](),
	} {
		for i := range of.NumMethod() {
			method := of.Method(i)
			for j := range method.Type.NumIn() {
				if method.Type.In(j) == record {
					t.Errorf("%v.%s takes a record", of, method.Name)
				}
			}
		}
	}
}

// TestGrantsThatHaveEndedAreNotMade: a permit or a release may end while a decision is
// made.
func TestGrantsThatHaveEndedAreNotMade(t *testing.T) {
	g := gate(t, decider(func(context.Context, auth.Facts) auth.Decision {
		return auth.Decision{Verdict: auth.Allowed, Rule: "everybody", NotAfter: time.Now().Add(-time.Second)}
	}), crm())
	if grant, err := g.Authorize(t.Context(), admit(t, g), "crm.contact.read"); !errors.Is(err, auth.ErrExpired) || grant.ID() != "" {
		t.Errorf("Authorize = %v", err)
	}
	if n := len(events(t, g.Log(), func(e audit.Event) bool { return e.Grant != "" })); n != 0 {
		t.Errorf("%d grants in the log", n)
	}
}
