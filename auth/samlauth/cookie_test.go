package samlauth_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// TestCookies: what is sent is what a browser would send to the operation, and nothing
// else.
func TestCookies(t *testing.T) {
	const past, future = "Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Expires=Fri, 01 Jan 2100 00:00:00 GMT"
	key := signing(p256Key())
	for _, tt := range []struct {
		name, acs, origin, path string // empty: erp's
		set                     []string
		want                    string
		wantErr                 error
	}{
		{name: "one", set: []string{"sid=1; Path=/; HttpOnly; Secure; SameSite=None"}, want: "sid=1"},
		{name: "three, the longest path first", set: []string{"a=1; Path=/", "b=2; Path=/payroll", "c=3; Path=/"}, want: "b=2; a=1; c=3"},
		{name: "none", wantErr: auth.ErrDenied},
		{name: "values that are quoted, and odd ones", set: []string{`a="x y"; Path=/`, "b=x,y=z; Path=/"}, want: `a="x y"; b=x,y=z`},
		{name: "the later one of a name", set: []string{"sid=1; Path=/", "sid=2; Path=/"}, want: "sid=2"},
		{name: "one name, two paths", set: []string{"sid=1; Path=/", "sid=2; Path=/payroll"}, want: "sid=2; sid=1"},

		{name: "no cookie at all", set: []string{"", "sid", "=1; Path=/", "; Path=/"}, wantErr: auth.ErrDenied},
		{name: "bad characters", set: []string{"s id=1; Path=/", "sid=1\x01; Path=/", "sid=ü; Path=/", "s\tid=1; Path=/", `sid="1; Path=/`, `sid=\1; Path=/`}, wantErr: auth.ErrDenied},
		{name: "another header in it", set: []string{"sid=1\r\nX-Admin: 1; Path=/", "sid=1\nx; Path=/", "sid=1\x00; Path=/"}, wantErr: auth.ErrDenied},
		{name: "an empty one", set: []string{"sid=; Path=/"}, wantErr: auth.ErrDenied},

		{name: "ended", set: []string{"sid=1; Path=/; " + past}, wantErr: auth.ErrDenied},
		{name: "Max-Age of 0", set: []string{"sid=1; Path=/; Max-Age=0"}, wantErr: auth.ErrDenied},
		{name: "Max-Age below 0", set: []string{"sid=1; Path=/; Max-Age=-1; " + future}, wantErr: auth.ErrDenied},
		{name: "Max-Age before Expires", set: []string{"sid=1; Path=/; Max-Age=60; " + past}, want: "sid=1"},
		{name: "taken back", set: []string{"sid=1; Path=/", "sid=1; Path=/; Max-Age=0"}, wantErr: auth.ErrDenied},
		{name: "taken back elsewhere", set: []string{"sid=1; Path=/", "sid=; Path=/payroll; Max-Age=0"}, want: "sid=1"},
		{name: "no end that can be read", set: []string{"sid=1; Path=/; Expires=tomorrow"}, want: "sid=1"},

		{name: "the path of the sign-in", set: []string{"sid=1", "sid=2; Path=/saml"}, wantErr: auth.ErrDenied},
		{name: "a path beside", set: []string{"sid=1; Path=/pay", "sid=2; Path=/payroll/7", "sid=3; Path=/payrolls"}, wantErr: auth.ErrDenied},
		{name: "paths above", set: []string{"a=1; Path=/payroll/", "b=2; Path=/payroll/{id}/open"}, want: "b=2; a=1"},
		{name: "no path", set: []string{"sid=1", "b=2; Path=x"}, acs: origin + "/acs", want: "sid=1; b=2"},
		{name: "no path is a path", set: []string{"sid=1", "sid=2; Path=/"}, acs: origin + "/acs", want: "sid=2"},
		{name: "no path, and an operation below the sign-in's", set: []string{"sid=1"}, path: "/saml/{id}", want: "sid=1"},

		{name: "the host itself", set: []string{"sid=1; Path=/; Domain=erp.acme.example", "b=2; Path=/; Domain=.ERP.Acme.Example"}, want: "sid=1; b=2"},
		{name: "the host's domain", set: []string{"sid=1; Path=/; Domain=acme.example"}, want: "sid=1"},
		{name: "another host", set: []string{"sid=1; Path=/; Domain=crm.acme.example", "sid=2; Path=/; Domain=other.example"}, wantErr: auth.ErrDenied},
		{name: "a host below", set: []string{"sid=1; Path=/; Domain=x.erp.acme.example"}, wantErr: auth.ErrDenied},
		{name: "half a name", set: []string{"sid=1; Path=/; Domain=me.example", "sid=1; Path=/; Domain=rp.acme.example"}, wantErr: auth.ErrDenied},
		{name: "the world", set: []string{"sid=1; Path=/; Domain=example", "sid=1; Path=/; Domain=.example"}, wantErr: auth.ErrDenied},
		{name: "a sign-in host, without a domain", acs: "https://login.acme.example/acs", set: []string{"sid=1; Path=/"}, wantErr: auth.ErrDenied},
		{name: "a sign-in host, with its own", acs: "https://login.acme.example/acs", set: []string{"sid=1; Path=/; Domain=login.acme.example"}, wantErr: auth.ErrDenied},
		{name: "a sign-in host, with the other's", acs: "https://login.acme.example/acs", set: []string{"sid=1; Path=/; Domain=erp.acme.example"}, wantErr: auth.ErrDenied},
		{name: "a sign-in host, with both's", acs: "https://login.acme.example/acs", set: []string{"sid=1; Path=/; Domain=acme.example"}, want: "sid=1"},
		{name: "a sign-in host above", acs: "https://acme.example/acs", set: []string{"a=1; Path=/", "sid=1; Path=/; Domain=acme.example"}, want: "sid=1"},
		{name: "another port", acs: "https://erp.acme.example:8443/acs", set: []string{"sid=1; Path=/"}, want: "sid=1"},
		{name: "an address", origin: "https://192.0.2.7", acs: "https://192.0.2.7/acs", set: []string{"sid=1; Path=/", "b=2; Path=/; Domain=192.0.2.7"}, want: "sid=1; b=2"},
		{name: "part of an address", origin: "https://192.0.2.7", acs: "https://192.0.2.7/acs", set: []string{"sid=1; Path=/; Domain=2.7", "sid=1; Path=/; Domain=0.2.7"}, wantErr: auth.ErrDenied},

		{name: "secure, to where nothing is", origin: "http://127.0.0.1:9", acs: "http://127.0.0.1:9/acs", set: []string{"a=1; Path=/; Secure", "b=2; Path=/"}, want: "b=2"},
		{name: "names that promise", set: []string{
			"__Secure-a=1; Path=/; Secure", "__Host-b=2; Path=/; Secure", "__Secure-c=3; Path=/", "__Host-d=4; Path=/", "__host-e=5; Path=/payroll; Secure", "__HOST-f=6; Path=/; Domain=erp.acme.example; Secure",
		}, want: "__Secure-a=1; __Host-b=2"},

		{name: "too many", set: strings.Split(strings.Repeat("sid=1; Path=/\n", 51), "\n"), wantErr: auth.ErrInvalid},
		{name: "too long", set: []string{"sid=" + strings.Repeat("x", 8<<10) + "; Path=/"}, wantErr: auth.ErrInvalid},
		{name: "too long together", set: strings.Split(strings.Repeat("sid="+strings.Repeat("x", 1000)+"; Path=/\n", 9), "\n"), wantErr: auth.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			system := erp()
			for place, with := range map[*string]string{&system.Origin: tt.origin, &system.Operations[0].Path: tt.path} {
				if with != "" {
					*place = with
				}
			}
			if tt.acs != "" {
				system.Endpoints["acs"] = tt.acs
			}
			made, err := session(key).Translate(t.Context(), need(grant(t, system, alice()), "ADA", answers(http.StatusOK, tt.set...)))
			if err != tt.wantErr || (made == nil) != (tt.wantErr != nil) {
				t.Fatalf("%v", err)
			}
			if err == nil && applied(t, made) != tt.want {
				t.Errorf("Cookie: %s", applied(t, made))
			}
		})
	}
}

