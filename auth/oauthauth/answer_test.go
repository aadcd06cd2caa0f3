package oauthauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/oauthauth"
)

// TestRedirectSendsNothingAgain: the place that a redirect names was declared by nobody.
func TestRedirectSendsNothingAgain(t *testing.T) {
	for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308} {
		for kind, tr := range translators(usual()) {
			var arrivals atomic.Int32
			elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				arrivals.Add(1)
				answers(good(nil))(w, r)
			}))
			for _, target := range []string{elsewhere.URL + "/token", "/other", "//" + strings.TrimPrefix(elsewhere.URL, "https://")} {
				s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Location", target)
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(status)
				})
				client := s.client() // trusts both, and would follow
				client.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true
				n := need(t, s, hub(s), "opaque")
				n.Client = client
				if m, err := tr.Translate(t.Context(), n); m != nil || !errors.Is(err, auth.ErrInvalid) {
					t.Errorf("%s, %d: %v", kind, status, err)
				}
				if s.count() != 1 || arrivals.Load() != 0 {
					t.Errorf("%s, %d: %d requests here and %d elsewhere", kind, status, s.count(), arrivals.Load())
				}
			}
			elsewhere.Close()
		}
	}
}

// TestSidesWithoutText: each error is a side and at most a status, whatever the server
// writes into its answer.
func TestSidesWithoutText(t *testing.T) {
	code := func(code string) string {
		return fmt.Sprintf(`{"error":%q,"error_description":%q,"error_uri":"https://%s.example"}`, code, canary, canary)
	}
	for _, tt := range []struct {
		status  int
		kind    string
		body    string
		wantErr error
	}{
		{400, "application/json", code("invalid_client"), auth.ErrDenied},
		{400, "application/json", code("invalid_grant"), auth.ErrDenied},
		{400, "application/json", code("invalid_scope"), auth.ErrDenied},
		{400, "application/json", code("invalid_target"), auth.ErrDenied},
		{400, "application/json", code("unauthorized_client"), auth.ErrDenied},
		{400, "application/json", code("access_denied"), auth.ErrDenied},
		{400, "application/json", code("invalid_request"), auth.ErrInvalid},
		{400, "application/json", code("unsupported_grant_type"), auth.ErrInvalid},
		{400, "application/json", code(canary), auth.ErrInvalid},
		{400, "application/json", `{"error":["invalid_grant"]}`, auth.ErrInvalid},
		{400, "application/json", `{"error":"invalid_grant","error":"x"}`, auth.ErrInvalid},
		{400, "application/json", canary, auth.ErrInvalid},
		{400, "text/html", code("invalid_grant"), auth.ErrInvalid},
		{401, "application/json", code("invalid_client"), auth.ErrDenied},
		{401, "text/html", canary, auth.ErrDenied},
		{403, "text/html", canary, auth.ErrDenied},
		{404, "text/html", canary, auth.ErrInvalid},
		{413, "text/html", canary, auth.ErrInvalid},
		{429, "application/json", code("slow_down"), auth.ErrThrottled},
		{500, "text/html", canary, auth.ErrUnavailable},
		{503, "application/json", code("temporarily_unavailable"), auth.ErrUnavailable},
		{201, "application/json", `{"access_token":"` + canary + `","token_type":"Bearer"}`, auth.ErrInvalid},
		{204, "", "", auth.ErrInvalid},
	} {
		client := usual()
		for kind, tr := range translators(client) {
			s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.kind)
				w.Header().Set("WWW-Authenticate", canary)
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			})
			if m, err := tr.Translate(t.Context(), need(t, s, hub(s), "opaque")); m != nil || !errors.Is(err, tt.wantErr) || strings.Contains(err.Error(), canary) {
				t.Errorf("%s, %d %s: %v", kind, tt.status, tt.body, err)
			}
			if s.count() != 1 {
				t.Errorf("%s, %d: %d requests", kind, tt.status, s.count())
			}
		}
		if client.closed != 2 {
			t.Errorf("%d: leases closed %d times", tt.status, client.closed)
		}
		want := 0
		if tt.status == 401 || strings.Contains(tt.body, "invalid_client") {
			want = 2
		}
		if client.refused != want {
			t.Errorf("%d %s: leases refused %d times", tt.status, tt.body, client.refused)
		}
	}
}

