package awsvault_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/awsvault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

func TestConformance(t *testing.T) {
	vaulttest.Run(t, func(t *testing.T) vault.Backend {
		f := start(t)
		f.put("prod/test/secret", "test")
		return f.vault(t, &awsvault.Options{Prefix: "prod/"})
	})
}

// has says whether exactly these fields were issued.
func has(issued vault.Issued, want map[string]string) bool {
	if len(issued.Fields) != len(want) || issued.ID != "" || issued.TTL != 0 || issued.ParentTTL != 0 {
		return false
	}
	for name, value := range want {
		if got, ok := issued.Fields[name]; !ok || !got.Equal([]byte(value)) && value != "" {
			return false
		}
	}
	return true
}

func TestFields(t *testing.T) {
	one := func(value string) map[string]string { return map[string]string{"value": value} }
	for _, tt := range []struct {
		text string
		want map[string]string
	}{
		{"k3y", one("k3y")},
		{`{"username":"u","password":"p"}`, map[string]string{"username": "u", "password": "p"}},
		{` { "password" : "a\"b\n\u00e9" } ` + "\n", map[string]string{"password": "a\"b\né"}},
		{`{"host":"db","port":3306,"big":12345678901234567890,"exp":1e3}`, map[string]string{"host": "db", "port": "3306", "big": "12345678901234567890", "exp": "1e3"}},
		{`{"password":"","user":"u"}`, map[string]string{"password": "", "user": "u"}},
		{`{"a":"1","a":"2"}`, one(`{"a":"1","a":"2"}`)},
		{`{"a":"1","\u0061":"2"}`, one(`{"a":"1","\u0061":"2"}`)},
		{`{"a":"\ud800"}`, one(`{"a":"\ud800"}`)},
		{`{"a":{"b":"c"}}`, one(`{"a":{"b":"c"}}`)},
		{`{"a":["b"]}`, one(`{"a":["b"]}`)},
		{`{"a":null}`, one(`{"a":null}`)},
		{`{"a":true}`, one(`{"a":true}`)},
		{`{}`, one(`{}`)},
		{`[]`, one(`[]`)},
		{`["a","b"]`, one(`["a","b"]`)},
		{`"k3y"`, one(`"k3y"`)},
		{`4711`, one(`4711`)},
		{`{"a":"b"`, one(`{"a":"b"`)},
		{`{"a":"b"}}`, one(`{"a":"b"}}`)},
		{`{"a":"b"} {"c":"d"}`, one(`{"a":"b"} {"c":"d"}`)},
		{`{"a":"b",}`, one(`{"a":"b",}`)},
		{`{"a"`, one(`{"a"`)},
		{`{a:"b"}`, one(`{a:"b"}`)},
		{" k3y \n", one(" k3y \n")},
		{"-----BEGIN KEY-----\nAAAA\n", one("-----BEGIN KEY-----\nAAAA\n")},
	} {
		f := start(t)
		version := f.put("crm/api", tt.text)
		issued, err := f.vault(t, nil).Issue(t.Context(), "crm/api")
		if err != nil || !has(issued, tt.want) || issued.Version != version {
			t.Errorf("%s: %v, %q, %v", tt.text, slices.Sorted(maps.Keys(issued.Fields)), issued.Version, err)
		}
	}
}

func TestBinary(t *testing.T) {
	f := start(t)
	f.secrets["tls/key"] = &stored{binary: map[string][]byte{"v1": {0, 1, 0xff}}, stages: map[string]string{"AWSCURRENT": "v1"}}
	f.secrets["tls/json"] = &stored{binary: map[string][]byte{"v1": []byte(`{"a":"b"}`)}, stages: map[string]string{"AWSCURRENT": "v1"}}
	b := f.vault(t, &awsvault.Options{Field: "key"})
	for path, want := range map[string]string{"tls/key": "\x00\x01\xff", "tls/json": `{"a":"b"}`} {
		issued, err := b.Issue(t.Context(), path)
		if err != nil || !has(issued, map[string]string{"key": want}) {
			t.Errorf("%s: %v", path, err)
		}
		if a := b.IssueAll(t.Context(), []string{path})[path]; a.Err != nil || !has(a.Issued, map[string]string{"key": want}) {
			t.Errorf("%s among others: %v", path, a.Err)
		}
	}
}

