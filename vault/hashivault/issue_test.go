package hashivault_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// reveal is for comparing.
func reveal(t testing.TB, issued vault.Issued, field string) (s string) {
	t.Helper()
	must(t, issued.Fields[field].Use(func(b []byte) error { s = string(b); return nil }))
	return s
}

func TestKV2(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	issued, err := v.Issue(t.Context(), "secret/app")
	if err != nil || issued.Version != "1" || issued.ID != "" || issued.TTL != 0 || issued.ParentTTL != 0 || reveal(t, issued, "password") != "one" {
		t.Errorf("%+v, %v", issued, err)
	}
	h.Put("secret/app", map[string]string{"password": "t\u00fco\n\"", "user": ""})
	issued, err = v.Issue(t.Context(), "secret/app")
	if err != nil || issued.Version != "2" || reveal(t, issued, "password") != "t\u00fco\n\"" || len(issued.Fields) != 2 {
		t.Errorf("%+v, %v", issued, err)
	}
	if err := issued.Fields["user"].Use(nil); err != auth.ErrUndeclared {
		t.Errorf("an empty field: %v", err)
	}
}

// TestDeletedAndDestroyed are told apart, and neither is a secret.
func TestDeletedAndDestroyed(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	check := func(what string, want error) {
		t.Helper()
		issued, err := v.Issue(t.Context(), "secret/app")
		if err != want || want != nil && (issued.Fields != nil || !errors.Is(err, auth.ErrUndeclared)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.Delete("secret/app")
	check("deleted", hashivault.ErrDeleted)
	h.Undelete("secret/app")
	check("undeleted", nil)
	h.Destroy("secret/app")
	check("destroyed", hashivault.ErrDestroyed)
	if _, err := v.Issue(t.Context(), "secret/none"); err != auth.ErrUndeclared {
		t.Errorf("nothing there: %v", err)
	}
}

// TestGoneWith200: some servers, and some proxies, say it so.
func TestGoneWith200(t *testing.T) {
	in := time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano)
	past := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339Nano)
	for meta, want := range map[string]error{
		`"data":null,"metadata":{"version":1,"deletion_time":"` + past + `","destroyed":false}`:    hashivault.ErrDeleted,
		`"data":null,"metadata":{"version":1,"deletion_time":"","destroyed":true}`:                 hashivault.ErrDestroyed,
		`"data":{"k":"v"},"metadata":{"version":1,"deletion_time":"` + past + `"}`:                 hashivault.ErrDeleted,
		`"data":{"k":"v"},"metadata":{"version":1,"deletion_time":"","destroyed":true}`:            hashivault.ErrDestroyed,
		`"data":{"k":"v"},"metadata":{"version":1,"deletion_time":"` + in + `","destroyed":false}`: nil,
		`"data":{"k":"v"},"metadata":null`:                                                         auth.ErrInvalid,
	} {
		issued, err := stubbed(t, map[string]http.HandlerFunc{kvPath: ok(`{"data":{` + meta + `}}`)}).Issue(t.Context(), "secret/app")
		if err != want {
			t.Errorf("%s: %v, want %v", meta, err, want)
		}
		if want == nil && (issued.TTL < 50*time.Minute || issued.TTL > time.Hour) {
			t.Errorf("lasts %v", issued.TTL)
		}
	}
}

func TestKV1(t *testing.T) {
	h, v := logged(t, hashivault.Options{Mounts: map[string]hashivault.Engine{"kv1": hashivault.KV1}})
	h.Put("kv1/app", map[string]string{"password": "one", "ttl": "30s"})
	issued, err := v.Issue(t.Context(), "kv1/app")
	if err != nil || issued.Version != "" || issued.TTL != 0 || issued.ID != "" || reveal(t, issued, "password") != "one" {
		t.Errorf("%+v, %v", issued, err)
	}
	if issued, err = v.Issue(t.Context(), "kv1/none"); err != auth.ErrUndeclared || issued.Fields != nil {
		t.Errorf("nothing there: %v", err)
	}
}

