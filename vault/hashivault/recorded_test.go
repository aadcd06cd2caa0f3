package hashivault_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
)

// exchange is one of a real Vault 1.21.4.
type exchange struct {
	Name     string
	Request  struct{ Method, Path string }
	Response struct {
		Status  int
		Headers map[string]string
		Body    json.RawMessage
	}
}

// replies serves what was recorded, whatever is sent.
func (e exchange) replies() http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range e.Response.Headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(e.Response.Status)
		if e.Response.Status != http.StatusNoContent {
			_, _ = w.Write(e.Response.Body)
		}
	}
}

// deed is what the client makes of one recorded answer: a call, and its error.
type deed struct {
	want error
	do   func(t *testing.T, v *hashivault.Vault) error
}

func issue(path string, check func(t *testing.T, issued map[string]string, version, id string, ttl time.Duration)) func(*testing.T, *hashivault.Vault) error {
	return func(t *testing.T, v *hashivault.Vault) error {
		issued, err := v.Issue(t.Context(), path)
		if err != nil || check == nil {
			return err
		}
		fields := map[string]string{}
		for name := range issued.Fields {
			fields[name] = reveal(t, issued, name)
		}
		check(t, fields, issued.Version, issued.ID, issued.TTL)
		return nil
	}
}

func expect(want map[string]string, version string) func(*testing.T, map[string]string, string, string, time.Duration) {
	return func(t *testing.T, got map[string]string, v, id string, ttl time.Duration) {
		if fmt.Sprint(got) != fmt.Sprint(want) || v != version || id != "" || ttl != 0 {
			t.Errorf("%v, version %q, id %q, %v", got, v, id, ttl)
		}
	}
}

func lease(id string) func(*testing.T, map[string]string, string, string, time.Duration) {
	return func(t *testing.T, got map[string]string, v, gotID string, ttl time.Duration) {
		if len(got) != 2 || got["username"] == "" || got["password"] == "" || v != "" || !strings.HasPrefix(gotID, id) || ttl != 4*time.Second {
			t.Errorf("%d fields, version %q, id %q, %v", len(got), v, gotID, ttl)
		}
	}
}

func renewal(id string, want time.Duration) func(*testing.T, *hashivault.Vault) error {
	return func(t *testing.T, v *hashivault.Vault) error {
		ttl, err := v.Renew(t.Context(), id, 0)
		if ttl != want {
			t.Errorf("%v, want %v", ttl, want)
		}
		return err
	}
}

func sign(key string) func(*testing.T, *hashivault.Vault) error {
	return func(t *testing.T, v *hashivault.Vault) error {
		s, err := v.Signer(t.Context(), key, 0)
		if err != nil {
			return err
		}
		digest := make([]byte, 32)
		for i := range digest {
			digest[i] = byte(i)
		}
		_, err = s.Sign(nil, digest, crypto.SHA256)
		return err
	}
}

const (
	firstLease = "database/creds/ro/LK876GAbpcywbFeZIT9nit8u"
	shortLease = "database/creds/ro/mSbsLSmlXhl6c3tN9yuOwOSK"
)

var newest = map[string]string{"password": "two", "user": "u"}