// TestPrefix: a path is asked for below it, and what is not asked for is another secret.
func TestPrefix(t *testing.T) {
	f := start(t)
	f.put("Prod/eu+crm/api", "right")
	f.put("crm/api", "wrong")
	b := f.vault(t, &awsvault.Options{Prefix: "Prod/eu+"})
	issued, err := b.Issue(t.Context(), "crm/api")
	if err != nil || !has(issued, map[string]string{"value": "right"}) {
		t.Error(err)
	}
	before := len(f.seen())
	for _, path := range []string{"", "..", "../crm/api", "crm/../api", "CRM/API", "crm/api?x", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:crm", "crm/api\n", strings.Repeat("a", 256)} {
		if _, err := b.Issue(t.Context(), path); err != auth.ErrUndeclared {
			t.Errorf("%q: %v", path, err)
		}
	}
	if n := len(f.seen()); n != before {
		t.Errorf("%d requests for what is no path", n-before)
	}
}

// TestStages: nothing but what is current is issued, however the answer came about.
func TestStages(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stages any
		want   error
	}{
		{"current", []string{"AWSCURRENT"}, nil},
		{"rotation has ended", []string{"AWSPENDING", "AWSCURRENT"}, nil},
		{"pending", []string{"AWSPENDING"}, auth.ErrUnavailable},
		{"previous", []string{"AWSPREVIOUS"}, auth.ErrUnavailable},
		{"none", []string{}, auth.ErrUnavailable},
		{"not said", nil, auth.ErrUnavailable},
		{"another case", []string{"awscurrent"}, auth.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t)
			entry := map[string]any{"Name": "crm/api", "VersionId": "v1", "SecretString": canary, "VersionStages": tt.stages}
			f.hook = func(w http.ResponseWriter, r *http.Request, target string) {
				if strings.HasSuffix(target, "BatchGetSecretValue") {
					reply(w, http.StatusOK, map[string]any{"SecretValues": []any{entry}})
					return
				}
				reply(w, http.StatusOK, entry)
			}
			b := f.vault(t, nil)
			issued, err := b.Issue(t.Context(), "crm/api")
			a := b.IssueAll(t.Context(), []string{"crm/api"})["crm/api"]
			for _, got := range []awsvault.Answer{{Issued: issued, Err: err}, a} {
				if got.Err != tt.want || (got.Issued.Fields != nil) != (tt.want == nil) {
					t.Errorf("%v, %v", got.Issued, got.Err)
				}
			}
		})
	}
}

// TestStageIsSwitched between two calls: each asks for AWSCURRENT, and gets what that is.
func TestStageIsSwitched(t *testing.T) {
	f := start(t)
	first := f.put("crm/api", "old")
	b := f.vault(t, nil)
	want := func(version, value string) {
		t.Helper()
		issued, err := b.Issue(t.Context(), "crm/api")
		if err != nil || issued.Version != version || !has(issued, map[string]string{"value": value}) {
			t.Errorf("%q, %v", issued.Version, err)
		}
	}
	want(first, "old")
	second := f.stage("crm/api", "new", "AWSPENDING")
	want(first, "old")
	f.secrets["crm/api"].stages = map[string]string{"AWSPENDING": second, "AWSCURRENT": second, "AWSPREVIOUS": first}
	want(second, "new")
	delete(f.secrets["crm/api"].stages, "AWSCURRENT")
	if _, err := b.Issue(t.Context(), "crm/api"); err != auth.ErrUndeclared {
		t.Errorf("no current version: %v", err)
	}
	for _, r := range f.seen() {
		if r.body != `{"SecretId":"crm/api","VersionStage":"AWSCURRENT"}` {
			t.Errorf("asked for %s", r.body)
		}
	}
}

func TestDeleted(t *testing.T) {
	f := start(t)
	f.put("crm/api", "k3y")
	b := f.vault(t, nil)
	f.secrets["crm/api"].deleted = true
	if _, err := b.Issue(t.Context(), "crm/api"); err != auth.ErrUndeclared {
		t.Error(err)
	}
	if a := b.IssueAll(t.Context(), []string{"crm/api"})["crm/api"]; a.Err != auth.ErrUndeclared {
		t.Error(a.Err)
	}
}

