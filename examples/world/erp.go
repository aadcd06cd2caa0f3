package world

import (
	"net/http"
)

// newERP takes SAML sessions alone, and sends everybody else to its login page, as
// such products do.
func newERP(s *sessions) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /payroll/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	outer := http.NewServeMux()
	outer.HandleFunc("POST /saml/acs", s.take)
	outer.Handle("GET /login", answer("text/html", "<!doctype html><title>Log in</title>"))
	outer.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		name := s.who(r)
		if name == "" {
			http.Redirect(w, r, "/login", http.StatusFound)
			return
		}
		as(r, name)
		mux.ServeHTTP(w, r)
	})
	return outer
}