func TestDynamic(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.DatabaseRole("ro", time.Minute, time.Hour)
	issued, err := v.Issue(t.Context(), "database/creds/ro")
	if err != nil || !strings.HasPrefix(issued.ID, "database/creds/ro/") || issued.Version != "" || issued.TTL != time.Minute || reveal(t, issued, "username") == "" {
		t.Errorf("%+v, %v", issued, err)
	}
	if issued.ParentTTL < 59*time.Minute || issued.ParentTTL > time.Hour {
		t.Errorf("the login lasts %v", issued.ParentTTL)
	}
	if ttl, err := v.Renew(t.Context(), issued.ID, 90*time.Second); err != nil || ttl != 90*time.Second {
		t.Errorf("renewed for %v: %v", ttl, err)
	}
	if ttl, err := v.Renew(t.Context(), issued.ID, 2*time.Hour); err != nil || ttl < 58*time.Minute || ttl > time.Hour {
		t.Errorf("capped at %v: %v", ttl, err)
	}
	must(t, v.Revoke(t.Context(), issued.ID))
	if h.Leases() != 0 {
		t.Error("still there")
	}
	for _, id := range []string{issued.ID, "database/creds/ro/never"} {
		if _, err := v.Renew(t.Context(), id, time.Hour); err != auth.ErrUndeclared {
			t.Errorf("gone: %v", err)
		}
	}
	for _, id := range []string{"", "x\n", strings.Repeat("x", 2000)} {
		if _, err := v.Renew(t.Context(), id, time.Hour); err != auth.ErrInvalid {
			t.Errorf("%.5q: %v", id, err)
		}
		if err := v.Revoke(t.Context(), id); id != "" && err != auth.ErrInvalid {
			t.Errorf("%.5q: %v", id, err)
		}
	}
	for _, by := range []time.Duration{-1, 1 << 62} {
		if _, err := v.Renew(t.Context(), "x", by); err != auth.ErrInvalid {
			t.Errorf("by %v: %v", by, err)
		}
	}
	if _, err := v.Issue(t.Context(), "database/creds/none"); err != auth.ErrUndeclared {
		t.Errorf("no such role: %v", err)
	}
}

// TestBadLeases are revoked where they can be: they are lent, and no use.
func TestBadLeases(t *testing.T) {
	const good = `{"lease_id":"database/creds/ro/1","lease_duration":60,"renewable":true,"data":{"username":"u","password":"p"}}`
	for name, tt := range map[string]struct {
		old, with string
		revoked   int32
	}{
		"no lease":       {`database/creds/ro/1`, ``, 0},
		"no end":         {`60`, `0`, 1},
		"no fields":      {`"username":"u","password":"p"`, ``, 1},
		"a number":       {`"p"`, `7`, 1},
		"a fraction":     {`60`, `0.5`, 1},
		"negative":       {`60`, `-60`, 1},
		"overflow":       {`60`, `9223372036854775808`, 1},
		"duplicate":      {`"renewable"`, `"lease_id"`, 0},
		"id is a number": {`"database/creds/ro/1"`, `1`, 0},
		"renewable text": {`true`, `"true"`, 1},
	} {
		var revoked atomic.Int32
		v := stubbed(t, map[string]http.HandlerFunc{
			"/v1/database/creds/ro": ok(strings.Replace(good, tt.old, tt.with, 1)),
			"/v1/sys/leases/revoke": func(w http.ResponseWriter, _ *http.Request) { revoked.Add(1); w.WriteHeader(204) },
		})
		if issued, err := v.Issue(t.Context(), "database/creds/ro"); !errors.Is(err, auth.ErrInvalid) || issued.Fields != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := revoked.Load(); n != tt.revoked {
			t.Errorf("%s: %d leases revoked, want %d", name, n, tt.revoked)
		}
	}
}