// garbage is what may stand in an answer; the canary is its first argument, and the name
// that was asked for its second.
var garbage = map[string]string{
	"other name":     `{"Name":"%[1]s","VersionId":"v","VersionStages":["AWSCURRENT"],"SecretString":"%[2]s"}`,
	"no name":        `{"VersionId":"v","VersionStages":["AWSCURRENT"],"SecretString":"%[1]s","X":"%[2]s"}`,
	"no version":     `{"Name":"%[2]s","VersionStages":["AWSCURRENT"],"SecretString":"%[1]s"}`,
	"long version":   `{"Name":"%[2]s","VersionId":"%[1]sxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","VersionStages":["AWSCURRENT"],"SecretString":"s"}`,
	"no value":       `{"Name":"%[2]s","VersionId":"%[1]s","VersionStages":["AWSCURRENT"]}`,
	"empty value":    `{"Name":"%[2]s","VersionId":"%[1]s","VersionStages":["AWSCURRENT"],"SecretString":"","SecretBinary":""}`,
	"two values":     `{"Name":"%[2]s","VersionId":"v","VersionStages":["AWSCURRENT"],"SecretString":"%[1]s","SecretBinary":"AAAA"}`,
	"wrong types":    `{"Name":"%[2]s","VersionId":1,"VersionStages":"AWSCURRENT","SecretString":["%[1]s"]}`,
	"no base64":      `{"Name":"%[2]s","VersionId":"v","VersionStages":["AWSCURRENT"],"SecretBinary":"%[1]s!"}`,
	"null":           `null%.0[1]s%.0[2]s`,
	"empty":          `{}%.0[1]s%.0[2]s`,
	"nothing":        `%.0[1]s%.0[2]s`,
	"array":          `["%[1]s","%[2]s"]`,
	"HTML":           `<html>%[1]s%[2]s</html>`,
	"half":           `{"Name":"%[2]s","SecretString":"%[1]s`,
	"wrong batch":    `{"SecretValues":{"%[1]s":"%[2]s"},"Errors":"%[1]s"}`,
	"null in batch":  `{"SecretValues":[null],"Errors":[null],"X":"%[1]s%[2]s"}`,
	"string in list": `{"SecretValues":["%[1]s"],"Errors":["%[2]s"]}`,
}

func TestGarbage(t *testing.T) {
	for name, raw := range garbage {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			f.hook = func(w http.ResponseWriter, _ *http.Request, _ string) { _, _ = fmt.Fprintf(w, raw, canary, "crm/api") }
			b := f.vault(t, nil)
			issued, err := b.Issue(t.Context(), "crm/api")
			if err != auth.ErrInvalid || issued.Fields != nil {
				t.Errorf("%v, %v", issued, err)
			}
			a := b.IssueAll(t.Context(), []string{"crm/api"})["crm/api"]
			if !errors.Is(a.Err, auth.ErrInvalid) && !errors.Is(a.Err, auth.ErrUndeclared) || a.Issued.Fields != nil {
				t.Errorf("among others: %v, %v", a.Issued, a.Err)
			}
			if n := len(f.seen()); n != 2 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// endless writes an answer that never ends.
func endless(w http.ResponseWriter, _ *http.Request, _ string) { pour(w, `{"Name":"`, "x") }

// pour writes a beginning, and then one character until nobody reads any more; it says how
// often.
func pour(w http.ResponseWriter, begin, then string) (n int) {
	_, _ = w.Write([]byte(begin))
	block := []byte(strings.Repeat(then, 64<<10))
	for {
		if _, err := w.Write(block); err != nil {
			return n
		}
		n += len(block)
	}
}

func TestHugeAnswer(t *testing.T) {
	f := start(t)
	b := f.vault(t, nil)
	const good = `{"Name":"crm/api","VersionId":"v","VersionStages":["AWSCURRENT"],"SecretString":"s"}`
	for name, begin := range map[string][2]string{
		"a string": {`{"Name":"crm/api","SecretString":"`, "x"}, "spaces after an answer": {good, " "}, "lists": {`{"VersionStages":`, "["},
	} {
		poured := make(chan int, 1)
		f.hook = func(w http.ResponseWriter, _ *http.Request, _ string) { poured <- pour(w, begin[0], begin[1]) }
		if issued, err := b.Issue(t.Context(), "crm/api"); err != auth.ErrInvalid || issued.Fields != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := <-poured; n > 32<<20 {
			t.Errorf("%s: %d bytes were taken", name, n)
		}
	}
	f.hook = func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("X-Long", strings.Repeat("x", 128<<10))
	}
	if _, err := b.Issue(t.Context(), "crm/api"); err != auth.ErrUnavailable {
		t.Errorf("long header: %v", err)
	}
	f.hook = nil
	value := strings.Repeat("\x01", 64<<10) // the longest there is, each byte escaped
	f.put("crm/api", value)
	if issued, err := b.Issue(t.Context(), "crm/api"); err != nil || !has(issued, map[string]string{"value": value}) {
		t.Errorf("the longest secret: %v", err)
	}
}

// TestRedirect: nobody else is asked, with or without credentials.
func TestRedirect(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		f := start(t)
		f.hook = func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Location", other.URL+"/?x="+canary)
			w.WriteHeader(status)
		}
		f.login = func(w http.ResponseWriter, _ *http.Request) { f.hook(w, nil, "") }
		for _, c := range []awsvault.Credentials{static(), {WebIdentity: f.identity(&counted{})}} {
			given := &http.Client{Transport: &http.Transport{}, CheckRedirect: nil}
			for _, o := range []*awsvault.Options{nil, {HTTPClient: given}} {
				if _, err := f.with(t, c, o).Issue(t.Context(), "crm/api"); err != auth.ErrInvalid {
					t.Errorf("%d: %v", status, err)
				}
			}
			given.CloseIdleConnections()
		}
		if n := len(f.seen()); n != 4 {
			t.Errorf("%d: %d requests", status, n)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests elsewhere", n)
	}
}