// TestBadAnswers are no answers, each for a reason of its own.
func TestBadAnswers(t *testing.T) {
	const rest = `"token_type":"Bearer","issued_token_type":"` + access + `"`
	for name, body := range map[string]string{
		"empty":                       "",
		"null":                        "null",
		"list":                        `[{"access_token":"t",` + rest + `}]`,
		"form":                        "access_token=t&token_type=Bearer",
		"two values":                  `{"access_token":"t",` + rest + `}{}`,
		"text after it":               `{"access_token":"t",` + rest + `}x`,
		"cut off":                     `{"access_token":"t",` + rest,
		"byte order mark":             "\ufeff" + `{"access_token":"t",` + rest + `}`,
		"no UTF-8":                    `{"access_token":"t","x":"` + "\xff" + `",` + rest + `}`,
		"half a character":            `{"access_token":"t","x":"\ud800",` + rest + `}`,
		"half a character in a name":  `{"access_token":"t","\ud800":"x",` + rest + `}`,
		"comment":                     `{"access_token":"t",/**/` + rest + `}`,
		"comma":                       `{"access_token":"t",` + rest + `,}`,
		"two tokens":                  `{"access_token":"t","access_token":"u",` + rest + `}`,
		"two tokens, escaped":         `{"access_token":"t","\u0061ccess_token":"u",` + rest + `}`,
		"two tokens, in another case": `{"access_token":"t","Access_Token":"u",` + rest + `}`,
		"two tokens, with a long s":   `{"access_token":"t","acce` + "\u017f" + `s_token":"u",` + rest + `}`,
		"two tokens, with a kelvin":   `{"access_token":"t","access_to` + "\u212a" + `en":"u",` + rest + `}`,
		"scope in another case":       `{"access_token":"t","Scope":"admin",` + rest + `}`,
		"two of something else":       `{"access_token":"t","x":1,"x":2,` + rest + `}`,
		"two of something else below": `{"access_token":"t","x":[{"y":1,"Y":2}],` + rest + `}`,
		"deep":                        `{"access_token":"t","x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `,` + rest + `}`,
		"huge":                        `{"access_token":"t","x":"` + strings.Repeat("a", 64<<10) + `",` + rest + `}`,
		"huge, of nothing":            `{"access_token":"t",` + rest + `}` + strings.Repeat(" ", 64<<10),
		"no token":                    `{` + rest + `}`,
		"empty token":                 `{"access_token":"",` + rest + `}`,
		"padding alone":               `{"access_token":"==",` + rest + `}`,
		"token is a number":           `{"access_token":1,` + rest + `}`,
		"token is null":               `{"access_token":null,` + rest + `}`,
		"token with a space":          `{"access_token":"a b",` + rest + `}`,
		"token with a line":           `{"access_token":"a\r\nX-Admin: 1",` + rest + `}`,
		"token with a NUL":            `{"access_token":"a\u0000",` + rest + `}`,
		"token with a comma":          `{"access_token":"a,b",` + rest + `}`,
		"token not in ASCII":          `{"access_token":"tökén",` + rest + `}`,
		"huge token":                  `{"access_token":"` + strings.Repeat("a", 16<<10+1) + `",` + rest + `}`,
		"token with two subjects":     `{"access_token":"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIiwic3ViIjoiYiJ9.c2ln",` + rest + `}`,
		"token without claims":        `{"access_token":"eyJhbGciOiJFUzI1NiJ9.-.c2ln",` + rest + `}`,
		"no type":                     `{"access_token":"t","issued_token_type":"` + access + `"}`,
		"no access token type":        `{"access_token":"t","token_type":"N_A","issued_token_type":"` + access + `"}`,
		"proof of possession":         `{"access_token":"t","token_type":"DPoP","issued_token_type":"` + access + `"}`,
		"mac":                         `{"access_token":"t","token_type":"mac","issued_token_type":"` + access + `"}`,
		"type with a space":           `{"access_token":"t","token_type":"Bearer ","issued_token_type":"` + access + `"}`,
		"type is a list":              `{"access_token":"t","token_type":["Bearer"],"issued_token_type":"` + access + `"}`,
		"error beside a token":        `{"access_token":"t","error":"invalid_grant",` + rest + `}`,
		"ends at once":                `{"access_token":"t","expires_in":0,` + rest + `}`,
		"ended":                       `{"access_token":"t","expires_in":-1,` + rest + `}`,
		"ends in a fraction":          `{"access_token":"t","expires_in":1.5,` + rest + `}`,
		"ends in an exponent":         `{"access_token":"t","expires_in":1e9,` + rest + `}`,
		"ends in a string":            `{"access_token":"t","expires_in":"300",` + rest + `}`,
		"ends never":                  `{"access_token":"t","expires_in":null,` + rest + `}`,
		"ends beyond all numbers":     `{"access_token":"t","expires_in":99999999999999999999,` + rest + `}`,
		"scope is a list":             `{"access_token":"t","scope":["hub.write"],` + rest + `}`,
		"scope is null":               `{"access_token":"t","scope":null,` + rest + `}`,
		"two spaces in the scope":     `{"access_token":"t","scope":"hub.write  hub.list",` + rest + `}`,
		"line in the scope":           `{"access_token":"t","scope":"hub.write\nhub.list",` + rest + `}`,
	} {
		for kind, tr := range translators(usual()) {
			s := newServer(t, says(body))
			if m, err := tr.Translate(t.Context(), need(t, s, hub(s), "opaque")); m != nil || err != auth.ErrInvalid {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
	}
}

func TestContentType(t *testing.T) {
	for _, tt := range []struct {
		types   []string
		wantErr error
	}{
		{[]string{"application/json"}, nil},
		{[]string{"Application/JSON; charset=utf-8"}, nil},
		{[]string{"text/html"}, auth.ErrInvalid},
		{[]string{"text/json"}, auth.ErrInvalid},
		{[]string{"application/jwt"}, auth.ErrInvalid},
		{[]string{"application/json;="}, auth.ErrInvalid},
		{[]string{""}, auth.ErrInvalid},
		{[]string{"application/json", "text/html"}, auth.ErrInvalid},
	} {
		for kind, tr := range translators(usual()) {
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				rest := answers(good(nil))
				rest(headless{w, http.Header{}}, r)
			})
			n := need(t, s, hub(s), "opaque")
			n.Client.Transport = typed{n.Client.Transport, tt.types}
			if _, err := tr.Translate(t.Context(), n); err != tt.wantErr {
				t.Errorf("%s, %q: %v", kind, tt.types, err)
			}
		}
	}
}

// headless keeps what a handler says of its answer to itself.
type headless struct {
	http.ResponseWriter
	h http.Header
}

func (h headless) Header() http.Header { return h.h }

// typed says what an answer is.
type typed struct {
	http.RoundTripper
	types []string
}

func (t typed) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Header["Content-Type"] = t.types
	}
	return response, err
}

// TestKindOfToken: what an exchange issued must be an access token, and bears that it is.
func TestKindOfToken(t *testing.T) {
	const prefix = "urn:ietf:params:oauth:token-type:"
	for _, tt := range []struct {
		issued  any
		wantErr error
	}{
		{prefix + "access_token", nil}, {prefix + "jwt", nil},
		{nil, auth.ErrInvalid}, {"", auth.ErrInvalid}, {"access_token", auth.ErrInvalid}, {prefix + "id_token", auth.ErrInvalid},
		{prefix + "refresh_token", auth.ErrInvalid}, {prefix + "saml2", auth.ErrInvalid}, {prefix + "Access_Token", auth.ErrInvalid}, {1, auth.ErrInvalid},
	} {
		s := newServer(t, answers(good(members{"issued_token_type": tt.issued})))
		if _, err := (oauthauth.Exchange{Client: usual()}).Translate(t.Context(), need(t, s, hub(s), "opaque")); err != tt.wantErr {
			t.Errorf("%v: %v", tt.issued, err)
		}
	}
	for _, kind := range []string{"bearer", "BEARER"} { // RFC 6749, section 5.1
		s := newServer(t, answers(good(members{"token_type": kind, "issued_token_type": nil})))
		m, err := oauthauth.ClientCredentials{Client: usual()}.Translate(t.Context(), need(t, s, hub(s), ""))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := applied(t, m); got != "Bearer t0k3n" || err != nil {
			t.Errorf("applied %q, %v", got, err)
		}
	}
}

// TestScopesAreReadBack: with more the token could do what nobody declared, and with
// fewer not what it is for. The token itself is asked, too.
func TestScopesAreReadBack(t *testing.T) {
	for _, tt := range []struct {
		operation int
		scope     any // nil: not said
		wantErr   error
	}{
		{0, nil, nil},
		{0, "hub.write hub.list", nil},
		{0, "hub.list hub.write", nil},
		{0, "hub.write hub.list hub.admin", auth.ErrDenied},
		{0, "hub.write HUB.LIST", auth.ErrDenied},
		{0, "hub.write", auth.ErrDenied},
		{0, "", auth.ErrDenied},
		{1, "hub.read", nil},
		{1, "hub.write hub.list", auth.ErrDenied},
		{2, nil, nil},
		{2, "", nil},
		{2, "hub.read", auth.ErrDenied},
	} {
		for kind, tr := range translators(usual()) {
			for where, answer := range map[string]members{
				"answer": good(members{"scope": tt.scope}), "token": good(members{"access_token": issued(members{"scope": tt.scope})}),
			} {
				s := newServer(t, answers(answer))
				system := hub(s)
				system.Operations = system.Operations[tt.operation : tt.operation+1]
				if _, err := tr.Translate(t.Context(), need(t, s, system, "opaque")); err != tt.wantErr {
					t.Errorf("%s, %v in the %s: %v", kind, tt.scope, where, err)
				}
			}
		}
	}
}

// TestTokenForSomebodyElse: what a token says of itself may only refuse it.
func TestTokenForSomebodyElse(t *testing.T) {
	for name, tt := range map[string]struct {
		claims  members
		wantErr error
	}{
		"for the system":              {nil, nil},
		"for the system, in a list":   {members{"aud": []string{audience}}, nil},
		"for nobody in particular":    {members{"aud": nil}, nil},
		"for another":                 {members{"aud": "https://payroll.example"}, auth.ErrDenied},
		"for another, in a list":      {members{"aud": []string{"https://payroll.example"}}, auth.ErrDenied},
		"for another, too":            {members{"aud": []string{audience, "https://payroll.example"}}, auth.ErrDenied},
		"for one in another case":     {members{"aud": "https://HUB.example/api"}, auth.ErrDenied},
		"for an empty list":           {members{"aud": []string{}}, auth.ErrDenied},
		"for a number":                {members{"aud": 1}, auth.ErrDenied},
		"bound to a key":              {members{"cnf": members{"jkt": "x"}}, auth.ErrInvalid},
		"bound to a certificate":      {members{"cnf": members{"x5t#S256": "x"}}, auth.ErrInvalid},
		"scope is a list":             {members{"scope": []string{"hub.write", "hub.list"}}, auth.ErrInvalid},
		"ends in a string":            {members{"exp": "1"}, auth.ErrInvalid},
		"ends in a fraction":          {members{"exp": 4102444800.5}, auth.ErrInvalid},
		"ended before it was issued":  {members{"exp": 1}, auth.ErrExpired},
		"is for somebody, and ends":   {members{"exp": 4102444800}, nil},
		"audience in another case":    {members{"Aud": "https://payroll.example", "aud": nil}, auth.ErrInvalid},
		"delegation in another case":  {members{"Act": members{"sub": "x"}}, auth.ErrInvalid},
		"claims nobody knows, nested": {members{"realm_access": members{"roles": []string{"x"}}}, nil},
	} {
		for kind, tr := range translators(usual()) {
			s := newServer(t, answers(good(members{"access_token": issued(tt.claims)})))
			m, err := tr.Translate(t.Context(), need(t, s, hub(s), presented(nil)))
			if err != tt.wantErr || (m == nil) != (err != nil) {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
	}
}

// TestAudienceIsTheOrigin where the system declares none: a token that is also for others
// can be used there by whoever receives it here.
func TestAudienceIsTheOrigin(t *testing.T) {
	for name, c := range map[string]struct {
		aud     any
		wantErr error
	}{
		"the origin": {"https://hub.example", nil}, "a list of it": {[]string{"https://hub.example"}, nil},
		"another": {"https://payroll.example", auth.ErrDenied}, "both": {[]string{"https://hub.example", "https://payroll.example"}, auth.ErrDenied},
	} {
		s := newServer(t, answers(good(members{"access_token": issued(members{"aud": c.aud})})))
		system := hub(s)
		system.Audience, system.Origin = "", "https://hub.example"
		if _, err := (oauthauth.ClientCredentials{Client: usual()}).Translate(t.Context(), need(t, s, system, "")); err != c.wantErr {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestServersWishIsPassedOn: whoever calls again knows when.
func TestServersWishIsPassedOn(t *testing.T) {
	for kind, tr := range translators(usual()) {
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		_, err := tr.Translate(t.Context(), need(t, s, hub(s), "opaque"))
		failed, ok := errors.AsType[*auth.FailedError](err)
		if !ok || *failed != (auth.FailedError{Side: auth.ErrThrottled, System: "hub", Status: 429, RetryAfter: time.Minute}) {
			t.Errorf("%s: %+v", kind, err)
		}
	}
}

// TestExchangedForAnotherPerson: where the system declares what a principal is called
// there, a token that says otherwise is for somebody else.
func TestExchangedForAnotherPerson(t *testing.T) {
	for name, tt := range map[string]struct {
		name, token string
		wantErr     error
	}{
		"himself":            {"alice", issued(nil), nil},
		"nobody":             {"alice", issued(members{"sub": nil}), auth.ErrDenied},
		"another":            {"alice", issued(members{"sub": "bob"}), auth.ErrDenied},
		"in another case":    {"alice", issued(members{"sub": "Alice"}), auth.ErrDenied},
		"nobody is declared": {"", issued(members{"sub": "bob"}), nil},
		"opaque":             {"alice", "t0k3n", nil},
	} {
		s := newServer(t, answers(good(members{"access_token": tt.token})))
		n := need(t, s, hub(s), presented(nil))
		n.Name = tt.name
		if _, err := (oauthauth.Exchange{Client: usual()}).Translate(t.Context(), n); err != tt.wantErr {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// transport answers without a network, so that a test has its own clock.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func recorded(r *http.Request, h http.HandlerFunc) *http.Response {
	w := httptest.NewRecorder()
	h(w, r)
	return w.Result()
}

// TestEnds: no answer makes a token last for ever, nor longer than what it was made from.
func TestEnds(t *testing.T) {
	nowhere := &server{Server: &httptest.Server{URL: "https://id.invalid"}}
	for name, tt := range map[string]struct {
		answer members
		jwt    time.Duration // exp of the token; zero: none
		lease  time.Duration // zero: it has no end of its own
		asks   time.Duration // how long the server takes
		want   time.Duration // zero: with the grant
	}{
		"not said":             {members{"expires_in": nil}, 0, 0, 0, 5 * time.Minute},
		"minutes":              {members{"expires_in": 300}, 0, 0, 0, 290 * time.Second},
		"seconds":              {members{"expires_in": 10}, 0, 0, 0, 9 * time.Second},
		"a day, and a grant":   {members{"expires_in": 86400}, 0, 0, 0, 0},
		"absurd":               {members{"expires_in": 9999999999}, 0, 0, 0, 0},
		"the lease's":          {members{"expires_in": 300}, 0, time.Minute, 0, time.Minute},
		"the token's":          {members{"expires_in": 300}, time.Minute, 0, 0, 54 * time.Second},
		"the token's, unsaid":  {members{"expires_in": nil}, 100 * time.Second, 0, 0, 90 * time.Second},
		"counted from the ask": {members{"expires_in": 300}, 0, 0, 20 * time.Second, 290 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(30 * 365 * 24 * time.Hour) // until after the year 2000, so that exp has ten digits
				n := auth.Need{}
				n.Grant = grantOf(t, hub(nowhere))
				began := time.Now()
				if tt.jwt != 0 {
					tt.answer["access_token"] = issued(members{"exp": began.Add(tt.jwt).Unix()})
				}
				n.Client = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
					time.Sleep(tt.asks)
					return recorded(r, answers(good(tt.answer))), nil
				})}
				client := usual()
				if tt.lease != 0 {
					client.expires = began.Add(tt.lease)
				}
				m, err := oauthauth.ClientCredentials{Client: client}.Translate(t.Context(), n)
				if err != nil {
					t.Fatal(err)
				}
				want := began.Add(tt.want)
				if tt.want == 0 {
					want = n.Grant.NotAfter()
				}
				if !m.Expires().Equal(want) || m.Credential() != "l-1" {
					t.Errorf("ends after %v, %q", m.Expires().Sub(began), m.Credential())
				}
				if _, err := applied(t, m); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Until(m.Expires()))
				if got, err := applied(t, m); err != auth.ErrExpired || got != "" {
					t.Errorf("after its end: %q, %v", got, err)
				}
			})
		})
	}
}

// TestTokenEndsWithItsLease: what was made from a client that was taken back is not used.
func TestTokenEndsWithItsLease(t *testing.T) {
	s, client := newServer(t, answers(good(nil))), usual()
	m, err := oauthauth.ClientCredentials{Client: client}.Translate(t.Context(), need(t, s, hub(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.(interface{ Close(context.Context) error }).Close(t.Context()); err != nil || client.closed != 1 {
		t.Errorf("closed %d times, %v", client.closed, err)
	}
	if got, err := applied(t, m); err != auth.ErrExpired || got != "" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestApplyReplaces what was there before, in whatever case.
func TestApplyReplaces(t *testing.T) {
	s := newServer(t, answers(good(nil)))
	m, err := oauthauth.ClientCredentials{Client: usual()}.Translate(t.Context(), need(t, s, hub(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []http.Header{nil, {"Authorization": {"a", "b"}, "authorization": {"c"}, "AUTHORIZATION": {"d"}}} {
		r := &http.Request{Header: before}
		if err := m.(auth.Applier).Apply(r); err != nil || len(r.Header) != 1 || !slices.Equal(r.Header["Authorization"], []string{"Bearer t0k3n"}) {
			t.Errorf("%v, %v", r.Header, err)
		}
	}
}

// TestSlowServerHoldsNobody: whether it says nothing, or half of it.
func TestSlowServerHoldsNobody(t *testing.T) {
	for _, status := range []int{0, 200, 400} {
		for kind, tr := range translators(usual()) {
			arrived, gone := make(chan struct{}, 1), make(chan struct{})
			s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
				if status != 0 {
					half(w, status)
				} else {
					arrived <- struct{}{}
				}
				<-gone
			})
			ctx, cancel := context.WithCancel(t.Context())
			n := need(t, s, hub(s), "opaque")
			n.Client.Transport = told{n.Client.Transport, arrived} // its header is there
			go func() { <-arrived; cancel() }()
			m, err := tr.Translate(ctx, n)
			if m != nil || !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.Canceled) {
				t.Errorf("%s, %d: %v", kind, status, err)
			}
			close(gone)
		}
	}
}

// half begins an answer.
func half(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"access_token":"` + canary))
	_ = http.NewResponseController(w).Flush()
}

