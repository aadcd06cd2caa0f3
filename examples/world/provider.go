package world

import (
	"context"
	"crypto/rand"
	"fmt"
	"html"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// provider is an OpenID provider with a login form, and the client of the service.
type provider struct {
	http.Handler
	storage *storage
	client  *http.Client
	issuer  string
	secrets *ledger
}

// newProvider exchanges its tokens for such of one audience.
func newProvider(issuer, audience string, client *http.Client, secrets *ledger) (*provider, error) {
	storage, err := newStorage(audience, secrets)
	if err != nil {
		return nil, err
	}
	config := &op.Config{CodeMethodS256: true}
	if _, err := rand.Read(config.CryptoKey[:]); err != nil {
		return nil, err
	}
	secrets.keep(config.CryptoKey[:])
	protocol, err := op.NewProvider(config, storage, op.StaticIssuer(issuer))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", showForm)
	back := op.AuthCallbackURL(protocol)
	mux.Handle("POST /login", op.NewIssuerInterceptor(protocol.IssuerFromRequest).HandlerFunc(storage.takeForm(back)))
	mux.Handle("/oauth/token", secrets.issued(protocol))
	mux.Handle("/", protocol)
	return &provider{mux, storage, client, issuer, secrets}, nil
}

const form = `<!doctype html>
<title>Log in</title>
<form method="post" action="/login">
<input type="hidden" name="id" value="%s">
<input name="username" autocomplete="username">
<input name="password" type="password" autocomplete="current-password">
<input name="otp" inputmode="numeric" autocomplete="one-time-code">
<button>Log in</button>
</form>
`

func showForm(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, form, html.EscapeString(r.URL.Query().Get("id")))
}

// takeForm sends who proved himself back to the protocol, and nobody else.
func (s *storage) takeForm(back func(context.Context, string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PostFormValue("id")
		if !s.login(id, r.PostFormValue("username"), r.PostFormValue("password"), r.PostFormValue("otp"), time.Now()) {
			http.Error(w, "wrong name, password or code", http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, back(r.Context(), id), http.StatusFound)
	}
}