// TestContext: every wait ends with its caller's.
func TestContext(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	hang := func(_ http.ResponseWriter, r *http.Request, _ string) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}
	slow := func(w http.ResponseWriter, r *http.Request, target string) {
		_, _ = w.Write([]byte(`{"Name":`))
		_ = http.NewResponseController(w).Flush()
		hang(w, r, target)
	}
	stuck := tokens{err: auth.ErrUnavailable, do: func(context.Context) { <-release }}
	for name, try := range map[string]struct {
		hook   func(http.ResponseWriter, *http.Request, string)
		source awsvault.Tokens // nil: keys
	}{
		"no answer": {hang, nil}, "half an answer": {slow, nil}, "STS hangs": {nil, &counted{}}, "the token hangs": {nil, stuck},
	} {
		f := start(t)
		f.hook = try.hook
		f.login = func(w http.ResponseWriter, r *http.Request) { hang(w, r, "") }
		c := static()
		if try.source != nil {
			c = awsvault.Credentials{WebIdentity: f.identity(try.source)}
		}
		b := f.with(t, c, nil)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		ending, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		for want, ctx := range map[error]context.Context{context.Canceled: ended, context.DeadlineExceeded: ending} {
			began := time.Now()
			issued, err := b.Issue(ctx, "crm/api")
			a := b.IssueAll(ctx, []string{"crm/api"})["crm/api"]
			for _, err := range []error{err, a.Err} {
				if !errors.Is(err, want) || !errors.Is(err, auth.ErrUnavailable) {
					t.Errorf("%s: %v, want %v", name, err, want)
				}
			}
			if issued.Fields != nil || a.Issued.Fields != nil || time.Since(began) > 10*time.Second {
				t.Errorf("%s: after %v", name, time.Since(began))
			}
		}
	}
	f := start(t)
	f.hook = hang
	b := f.vault(t, &awsvault.Options{HTTPClient: &http.Client{Timeout: 100 * time.Millisecond}})
	if _, err := b.Issue(t.Context(), "crm/api"); err != auth.ErrUnavailable {
		t.Errorf("the client's own time: %v", err)
	}
}

// TestContextValuesStayOutside: a client trace would see the authorization.
func TestContextValuesStayOutside(t *testing.T) {
	f := start(t)
	f.put("crm/api", "k3y")
	var traced atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GetConn: func(string) { traced.Add(1) }, WroteHeaderField: func(string, []string) { traced.Add(1) },
	})
	b := f.with(t, awsvault.Credentials{WebIdentity: f.identity(&counted{})}, nil)
	_, err := b.Issue(ctx, "crm/api")
	a := b.IssueAll(ctx, []string{"crm/api"})["crm/api"]
	if err != nil || a.Err != nil || traced.Load() != 0 {
		t.Errorf("%v, %v, %d", err, a.Err, traced.Load())
	}
}

// TestBindNoticesARotation: a new VersionId is what makes vault.Bind build anew.
func TestBindNoticesARotation(t *testing.T) {
	f := start(t)
	f.put("self/db", "old")
	log := authtest.Log(t)
	v, err := vault.New(log, f.vault(t, nil), &vault.Options{Own: []string{"self/db"}})
	if err != nil {
		t.Fatal(err)
	}
	bound, err := vault.Bind(t.Context(), v.Own("self/db"), func(_ context.Context, lease *auth.Lease) (string, error) {
		s, err := lease.Secret("value")
		if err != nil {
			return "", err
		}
		var built string
		return built, s.Use(func(b []byte) error { built = string(b); return nil })
	}, &vault.BindOptions[string]{Every: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(bound.Close(t.Context()), v.Close(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	changed := bound.Changed()
	f.put("self/db", "new")
	select {
	case <-changed:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was noticed")
	}
	value, done, err := bound.Get(t.Context())
	if err != nil || value != "new" {
		t.Fatalf("%q, %v", value, err)
	}
	done()
}