// deeds are the exchanges that the client has a call for. The others, by which the server
// was set up, are read as any answer is.
var deeds = map[string]deed{
	"health active":                        {nil, func(_ *testing.T, v *hashivault.Vault) error { return v.Check() }},
	"health sealed":                        {auth.ErrUnavailable, func(_ *testing.T, v *hashivault.Vault) error { return v.Check() }},
	"kv2 read latest":                      {nil, issue("secret/app", expect(newest, "2"))},
	"kv2 read as app":                      {nil, issue("secret/app", expect(newest, "2"))},
	"kv2 read version 1":                   {nil, issue("secret/app", expect(map[string]string{"password": "one"}, "1"))},
	"kv2 read missing":                     {auth.ErrUndeclared, issue("secret/none", nil)},
	"kv2 read deleted":                     {hashivault.ErrDeleted, issue("secret/app", nil)},
	"kv2 read destroyed":                   {hashivault.ErrDestroyed, issue("secret/app", nil)},
	"kv2 read denied":                      {auth.ErrDenied, issue("secret/other", nil)},
	"no token":                             {auth.ErrDenied, issue("secret/app", nil)},
	"read while sealed":                    {auth.ErrUnavailable, issue("secret/app", nil)},
	"kv1 read":                             {nil, issue("kv1/app", expect(map[string]string{"password": "one", "ttl": "30s"}, ""))},
	"kv1 read missing":                     {auth.ErrUndeclared, issue("kv1/none", nil)},
	"capabilities-self":                    {nil, capable},
	"transit sign prehashed asn1":          {nil, sign("k")},
	"transit sign rsa pkcs1v15":            {nil, sign("r")},
	"transit sign unknown key":             {auth.ErrUndeclared, sign("nokey")},
	"transit key aes":                      {auth.ErrInvalid, func(t *testing.T, v *hashivault.Vault) error { return second(v.Signer(t.Context(), "e", 0)) }},
	"transit decrypt":                      {nil, decrypt},
	"transit datakey wrapped":              {nil, dataKey},
	"pki issue":                            {auth.ErrExpired, issue("pki/issue/r", nil)}, // on the day of the recording it lasted for a minute
	"pki issue refused":                    {auth.ErrUndeclared, issue("pki/issue/none", nil)},
	"database creds":                       {nil, issue("database/creds/ro", lease(firstLease))},
	"database creds again":                 {nil, issue("database/creds/ro", lease("database/creds/ro/CGrN"))},
	"database creds as app":                {nil, issue("database/creds/ro", lease("database/creds/ro/BMqL"))},
	"database creds outliving its token":   {nil, issue("database/creds/ro", lease(shortLease))},
	"lease renew":                          {nil, renewal(firstLease, 4*time.Second)},
	"lease renew capped by max_ttl":        {nil, renewal(firstLease, 3*time.Second)},
	"lease renew after end":                {auth.ErrUndeclared, renewal(firstLease, 0)},
	"lease renew unknown":                  {auth.ErrUndeclared, renewal("database/creds/ro/unknown", 0)},
	"lease renew at 2 s under a 3 s token": {nil, renewal(shortLease, 4*time.Second)},
	"lease revoke sync":                    {nil, func(t *testing.T, v *hashivault.Vault) error { return v.Revoke(t.Context(), "database/creds/ro/CGrN") }},
}

func capable(t *testing.T, v *hashivault.Vault) error {
	_, err := v.Capabilities(t.Context(), []string{"database/creds/ro"})
	return err
}

func decrypt(t *testing.T, v *hashivault.Vault) error {
	plain, err := v.OpenDataKey(t.Context(), "e", "vault:v1:aaaa")
	if !plain.Equal([]byte("hi")) {
		t.Error("another text")
	}
	return err
}

func dataKey(t *testing.T, v *hashivault.Vault) error {
	plain, wrapped, err := v.DataKey(t.Context(), "e")
	if use := plain.Use(func(b []byte) error { return nil }); use != nil || !strings.HasPrefix(wrapped, "vault:v1:Bo9Y") {
		t.Errorf("%q, %v", wrapped, use)
	}
	return err
}

// logins are the exchanges of which New makes something.
var logins = map[string]error{
	"approle login": nil, "approle login for cascade": nil, "approle login short token": nil, "approle login wrong secret-id": auth.ErrDenied, "malformed body": auth.ErrDenied,
}

func byName(t *testing.T) ([]exchange, map[string]exchange) {
	t.Helper()
	b, err := os.ReadFile("../vaulttest/testdata/vault-1.21.4.json")
	must(t, err)
	var all []exchange
	must(t, json.Unmarshal(b, &all))
	named := map[string]exchange{}
	for _, e := range all {
		named[e.Name] = e
	}
	if len(named) != 79 {
		t.Fatalf("%d exchanges", len(named))
	}
	return all, named
}

