package world

import (
	"crypto/subtle"
	"io"
	"net/http"
)

const (
	contact  = `{"name":"Ada Example","city":"Berlin"}`
	contacts = `[` + contact + `,{"name":"Grace Example","city":"Lyon"}]`
)

// newCRM wants the key in X-Api-Key. Its photos have moved to another host, as
// those of a compromised CRM would.
func newCRM(key, photo string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /contacts/4711", answer(contact))
	mux.HandleFunc("GET /contacts/count", answer(`{"count":2}`))
	mux.HandleFunc("GET /contacts", answer(contacts))
	mux.Handle("GET /contacts/4711/photo", http.RedirectHandler(photo, http.StatusFound))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Api-Key")), []byte(key)) != 1 {
			http.Error(w, "no key", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}
