package world

import (
	"net/http"
	"sync"
)

// erp keeps payrolls by their number.
type erp struct {
	mu       sync.Mutex
	payrolls map[string]bool
}

// newERP takes SAML sessions alone, and sends everybody else to its login page, as
// such products do.
func newERP(s *sessions) (*erp, http.Handler) {
	e := &erp{payrolls: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /payroll/{id}", e.keep(true))
	mux.HandleFunc("DELETE /payroll/{id}", e.keep(false))
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
	return e, outer
}

// keep opens a payroll or closes it, also one that is not there.
func (e *erp) keep(open bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if delete(e.payrolls, r.PathValue("id")); open {
			e.payrolls[r.PathValue("id")] = true
		}
		w.WriteHeader(http.StatusNoContent)
	}
}