// told says that an answer has begun.
type told struct {
	http.RoundTripper
	began chan<- struct{}
}

func (t told) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		t.began <- struct{}{}
	}
	return response, err
}

// TestBrokenConnection: without an answer nothing has happened that anybody could use.
func TestBrokenConnection(t *testing.T) {
	for _, status := range []int{0, 200, 400} {
		for kind, tr := range translators(usual()) {
			s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
				if status != 0 {
					half(w, status)
				}
				panic(http.ErrAbortHandler)
			})
			if m, err := tr.Translate(t.Context(), need(t, s, hub(s), "opaque")); m != nil || err != auth.ErrUnavailable || s.count() != 1 {
				t.Errorf("%s: %v after %d requests", kind, err, s.count())
			}
		}
	}
}

func TestWrongAuthority(t *testing.T) {
	for kind, tr := range translators(usual()) {
		s := newServer(t, answers(good(nil)))
		n := need(t, s, hub(s), "opaque")
		n.Client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if m, err := tr.Translate(t.Context(), n); m != nil || err != auth.ErrUnavailable || s.count() != 0 {
			t.Errorf("%s: %v after %d requests", kind, err, s.count())
		}
	}
}

func TestRefused(t *testing.T) {
	s := newServer(t, answers(good(nil)))
	m, err := oauthauth.ClientCredentials{Client: usual()}.Translate(t.Context(), need(t, s, hub(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		status     int
		challenges []string
		want       bool
	}{
		{403, []string{`Bearer error="invalid_token"`}, true},
		{400, []string{`Bearer realm="hub", error="invalid_token", error_description="expired"`}, true},
		{403, []string{`bearer realm="hub",error=invalid_token`}, true},
		{403, []string{`Basic realm="hub"`, `Bearer error="invalid_token"`}, true},
		{403, []string{`Basic realm="hub", Bearer error="invalid_token"`}, true},
		{403, []string{`Bearer error="insufficient_scope"`}, false},
		{403, []string{`Bearer error="invalid_token_2"`}, false},
		{403, []string{`Bearer error=invalid_tokens`}, false},
		{403, []string{`Bearer xerror="invalid_token"`}, false},
		{403, []string{`Basic error="invalid_token"`}, false},
		{403, nil, false},
		{200, []string{`Bearer error="invalid_token"`}, false},
		{500, nil, false},
	} {
		r := &http.Response{StatusCode: tt.status, Header: http.Header{"Www-Authenticate": tt.challenges}}
		if got := m.(interface{ Refused(*http.Response) bool }).Refused(r); got != tt.want {
			t.Errorf("%d %q: %v", tt.status, tt.challenges, got)
		}
	}
}