func TestBadRenewals(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"another lease":  {ok(`{"lease_id":"y","lease_duration":60}`), auth.ErrInvalid},
		"no duration":    {ok(`{"lease_id":"x"}`), auth.ErrInvalid},
		"negative":       {ok(`{"lease_id":"x","lease_duration":-1}`), auth.ErrInvalid},
		"404":            {say(404, jsonType, ""), auth.ErrUndeclared},
		"400":            {say(400, jsonType, `{"errors":["lease not found"]}`), auth.ErrUndeclared},
		"400, no reason": {say(400, jsonType, ""), auth.ErrUnavailable},
		"400, database":  {say(400, jsonType, `{"errors":["failed to renew entry: lease not found"]}`), auth.ErrUnavailable},
		"403":            {say(403, jsonType, ""), auth.ErrDenied},
		"500":            {say(500, jsonType, ""), auth.ErrUnavailable},
		"429":            {say(429, jsonType, ""), auth.ErrThrottled},
	} {
		v := stubbed(t, map[string]http.HandlerFunc{"/v1/sys/leases/renew": tt.answer, "/v1/sys/leases/revoke": tt.answer})
		if _, err := v.Renew(t.Context(), "x", time.Minute); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err := v.Revoke(t.Context(), "x"); (tt.want == auth.ErrUndeclared || tt.want == auth.ErrUnavailable) && !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("%s: revoke: %v", name, err)
		}
	}
}

func TestStatic(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.StaticRole("x", time.Hour)
	issued, err := v.Issue(t.Context(), "database/static-creds/x")
	if err != nil || issued.ID != "" || issued.Version == "" || issued.TTL > time.Hour || issued.TTL < 59*time.Minute || issued.ParentTTL != 0 {
		t.Errorf("%+v, %v", issued, err)
	}
	if len(issued.Fields) != 2 || reveal(t, issued, "username") != "x" {
		t.Errorf("fields %v", issued.Fields)
	}
	h.Advance(time.Hour)
	next, err := v.Issue(t.Context(), "database/static-creds/x")
	if err == nil && next.Version == issued.Version || errors.Is(err, auth.ErrDenied) {
		t.Errorf("another password of the same version: %v", err)
	}
	if _, err := v.Issue(t.Context(), "database/static-creds/none"); err != auth.ErrUndeclared {
		t.Errorf("no such role: %v", err)
	}
	const good = `{"data":{"username":"u","password":"p","last_vault_rotation":"2026-01-01T00:00:00Z","rotation_period":60,"ttl":30}}`
	for with, want := range map[string]error{
		`"ttl":30`: nil, `"ttl":0`: auth.ErrExpired, `"ttl":-1`: auth.ErrInvalid, `"x":"y"`: auth.ErrInvalid, `"ttl":1e9`: auth.ErrInvalid, `"ttl":3,"z":1`: auth.ErrInvalid,
	} {
		v := stubbed(t, map[string]http.HandlerFunc{"/v1/database/static-creds/x": ok(strings.Replace(good, `"ttl":30`, with, 1))})
		if _, err := v.Issue(t.Context(), "database/static-creds/x"); !errors.Is(err, want) {
			t.Errorf("%s: %v", with, err)
		}
	}
}

func certificates(c hashivault.Certificate) hashivault.Options {
	return hashivault.Options{Certificates: map[string]hashivault.Certificate{"pki/issue/leased": c, "pki/issue/web": c, "pki/issue/none": c}}
}

