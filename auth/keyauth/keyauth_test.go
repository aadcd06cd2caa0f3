package keyauth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/keyauth"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "cAnArY-s3cret-78051120"

// source is a Source whose lease a test can look at.
type source struct {
	fields  map[string]string
	expires time.Time
	err     error
	lease   *auth.Lease
	closed  int
	refused int
}

func (s *source) Lease(_ context.Context, g auth.Grant) (*auth.Lease, error) {
	if s.err != nil {
		return nil, s.err
	}
	if err := g.Live(); err != nil {
		return nil, err
	}
	fields := map[string]auth.Secret{}
	for name, value := range s.fields {
		fields[name] = auth.NewSecret([]byte(value))
	}
	s.lease = auth.NewLease("l-1", fields, &auth.LeaseOptions{
		Expires: s.expires,
		Release: func(context.Context) error { s.closed++; return nil },
		Refuse:  func() { s.refused++ },
	})
	return s.lease, nil
}

func need(t testing.TB) auth.Need {
	t.Helper()
	gate := authtest.Gate(t, authtest.Boundary(t, auth.System{
		Name: "crm", Origin: "https://crm.invalid",
		Operations: []auth.Operation{{Name: "crm.contact.read", Method: "GET", Path: "/", Effect: auth.ReadOnly}},
	}), auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"})})
	return auth.Need{Grant: authtest.Grant(t, gate, "crm.contact.read")}
}

// applied is the headers of a request to which the material was applied.
func applied(t *testing.T, tr auth.Translator, before http.Header) (http.Header, error) {
	t.Helper()
	made, err := tr.Translate(t.Context(), need(t))
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodGet, "https://crm.invalid/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = before
	err = made.(auth.Applier).Apply(r)
	return r.Header, err
}

func TestConformance(t *testing.T) {
	secrets := auth.Constant(map[string]auth.Secret{
		"key": auth.NewSecret([]byte(canary)), "name": auth.NewSecret([]byte("ann")), "password": auth.NewSecret([]byte(canary)),
	})
	for name, tr := range map[string]auth.Translator{
		"header": keyauth.Header{Name: "X-Api-Key", Source: secrets},
		"bearer": keyauth.Header{Name: "Authorization", Prefix: "Bearer ", Source: secrets},
		"basic":  keyauth.Basic{Source: secrets},
	} {
		t.Run(name, func(t *testing.T) {
			authtest.RunTranslator(t, func(*testing.T) (auth.Translator, auth.System) { return tr, auth.System{Name: "crm"} })
		})
	}
}

func TestApply(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tr     auth.Translator
		header string
		want   string
	}{
		{"key", keyauth.Header{Name: "x-api-key", Source: &source{fields: map[string]string{"key": "k 3~y"}}}, "X-Api-Key", "k 3~y"},
		{"bearer", keyauth.Header{Name: "Authorization", Prefix: "Bearer ", Source: &source{fields: map[string]string{"key": "k"}}}, "Authorization", "Bearer k"},
		// RFC 7617, section 2.
		{"basic", keyauth.Basic{Source: &source{fields: map[string]string{"name": "Aladdin", "password": "open sesame"}}}, "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
		{"basic with a colon", keyauth.Basic{Source: &source{fields: map[string]string{"name": "a", "password": "b:c"}}}, "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("a:b:c"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// What was there before, in whatever case, would be sent beside it.
			before := http.Header{tt.header: {"old", "older"}, strings.ToLower(tt.header): {"lower"}, strings.ToUpper(tt.header): {"upper"}, "Accept": {"*/*"}}
			got, err := applied(t, tt.tr, before)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 2 || !slices.Equal(got[tt.header], []string{tt.want}) || got.Get("Accept") != "*/*" {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestApplyWithoutHeaders(t *testing.T) {
	made, err := keyauth.Header{Name: "X-Api-Key", Source: &source{fields: map[string]string{"key": "k"}}}.Translate(t.Context(), need(t))
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{}
	if err := made.(auth.Applier).Apply(r); err != nil || r.Header.Get("X-Api-Key") != "k" {
		t.Errorf("%q, %v", r.Header, err)
	}
}

// TestHeaderInjection: a secret that is more than one header value is refused, and
// not trimmed: a key that was changed is another key.
func TestHeaderInjection(t *testing.T) {
	for _, bad := range []string{
		"k\r\nX-Admin: 1", "k\n", "\nk", "k\r", "k\x00", "\x00", "k\tk", "\x1b", "k\x7f", " k", "k ", " ", "schlüssel", "k\xff", "k\u2028",
	} {
		for name, tr := range map[string]auth.Translator{
			"key":      keyauth.Header{Name: "X-Api-Key", Source: &source{fields: map[string]string{"key": bad}}},
			"prefixed": keyauth.Header{Name: "Authorization", Prefix: "Bearer ", Source: &source{fields: map[string]string{"key": bad}}},
			"name":     keyauth.Basic{Source: &source{fields: map[string]string{"name": bad, "password": "p"}}},
			"password": keyauth.Basic{Source: &source{fields: map[string]string{"name": "n", "password": bad}}},
		} {
			if made, err := tr.Translate(t.Context(), need(t)); err != auth.ErrInvalid || made != nil {
				t.Errorf("%s %q: %v", name, bad, err)
			}
		}
	}
}

func TestRefusedSecrets(t *testing.T) {
	for _, tt := range []struct {
		name    string
		tr      func(auth.Source) auth.Translator
		fields  map[string]string
		wantErr error
	}{
		{"no key", header, map[string]string{"value": "x"}, auth.ErrUndeclared},
		{"empty key", header, map[string]string{"key": ""}, auth.ErrUndeclared},
		{"no fields", header, nil, auth.ErrUndeclared},
		{"no name", basic, map[string]string{"password": "x"}, auth.ErrUndeclared},
		{"no password", basic, map[string]string{"name": "x"}, auth.ErrUndeclared},
		{"empty name", basic, map[string]string{"name": "", "password": "x"}, auth.ErrUndeclared},
		{"empty password", basic, map[string]string{"name": "x", "password": ""}, auth.ErrUndeclared},
		{"colon in the name", basic, map[string]string{"name": "a:b", "password": "x"}, auth.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &source{fields: tt.fields}
			if made, err := tt.tr(s).Translate(t.Context(), need(t)); err != tt.wantErr || made != nil {
				t.Errorf("%v", err)
			}
			if s.closed != 1 {
				t.Errorf("the lease was closed %d times", s.closed)
			}
		})
	}
}

func header(s auth.Source) auth.Translator { return keyauth.Header{Name: "X-Api-Key", Source: s} }
func basic(s auth.Source) auth.Translator  { return keyauth.Basic{Source: s} }

func TestSourceRefuses(t *testing.T) {
	for name, tr := range map[string]func(auth.Source) auth.Translator{"header": header, "basic": basic} {
		t.Run(name, func(t *testing.T) {
			if made, err := tr(&source{err: auth.ErrDenied}).Translate(t.Context(), need(t)); err != auth.ErrDenied || made != nil {
				t.Errorf("%v", err)
			}
			if made, err := tr(&source{}).Translate(t.Context(), auth.Need{}); err != auth.ErrForeign || made != nil {
				t.Errorf("no grant: %v", err)
			}
			if made, err := tr(nothing{}).Translate(t.Context(), need(t)); err != auth.ErrExpired || made != nil {
				t.Errorf("no lease: %v", err)
			}
		})
	}
}

// nothing is a Source that forgets to say why.
type nothing struct{}

// TestNoMaterialWithoutGrant, also where the Source asks for none.
func TestNoMaterialWithoutGrant(t *testing.T) {
	free := fixed{auth.NewLease("l", map[string]auth.Secret{"key": auth.NewSecret([]byte("k"))}, nil)}
	if made, err := header(free).Translate(t.Context(), auth.Need{}); err != auth.ErrForeign || made != nil {
		t.Errorf("%v", err)
	}
}

func (nothing) Lease(context.Context, auth.Grant) (*auth.Lease, error) { return nil, nil }

func TestMaterial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := need(t)
		soon, late := time.Now().Add(time.Minute), time.Now().Add(24*time.Hour)
		for _, tt := range []struct {
			name          string
			expires, want time.Time
		}{
			{"the lease's end", soon, soon},
			{"the grant's, without one", time.Time{}, n.Grant.NotAfter()},
			{"the grant's, before it", late, n.Grant.NotAfter()},
		} {
			for _, tr := range []func(auth.Source) auth.Translator{header, basic} {
				s := &source{fields: map[string]string{"key": "k", "name": "n", "password": "p"}, expires: tt.expires}
				made, err := tr(s).Translate(t.Context(), n)
				if err != nil {
					t.Fatal(err)
				}
				if !made.Expires().Equal(tt.want) || made.Credential() != "l-1" {
					t.Errorf("%s: %v, %q", tt.name, made.Expires(), made.Credential())
				}
				if err := made.(interface{ Close(context.Context) error }).Close(t.Context()); err != nil || s.closed != 1 {
					t.Errorf("%s: closed %d times, %v", tt.name, s.closed, err)
				}
			}
		}
	})
}

// TestNoKeyAfterTheLease: material that is still held applies nothing.
func TestNoKeyAfterTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := need(t)
		ends := &source{fields: map[string]string{"key": "k", "name": "n", "password": "p"}, expires: time.Now().Add(time.Minute)}
		for name, end := range map[string]func(){
			"closed": func() { _ = ends.lease.Close(t.Context()) },
			"ended":  func() { time.Sleep(time.Minute) },
		} {
			for _, tr := range []func(auth.Source) auth.Translator{header, basic} {
				ends.expires = time.Now().Add(time.Minute)
				made, err := tr(ends).Translate(t.Context(), n)
				if err != nil {
					t.Fatal(err)
				}
				end()
				r, _ := http.NewRequest(http.MethodGet, "https://crm.invalid/", nil)
				if err := made.(auth.Applier).Apply(r); err != auth.ErrExpired || len(r.Header) != 0 {
					t.Errorf("%s: %q, %v", name, r.Header, err)
				}
			}
		}
	})
}

