package hashivault_test

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/carnet-go/carnet/vault/hashivault"
)

const (
	envelope  = `{"request_id":"r","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":null,"warnings":null,"auth":null,"mount_type":""}`
	loggedIn  = `{"request_id":"r","lease_id":"","renewable":false,"lease_duration":0,"data":null,"auth":{"client_token":"hvs.stub","lease_duration":3600,"renewable":true}}`
	kvAnswer  = `{"lease_id":"","lease_duration":0,"data":{"data":{"k":"v"},"metadata":{"version":1,"deletion_time":"","destroyed":false}},"auth":null}`
	jsonType  = "application/json"
	kvPath    = "/v1/secret/data/app"
	loginPath = "/v1/auth/approle/login"
)

// say answers with a body of a status and a type.
func say(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func ok(body string) http.HandlerFunc { return say(http.StatusOK, jsonType, body) }

// stub is a server that says what it is told to, and otherwise lets log in and revoke.
func stub(t testing.TB, routes map[string]http.HandlerFunc) (*httptest.Server, hashivault.Options) {
	t.Helper()
	mux := map[string]http.HandlerFunc{
		loginPath: ok(loggedIn), "/v1/auth/token/revoke-self": ok(envelope), "/v1/auth/token/lookup-self": ok(envelope),
	}
	for path, handler := range routes {
		mux[path] = handler
	}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler, ok := mux[r.URL.Path]; ok {
			handler(w, r)
			return
		}
		say(http.StatusNotFound, jsonType, `{"errors":[]}`)(w, r)
	}))
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, hashivault.Options{RootCAs: pool}
}

func approle() hashivault.Login {
	return hashivault.Login{RoleID: "role", SecretID: secret("s3cret-id")}
}

// stubbed is logged in to a stub.
func stubbed(t testing.TB, routes map[string]http.HandlerFunc) *hashivault.Vault {
	t.Helper()
	s, o := stub(t, routes)
	v, err := hashivault.New(t.Context(), s.URL, approle(), &o)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = v.Close(ctx)
	})
	return v
}