func TestPKI(t *testing.T) {
	h, v := logged(t, certificates(hashivault.Certificate{
		CommonName: "svc.acme.example", DNS: []string{"a.acme.example", "b.acme.example"}, URIs: []string{"spiffe://acme.example/svc"},
		IPs: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}, TTL: time.Minute,
	}))
	h.PKIRole("web", time.Hour, false)
	h.PKIRole("leased", time.Hour, true)
	for _, path := range []string{"pki/issue/web", "pki/issue/leased"} {
		issued, err := v.Issue(t.Context(), path)
		must(t, err)
		if issued.TTL <= 50*time.Second || issued.TTL > time.Minute || (issued.ID != "") != (path == "pki/issue/leased") || (issued.ID != "") != (issued.ParentTTL > 0) {
			t.Errorf("%s: %+v", path, issued)
		}
		made, err := tls.X509KeyPair([]byte(reveal(t, issued, "certificate")), []byte(reveal(t, issued, "private_key")))
		must(t, err)
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(reveal(t, issued, "ca_chain"))) || reveal(t, issued, "serial") == "" || len(issued.Fields) != 4 {
			t.Error("no chain")
		}
		for _, name := range []string{"svc.acme.example", "b.acme.example", "127.0.0.1"} {
			if _, err := made.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
				t.Error(err)
			}
		}
		must(t, v.Revoke(t.Context(), issued.ID))
	}
	for _, path := range []string{"pki/issue/none", "pki/issue/undeclared"} {
		if _, err := v.Issue(t.Context(), path); err != auth.ErrUndeclared {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestOtherCertificates: what was issued is not what was asked for, or has no end.
func TestOtherCertificates(t *testing.T) {
	h := vaulttest.NewHashi(t)
	h.PKIRole("web", time.Hour, false)
	id := h.AppRole("app", 0, 0, "pki/issue/web")
	l := hashivault.Login{RoleID: id, SecretID: secret(h.SecretID("app"))}
	v := dial(t, h, l, certificates(hashivault.Certificate{CommonName: "other.example"}))
	issued, err := v.Issue(t.Context(), "pki/issue/web")
	must(t, err)
	text := func(field string) string {
		return fmt.Sprintf("%q", strings.TrimSpace(reveal(t, issued, field)))
	}
	cert, key, chain, serial := text("certificate"), text("private_key"), text("ca_chain"), text("serial")
	root, _ := pem.Decode([]byte(reveal(t, issued, "ca_chain")))
	hidden := fmt.Sprintf("%q", string(pem.EncodeToMemory(&pem.Block{Type: "X", Bytes: root.Bytes}))+reveal(t, issued, "certificate"))
	answer := func(cert, key, chain, more string) string {
		return fmt.Sprintf(`{"lease_id":"","lease_duration":0,"data":{"certificate":%s,"private_key":%s,"ca_chain":[%s],"serial_number":%s%s}}`, cert, key, chain, serial, more)
	}
	other := hashivault.Certificate{CommonName: "other.example"}
	for name, tt := range map[string]struct {
		ask    hashivault.Certificate
		answer string
		want   error
	}{
		"as asked":           {other, answer(cert, key, chain, ""), nil},
		"issuer instead":     {other, strings.Replace(answer(cert, key, chain, ""), `"ca_chain":[`+chain+`]`, `"issuing_ca":`+chain, 1), nil},
		"serial in capitals": {other, strings.Replace(answer(cert, key, chain, ""), serial, strings.ToUpper(serial), 1), nil},
		"another serial":     {other, strings.Replace(answer(cert, key, chain, ""), serial, `"1"`, 1), auth.ErrInvalid},
		"behind a block":     {other, answer(hidden, key, chain, ""), nil},
		"another name":       {hashivault.Certificate{CommonName: "svc.example"}, answer(cert, key, chain, ""), auth.ErrInvalid},
		"without DNS":        {hashivault.Certificate{DNS: []string{"svc.example"}}, answer(cert, key, chain, ""), auth.ErrInvalid},
		"without URI":        {hashivault.Certificate{URIs: []string{"spiffe://a/b"}}, answer(cert, key, chain, ""), auth.ErrInvalid},
		"without IP":         {hashivault.Certificate{IPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}, answer(cert, key, chain, ""), auth.ErrInvalid},
		"another key":        {other, answer(cert, text("certificate"), chain, ""), auth.ErrInvalid},
		"certificate of CA":  {other, answer(chain, key, chain, ""), auth.ErrInvalid},
		"no PEM":             {other, answer(`"x"`, key, chain, ""), auth.ErrInvalid},
		"a number":           {other, answer(`1`, key, chain, ""), auth.ErrInvalid},
		"chain is no PEM":    {other, answer(cert, key, `"x"`, ""), auth.ErrInvalid},
		"chain is a key":     {other, answer(cert, key, key, ""), auth.ErrInvalid},
		"chain of numbers":   {other, answer(cert, key, `1`, ""), auth.ErrInvalid},
		"no chain":           {other, answer(cert, key, ``, ""), auth.ErrInvalid},
		"duplicate":          {other, answer(cert, key, chain, `,"private_key":"x"`), auth.ErrInvalid},
	} {
		s, o := stub(t, map[string]http.HandlerFunc{"/v1/pki/issue/web": ok(tt.answer)})
		o.Certificates = map[string]hashivault.Certificate{"pki/issue/web": tt.ask}
		v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
		must(t, err)
		if _, err := v.Issue(t.Context(), "pki/issue/web"); !errors.Is(err, tt.want) || strings.Contains(fmt.Sprint(err), "BEGIN") {
			t.Errorf("%s: %v", name, err)
		}
		must(t, v.Close(t.Context()))
	}
	h.Advance(30 * time.Minute)
	if _, err := v.Issue(t.Context(), "pki/issue/web"); err != auth.ErrInvalid {
		t.Errorf("begins later: %v", err)
	}
	h.Advance(-150 * time.Minute)
	if _, err := v.Issue(t.Context(), "pki/issue/web"); !errors.Is(err, auth.ErrExpired) {
		t.Errorf("ended before it came: %v", err)
	}
}

// TestCallerLeavesALease: what comes then is revoked.
func TestCallerLeavesALease(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		h.Fail("database/creds/ro", 1, vaulttest.Fault{Delay: 20 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		issued, err := v.Issue(ctx, "database/creds/ro")
		if !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || issued.Fields != nil || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if n := h.Leases(); n != 1 {
			t.Fatalf("%d leases: there is nothing to be revoked", n)
		}
		time.Sleep(time.Minute)
		if h.Leases() != 0 || h.Tokens() != 1 || h.Requests("sys/leases/revoke") != 1 {
			t.Errorf("%d leases are left, %d tokens", h.Leases(), h.Tokens())
		}
	})
}

// TestOneCallIsOneTransmission: net/http repeats a GET whose connection was cut.
func TestOneCallIsOneTransmission(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.DatabaseRole("ro", time.Hour, time.Hour)
	must(t, read(t, v)) // there is a connection
	for _, path := range []string{"database/creds/ro", "secret/app"} {
		before := h.Requests("*")
		h.Fail("*", 1, vaulttest.Fault{Reset: true, After: true})
		if _, err := v.Issue(t.Context(), path); err != auth.ErrUnavailable {
			t.Errorf("%s: %v", path, err)
		}
		if n := h.Requests("*") - before; n != 1 {
			t.Errorf("%s: %d requests", path, n)
		}
		must(t, read(t, v))
	}
}

// TestPathsStayBelowTheirMount: the longest one that is a prefix, and no trick beside it.
func TestPathsStayBelowTheirMount(t *testing.T) {
	mounts := map[string]hashivault.Engine{
		"secret": hashivault.KV2, "secret/flat": hashivault.KV1, "database": hashivault.Database, "pki": hashivault.PKI,
	}
	o := certificates(hashivault.Certificate{CommonName: "a"})
	o.Mounts = mounts
	h, v := logged(t, o)
	h.Mount("secret/flat", "kv1")
	h.Grant("app", "secret/flat/*", "read")
	h.Put("secret/flat/app", map[string]string{"k": "flat"})
	before := h.Requests("*")
	issued, err := v.Issue(t.Context(), "secret/flat/app")
	if err != nil || reveal(t, issued, "k") != "flat" || h.Requests("*") != before+1 {
		t.Errorf("the longer mount: %v", err)
	}
	before = h.Requests("*")
	for _, path := range []string{
		"", "secret", "secret/", "secrets/app", "other/app", "/secret/app", "secret//app", "secret/./app", "secret/../sys/seal", "secret/..", "secret/app/",
		"secret/app?version=1", "secret/app#x", "secret/app%2f..", "secret/%2e%2e/x", "secret/a\nb", "secret/a\x00", `secret\app`, "secret/App", "secret/a b", "secret/é",
		"database", "database/creds", "database/creds/", "database/creds/a/b", "database/config/pg", "database/roles/ro", "database/rotate-root/pg",
		"pki/issue", "pki/issue/a/b", "pki/sign/a", "pki/root/generate/internal", "sys/seal", "auth/token/create", "secret/" + strings.Repeat("a/", 200) + "a",
	} {
		if issued, err := v.Issue(t.Context(), path); err != auth.ErrUndeclared || issued.Fields != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, key := range []string{"", "a/b", "..", "a?b", "a\nb", "a%2fb", "/a"} {
		_, _, err := v.DataKey(t.Context(), key)
		if err != auth.ErrUndeclared || second(v.Signer(t.Context(), key, 0)) != auth.ErrUndeclared || second(v.OpenDataKey(t.Context(), key, "vault:v1:aaaa")) != auth.ErrUndeclared {
			t.Errorf("key %q: %v", key, err)
		}
	}
	if n := h.Requests("*") - before; n != 0 {
		t.Errorf("%d requests", n)
	}
}