func TestCheck(t *testing.T) {
	s := &source{}
	for name, h := range map[string]keyauth.Header{
		"usual":      {Name: "X-Api-Key", Source: s},
		"lower case": {Name: "x-api-key", Source: s},
		"underscore": {Name: "api_key", Source: s},
		"prefix":     {Name: "Authorization", Prefix: "Bearer ", Source: s},
	} {
		if err := h.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := map[string]keyauth.Header{
		"zero":                  {},
		"no source":             {Name: "X-Api-Key"},
		"no name":               {Source: s},
		"prefix with a newline": {Name: "Authorization", Prefix: "Bearer\r\n", Source: s},
		"prefix with a space":   {Name: "Authorization", Prefix: " Bearer", Source: s},
		"prefix not in ASCII":   {Name: "Authorization", Prefix: "Schlüssel ", Source: s},
	}
	for _, name := range []string{
		"Host", "host", "Cookie", "Set-Cookie", "Content-Length", "content-type", "Transfer-Encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade",
		"Expect", "Proxy-Authorization", "PROXY-CONNECTION", "Proxy-", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via", "Idempotency-Key",
		"X-HTTP-Method-Override", "If-Match", "Sec-WebSocket-Key", "X-Api-Key:", "X Api Key", "X-Api-Key\r\nHost", "X-Schlüssel", ":authority", "X-Api-Key\x00", "(x)",
	} {
		bad[name] = keyauth.Header{Name: name, Source: s}
	}
	for name, h := range bad {
		if err := h.Check(); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
		if made, err := h.Translate(t.Context(), auth.Need{}); err != auth.ErrInvalid || made != nil {
			t.Errorf("%q translates: %v", name, err)
		}
	}
	if err := (keyauth.Basic{}).Check(); !errors.Is(err, auth.ErrInvalid) {
		t.Error(err)
	}
	if made, err := (keyauth.Basic{}).Translate(t.Context(), auth.Need{}); err != auth.ErrInvalid || made != nil {
		t.Error(err)
	}
	if err := (keyauth.Basic{Source: s}).Check(); err != nil {
		t.Error(err)
	}
}

// TestNothingPrintsTheKey: translators and material stand in configuration and logs.
func TestNothingPrintsTheKey(t *testing.T) {
	secrets := auth.Constant(map[string]auth.Secret{
		"key": auth.NewSecret([]byte(canary)), "name": auth.NewSecret([]byte("ann")), "password": auth.NewSecret([]byte(canary)),
	})
	forms := []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), strings.Trim(fmt.Sprint([]byte(canary)), "[]"),
		base64.StdEncoding.EncodeToString([]byte("ann:" + canary)), base64.StdEncoding.EncodeToString([]byte(canary))}
	for _, tr := range []auth.Translator{header(secrets), basic(secrets)} {
		made, err := tr.Translate(t.Context(), need(t))
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest(http.MethodGet, "https://crm.invalid/", nil)
		if err := made.(auth.Applier).Apply(r); err != nil {
			t.Fatal(err)
		}
		for _, v := range []any{tr, made, &tr, struct{ m auth.Material }{made}, struct{ t auth.Translator }{tr}, auth.Translators{"crm": tr}} {
			var out bytes.Buffer
			for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %c %U %o %t %p %w") {
				fmt.Fprintf(&out, verb, v)
			}
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
			encoded, err := json.Marshal(v)
			fmt.Fprintf(&out, "%s %v", encoded, err)
			for _, form := range forms {
				if strings.Contains(out.String(), form) {
					t.Errorf("%T shows the key", v)
				}
			}
		}
	}
}

