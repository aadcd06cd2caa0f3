package hashivault_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

const canary = "c4n4ry-n3ver-t0-be-seen"

// noCanary searches for it in the forms that printing gives it.
func noCanary(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{
		canary, base64.StdEncoding.EncodeToString([]byte(canary)), hex.EncodeToString([]byte(canary)), strings.Trim(fmt.Sprint([]byte(canary)), "[]"),
	} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows %q", where, form)
		}
	}
}

// faults are what a server can do that may quote what it was sent.
var faults = map[string]http.HandlerFunc{
	"400":     say(400, jsonType, `{"errors":["`+canary+`"]}`),
	"403":     say(403, jsonType, `{"errors":["`+canary+`"]}`),
	"404":     say(404, jsonType, `{"errors":["`+canary+`"]}`),
	"429":     say(429, jsonType, `{"errors":["`+canary+`"]}`),
	"500":     say(500, jsonType, canary),
	"garbage": ok(canary),
	"another": ok(`{"data":{"` + canary + `":"` + canary + `"},"lease_id":"` + canary + `","lease_duration":"` + canary + `"}`),
	"type":    say(200, canary, canary),
	"redirect": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+canary+".example/", http.StatusTemporaryRedirect)
	},
	"bad place": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "%"+canary)
		w.WriteHeader(302)
	},
	"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"header": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", canary)
		w.WriteHeader(503)
	},
}

// TestErrorsHoldNothing: whatever the server, the arguments and the token are.
func TestErrorsHoldNothing(t *testing.T) {
	errs := 0
	see := func(call string, err error) {
		t.Helper()
		if err == nil {
			return
		}
		errs++
		for e := err; e != nil; e = errors.Unwrap(e) {
			text := fmt.Sprintf("%v %+v %#v %q", e, e, e, e)
			noCanary(t, call, text)
			for _, part := range []string{"secret/", "127.0.0.1", "/v1/", "hvs.", "s3cret-id"} {
				if strings.Contains(text, part) {
					t.Errorf("%s shows %q: %v", call, part, e)
				}
			}
		}
		if _, ok := errors.AsType[interface {
			error
			FailureClass() string
		}](err); !ok {
			t.Errorf("%s: %v is none of package auth", call, err)
		}
	}
	for name, fault := range faults {
		routes := map[string]http.HandlerFunc{}
		for _, path := range []string{
			"secret/data/app", "database/creds/ro", "database/static-creds/ro", "pki/issue/web", "sys/leases/renew", "sys/leases/revoke",
			"transit/keys/k", "transit/datakey/plaintext/k", "transit/decrypt/k", "sys/capabilities-self", "sys/health",
		} {
			routes["/v1/"+path] = fault
		}
		s, o := stub(t, routes)
		o.Certificates = map[string]hashivault.Certificate{"pki/issue/web": {CommonName: "a"}}
		v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
		must(t, err)
		ctx := t.Context()
		for _, path := range []string{"secret/app", "database/creds/ro", "database/static-creds/ro", "pki/issue/web", canary, "secret/" + canary, "secret/" + canary + "\n"} {
			see(name+" Issue", second(v.Issue(ctx, path)))
		}
		see(name+" Renew", second(v.Renew(ctx, canary, time.Minute)))
		see(name+" Revoke", v.Revoke(ctx, canary))
		see(name+" Check", v.Check())
		see(name+" Signer", second(v.Signer(ctx, "k", 0)))
		_, _, err = v.DataKey(ctx, "k")
		see(name+" DataKey", err)
		see(name+" OpenDataKey", second(v.OpenDataKey(ctx, "k", "vault:v1:"+strings.ReplaceAll(canary, "-", "+"))))
		see(name+" Capabilities", second(v.Capabilities(ctx, []string{"secret/app"})))
		must(t, v.Close(ctx))

		s, o = stub(t, map[string]http.HandlerFunc{loginPath: fault, "/v1/sys/wrapping/lookup": fault, "/v1/auth/token/revoke-self": fault})
		see(name+" New", second(hashivault.New(ctx, s.URL, hashivault.Login{RoleID: canary, SecretID: secret(canary)}, &o)))
		see(name+" New wrapped", second(hashivault.New(ctx, s.URL, hashivault.Login{RoleID: canary, Wrapped: secret(canary), Role: canary}, &o)))
	}
	for _, origin := range []string{"https://" + canary + ":x", canary, "https://" + canary + ".invalid"} {
		see("origin", second(hashivault.New(t.Context(), origin, approle(), nil)))
	}
	see("options", second(hashivault.New(t.Context(), "https://a.example", approle(), &hashivault.Options{Namespace: canary + "\n", Private: []string{canary}})))
	see("range", second(hashivault.New(t.Context(), "https://a.example", approle(), &hashivault.Options{Private: []string{canary}})))
	if errs < 150 {
		t.Errorf("only %d errors", errs)
	}
}

// TestNothingPrintsASecret: neither login, nor Vault, nor what it issues.
func TestNothingPrintsASecret(t *testing.T) {
	h := vaulttest.NewHashi(t)
	h.Put("secret/app", map[string]string{"password": canary})
	h.TransitKey("k", "ed25519")
	id := h.AppRole("app", 0, 0, paths...)
	login := hashivault.Login{RoleID: id, SecretID: secret(h.SecretID("app"))}
	v := dial(t, h, login, hashivault.Options{})
	issued, err := v.Issue(t.Context(), "secret/app")
	must(t, err)
	s, err := v.Signer(t.Context(), "k", 0)
	must(t, err)
	var secretID string
	must(t, login.SecretID.Use(func(b []byte) error { secretID = string(b); return nil }))
	for name, value := range map[string]any{"parts": *v.Parts(), "Login": login, "Issued": issued, "field": struct{ v *hashivault.Vault }{v}, "signer": struct{ s crypto.Signer }{s}} {
		verbs := "%v %+v %#v"
		if name != "field" && name != "signer" { // a bad verb walks through pointers, into locks that are in use
			verbs += " %s %q %x %d %w"
		}
		for _, verb := range strings.Fields(verbs) {
			text := fmt.Sprintf(verb, value)
			noCanary(t, name+" "+verb, text)
			if strings.Contains(text, secretID) || strings.Contains(text, "hvs.") {
				t.Errorf("%s %s shows the secret id or the token", name, verb)
			}
		}
		out, err := json.Marshal(value)
		noCanary(t, name+" json", string(out)+fmt.Sprint(err))
	}
}

// TestTraceInTheContext sees nothing: it would see the token.
func TestTraceInTheContext(t *testing.T) {
	_, v := logged(t, hashivault.Options{})
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		WroteHeaderField: func(string, []string) { t.Error("a trace sees headers") },
		GetConn:          func(string) { t.Error("a trace sees the call") },
	})
	if _, err := v.Issue(ctx, "secret/app"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Issue(ctx, "database/creds/none"); !errors.Is(err, auth.ErrUndeclared) {
		t.Errorf("got %v", err)
	}
}