// TestRecordedAnswers: what the client makes of each answer that a real Vault gave.
func TestRecordedAnswers(t *testing.T) {
	all, named := byName(t)
	for _, e := range all {
		if _, ok := logins[e.Name]; ok || strings.Contains(e.Name, "wrap") && e.Name != "transit datakey wrapped" || strings.HasPrefix(e.Name, "token ") {
			continue // below
		}
		t.Run(e.Name, func(t *testing.T) {
			path, _, _ := strings.Cut(e.Request.Path, "?")
			s, o := stub(t, map[string]http.HandlerFunc{
				"/v1/transit/keys/k": named["transit read key"].replies(), "/v1/transit/keys/r": named["transit read rsa key"].replies(), path: e.replies(),
			})
			o.Mounts = map[string]hashivault.Engine{"secret": hashivault.KV2, "kv1": hashivault.KV1, "database": hashivault.Database, "pki": hashivault.PKI}
			issued := hashivault.Certificate{CommonName: "svc.acme.example", URIs: []string{"spiffe://acme.example/svc"}}
			o.Certificates = map[string]hashivault.Certificate{"pki/issue/r": issued, "pki/issue/none": issued}
			v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
			must(t, err)
			defer v.Close(t.Context())
			d, ok := deeds[e.Name]
			if !ok {
				d = deed{bySide(e.Response.Status), func(t *testing.T, v *hashivault.Vault) error {
					return v.Raw(t.Context(), e.Request.Method, strings.TrimPrefix(path, "/v1/"), struct{}{})
				}}
			}
			if err := d.do(t, v); !errors.Is(err, d.want) {
				t.Errorf("got %v, want %v", err, d.want)
			}
		})
	}
	for name := range deeds {
		if _, ok := named[name]; !ok {
			t.Errorf("%s was not recorded", name)
		}
	}
}

func bySide(status int) error {
	return map[int]error{400: auth.ErrInvalid, 403: auth.ErrDenied, 404: auth.ErrUndeclared, 503: auth.ErrUnavailable}[status]
}

// TestRecordedLogins: of plain and wrapped secret ids, and the life of the token.
func TestRecordedLogins(t *testing.T) {
	_, named := byName(t)
	for name, want := range logins {
		s, o := stub(t, map[string]http.HandlerFunc{loginPath: named[name].replies(), kvPath: named["kv2 read as app"].replies()})
		v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		must(t, v.Close(t.Context()))
	}
	wrapped := hashivault.Login{RoleID: "r", Wrapped: secret("hvs.w"), Role: "app"}
	for unwrap, want := range map[string]error{"unwrap": nil, "unwrap second time": hashivault.ErrUnwrapped} {
		s, o := stub(t, map[string]http.HandlerFunc{
			"/v1/sys/wrapping/lookup": named["wrapping lookup"].replies(), "/v1/sys/wrapping/unwrap": named[unwrap].replies(), loginPath: named["approle login"].replies(),
		})
		v, err := hashivault.New(t.Context(), s.URL, wrapped, &o)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", unwrap, err, want)
		}
		must(t, v.Close(t.Context()))
	}
	// The answer that is still wrapped is none.
	s, o := stub(t, map[string]http.HandlerFunc{
		"/v1/sys/wrapping/lookup": named["wrapping lookup"].replies(), "/v1/sys/wrapping/unwrap": named["approle secret-id wrapped"].replies(),
	})
	if _, err := hashivault.New(t.Context(), s.URL, wrapped, &o); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("wrapped: %v", err)
	}
}

// TestRecordedTokenLife: three seconds, renewed as each recorded answer says.
func TestRecordedTokenLife(t *testing.T) {
	_, named := byName(t)
	for name, wantLogins := range map[string]int{"token renew-self": 1, "token renew-self with increment": 1, "token renew-self after expiry": 2} {
		logins, renewals := 0, 0
		s, o := stub(t, map[string]http.HandlerFunc{
			loginPath:                   func(w http.ResponseWriter, r *http.Request) { logins++; named["approle login"].replies()(w, r) },
			"/v1/auth/token/renew-self": func(w http.ResponseWriter, r *http.Request) { renewals++; named[name].replies()(w, r) },
			kvPath:                      named["kv2 read as app"].replies(),
		})
		v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
		must(t, err)
		v.Age(2500 * time.Millisecond)
		if err := read(t, v); err != nil || logins != wantLogins || renewals != 1 {
			t.Errorf("%s: %d logins, %d renewals, %v", name, logins, renewals, err)
		}
		must(t, v.Close(context.Background()))
	}
	for name, wantLogins := range map[string]int{"token lookup-self": 1, "token lookup-self after expiry": 2} {
		logins := 0
		s, o := stub(t, map[string]http.HandlerFunc{
			loginPath:                    func(w http.ResponseWriter, r *http.Request) { logins++; named["approle login"].replies()(w, r) },
			"/v1/auth/token/lookup-self": named[name].replies(), kvPath: named["kv2 read denied"].replies(),
		})
		v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
		must(t, err)
		if err := read(t, v); err != auth.ErrDenied || logins != wantLogins {
			t.Errorf("%s: %d logins, %v", name, logins, err)
		}
		must(t, v.Close(context.Background()))
	}
}
