package world

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

// staying is how long a session lasts.
const staying = 10 * time.Minute

// sessions are who has signed in at one service provider, by cookie, and the
// assertions that were used up on it.
type sessions struct {
	party
	secrets *ledger
	mu      sync.Mutex
	names   map[string]string    // by cookie
	used    map[string]time.Time // end, by assertion id
}

func newSessions(p party, secrets *ledger) *sessions {
	return &sessions{party: p, secrets: secrets, names: map[string]string{}, used: map[string]time.Time{}}
}

// take answers the POST binding: a verified assertion is a session, once.
func (s *sessions) take(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	a, err := s.verify(r.PostFormValue("SAMLResponse"), now)
	if err != nil || !s.spend(a, now) {
		http.Error(w, "no assertion for this party", http.StatusForbidden)
		return
	}
	as(r, a.name)
	cookie := rand.Text()
	s.secrets.keep([]byte(cookie))
	s.mu.Lock()
	s.names[cookie] = a.name
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{
		Name: "session", Value: cookie, Path: "/", MaxAge: int(staying / time.Second),
		HttpOnly: true, Secure: true, SameSite: http.SameSiteNoneMode, // it is set by a POST of another site
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// spend says whether the assertion is new.
func (s *sessions) spend(a assertion, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, end := range s.used {
		if !now.Before(end) {
			delete(s.used, id)
		}
	}
	_, replayed := s.used[a.id]
	s.used[a.id] = a.ends
	return !replayed
}

// who has the session that the request comes with; empty: nobody.
func (s *sessions) who(r *http.Request) string {
	cookie, err := r.Cookie("session")
	if err != nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[cookie.Value]
}

func (s *sessions) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.names)
}