// TestCookiesThatMakeASession: where everybody gets a cookie, that one opens nothing.
func TestCookiesThatMakeASession(t *testing.T) {
	s, g := session(signing(p256Key())), grant(t, erp(), alice())
	s.Cookies, s.InsecureAnyCookie = []string{"sid", "csrf"}, false
	for _, tt := range []struct {
		set     []string
		wantErr error
	}{
		{[]string{"lb=1; Path=/", "sid=1; Path=/", "csrf=1; Path=/"}, nil},
		{[]string{"lb=1; Path=/", "sid=1; Path=/"}, auth.ErrDenied},
		{[]string{"lb=1; Path=/", "SID=1; Path=/", "csrf=1; Path=/"}, auth.ErrDenied},
		{[]string{"sid=1; Path=/saml", "csrf=1; Path=/"}, auth.ErrDenied},
		{nil, auth.ErrDenied},
	} {
		made, err := s.Translate(t.Context(), need(g, "ADA", answers(http.StatusOK, tt.set...)))
		if err != tt.wantErr || (made == nil) != (tt.wantErr != nil) {
			t.Errorf("%q: %v", tt.set, err)
		}
		if err == nil && applied(t, made) != "lb=1; sid=1; csrf=1" {
			t.Errorf("%s", applied(t, made))
		}
	}
}

// TestExpires is the first end of all: cookies, key and grant.
func TestExpires(t *testing.T) {
	for _, tt := range []struct {
		name  string
		set   []string
		lease time.Duration
		want  time.Duration
	}{
		{"the grant", []string{"sid=1; Path=/"}, 0, 15 * time.Minute},
		{"the grant, before the rest", []string{"sid=1; Path=/; Max-Age=86400"}, time.Hour, 15 * time.Minute},
		{"the lease", []string{"sid=1; Path=/; Max-Age=86400"}, time.Minute, time.Minute},
		{"Max-Age", []string{"sid=1; Path=/; Max-Age=60", "b=1; Path=/; Max-Age=600"}, time.Hour, time.Minute},
		{"Expires", []string{"b=1; Path=/", "sid=1; Path=/; Expires=Sat, 01 Jan 2000 00:02:00 GMT"}, 0, 2 * time.Minute},
		{"more than can be counted", []string{"sid=1; Path=/; Max-Age=" + strconv.Itoa(1<<62)}, 0, 15 * time.Minute},
		{"a cookie that is not sent", []string{"sid=1; Path=/", "b=1; Path=/saml; Max-Age=1"}, 0, 15 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key, now := signing(p256Key()), time.Now() // 2000-01-01
				if tt.lease > 0 {
					key.expires = now.Add(tt.lease)
				}
				made, err := session(key).Translate(t.Context(), need(grant(t, erp(), alice()), "ADA", answers(http.StatusFound, tt.set...)))
				if err != nil {
					t.Fatal(err)
				}
				if got := made.Expires().Sub(now); got != tt.want {
					t.Errorf("ends in %v", got)
				}
			})
		})
	}
}
