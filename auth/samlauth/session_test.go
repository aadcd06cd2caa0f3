package samlauth_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/samlauth"
	"github.com/carnet-go/carnet/internal/netguard"
)

// TestConformance, for a caller whose time of login is known: the suite's own has none.
func TestConformance(t *testing.T) {
	var g auth.Grant
	fill := func(n *auth.Need) { *n = need(g, "ADA", opens()) }
	authtest.RunTranslatorWith(t, fill, func(t *testing.T) (auth.Translator, auth.System) {
		g = grant(t, erp(), alice())
		return session(signing(p256Key())), erp()
	})
}

func TestNeeds(t *testing.T) {
	key, g := signing(p256Key()), grant(t, erp(), alice())
	elsewhere := erp()
	elsewhere.Endpoints = map[string]string{"token": origin + "/token"}
	for name, tt := range map[string]struct {
		s       samlauth.Session
		n       auth.Need
		wantErr error
	}{
		"nothing":         {samlauth.Session{}, auth.Need{}, auth.ErrInvalid},
		"no grant":        {session(key), need(auth.Grant{}, "ADA", opens()), auth.ErrForeign},
		"not complete":    {samlauth.Session{Issuer: entity}, need(g, "ADA", opens()), auth.ErrInvalid},
		"no endpoint acs": {session(key), need(grant(t, elsewhere, alice()), "ADA", opens()), auth.ErrUndeclared},
		"no client":       {session(key), auth.Need{Grant: g, Name: "ADA"}, auth.ErrUndeclared},
	} {
		if made, err := tt.s.Translate(t.Context(), tt.n); err != tt.wantErr || made != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if leased, _ := key.counts(); leased != 0 {
		t.Errorf("the key was leased %d times", leased)
	}
}

func TestCheck(t *testing.T) {
	good := session(signing(p256Key()))
	good.InsecureAnyCookie = false
	good.Cookies, good.RelayState, good.NameFormat = []string{"__Host-sid", "JSESSIONID"}, "/start?x=1", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	for name, s := range map[string]samlauth.Session{
		"usual": {Issuer: entity, Key: good.Key, Cookies: []string{"sid"}}, "all": good, "urn": {Issuer: "urn:acme:idp", Key: good.Key, InsecureAnyCookie: true},
	} {
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, spoil := range map[string]func(*samlauth.Session){
		"zero":                       func(s *samlauth.Session) { *s = samlauth.Session{} },
		"no issuer":                  func(s *samlauth.Session) { s.Issuer = "" },
		"an issuer that is no URI":   func(s *samlauth.Session) { s.Issuer = "acme" },
		"an issuer with a space":     func(s *samlauth.Session) { s.Issuer = "https://acme .example" },
		"an issuer with a newline":   func(s *samlauth.Session) { s.Issuer = "https://acme.example\n" },
		"an issuer that is too long": func(s *samlauth.Session) { s.Issuer = "urn:" + strings.Repeat("x", 1024) },
		"no key":                     func(s *samlauth.Session) { s.Key = nil },
		"a weak signer":              func(s *samlauth.Session) { s.Signer = must(rsa.GenerateKey(rand.Reader, 1024)) },
		"a transient format":         func(s *samlauth.Session) { s.NameFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" },
		"a format of nothing":        func(s *samlauth.Session) { s.NameFormat = "persistent" },
		"an acr without an issuer":   func(s *samlauth.Session) { s.Contexts = map[string]string{gold: mfa} },
		"an issuer without an acr":   func(s *samlauth.Session) { s.Contexts = map[string]string{issuer + " ": mfa} },
		"an acr alone":               func(s *samlauth.Session) { s.Contexts = map[string]string{" " + gold: mfa} },
		"two acrs":                   func(s *samlauth.Session) { s.Contexts = map[string]string{issuer + " a b": mfa} },
		"a class that is no URI":     func(s *samlauth.Session) { s.Contexts = map[string]string{issuer + " a": "MFA"} },
		"an empty class":             func(s *samlauth.Session) { s.Contexts = map[string]string{issuer + " a": ""} },
		"no cookies":                 func(s *samlauth.Session) { s.Cookies = nil },
		"some and any":               func(s *samlauth.Session) { s.InsecureAnyCookie = true },
		"a cookie without a name":    func(s *samlauth.Session) { s.Cookies = []string{""} },
		"a cookie that is two":       func(s *samlauth.Session) { s.Cookies = []string{"a;b"} },
		"a cookie of another script": func(s *samlauth.Session) { s.Cookies = []string{"é"} },
		"a long RelayState":          func(s *samlauth.Session) { s.RelayState = strings.Repeat("x", 81) },
		"a RelayState of two lines":  func(s *samlauth.Session) { s.RelayState = "a\r\nb" },
		"a RelayState not in ASCII":  func(s *samlauth.Session) { s.RelayState = "é" },
	} {
		s := good
		spoil(&s)
		if err := s.Check(); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if made, err := s.Translate(t.Context(), auth.Need{}); err != auth.ErrInvalid || made != nil {
			t.Errorf("%s translates: %v", name, err)
		}
	}
}

func TestFits(t *testing.T) {
	s := session(signing(p256Key()))
	for name, change := range map[string]func(*auth.System){
		"usual":             func(*auth.System) {},
		"said api":          func(y *auth.System) { y.Kind = auth.KindAPI },
		"another port":      func(y *auth.System) { y.Endpoints["acs"] = "https://erp.acme.example:8443/acs" },
		"a sign-in host":    func(y *auth.System) { y.Endpoints["acs"] = "https://login.acme.example/acs" },
		"a template":        func(y *auth.System) { y.Subject = auth.Subject{Issuer: issuer, Template: "u-{claim}"} },
		"pairwise ids":      func(y *auth.System) { y.Subject = auth.Subject{Issuer: issuer, Pairwise: "erp/pairwise"} },
		"the host's parent": func(y *auth.System) { y.Endpoints["acs"] = "https://acme.example/acs" },
	} {
		system := erp()
		change(&system)
		if err := s.Fits(system); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, tt := range map[string]struct {
		change  func(*auth.System)
		wantErr error
	}{
		"a directory":         {func(y *auth.System) { y.Kind, y.Origin = auth.KindDirectory, "ldaps://erp.acme.example" }, auth.ErrInvalid},
		"no endpoints":        {func(y *auth.System) { y.Endpoints = nil }, auth.ErrUndeclared},
		"another endpoint":    {func(y *auth.System) { y.Endpoints = map[string]string{"token": acsURL} }, auth.ErrUndeclared},
		"no origin":           {func(y *auth.System) { y.Origin = "" }, auth.ErrUndeclared},
		"nobody has a name":   {func(y *auth.System) { y.Subject = auth.Subject{Undated: true} }, auth.ErrUndeclared},
		"another domain":      {func(y *auth.System) { y.Endpoints["acs"] = "https://login.other.example/acs" }, auth.ErrInvalid},
		"an address and name": {func(y *auth.System) { y.Endpoints["acs"] = "https://192.0.2.7/acs" }, auth.ErrInvalid},
	} {
		system := erp()
		tt.change(&system)
		if err := s.Fits(system); !errors.Is(err, tt.wantErr) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPost is the POST binding: one form, once, to the endpoint, and nothing of the
// caller's.
func TestPost(t *testing.T) {
	s := session(signing(p256Key()))
	s.RelayState = "/start?a=1&b=2"
	sent, jar := 0, must(cookiejar.New(nil))
	there := must(url.Parse(acsURL))
	jar.SetCookies(there, []*http.Cookie{{Name: "old", Value: "1", Path: "/"}})
	n := need(grant(t, erp(), alice()), "ADA", transport(func(r *http.Request) (*http.Response, error) {
		sent++
		body := must(io.ReadAll(r.Body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		if r.Method != http.MethodPost || r.URL.String() != acsURL || r.GetBody != nil || r.ContentLength != int64(len(body)) || len(r.PostForm) != 2 || r.PostForm.Get("RelayState") != s.RelayState {
			t.Errorf("%s %s, %d bytes, %q", r.Method, r.URL, r.ContentLength, r.PostForm["RelayState"])
		}
		if names := slices.Sorted(maps.Keys(r.Header)); !slices.Equal(names, []string{"Content-Type", "User-Agent"}) {
			t.Errorf("headers %q", names)
		}
		return opens()(r)
	}))
	n.Client.Jar = jar
	if _, err := s.Translate(t.Context(), n); err != nil || sent != 1 {
		t.Errorf("sent %d times, %v", sent, err)
	}
	if kept := jar.Cookies(there); len(kept) != 1 {
		t.Errorf("the jar has %d cookies", len(kept))
	}
}

func TestAnswers(t *testing.T) {
	key, g := signing(p256Key()), grant(t, erp(), alice())
	for status, want := range map[int]error{
		200: nil, 302: nil, 303: nil,
		400: auth.ErrDenied, 401: auth.ErrDenied, 403: auth.ErrDenied, 404: auth.ErrDenied, 429: auth.ErrThrottled,
		500: auth.ErrUnavailable, 502: auth.ErrUnavailable, 503: auth.ErrUnavailable,
		100: auth.ErrInvalid, 201: auth.ErrInvalid, 204: auth.ErrInvalid, 301: auth.ErrInvalid, 304: auth.ErrInvalid, 307: auth.ErrInvalid, 308: auth.ErrInvalid,
	} {
		sent := 0
		n := need(g, "ADA", transport(func(r *http.Request) (*http.Response, error) {
			sent++
			return answers(status, "sid=1; Path=/")(r)
		}))
		made, err := session(key).Translate(t.Context(), n)
		if !errors.Is(err, want) || (made == nil) != (want != nil) || sent != 1 {
			t.Errorf("%d: %v, sent %d times", status, err, sent)
		}
		if made, err := session(key).Translate(t.Context(), need(g, "ADA", answers(status))); want == nil && (err != auth.ErrDenied || made != nil) {
			t.Errorf("%d without cookies: %v", status, err)
		}
	}
}

// TestNoAnswer: why stays out of the error, which is of whoever is to blame.
func TestNoAnswer(t *testing.T) {
	key, g := signing(p256Key()), grant(t, erp(), alice())
	for _, tt := range []struct{ err, want error }{
		{errors.New(canary), auth.ErrUnavailable},
		{io.EOF, auth.ErrUnavailable},
		{fmt.Errorf("dial: %w", netguard.ErrRefused), auth.ErrUndeclared},
	} {
		n := need(g, "ADA", transport(func(*http.Request) (*http.Response, error) { return nil, tt.err }))
		if made, err := session(key).Translate(t.Context(), n); err != tt.want || made != nil {
			t.Errorf("%v", err)
		}
	}
}

// TestWaits end with the caller, and with the grant.
func TestWaits(t *testing.T) {
	waits := transport(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	synctest.Test(t, func(t *testing.T) {
		id := alice()
		id.Expires = time.Now().Add(time.Minute)
		g := grant(t, erp(), id)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if made, err := session(signing(p256Key())).Translate(ctx, need(g, "ADA", waits)); err != auth.ErrUnavailable || made != nil {
			t.Errorf("the caller has left: %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if made, err := session(signing(p256Key())).Translate(ctx, need(g, "ADA", waits)); err != auth.ErrExpired || made != nil {
			t.Errorf("the grant has ended: %v", err)
		}
		id.Expires = time.Now().Add(time.Minute)
		slow := slow{signing(p256Key())}
		sent := transport(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, io.EOF })
		if made, err := session(slow).Translate(t.Context(), need(grant(t, erp(), id), "ADA", sent)); err != auth.ErrExpired || made != nil {
			t.Errorf("the grant has ended before anything was sent: %v", err)
		}
	})
}

// slow leases when the grant has ended.
type slow struct{ *source }

func (s slow) Lease(ctx context.Context, g auth.Grant) (*auth.Lease, error) {
	l, err := s.source.Lease(ctx, g)
	time.Sleep(time.Minute)
	return l, err
}

func TestApply(t *testing.T) {
	made, err := session(signing(p256Key())).Translate(t.Context(), need(grant(t, erp(), alice()), "ADA", opens()))
	if err != nil {
		t.Fatal(err)
	}
	if got := applied(t, made); got != "sid="+canary {
		t.Errorf("Cookie: %s", got)
	}
	r := &http.Request{}
	if err := made.(auth.Applier).Apply(r); err != nil || r.Header.Get("Cookie") != "sid="+canary {
		t.Errorf("%q, %v", r.Header, err)
	}
}

// TestSessionEnds: material that is still held applies nothing.
func TestSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, err := session(signing(p256Key())).Translate(t.Context(), need(grant(t, erp(), alice()), "ADA", answers(200, "sid=1; Path=/; Max-Age=60")))
		if err != nil || time.Until(made.Expires()) != time.Minute {
			t.Fatalf("%v", err)
		}
		time.Sleep(time.Minute)
		r := &http.Request{}
		if err := made.(auth.Applier).Apply(r); err != auth.ErrExpired || len(r.Header) > 0 {
			t.Errorf("%q, %v", r.Header, err)
		}
	})
}

func TestRefused(t *testing.T) {
	made, err := session(signing(p256Key())).Translate(t.Context(), need(grant(t, erp(), alice()), "ADA", opens()))
	if err != nil {
		t.Fatal(err)
	}
	for status, want := range map[int]bool{
		401: true, 302: true, 303: true, 307: true,
		200: false, 204: false, 301: false, 304: false, 308: false, 400: false, 403: false, 404: false, 429: false, 500: false, 503: false,
	} {
		answer := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/html"}}, Body: untouched{}}
		if got := made.(interface{ Refused(*http.Response) bool }).Refused(answer); got != want {
			t.Errorf("%d: %v", status, got)
		}
	}
}

// TestNothingPrintsTheSession: translators and material stand in configuration and logs.
func TestNothingPrintsTheSession(t *testing.T) {
	key := signing(rsaKey())
	constant := auth.Constant(map[string]auth.Secret{
		"key": auth.NewSecret([]byte(key.fields["key"])), "certificate": auth.NewSecret([]byte(key.fields["certificate"])),
	})
	s := session(constant)
	made, err := s.Translate(t.Context(), need(grant(t, erp(), alice()), "ADA", opens()))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Split(key.fields["key"], "\n")[3]
	forms := []string{
		line, fmt.Sprintf("%x", line), strings.Trim(fmt.Sprint([]byte(line)), "[]"), rsaKey().D.String(),
		canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), strings.Trim(fmt.Sprint([]byte(canary)), "[]"), base64.StdEncoding.EncodeToString([]byte("sid=" + canary)),
	}
	for _, v := range []any{s, &s, made, struct{ m auth.Material }{made}, struct{ t auth.Translator }{s}, auth.Translators{"erp": s}} {
		var out bytes.Buffer
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %c %U %o %t %p %w") {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		encoded, err := json.Marshal(v)
		fmt.Fprintf(&out, "%s %v", encoded, err)
		for i, form := range forms {
			if strings.Contains(out.String(), form) {
				t.Errorf("%T shows form %d", v, i)
			}
		}
	}
}

// TestOnlyStructs: of crewjam/saml there are types and constants here, and Element,
// which writes. Whatever reads, and whatever is set for the whole process, is not.
func TestOnlyStructs(t *testing.T) {
	allowed := strings.Fields(`Response Status StatusCode Issuer Assertion Subject NameID SubjectConfirmation SubjectConfirmationData
		Conditions AudienceRestriction Audience AuthnStatement AuthnContext AuthnContextClassRef
		UnspecifiedNameIDFormat EmailAddressNameIDFormat PersistentNameIDFormat`)
	used := map[string]bool{}
	for _, file := range must(os.ReadDir(".")) {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		syntax := must(parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0))
		for _, imported := range syntax.Imports {
			path := strings.Trim(imported.Path.Value, `"`)
			if strings.HasPrefix(path, "github.com/crewjam/") && (path != "github.com/crewjam/saml" || imported.Name != nil) || path == "encoding/xml" {
				t.Errorf("%s imports %s", file.Name(), path)
			}
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := selector.X.(*ast.Ident); ok && x.Name == "saml" {
				used[selector.Sel.Name] = true
			}
			if name := selector.Sel.Name; strings.HasPrefix(name, "Unmarshal") && name != "Unmarshal" || strings.HasPrefix(name, "Validate") || strings.HasPrefix(name, "ReadFrom") {
				t.Errorf("%s uses %s", file.Name(), name)
			}
			return true
		})
	}
	for name := range used {
		if !slices.Contains(allowed, name) {
			t.Errorf("saml.%s is used", name)
		}
	}
	for _, name := range allowed {
		if !used[name] {
			t.Errorf("saml.%s is allowed and not used", name)
		}
	}
}

func Example() {
	erp := samlauth.Session{
		Issuer:   "https://idp.acme.example",
		Key:      auth.Constant(map[string]auth.Secret{"key": {}, "certificate": {}}),
		Cookies:  []string{"JSESSIONID"},
		Contexts: map[string]string{"https://login.acme.example urn:acme:gold": "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken"},
	}
	fmt.Println(erp.Check())
	fmt.Println(erp.Fits(auth.System{Name: "erp", Origin: "https://erp.acme.example"}))

	// A Broker translates, under the grant of the call.
	_, err := erp.Translate(context.Background(), auth.Need{})
	fmt.Println(err)
	// Output:
	// <nil>
	// auth: undeclared: the system has no endpoint acs
	// auth: foreign
}