func BenchmarkApply(b *testing.B) {
	lease := auth.NewLease("l", map[string]auth.Secret{"key": auth.NewSecret([]byte(canary))}, nil)
	made, err := keyauth.Header{Name: "X-Api-Key", Source: fixed{lease}}.Translate(b.Context(), need(b))
	if err != nil {
		b.Fatal(err)
	}
	r, _ := http.NewRequest(http.MethodGet, "https://crm.invalid/", nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := made.(auth.Applier).Apply(r); err != nil {
			b.Fatal(err)
		}
	}
}

type fixed struct{ lease *auth.Lease }

func (f fixed) Lease(context.Context, auth.Grant) (*auth.Lease, error) { return f.lease, nil }

func Example() {
	source := auth.Constant(map[string]auth.Secret{"key": auth.NewSecret([]byte("k3y"))})
	crm := keyauth.Header{Name: "X-Api-Key", Source: source}
	fmt.Println(crm.Check(), keyauth.Header{Name: "Host", Source: source}.Check())

	// A Broker translates, under the grant of the call.
	_, err := crm.Translate(context.Background(), auth.Need{})
	fmt.Println(err)
	// Output:
	// <nil> auth: invalid: Header.Name is not a header that may hold a key
	// auth: foreign
}

// TestRefused: 401 is about the key, and anything else about the call.
func TestRefused(t *testing.T) {
	s := &source{fields: map[string]string{"key": canary}}
	made, err := keyauth.Header{Name: "X-Api-Key", Source: s}.Translate(t.Context(), need(t))
	if err != nil {
		t.Fatal(err)
	}
	judge := made.(interface{ Refused(*http.Response) bool })
	for _, status := range []int{200, 302, 400, 403, 404, 407, 429, 500, 503} {
		if judge.Refused(&http.Response{StatusCode: status}) || s.refused != 0 {
			t.Errorf("%d refuses the key", status)
		}
	}
	if !judge.Refused(&http.Response{StatusCode: 401}) || s.refused != 1 {
		t.Errorf("401: the lease was told %d times", s.refused)
	}
}
